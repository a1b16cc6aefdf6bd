"""User functions: the specification that engine and judge share."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandviz.events.values import pack, unpack
from bandviz.functions.aggregates import AggregateFunction, exact_add, exact_value
from bandviz.functions.broadcast import BroadcastFunction
from bandviz.functions.reduce import ReduceFunction
from bandviz.functions.registry import FUNCTIONS, from_spec
from bandviz.functions.rows import (
    FilterFunction,
    FlatMapFunction,
    Function,
    FunctionError,
    KeyBy,
    MapFunction,
)

FIELDS = ("carrier", "delay", "note")
ROW = ("UA", 5, "Late Late  snow")


@pytest.mark.parametrize(
    ("spec", "output_fields", "row"),
    [
        ({"fn": "project", "fields": ("note", "carrier")}, ("note", "carrier"), (ROW[2], "UA")),
        ({"fn": "project", "fields": ("delay",)}, ("delay",), (5,)),
        ({"fn": "add", "field": "delay", "by": -7}, FIELDS, ("UA", -2, ROW[2])),
        ({"fn": "multiply", "field": "delay", "by": 0.5}, FIELDS, ("UA", 2.5, ROW[2])),
        ({"fn": "lower", "field": "carrier"}, FIELDS, ("ua", 5, ROW[2])),
        ({"fn": "lower", "field": "note"}, FIELDS, ("UA", 5, "late late  snow")),
    ],
)
def test_map_functions(
    spec: dict[str, Any], output_fields: tuple[str, ...], row: tuple[Any, ...]
) -> None:
    function = from_spec(spec)
    assert isinstance(function, MapFunction)
    assert function.output_fields(FIELDS) == output_fields
    assert function.bind(FIELDS)(ROW) == row


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ({"fn": "equals", "field": "carrier", "value": "UA"}, True),
        ({"fn": "equals", "field": "delay", "value": 6}, False),
        ({"fn": "not_equals", "field": "carrier", "value": "UA"}, False),
        ({"fn": "not_equals", "field": "delay", "value": 6}, True),
        ({"fn": "at_least", "field": "delay", "value": 4}, True),
        ({"fn": "at_least", "field": "delay", "value": 5}, True),
        ({"fn": "at_least", "field": "delay", "value": 5.5}, False),
    ],
)
def test_filter_functions(spec: dict[str, Any], kept: bool) -> None:
    function = from_spec(spec)
    assert isinstance(function, FilterFunction)
    assert function.bind(FIELDS)(ROW) is kept


@pytest.mark.parametrize(
    ("separator", "parts"),
    [(" ", ["Late", "Late", "snow"]), ("Late", [" ", "  snow"]), ("#", ["Late Late  snow"])],
)
def test_split_repeats_the_other_fields_and_drops_empty_parts(
    separator: str, parts: list[str]
) -> None:
    function = from_spec({"fn": "split", "field": "note", "separator": separator})
    assert isinstance(function, FlatMapFunction)
    assert function.output_fields(FIELDS) == FIELDS
    assert list(function.bind(FIELDS)(ROW)) == [("UA", 5, part) for part in parts]


@pytest.mark.parametrize(
    ("key_fields", "key"), [(("carrier",), "UA"), (("delay", "carrier"), (5, "UA"))]
)
def test_key_of_one_field_is_a_scalar(key_fields: tuple[str, ...], key: object) -> None:
    assert KeyBy(fields=key_fields).bind(FIELDS)(ROW) == key


@pytest.mark.parametrize(
    ("spec", "values", "result"),
    [
        ({"fn": "count"}, [3, 1, 2], 3),
        ({"fn": "count"}, [], 0),
        ({"fn": "sum", "field": "delay"}, [3, 1, 2], 6),
        ({"fn": "sum", "field": "delay"}, [], 0),
        ({"fn": "sum", "field": "delay"}, [0.1] * 10, 1.0),
        ({"fn": "sum", "field": "delay"}, [1e16, 1.0, -1e16], 1.0),
        ({"fn": "mean", "field": "delay"}, [1, 2, 2], 1.667),
        ({"fn": "mean", "field": "delay"}, [1e16, 1.0, -1e16], 0.333),
        ({"fn": "mean", "field": "delay"}, [], None),
        ({"fn": "min", "field": "delay"}, [3, 1, 2], 1),
        ({"fn": "min", "field": "delay"}, [], None),
        ({"fn": "max", "field": "delay"}, [-3, -1, -2], -1),
        ({"fn": "max", "field": "delay"}, [], None),
    ],
)
def test_aggregate_functions(spec: dict[str, Any], values: list[float], result: object) -> None:
    function = from_spec(spec)
    assert isinstance(function, AggregateFunction)
    step = function.bind(("delay",))
    accumulator = reduce(step, [(value,) for value in values], function.initial)
    assert function.result(accumulator) == result
    assert unpack(pack(accumulator)) == accumulator


PARAMETERS: dict[str, Any] = {
    "field": "delay", "fields": ("delay",), "by": 2, "value": 1, "separator": "-",
    "timeout_ms": 5, "quiet_ms": 5, "time": "processing", "times": 2,
    "rule_name": "rule", "rule_value": "level",
    "text": "delay > 1", "columns": (("twice", "delay * 2"),),
}  # fmt: skip


def example(name: str) -> Function:
    """The function of this name with some parameters."""
    kind = FUNCTIONS[name]
    return kind(**{field.name: PARAMETERS[field.name] for field in fields(kind)})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_comes_back_from_its_spec(name: str) -> None:
    function = example(name)
    assert from_spec(unpack(pack(function.spec()))) == function


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"fn": "lambda"}, "no function 'lambda'"),
        ({}, "no function None"),
        ({"fn": "add", "field": "delay"}, "by"),
        ({"fn": "count", "field": "delay"}, "field"),
    ],
)
def test_an_unknown_spec_is_refused(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(FunctionError, match=words):
        from_spec(spec)


FIELDLESS = ("count", "latest", "inactivity_alert", "count_until_quiet")


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in FIELDLESS])
def test_a_missing_field_is_refused_when_bound_and_those_there_are_named(name: str) -> None:
    function: Any = example(name)
    rule_fields = [("rule", "level")] if isinstance(function, BroadcastFunction) else []
    with pytest.raises(FunctionError, match=r"no field 'delay'; there are carrier, note"):
        function.bind(("carrier", "note"), *rule_fields)


@pytest.mark.parametrize(
    ("spec", "reduced"),
    [
        ({"fn": "max_by", "field": "delay"}, ("a", 5, "second")),
        ({"fn": "min_by", "field": "delay"}, ("a", 1, "first")),
        ({"fn": "latest"}, ("a", 5, "last")),
        ({"fn": "add_up", "fields": ("delay",)}, ("a", 12, "last")),
    ],
)
def test_reduce_functions(spec: dict[str, Any], reduced: tuple[Any, ...]) -> None:
    function = from_spec(spec)
    assert isinstance(function, ReduceFunction)
    rows = [("a", 1, "first"), ("a", 5, "second"), ("a", 1, "third"), ("a", 5, "last")]
    assert reduce(function.bind(FIELDS), rows) == reduced


def test_thresholds_match_in_the_order_of_their_names() -> None:
    function = from_spec(
        {"fn": "match_thresholds", "field": "delay", "rule_name": "name", "rule_value": "level"}
    )
    assert isinstance(function, BroadcastFunction)
    assert function.output_fields(FIELDS) == (*FIELDS, "rule")
    logic = function.bind(FIELDS, ("level", "name"))
    rules = dict(logic.rule(row) for row in [(5, "late"), (90, "lost"), (0, "any"), (3, "late")])
    assert rules == {"late": 3, "lost": 90, "any": 0}
    assert logic.apply(rules, ROW) == [(*ROW, "any"), (*ROW, "late")]


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([2, 3], 5),
        ([0.5], (1, 1)),
        ([0.5, 0.5], (1, 0)),
        ([0.25, 0.25, 1], (3, 1)),
        ([0.5, -0.5], (0, 0)),
        ([3, 0.0], (3, 0)),
    ],
)
def test_an_exact_sum_has_one_form(values: list[float], total: object) -> None:
    assert reduce(exact_add, values, 0) == total


numbers = st.integers(-(10**20), 10**20) | st.floats(-1e150, 1e150, allow_nan=False)


@given(st.lists(numbers, max_size=12), st.randoms())
def test_an_exact_sum_does_not_depend_on_the_order(values: list[float], chance: Any) -> None:
    shuffled = values.copy()
    chance.shuffle(shuffled)
    total = reduce(exact_add, values, 0)
    assert reduce(exact_add, shuffled, 0) == total
    assert exact_value(total) == float(sum(map(Fraction, values))) or isinstance(total, int)
    assert unpack(pack(total)) == total
