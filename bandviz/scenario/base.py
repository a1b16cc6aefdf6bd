"""Common ground of the schema's models: strictness, names, ranges, and functions as fields."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any, Final, Literal, Union, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from bandviz.functions.aggregates import AggregateFunction
from bandviz.functions.expr.functions import Compute, Expression
from bandviz.functions.expr.tokens import LENGTH_MAX
from bandviz.functions.registry import FUNCTIONS
from bandviz.functions.rows import Function
from bandviz.graph.specs import NamedAggregate

NAME_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""Of operators, topics, variants: never a path, and without dots, for dots join names."""

Column = Annotated[str, Field(min_length=1, max_length=64)]
Subtask = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\[[0-9]{1,4}\]$")]
Value = str | int | float | bool
Millis = Annotated[int, Field(ge=0, le=10_000_000_000)]
Short = Annotated[str, Field(max_length=120)]
Text = Annotated[str, Field(max_length=600)]
Expr = Annotated[str, Field(min_length=1, max_length=LENGTH_MAX, description="an expression")]
EXPRESSIONS: Final = (Expression, Compute)
"""Functions that a file does not name: they are what `expr` says."""

Key = Annotated[Column | tuple[Column, ...], Field(min_length=1)]


class Model(BaseModel):
    """Base of all: unknown fields and silent conversions are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FunctionField:
    """Annotation of a field that holds one of the named functions of a family.

    `{fn: equals, field: animal, value: cats}` becomes the function itself: parameters and their
    types are those of its dataclass. An aggregate names its column with `as`, and becomes a
    `NamedAggregate`.
    """

    def __init__(self, family: type[Function]) -> None:
        self._family = family

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """A union of the family's functions, told apart by `fn`."""
        kinds = [
            kind
            for kind in FUNCTIONS.values()
            if issubclass(kind, self._family) and not issubclass(kind, EXPRESSIONS)
        ]
        models = tuple(_model_of(kind) for kind in kinds)
        tagged: Any = Annotated[Union[models], Field(discriminator="fn")]  # noqa: UP007 - dynamic
        return core_schema.no_info_after_validator_function(
            _function_of, handler.generate_schema(tagged)
        )


def _model_of(kind: type[Function]) -> type[BaseModel]:
    hints = get_type_hints(kind)
    parameters: dict[str, Any] = {"fn": Literal[kind.fn]}
    for item in fields(kind):
        parameters[item.name] = (hints[item.name], ... if item.default is MISSING else item.default)
    if issubclass(kind, AggregateFunction):
        parameters["as"] = (Column, Field(description="the column that its result goes to"))
    return create_model(kind.__name__, __base__=Model, __doc__=kind.__doc__, **parameters)


def _function_of(model: BaseModel) -> Function | NamedAggregate:
    parameters = model.model_dump()
    kind = FUNCTIONS[parameters.pop("fn")]
    column = parameters.pop("as", None)
    function = kind(**parameters)
    if isinstance(function, AggregateFunction):
        return NamedAggregate(function=function, name=column)
    return function
