"""YAML as far as scenario files need it: mappings, lists and scalars, each with its place.

The tree is built from the parser's events, so that nothing can grow (aliases), run (tags) or pass
unseen (duplicate keys). Scalars follow the core schema of YAML 1.2: `no` and `on` are text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from bandviz.scenario.findings import Finding, Mark, RefusedScenario, SourceText

BYTES_MAX: Final = 256 * 1024
DEPTH_MAX: Final = 24
NODES_MAX: Final = 20_000
FINDINGS_MAX: Final = 100

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. `keys` holds the places of a mapping's keys."""

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    mark: Mark
    keys: dict[str, Mark] = field(default_factory=dict)


def plain(node: Node) -> Any:
    """The tree without places: dicts, tuples, scalars."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, tuple):
        return tuple(plain(item) for item in node.value)
    return node.value


def child(node: Node, path: Sequence[str | int]) -> Node:
    """The node at a path that is there. Raises LookupError."""
    for part in path:
        if isinstance(node.value, dict):
            node = node.value[str(part)]
        elif isinstance(node.value, tuple) and isinstance(part, int):
            node = node.value[part]
        else:
            raise LookupError(part)
    return node


def locate(root: Node, path: Sequence[str | int], *, key: bool = False) -> Mark:
    """Place of the node at `path`; of its key, if asked; of the last node there is, if it ends.

    Parts that no node answers to are passed over: validators put names of alternatives between.
    """
    node, mark = root, root.mark
    for part in path:
        if isinstance(node.value, dict) and part in node.value:
            mark = node.keys[str(part)] if key else node.value[str(part)].mark
            node = node.value[str(part)]
        elif isinstance(node.value, tuple) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.mark
    return mark


def read_tree(source: SourceText) -> Node:
    """Parse one document. Raises ScenarioError with everything that the reader refuses."""
    builder = _Builder(source)
    try:
        root = builder.document()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line, at.column) if at else Mark(0, 0)
        builder.refuse(mark, f"not valid YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        character = source.text[error.position]
        builder.refuse(_mark_at(source.text, error.position), _character(character))
    except (ValueError, OverflowError):
        # The scanner hands escapes such as "\UFFFFFFFF" to chr and %YAML numbers to int.
        builder.refuse(builder.last, "an escape or a number that stands for nothing")
    except _Stop:
        pass
    if builder.findings:
        raise RefusedScenario(builder.findings)
    return root


class _Stop(Exception):  # noqa: N818 - a way out, not an error
    """The rest of the file cannot be read."""


class _Builder:
    def __init__(self, source: SourceText) -> None:
        self.findings: list[Finding] = []
        self.last = Mark(0, 0)
        self._source = source
        self._nodes = 0
        self._events: Iterator[Any] = yaml.parse(source.text, Loader=yaml.SafeLoader)

    def refuse(self, mark: Mark, sentence: str, hint: str = "") -> None:
        self.findings.append(self._source.finding(mark, sentence, hint))
        if len(self.findings) > FINDINGS_MAX:
            raise _Stop

    def document(self) -> Node:
        root = Node(None, Mark(0, 0))
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if self._nodes:
                    self.refuse(self.last, "a second document: a file holds one scenario")
                    raise _Stop
                if event.version or event.tags:
                    self.refuse(self.last, "directives (%) are not allowed")
                root = self._node(self._next(), 1)
        if not isinstance(root.value, dict) and not self.findings:
            self.refuse(root.mark, "a scenario is a mapping (`name: value`)")
        return root

    def _next(self) -> Any:
        event = next(self._events)
        self.last = Mark(event.start_mark.line, event.start_mark.column)
        return event

    def _node(self, event: Any, depth: int) -> Node:
        mark = self.last
        self._nodes += 1
        if depth > DEPTH_MAX:
            self.refuse(mark, f"nested deeper than {DEPTH_MAX} levels")
            raise _Stop
        if self._nodes > NODES_MAX:
            self.refuse(mark, f"more than {NODES_MAX} values", "put rows into a CSV file")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self.refuse(mark, "aliases (*name) are not allowed", "write the value out")
            return Node(None, mark)
        if event.anchor is not None:
            self.refuse(mark, "anchors (&name) are not allowed", "write the value out")
        if event.tag is not None:
            self.refuse(mark, "tags (!name) are not allowed")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(mark, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(mark, depth)
        return Node(self._scalar(event, mark), mark)

    def _sequence(self, mark: Mark, depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Node(tuple(items), mark)

    def _mapping(self, mark: Mark, depth: int) -> Node:
        items: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = self.last
            merge = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style
            key = self._node(event, depth + 1).value
            value = self._node(self._next(), depth + 1)
            if merge:
                self.refuse(at, "merge keys (<<) are not allowed", "write the fields out")
            elif not isinstance(key, str):
                self.refuse(at, "a key has to be text", "put it in quotes")
            elif key in keys:
                first = keys[key].line + 1
                self.refuse(at, f"duplicate key '{key}' (first in line {first})")
            else:
                keys[key], items[key] = at, value
        return Node(items, mark, keys)

    def _scalar(self, event: Any, mark: Mark) -> Scalar:
        text: str = event.value
        if found := _FORBIDDEN.search(text):
            self.refuse(mark, _character(found[0]))
            return ""
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return self._int(text, mark)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
        elif not _NOT_FINITE.fullmatch(text):
            return text
        self.refuse(mark, "a number has to be finite")
        return 0.0

    def _int(self, text: str, mark: Mark) -> int:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        # Longer ones are out of range or padded with zeros; int() is not asked about either.
        number = int(text, base) if len(text) <= 24 else 2**63
        if not -(2**63) <= number < 2**63:
            self.refuse(mark, "a whole number has to fit in 64 bits")
            return 0
        return number


def _character(char: str) -> str:
    return f"the character U+{ord(char):04X} is not allowed in a scenario"


def _mark_at(text: str, index: int) -> Mark:
    before = text[:index]
    line = before.count("\n")
    return Mark(line, index - (before.rfind("\n") + 1))
