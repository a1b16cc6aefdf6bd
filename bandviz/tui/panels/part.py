"""The lines below a box's state: its part in the present checkpoint, or what it began with.

All come as choices, the best and longest first; the last is what even the smallest box has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.model.views import Pairs, PartPhase, PartView, SubtaskView
from bandviz.model.words import many
from bandviz.tui.panels.typeset import one_of, text, wrap
from bandviz.tui.panels.words import Names, listed, quantity
from bandviz.tui.spans import Line, Span, checkpoint_style, plain, width

Choices = tuple[str, ...]


_TAKEN: Final = {
    PartPhase.UPLOADING: ("copied", "copy", ""),
    PartPhase.TOLD: ("complete", "done", "done"),
    PartPhase.NOT_TOLD: ("not told", "not told", "not told"),
}
"""In words, in short, and beside its contents; in between it is stored."""


def first_fitting(choices: Sequence[Sequence[Line]], cells: int, rows: int) -> list[Line]:
    """The first choice that has room and no word cut; else the last, if there is any."""
    for lines in choices:
        whole = all(width(line) <= cells and not plain(line).endswith("…") for line in lines)
        if whole and len(lines) <= rows:
            return list(lines)
    return list(choices[-1]) if choices else []


def noun(view: SubtaskView, pairs: Pairs) -> str:
    """What the entries of the state are."""
    one = {"window": "window", "source": "partition"}.get(view.kind, "key")
    return one if len(pairs) == 1 else f"{one}s"


def packed(pairs: Pairs, cells: int, style: str, *, narrow: bool) -> list[Line]:
    """As few rows as can be, with pairs as wide apart as that allows."""
    separators = (" ",) if narrow else ("   ", "  ", " ")
    rows = min((_packed(pairs, cells, each) for each in separators), key=len)
    return [text(row, style) for row in rows]


def _packed(pairs: Pairs, cells: int, separator: str) -> list[str]:
    rows: list[str] = []
    for name, value in pairs:
        pair = f"{name} {value}"
        if rows and len(rows[-1]) + len(separator) + len(pair) <= cells:
            rows[-1] += separator + pair
        else:
            rows.append(pair)
    return rows


def part_choices(view: SubtaskView, cells: int, narrow: bool, names: Names) -> list[list[Line]]:
    """The part in the present checkpoint; before there is one, what this attempt began with."""
    part = view.part
    if part is None:
        return _restored(view, cells, narrow)
    match part.phase:
        case PartPhase.WAITS_FOR_BARRIER:
            return _worded(part, "muted", "-")
        case PartPhase.ALIGNING:
            return _aligning(part, cells, narrow, names)
    taken = _taken(view, part, cells, narrow)
    overtaken = _overtaken(part, cells)
    return [*([*lines, overtaken] for lines in taken if overtaken), *taken]


def _overtaken(part: PartView, cells: int) -> Line:
    """What barriers did that did not wait in line, and how many are still to come; empty if all of
    them waited.
    """
    if not part.unaligned:
        return ()
    count = part.in_flight
    more, brief = (f"+ {count} in flight", f"+{count}") if count else ("", "")
    late = f"{len(part.waits_for)} to come" if part.waits_for else ""
    told = [("unaligned", more, late), (more, late), (brief, late), (brief or late,)]
    return one_of(cells, "snapshot", *(", ".join(filter(None, each)) for each in told))


def _long(part: PartView, words: str, style: str) -> Line:
    number = part.checkpoint_id
    hue = checkpoint_style(number)
    return (Span("ckpt "), Span(str(number), hue), Span(":"), Span(f" {words}", style))


def _sign(part: PartView, words: str, style: str) -> Line:
    """The barrier's sign instead of the word: `[1] stored`."""
    number = part.checkpoint_id
    after = (Span(f" {words}", style),) if words else ()
    return (Span(f"[{number}]", checkpoint_style(number)), *after)


