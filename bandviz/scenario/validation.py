"""From a tree to a `Story`: the validator's errors in house words, each at its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from pydantic import ValidationError

from bandviz.scenario.findings import Finding, Mark, RefusedScenario, SourceText, nearest
from bandviz.scenario.reader import FINDINGS_MAX, Node, Path, locate, plain
from bandviz.scenario.schema import Story, form_of, json_schema
from bandviz.text import NAME, door

_EXPECTED: Final = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "model_attributes_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "nothing",
    "string_type": "text",
    "tuple_type": "a list",
}
"""Errors that say only what kind of value stands here; alternatives are put together."""

_SENTENCES: Final = {
    "extra_forbidden": "unknown field '{last}'",
    "greater_than_equal": "at least {ge} is expected, not {shown}",
    "int_from_float": "a whole number is expected, not {shown}",
    "less_than_equal": "at most {le} is expected, not {shown}",
    "literal_error": "{expected} is expected, not {shown}",
    "missing": "field '{last}' is missing",
    "string_too_long": "text of at most {max_length} characters is expected",
    "string_too_short": "text is expected, not nothing",
    "too_long": "a list of at most {max_length} is expected, not of {actual_length}",
    "too_short": "a list of at least {min_length} is expected, not of {actual_length}",
    "union_tag_invalid": "unknown {discriminator} '{tag}'",
    "union_tag_not_found": "field {discriminator} is missing",
}


def validate(root: Node, source: SourceText) -> Story:
    """Raises ScenarioError with all findings, in the order of the file."""
    form = form_of(root.value if isinstance(root.value, dict) else ())
    try:
        return form.model_validate(plain(root))
    except ValidationError as error:
        details = error.errors(include_url=False)[:FINDINGS_MAX]
        raise RefusedScenario(_findings(root, source, details)) from None


def _findings(root: Node, source: SourceText, details: Sequence[Any]) -> list[Finding]:
    grouped: dict[tuple[Path, str], list[Any]] = {}
    for detail in details:
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # only the faulty items are missing, and those are reported
        path = _tree_path(root, detail["loc"])
        absent = detail["loc"][-1] if detail["type"] == "missing" else ""
        grouped.setdefault((path, str(absent)), []).append(detail)
    paths = [path for path, _ in grouped]
    findings = []
    for (path, _), group in grouped.items():
        general = all(detail["type"] in _EXPECTED for detail in group)
        if general and any(
            len(other) > len(path) and other[: len(path)] == path for other in paths
        ):
            continue  # another alternative of a union fits so far and says more
        findings.append((_place(root, path, group[0]), _words(group)))
    findings.sort(key=lambda item: item[0])
    return [source.finding(mark, sentence, hint) for mark, (sentence, hint) in findings]


def _place(root: Node, path: Path, detail: Any) -> Mark:
    if detail["type"] == "union_tag_invalid":
        path = (*path, detail["ctx"]["discriminator"].strip("'"))
    return locate(root, path, key=detail["type"] == "extra_forbidden")


def _words(group: Sequence[Any]) -> tuple[str, str]:
    """Sentence and hint for the errors at one place."""
    special = [detail for detail in group if detail["type"] not in _EXPECTED]
    if not special:
        kinds = list(dict.fromkeys(_EXPECTED[detail["type"]] for detail in group))
        if "a number" in kinds and "a whole number" in kinds:
            kinds.remove("a whole number")
        *others, last = kinds
        expected = f"{', '.join(others)} or {last}" if others else last
        return f"{expected} is expected, not {_shown(group[0]['input'])}", ""
    detail = special[0]
    context = {name: str(value) for name, value in detail.get("ctx", {}).items()}
    if context.get("expected") == "True":
        context["expected"] = "true"
    last = door(str(detail["loc"][-1]), NAME)
    if detail["type"] == "string_pattern_mismatch":
        return _pattern_words(context["pattern"], detail["input"])
    if detail["loc"] == ("version",) and detail["type"] == "literal_error":
        return f"this program reads version 1, not {_shown(detail['input'])}", ""
    template = _SENTENCES.get(detail["type"])
    if template is None:
        return str(detail["msg"]), ""
    context.setdefault("tag", "")
    context["discriminator"] = context.get("discriminator", "").strip("'")
    context["tag"] = door(context["tag"], NAME)
    sentence = template.format(last=last, shown=_shown(detail["input"]), **context)
    return sentence, _hint(detail, context)


def _pattern_words(pattern: str, value: object) -> tuple[str, str]:
    if r"\[" in pattern:
        return f"{_shown(value)} is not a subtask", "write it like count[0]"
    return f"{_shown(value)} is not a name", "letters, digits, - and _; at most 64"


def _hint(detail: Any, context: dict[str, str]) -> str:
    match detail["type"]:
        case "extra_forbidden" if detail["loc"][-1] == "inputs":
            return "a source reads a topic and has no inputs"
        case "extra_forbidden":
            *above, field = detail["loc"]  # the other form of scenario may well have this field
            return nearest(field, [name for name in _fields_at(above) if name != field])
        case "literal_error" if isinstance(detail["input"], str):
            known = context["expected"].replace(" or ", ", ").split(", ")
            found = nearest(detail["input"], [word.strip("'") for word in known])
            return found if found.startswith("did") else ""
        case "union_tag_invalid":
            return nearest(context["tag"], _quoted(context["expected_tags"]))
        case _:
            return ""


def _quoted(text: str) -> list[str]:
    return [word.strip("'") for word in text.split(", ")]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{door(value, NAME)}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    return "nothing" if value is None else str(value)


def _tree_path(root: Node, loc: Sequence[str | int]) -> Path:
    """The parts of `loc` that are in the tree; the rest names alternatives of the schema."""
    path: list[str | int] = []
    node = root
    for part in loc:
        children = node.value
        if isinstance(children, dict) and part in children:
            node = children[str(part)]
        elif isinstance(children, tuple) and isinstance(part, int) and part < len(children):
            node = children[part]
        else:
            continue
        path.append(part)
    return tuple(path)


@cache
def _schema() -> dict[str, Any]:
    return json_schema()


def _fields_at(loc: Sequence[str | int]) -> list[str]:
    """Names of the fields that a mapping at `loc` can have."""
    nodes = [_schema()]
    for part in loc:
        nodes = [child for node in nodes for child in _children(node, part)]
    return [
        name for node in nodes for option in _options(node) for name in option.get("properties", {})
    ]


def _children(node: dict[str, Any], part: str | int) -> Iterator[dict[str, Any]]:
    for option in _options(node):
        tags = option.get("discriminator", {}).get("mapping", {})
        if part in option.get("properties", {}):
            yield option["properties"][part]
        elif isinstance(part, int) and "items" in option:
            yield option["items"]
        elif part in tags:
            yield {"$ref": tags[part]}


def _options(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node itself behind references, and what it can be instead."""
    if "$ref" in node:
        node = _schema()["$defs"][node["$ref"].rpartition("/")[2]]
    yield node
    for other in node.get("anyOf", ()):
        yield from _options(other)
