"""What is to be said of a cut: is it consistent, why not, what does it cost, who found it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from bandviz.check.cuts import Cut, Finding, History, Message, Move, SpaceTime
from bandviz.ids import CheckpointId, RecordId, SubtaskId
from bandviz.model.specs import lineage_of, rows_of
from bandviz.model.words import listed, many, rows_text, seconds
from bandviz.text import door
from bandviz.tui.panels.typeset import clip, text, wrap
from bandviz.tui.panels.words import Names
from bandviz.tui.spans import Line, Span

RULE: Final = (
    "A cut is one place on each row: what is heavy is inside, what is light is outside. Think that "
    "everybody is set back to his place. Is that a state that this run could have been in? Not if "
    "somebody has taken what nobody has sent yet: that is an orphan, and it will come a second "
    "time. What was sent inside and taken outside is in flight: no task holds it, so it has to be "
    "stored with the cut, or it is lost. A checkpoint needs a cut without orphans, and the fewer "
    "are in flight, the cheaper it is. Barriers find one without any clock."
)
SIGNS: Final = (
    ("━ ─", "inside, outside", "strong"),
    ("┃", "the place on the row, and the cut", "cut"),
    ("●", "takes or sends records", "text"),
    ("1", "takes its part of checkpoint 1", "ckpt1"),
    ("┼", "takes a barrier", "ckpt1"),
    ("[1]", "barrier of checkpoint 1", "ckpt1"),
    ("c", "record in flight", "held"),
    ("!c", "orphan", "lost"),
    ("X  x", "failed, canceled with it", "failed"),
)
BLAME: Final = {
    "at_least_once": "At-least-once: {} held nothing back behind a barrier. ",
    "exactly_once": "The mode is exactly-once, but this engine did not hold back what came to {} "
    "behind a barrier. ",
}
"""By the mode: why barriers found a cut that has orphans."""
_NAMED_MAX: Final = 3
"""Messages that are named one by one."""
_CONTENT_MAX: Final = 32


class Told:
    """Words about one space, with the story's word for a record.

    `mode`: of the job's checkpoints, as its recording says it; empty if that promises nothing here.
    """

    def __init__(self, space: SpaceTime, names: Names, record: str, mode: str = "") -> None:
        self._space = space
        self._names = names
        self._record = record
        self._mode = mode
        moves = [move for history in space.histories.values() for move in history.moves]
        self._moved = bool(moves)
        self._reads = any(move.read for move in moves)

    def verdict(
        self, cut: Cut, finding: Finding, chosen: SubtaskId, cells: int, height: int
    ) -> list[Line]:
        """At most `height` lines: verdict, reason, price, and what the chosen task did last."""
        if self._moved and not self._space.has_records:
            unknown = "UNDETERMINED: this recording holds barriers, but no records."
            return wrap(text(unknown, "warn"), cells)[:height]
        style, word = ("ok", "CONSISTENT") if finding.consistent else ("failed", "NOT CONSISTENT")
        told = f"{self._sum(finding)}: {self._which(cut)}."
        head = wrap((Span(word, style), Span(told, "headline")), cells)
        why = wrap(text(self._why(cut, finding), "caption"), cells)
        price = clip((Span("Price  ", "muted"), Span(self._price(finding))), cells)
        place = wrap(
            (Span(self._names(chosen), "choice_on"), Span(self._place(cut, chosen))), cells
        )
        lines = [*head, *_cut_short(why, max(1, height - len(head) - 2), cells), price]
        lines += _cut_short(place, height - len(lines), cells)
        hint = wrap(text(self._hint(cut, finding), "muted"), cells)
        return [*lines, *(hint if len(lines) + len(hint) <= height else ())][:height]

    def _hint(self, cut: Cut, finding: Finding) -> str:
        """What to try next; empty if there is nothing."""
        if self._space.finder(cut) is not None:
            return (
                "Try: move one row past its barrier, and see what becomes an orphan or in flight."
            )
        if finding.orphans:
            return "Try: move the one who sent it to the right, or the one who took it to the left."
        return "Try: c, the cut that barriers found." if self._space.found else ""

    # -- which cut, and what is wrong with it

    def _sum(self, finding: Finding) -> str:
        orphans = sum(message.count for message in finding.orphans)
        parts = [f", {many(orphans, 'orphan')}"] if orphans else []
        parts += [f", {finding.price_records or 'nothing'} in flight"]
        return "".join(parts)

    def _which(self, cut: Cut) -> str:
        found = self._space.finder(cut)
        if found is not None:
            state = "complete" if found in self._space.completed else "not complete"
            return f"the barriers' cut of checkpoint {found} ({state})"
        if not any(cut.values()):
            return "the empty cut"
        at_us = self._space.instant(cut)
        if at_us is not None:
            return f"everybody at {seconds(at_us)}"
        return "a cut of your own"

    def _why(self, cut: Cut, finding: Finding) -> str:
        found = self._space.finder(cut)
        if finding.orphans:
            taker = self._names(finding.orphans[0].downstream)
            blame = BLAME.get(self._mode, "").format(taker) if found is not None else ""
            return f"{blame}{self._why_orphans(finding)}"
        if found is not None:
            return self._why_found(finding, found)
        if not any(cut.values()):
            if self._moved:
                return "Nothing is inside yet. Move a place to the right."
            return "Nothing has happened in this attempt. Leave, look back, and come again."
        if not finding.in_flight:
            return (
                "All that was sent inside was taken inside: the states of the tasks are the whole "
                "picture. To find such a place is what aligned barriers wait for."
            )
        told = (
            f"In flight: {self._named(finding.in_flight)}. Sent inside, taken outside: no task "
            "holds it, and nobody sends it again. Store it with the cut, or a restore loses it."
        )
        if self._space.instant(cut) is not None:
            told += " And nobody in the job can see all rows at one instant."
        return told

    def _why_orphans(self, finding: Finding) -> str:
        first = finding.orphans[0]
        sender, taker = self._names(first.upstream), self._names(first.downstream)
        again = "reads" if self._move(first).read else "sends"
        others = sum(message.count for message in finding.orphans) - first.count
        more = f" {many(others, 'record')} more like it." if others else ""
        return (
            f"Orphan: {taker} has taken {self._content(first)} inside, {sender} has sent it "
            f"outside. A restore sets {sender} back before it: {sender} {again} it again, and "
            f"{taker} has it twice.{more}"
        )

    def _why_found(self, finding: Finding, found: CheckpointId) -> str:
        stored = self._space.stored[found]
        if stored or finding.in_flight:
            right = stored == finding.price_records
            end = "exactly these: nothing is lost" if right else "not these: they do not add up"
            return (
                f"The barriers overtook {self._named(finding.in_flight)}. The checkpoint stored "
                f"{many(stored, self._record)} in flight, {end}."
            )
        return (
            "Each task cut where the barrier stands in its inputs: what is before it is inside at "
            "both ends, what is behind it is outside. So nothing is in flight, and no clock was "
            "needed."
        )

    def _price(self, finding: Finding) -> str:
        again = f"; read {many(finding.again, self._record)} again" if self._reads else ""
        if finding.orphans:
            return f"no storing mends an orphan{again}"
        if not finding.in_flight:
            return f"nothing in flight to store{again}"
        size = f" ({finding.price_bytes} bytes)" if finding.price_bytes else ""
        return f"store {many(finding.price_records, self._record)} in flight{size}{again}"

    # -- one task

    def _place(self, cut: Cut, chosen: SubtaskId) -> str:
        history, count = self._space.histories[chosen], cut[chosen]
        last = self._did(chosen, count - 1) if count else "nothing"
        coming = self._did(chosen, count) if count < len(history.moves) else _end(history)
        return (
            f" is after {count} of {many(len(history.moves), 'move')}. Last inside: {last}. "
            f"First outside: {coming}."
        )

    def _did(self, task: SubtaskId, ordinal: int) -> str:
        """One move in words."""
        move = self._space.histories[task].moves[ordinal]
        taken, sent = self._space.exchanged(task, ordinal)
        parts = [
            f"took {f'barrier [{one.checkpoint_id}]' if one.checkpoint_id else self._content(one)} "
            f"from {self._names(one.upstream)}"
            for one in taken
        ]
        if move.snapshot:
            parts.append(f"took its part of checkpoint {move.snapshot}")
        verb = "read and sent" if move.read else "put back in flight" if move.put_back else "sent"
        records = [one for one in sent if not one.checkpoint_id]
        if records:
            parts.append(f"{verb} {self._named(records, sender=False)}")
        elif move.read:
            parts.append(f"read {many(move.read, self._record)}")
        barriers = [one for one in sent if one.checkpoint_id]
        if barriers:
            whom = listed([self._names(one.downstream) for one in barriers])
            parts.append(f"sent barrier [{barriers[0].checkpoint_id}] to {whom}")
        return f"{', '.join(parts) or 'nothing'} ({seconds(move.time_us)})"

    # -- messages

    def _move(self, message: Message) -> Move:
        """The move that sent it."""
        return self._space.histories[message.upstream].moves[message.sent]

    def _content(self, message: Message) -> str:
        """Its rows, with the place in the log if it is one record, read in the same move."""
        rows = rows_of(message.values)
        if not rows:
            return many(message.count, self._record)
        words = door(rows_text(rows), _CONTENT_MAX)
        origins = lineage_of(message.lineage)
        if self._move(message).read and len(origins) == 1 and isinstance(origins[0], RecordId):
            return f"{words} (offset {origins[0].offset})"
        return words

    def _named(self, messages: Sequence[Message], *, sender: bool = True) -> str:
        """`cats, dogs from north to count and 3 from south to count`."""
        told = []
        for channel, some in groupby(messages, key=lambda one: one.channel):
            of_channel = list(some)
            track = self._space.tracks[channel]
            ends = f" to {self._names(track.downstream)}"
            if sender:
                ends = f" from {self._names(track.upstream)}{ends}"
            if len(of_channel) <= _NAMED_MAX:
                what = ", ".join(map(self._content, of_channel))
            else:
                what = many(sum(one.count for one in of_channel), self._record)
            told.append(what + ends)
        return listed(told)


def _end(history: History) -> str:
    if history.end is None:
        return "not known yet"
    return (
        f"it {'failed' if history.end.failed else 'was canceled'} ({seconds(history.end.time_us)})"
    )


def _cut_short(lines: Sequence[Line], rows: int, cells: int) -> list[Line]:
    """So many of them; that there were more shows as an ellipsis."""
    if len(lines) <= rows:
        return list(lines)
    kept = list(lines[:rows])
    if kept:
        kept[-1] = clip((*kept[-1], Span(" …", "muted")), cells)
    return kept