def _worded(part: PartView, style: str, *choices: str) -> list[list[Line]]:
    """The first one also with `ckpt 1:`; at last the sign alone."""
    signed = [[_sign(part, words, style)] for words in (*choices, "")]
    return [[_long(part, choices[0], style)], *signed]


def _aligning(part: PartView, cells: int, narrow: bool, names: Names) -> list[list[Line]]:
    if not part.waits_for:
        return _worded(part, "held", "aligned")
    one = len(part.waits_for) == 1
    who = names(part.waits_for[0]) if one else many(len(part.waits_for), "barrier")
    words = [f"waits for {who}"]
    if one and not narrow:
        words.insert(0, f"waits for {who}'s barrier")
    wrapped = [wrap(_long(part, each, "held"), cells) for each in words]
    brief = _worded(part, "held", words[-1], "waits", "..")
    return [*(lines for lines in wrapped if len(lines) <= 2), *brief]


def _taken(view: SubtaskView, part: PartView, cells: int, narrow: bool) -> list[list[Line]]:
    word, brief, fate = _TAKEN.get(part.phase, ("stored", "ok", ""))
    plain_words = _worded(part, "snapshot", word, brief)
    contents = part.contents
    if not contents:
        return plain_words
    if view.kind == "source" and len(contents) == 1:
        return [*_offset(part, fate, contents[0][1], cells, narrow), *plain_words]
    if view.kind == "sink":
        held = listed(contents, short=True)
        return [*_worded(part, "snapshot", f"{fate} {held}".lstrip(), held)[:3], *plain_words]
    heads = [_long(part, word, "snapshot"), _sign(part, word, "snapshot")]
    listings = [[head, *packed(contents, cells, "snapshot", narrow=narrow)] for head in heads]
    amount = f"{fate} {quantity(contents)} {noun(view, contents)}".lstrip()
    return [*listings, [_long(part, amount, "snapshot")], *plain_words]


def _offset(part: PartView, fate: str, value: str, cells: int, narrow: bool) -> list[list[Line]]:
    """The stored offset; in a wide box it stands under the next one."""
    number = _long(part, "", "text")[:2]
    choices: list[list[Line]] = []
    for head in ((*number, Span(f" {fate}".rstrip() + ":")), _sign(part, fate, "text")):
        room = 1 if narrow else max(1, min(cells, 14) - width(head) - len(value))
        choices.append([(*head, Span(" " * room), Span(value, "snapshot"))])
    return choices


def _restored(view: SubtaskView, cells: int, narrow: bool) -> list[list[Line]]:
    if view.restored_from is None:
        return []
    if not view.restored_from:
        return [[one_of(cells, "warn", "began empty", "empty", "-")]]
    number = view.restored_from
    brief = [[text(f"from [{number}]", "ok")], [text(f"[{number}]", "ok")]]
    restored = view.restored or ()
    if not restored:
        return [[text("restored", "ok")], *brief]
    if view.kind == "source" and len(restored) == 1:
        return [*_restored_offset(restored[0][1], cells, narrow), *brief]
    if view.kind == "sink":
        told = listed(restored, short=True)
        row = text(told, "snapshot")
        whole = text(f"restored {told.partition(',')[0]}", "ok")
        return [[text("restored:", "ok"), row], [whole], *brief]
    amount = text(f"restored {quantity(restored)} {noun(view, restored)}", "ok")
    rows = packed(restored, cells, "snapshot", narrow=narrow)
    return [[text("restored to", "ok"), *rows], [amount], *brief]


def _restored_offset(value: str, cells: int, narrow: bool) -> list[list[Line]]:
    choices: list[list[Line]] = []
    for words in ("restored to", "restored", "from"):
        room = 1 if narrow else max(1, min(cells, 14) - len(words) - len(value))
        choices.append([(Span(words + " " * room, "ok"), Span(value, "snapshot"))])
    return choices
