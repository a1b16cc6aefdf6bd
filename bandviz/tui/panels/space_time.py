"""A run as a space-time diagram: a row a task, time to the right, messages between the rows.

Every move has cells of its own, in the order of happening: a burst is stretched, a pause is not.
A row is heavy inside the cut and light outside; the cut is a stair, messages are slanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from bandviz.check.cuts import NEVER, Cut, Finding, Message, Move, SpaceTime
from bandviz.ids import ChannelId, SubtaskId
from bandviz.model.specs import rows_of
from bandviz.model.words import many, row_label
from bandviz.tui.panels.typeset import joined, text
from bandviz.tui.panels.words import Names, clock
from bandviz.tui.spans import Line, Span, checkpoint_style, fit

_HEAD_PART: Final = 4
"""Names may take one cell of so many."""
_GAPS: Final = (4, 3, 2, 1)
"""Cells from one move to the next; the widest that fits the window is taken."""
_APART_MAX: Final = 8
"""Rows from one task to the next; where there is no room for 2, fewer tasks are shown."""
_LABEL_AT: Final = (0.5, 0.35, 0.65, 0.2, 0.8)
"""Parts of the way at which a label may stand, the best first."""
_BRAILLE: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row and column of its dots."""


Cell = tuple[int, int]
"""Column from the left end of the rows, row from the top."""
Place = tuple[ChannelId, int]
"""Channel and position in it."""


