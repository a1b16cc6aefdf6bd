"""A variant replaces one node of the tree, and the whole is checked again: no second schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bandviz.scenario.findings import Mark, nearest
from bandviz.scenario.reader import Node, child

NAMED_BY: Final = ("uid", "name", "id", "label", "from")
UNTOUCHED: Final = ("version", "name", "variants", "checks")


class UnknownPath(Exception):  # noqa: N818 - names the fact
    """The path leads to no field; `hint` names what is nearest."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def changed(root: Node, path: str, value: Node, mark: Mark) -> Node:
    """The tree with `value` at `path`, such as `pipeline.board.contract`. Raises UnknownPath.

    Items of a list are found by their name or their index from 0. The last part may be a field that
    the file leaves out; whether there is such a field is for the schema to say, at `mark`.
    """
    if path.partition(".")[0] in UNTOUCHED:
        raise UnknownPath(f"a variant cannot change '{path}'")
    return _set(root, path.split("."), value, mark)


def with_variant(root: Node, index: int) -> Node:
    """The tree with the change of the variant at this index. Raises UnknownPath."""
    changes = child(root, ("variants", index, "set"))
    if isinstance(changes.value, dict):
        for path, value in changes.value.items():
            root = changed(root, path, value, changes.keys[path])
    return root


def _set(node: Node, parts: list[str], value: Node, mark: Mark) -> Node:
    part, rest = parts[0], parts[1:]
    if isinstance(node.value, dict):
        if not rest:
            fields, keys = {**node.value, part: value}, {**node.keys, part: mark}
        elif part in node.value:
            fields = {**node.value, part: _set(node.value[part], rest, value, mark)}
            keys = node.keys
        else:
            raise UnknownPath(f"the path leads nowhere at '{part}'", nearest(part, node.value))
        return replace(node, value=fields, keys=keys)
    if isinstance(node.value, tuple):
        index = _index(node.value, part)
        item = _set(node.value[index], rest, value, mark) if rest else value
        return replace(node, value=(*node.value[:index], item, *node.value[index + 1 :]))
    raise UnknownPath(f"the path goes on behind a single value, at '{part}'")


def _index(items: tuple[Node, ...], part: str) -> int:
    names = [_name(item) for item in items]
    if part in names:
        return names.index(part)
    if part.isascii() and part.isdigit() and len(part) < 6 and int(part) < len(items):
        return int(part)
    raise UnknownPath(f"the list has no '{part}'", nearest(part, [name for name in names if name]))


def _name(item: Node) -> str:
    if isinstance(item.value, dict):
        for field in NAMED_BY:
            if field in item.value:
                return str(item.value[field].value)
    return ""
