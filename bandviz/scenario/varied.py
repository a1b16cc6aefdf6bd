"""A scenario with fields set from the command line (`--vary`): another scenario, text included.

It is written out anew, so that a recording of it is complete like any other, and a finding has a
place in it. Comments are lost. `checks` go, for they speak of the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from bandviz.errors import BandvizError, ScenarioError
from bandviz.scenario.findings import Mark, SourceText
from bandviz.scenario.load import Scenario, parse
from bandviz.scenario.reader import Node, Scalar, child, plain, read_tree
from bandviz.scenario.schema import Document
from bandviz.scenario.variants import UnknownPath, changed, with_variant
from bandviz.text import NAME, door

WIDTH: Final = 100


def values_of(text: str) -> tuple[str, tuple[Scalar, ...]]:
    """`mode=at_least_once,exactly_once` as a path and its values. Raises BandvizError."""
    path, equals, listed = text.partition("=")
    if not path or not equals or not listed:
        raise BandvizError(
            f"--vary {door(text, NAME)}: a field and its values are expected",
            "such as mode=at_least_once,exactly_once",
        )
    try:
        found = child(read_tree(SourceText("--vary", f"values: [{listed}]")), ("values",)).value
    except ScenarioError:
        found = None
    if not isinstance(found, tuple):
        raise BandvizError(f"--vary {door(text, NAME)}: the values cannot be read")
    scalars = [item.value for item in found if not isinstance(item.value, (dict, tuple))]
    if len(scalars) < len(found) or not scalars:
        raise BandvizError(f"--vary {door(text, NAME)}: values are single words or numbers")
    return path, tuple(scalars)


def job_of(scenario: Scenario) -> Document:
    """Raises BandvizError if it is a network of accounts, which has no operators and no sinks."""
    if not isinstance(scenario.document, Document):
        raise BandvizError(f"{scenario.source.name} is a network, and the lab needs a job")
    return scenario.document


def varied(scenario: Scenario, changes: Mapping[str, Any], variant: str = "") -> Scenario:
    """The scenario, in a variant, with these fields set.

    A path leads from the root of the file; `run.` and `pipeline.` may be left out. A value is a
    scalar, a tuple or a mapping. Raises ScenarioError or BandvizError.
    """
    root = scenario.root
    if variant:
        root = with_variant(root, scenario.variants.index(variant))
    for path, value in changes.items():
        mark = Mark(0, 0)
        try:
            root = changed(root, _whole(job_of(scenario), path), _node(value, mark), mark)
        except UnknownPath as unknown:
            raise BandvizError(f"--vary {door(path)}: {unknown.sentence}", unknown.hint) from None
    kept = {key: item for key, item in plain(root).items() if key != "checks"}
    scalars = [f"{path}={shown(value)}" for path, value in changes.items() if _is_scalar(value)]
    source = " ".join([scenario.source.name, *(["with", ", ".join(scalars)] if scalars else [])])
    return parse(write(kept), name=source, folder=scenario.folder)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (Mapping, tuple))


def _node(value: Any, mark: Mark) -> Node:
    if isinstance(value, Mapping):
        return Node({key: _node(item, mark) for key, item in value.items()}, mark)
    if isinstance(value, tuple):
        return Node(tuple(_node(item, mark) for item in value), mark)
    return Node(value, mark)


def write(tree: Any) -> str:
    """Plain values as a scenario's text, which reads back as the same tree."""
    return yaml.dump(
        tree, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH, indent=2
    )


def _whole(document: Document, path: str) -> str:
    first = path.partition(".")[0]
    if first in Document.model_fields:
        return path
    if first in [operator.uid for operator in document.pipeline]:
        return f"pipeline.{path}"
    return f"run.{path}"


def shown(value: Scalar) -> str:
    """A value as a file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Writer(yaml.SafeDumper):
    """Quotes what our reader, with its YAML 1.2 scalars, would not take for text."""


def _text(writer: _Writer, value: str) -> yaml.Node:
    try:
        plain_text = read_tree(SourceText("", f"value: {value}")) if value else None
        same = plain_text is not None and child(plain_text, ("value",)).value == value
    except ScenarioError:
        same = False
    style = None if same else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text)
_Writer.add_representer(tuple, lambda writer, items: writer.represent_list(list(items)))