class Axis:
    """Where each move stands: cells from the left, in a row that begins with cell 0."""

    def __init__(self, space: SpaceTime, names: Names, width: int) -> None:
        longest = max(len(names(task)) for task in space.histories)
        self.head = 2 + min(width // _HEAD_PART, longest)
        self.cells = width - self.head
        for gap in _GAPS:
            self.places = _places(space, gap)
            self.length = 2 + max((row[-1] for row in self.places.values() if row), default=0)
            if self.length <= self.cells:
                return

    def mark(self, task: SubtaskId, count: int) -> int:
        """The cell between the moves inside of a cut and those outside."""
        return self.places[task][count - 1] + 1 if count else 0

    def first(self, middle: int) -> int:
        """The first cell of the window that shows this one in its middle, if it can."""
        return max(0, min(middle - self.cells // 2, self.length - self.cells))


def _places(space: SpaceTime, gap: int) -> dict[SubtaskId, list[int]]:
    places: dict[SubtaskId, list[int]] = {task: [] for task in space.histories}
    moves = sorted(
        (move.step, row, task)
        for row, (task, history) in enumerate(space.histories.items())
        for move in history.moves
    )
    last = 1 - gap
    for _, step in groupby(moves, key=lambda move: move[0]):
        rows = [places[task] for _, _, task in step]
        last = max([last + gap, *(row[-1] + 2 for row in rows if row)])
        for row in rows:
            row.append(last)
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is drawn and how. `every`: lines of all messages, not only of those that matter."""

    cut: Cut
    finding: Finding
    chosen: SubtaskId
    names: Names
    every: bool = False
    ascii_only: bool = False


class _Stroke(NamedTuple):
    """A message as it is drawn; what has the higher rank lies on top."""

    rank: int
    begin: Cell
    end: Cell
    style: str
    label: str


def diagram(space: SpaceTime, axis: Axis, sight: Sight, height: int) -> list[Line]:
    """At most `height` rows, as wide as the axis; the last one holds the times."""
    shown = _window(list(space.histories), sight.chosen, height // 2)
    apart = _apart(len(shown), height)
    rows = {task: apart * place for place, task in enumerate(shown)}
    first = axis.first(axis.mark(sight.chosen, sight.cut[sight.chosen]))
    paper = _Paper(rows, first, axis.cells, ascii_only=sight.ascii_only)
    strokes = sorted(_strokes(space, sight, axis, paper), key=attrgetter("rank"))
    for stroke in strokes:
        paper.line(stroke.begin, stroke.end, stroke.style)
    for stroke in reversed(strokes):
        paper.label(stroke.begin, stroke.end, stroke.label, stroke.style)
    _draw_cut(paper, axis, sight.cut)
    for task in shown:
        _draw_row(paper, axis, space, sight, task)
    heads = {row: _head(task, sight, axis.head) for task, row in rows.items()}
    blank = text(" " * axis.head)
    return [
        *(joined(heads.get(y, blank), line) for y, line in enumerate(paper.lines())),
        joined(text(_unseen(space, shown).ljust(axis.head), "muted"), _times(space, axis, first)),
    ]


def height_of(space: SpaceTime, height: int) -> int:
    """The rows that a diagram takes if it may have so many."""
    shown = min(len(space.histories), height // 2)
    return _apart(shown, height) * (shown - 1) + 2


def _apart(shown: int, height: int) -> int:
    return min(_APART_MAX, max(2, (height - 2) // max(1, shown - 1)))


def _window(tasks: Sequence[SubtaskId], chosen: SubtaskId, rows: int) -> Sequence[SubtaskId]:
    """As many neighbours of the chosen one as there is room for."""
    first = max(0, min(tasks.index(chosen) - rows // 2, len(tasks) - rows))
    return tasks[first : first + rows]


def _head(task: SubtaskId, sight: Sight, cells: int) -> Line:
    name = sight.names(task)
    if len(name) > cells - 2:
        lane = f"[{task.index}]"
        end = "…" + lane * name.endswith(lane)
        name = name[: cells - 2 - len(end)] + end
    chosen = task == sight.chosen
    sign = Span(">" if chosen else " ", "strong")
    return fit((sign, Span(name, "choice_on" if chosen else "text")), cells)


def _unseen(space: SpaceTime, shown: Sequence[SubtaskId]) -> str:
    """How many rows have no room."""
    unseen = len(space.histories) - len(shown)
    return f" +{many(unseen, 'row')}" if unseen else " time"


# -- strokes


def _strokes(space: SpaceTime, sight: Sight, axis: Axis, paper: _Paper) -> Iterator[_Stroke]:
    """All messages that are to be drawn and have something in the window."""
    orphans, in_flight = map(_identities, (sight.finding.orphans, sight.finding.in_flight))
    for track in space.tracks.values():
        row, to_row = paper.rows.get(track.upstream), paper.rows.get(track.downstream)
        if row is None or to_row is None or row == to_row:
            continue
        for message in (*track.buffers, *track.barriers):
            look = _look(message, sight, orphans, in_flight)
            x = axis.places[track.upstream][message.sent]
            arrived = message.taken != NEVER
            to_x = axis.places[track.downstream][message.taken] if arrived else axis.length + 1
            if look and max(x, to_x) >= paper.first and min(x, to_x) < paper.first + paper.cells:
                rank, style, label = look
                yield _Stroke(rank, (x, row), (to_x, to_row), style, label)


def _look(
    message: Message, sight: Sight, orphans: set[Place], in_flight: set[Place]
) -> tuple[int, str, str] | None:
    """Rank, style and label: what crosses the cut, barriers, what the next move either way would
    bring, and the rest.
    """
    place, number = (message.channel, message.position), message.checkpoint_id
    if place in orphans:
        return 4, "lost", f"!{_label(message)}"
    if place in in_flight:
        return 3, "held", _label(message)
    if number:
        return 2, checkpoint_style(number), f"[{number}]"
    near = (sight.cut[sight.chosen] - 1, sight.cut[sight.chosen])
    sent_near = message.upstream == sight.chosen and message.sent in near
    if sent_near or (message.downstream == sight.chosen and message.taken in near):
        return 1, "text", ""
    return (0, "muted", "") if sight.every else None


def _identities(messages: Sequence[Message]) -> set[Place]:
    return {(message.channel, message.position) for message in messages}


def _label(message: Message) -> str:
    """One or two letters for what it carries, as on the edges of the graph; a number if several."""
    rows = rows_of(message.values)
    if len(rows) == 1:
        return row_label(rows[0])
    return f"×{message.count}"


def _draw_cut(paper: _Paper, axis: Axis, cut: Cut) -> None:
    """A stair from the mark on one row to the mark on the next."""
    marks = [(axis.mark(task, cut[task]), row) for task, row in paper.rows.items()]
    for (x, top), (to_x, bottom) in pairwise(marks):
        middle = (top + bottom) // 2
        for y in range(top + 1, bottom):
            if y != middle or x == to_x:
                paper.put(x if y <= middle else to_x, y, "┃", "cut")
                continue
            turns = "┗┓" if x < to_x else "┛┏"
            for between in range(min(x, to_x) + 1, max(x, to_x)):
                paper.put(between, y, "━", "cut")
            paper.put(x, y, turns[0], "cut")
            paper.put(to_x, y, turns[1], "cut")


def _draw_row(paper: _Paper, axis: Axis, space: SpaceTime, sight: Sight, task: SubtaskId) -> None:
    history, y = space.histories[task], paper.rows[task]
    places, mark = axis.places[task], axis.mark(task, sight.cut[task])
    end = places[-1] + 2 if history.end and places else axis.length
    for x in range(max(0, paper.first), min(end, paper.first + paper.cells)):
        paper.put(x, y, "━" if x < mark else "─", "strong" if x < mark else "muted")
    ends = _crossing_ends(sight.finding, task)
    for ordinal, (x, move) in enumerate(zip(places, history.moves, strict=True)):
        sign, style = _sign(move)
        paper.put(x, y, sign, ends.get(ordinal, style))
    if history.end:
        failed = history.end.failed
        paper.put(end, y, "X" if failed else "x", "failed" if failed else "lost")
    paper.put(mark, y, "┃", "choice_on" if task == sight.chosen else "cut")


def _crossing_ends(finding: Finding, task: SubtaskId) -> dict[int, str]:
    """Styles of the moves at which orphans and records in flight begin and end."""
    found = {}
    for messages, style in ((finding.in_flight, "held"), (finding.orphans, "failed")):
        for message in messages:
            if message.upstream == task:
                found[message.sent] = style
            if message.downstream == task:
                found[message.taken] = style
    return found


def _sign(move: Move) -> tuple[str, str]:
    if move.snapshot:
        return str(move.snapshot)[-1], checkpoint_style(move.snapshot)
    if move.barrier:
        return "┼", checkpoint_style(move.barrier)
    return "●", "text"


def _times(space: SpaceTime, axis: Axis, first: int) -> Line:
    """Times of the job clock under the moves, where they have room."""
    moments = sorted(
        (x, move.time_us)
        for task, history in space.histories.items()
        for x, move in zip(axis.places[task], history.moves, strict=True)
        if first <= x < first + axis.cells
    )
    row = ""
    for x, time_us in moments:
        label = clock(time_us)
        if (not row or x - first >= len(row) + 3) and x - first + len(label) <= axis.cells:
            row = row.ljust(x - first) + label
    return (Span(row, "muted"),)


# -- paper


class _Paper:
    """Cells between a first one and a last one; what lies outside is not drawn."""

    def __init__(
        self, rows: Mapping[SubtaskId, int], first: int, cells: int, *, ascii_only: bool
    ) -> None:
        self.rows = rows
        self.first = first
        self.cells = cells
        self._height = 1 + max(rows.values())
        self._drawn: dict[Cell, tuple[str, str]] = {}
        self._dots: dict[Cell, int] = {}
        self._labels: set[Cell] = set()
        self._taken = frozenset(rows.values())
        self.line = self._ascii if ascii_only else self._braille

    def put(self, x: int, y: int, sign: str, style: str) -> None:
        """One sign, over what is there; labels stay."""
        if self.first <= x < self.first + self.cells and (x, y) not in self._labels:
            self._drawn[x, y] = (sign, style)

    def label(self, begin: Cell, end: Cell, words: str, style: str) -> None:
        """On the line, where no other label and no row is; else it is left out."""
        if not words:
            return
        (x, y), (to_x, to_y) = begin, end
        for part in _LABEL_AT:
            row = y + round((to_y - y) * part)
            column = round(x + (to_x - x) * (row - y) / (to_y - y)) - len(words) // 2
            cells = {(column + place, row) for place in range(len(words))}
            inside = self.first <= column and column + len(words) <= self.first + self.cells
            beside = {(column - 1, row), (column + len(words), row)}
            if inside and row not in self._taken and self._labels.isdisjoint(cells | beside):
                for place, sign in enumerate(words):
                    self.put(column + place, row, sign, style)
                self._labels |= cells
                return

    def lines(self) -> list[Line]:
        """The rows from the top, as wide as the paper."""
        blank = (" ", "text")
        return [
            tuple(
                Span("".join(sign for sign, _ in some), style)
                for style, some in groupby(
                    [self._drawn.get((self.first + x, y), blank) for x in range(self.cells)],
                    key=lambda cell: cell[1],
                )
            )
            for y in range(self._height)
        ]

    def _braille(self, begin: Cell, end: Cell, style: str) -> None:
        (x, y), (to_x, to_y) = begin, end
        down = to_y > y
        top, bottom = 4 * (y + 1) if down else 4 * y - 1, 4 * to_y - 1 if down else 4 * (to_y + 1)
        for column, row in _dots((2 * x, top), (2 * to_x, bottom)):
            cell = column // 2, row // 4
            if cell[1] not in self._taken:
                self._dots[cell] = self._dots.get(cell, 0) | _DOTS[row % 4][column % 2]
                self.put(*cell, chr(_BRAILLE | self._dots[cell]), style)

    def _ascii(self, begin: Cell, end: Cell, style: str) -> None:
        (x, y), (to_x, to_y) = begin, end
        down = 1 if to_y > y else -1
        rows = range(y + down, to_y, down)
        for place, row in enumerate(rows):
            left = round(x + (to_x - x) * place / len(rows))
            right = max(left, round(x + (to_x - x) * (place + 1) / len(rows)) - 1)
            for column in range(left, right + 1) if row not in self._taken else ():
                self.put(column, row, _slant(column, left, right, down), style)


def _slant(column: int, left: int, right: int, down: int) -> str:
    """A piece of a line that goes down or up through one row of text."""
    if right - left < 2:
        return "\\" if down > 0 else "/"
    third = (column - left) * 3 // (right - left + 1)
    return "'-."[third] if down > 0 else ".-'"[third]


def _dots(begin: Cell, end: Cell) -> Iterator[tuple[int, int]]:
    """The dots of a straight line."""
    (x, y), (to_x, to_y) = begin, end
    count = max(abs(to_x - x), abs(to_y - y), 1)
    for step in range(count + 1):
        yield round(x + (to_x - x) * step / count), round(y + (to_y - y) * step / count)
