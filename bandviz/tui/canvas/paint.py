"""From a scene and what happens in it to rows of styled text.

Pure: equal pictures give equal rows. Boxes, wires and gates are painted once and kept while they
stay the same; tokens are laid over them, so that a moving barrier costs only the rows it moves on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple, Self

from bandviz.tui.canvas import glyphs
from bandviz.tui.canvas.marks import Marks, Track, marks
from bandviz.tui.canvas.runs import Runs
from bandviz.tui.canvas.scene import Box, Cell, ChannelKey, LaneArea, Scene, Zoom
from bandviz.tui.canvas.tokens import Token
from bandviz.tui.spans import Line, Span, fit

FREE: Final = 4
"""Cells of an edge that the word at a closed gate leaves to waiting elements."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Why an in-port is closed: by which barrier, such as `[1]` in the style of checkpoint 1.

    Or that no more comes: then the wire is told from a blocked one by `word`, `sign` and `look`,
    which is their style.
    """

    text: str
    style: str
    word: str = "BLOCKED"
    sign: str = glyphs.CLOSED
    look: str = "blocked"

    @classmethod
    def at_the_end(cls, word: str) -> Self:
        """Nobody is held back there."""
        return cls("", "muted", word, "┤", "muted")


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is to be seen at one moment.

    Tokens of a channel stand in FIFO order, the next to be delivered first.
    """

    scene: Scene
    text: Mapping[tuple[str, int], Sequence[Line]] = field(default_factory=dict)
    """Lines by (uid, first lane of the area); what the area has no room for is cut."""
    states: Mapping[str, str] = field(default_factory=dict)
    """`box`, `box_focus` or `box_lost` by uid; `box` if it is not named."""
    tags: Mapping[str, Span] = field(default_factory=dict)
    """What stands at the other end of a box's title, if there is room, by uid."""
    tokens: tuple[Token, ...] = ()
    closed: Mapping[ChannelKey, Gate] = field(default_factory=dict)
    lost: frozenset[ChannelKey] = frozenset()
    """Channels that went with a crash: dashed, without gates."""
    focus: frozenset[str] | None = None
    """Operators in the spotlight. The others, and edges that leave it, lose their colour."""
    ascii_only: bool = False


def paint(picture: Picture) -> tuple[Line, ...]:
    """The rows of the picture, each exactly as wide as its scene."""
    return Painter().paint(picture)


class Layers(NamedTuple):
    """A painted picture: the rows that lie below, and the marks over some of them."""

    still: tuple[Line, ...]
    marks: Marks

    def changed(self, before: Layers) -> list[int]:
        """The rows that look different; both are of the same scene."""
        return [
            y
            for y, (line, old) in enumerate(zip(self.still, before.still, strict=True))
            if self.marks.get(y) != before.marks.get(y) or (line is not old and line != old)
        ]


class Painter:
    """Paints one picture after the other and keeps what did not change between them."""

    def __init__(self) -> None:
        self._key: object = None
        self._still: _Still | None = None

    def layers(self, picture: Picture) -> Layers:
        """The picture in two layers; as long as only tokens move, the lower one is the same."""
        key = (
            picture.scene, picture.text, picture.states, picture.tags, picture.closed,
            picture.lost, picture.focus, picture.ascii_only,
        )  # fmt: skip
        if self._still is None or key != self._key:
            self._key, self._still = key, _Still(picture)
        still = self._still
        return Layers(still.rows, marks(picture.tokens, still.tracks, still.solid, still.draw))

    def paint(self, picture: Picture) -> tuple[Line, ...]:
        """The rows; one without tokens is the same object as in the last picture."""
        still, over = self.layers(picture)
        return tuple(
            tuple(Runs(line, Span).under(over[y])) if y in over else line
            for y, line in enumerate(still)
        )


class _Still:
    """Everything but the tokens, and the part of each path that is left to them."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.scene = picture, picture.scene
        self.chars = [[" "] * self.scene.width for _ in range(self.scene.height)]
        self.styles = [["edge"] * self.scene.width for _ in range(self.scene.height)]
        self.tracks: dict[ChannelKey, Track] = {}
        self.solid: set[Cell] = set()
        self._wires()
        for (x, y), text in self.scene.labels:
            self._put(x, y, text, "muted")
        for box in self.scene.boxes.values():
            self._box(box)
        self._ports()
        self.draw: Callable[[str], str] = glyphs.to_ascii if picture.ascii_only else str
        self.rows = tuple(
            _spans(self.draw("".join(chars)), styles)
            for chars, styles in zip(self.chars, self.styles, strict=True)
        )

    def _far(self, channel: ChannelKey) -> bool:
        """True if the channel leaves the spotlight, or is outside of it."""
        focus = self.picture.focus
        return focus is not None and not focus.issuperset(self.scene.ends[channel])

    def _put(self, x: int, y: int, text: str, style: str) -> None:
        self.chars[y][x : x + len(text)] = text
        self.styles[y][x : x + len(text)] = [style] * len(text)

    def _wires(self) -> None:
        styles = list(map(self._wire_style, self.scene.nets))
        for (x, y), (glyph, nets) in self.scene.wires.items():
            style = self.styles[y][x] = styles[nets[0]]
            self.chars[y][x] = _dashed(glyph, x) if style == "lost" else glyph

    def _wire_style(self, channels: Sequence[ChannelKey]) -> str:
        if self.picture.lost.issuperset(channels):
            return "lost"
        return "edge_far" if all(map(self._far, channels)) else "edge"

    def _box(self, box: Box) -> None:
        state = self.picture.states.get(box.uid, "box")
        far = self.picture.focus is not None and box.uid not in self.picture.focus
        style = "muted" if far else state
        level, upright = ("╌", "┆") if state == "box_lost" else ("─", "│")
        x, y, width, height = box.rect
        inside = width - 2
        self._put(x, y, f"╭{level * inside}╮", style)
        title = "title" if style in ("box", "box_focus") else style
        corner = 2 if self.picture.ascii_only else 1  # `+- north` reads better than `+ north`
        self._put(x + corner, y, f" {box.title} ", title)
        tag = self.picture.tags.get(box.uid, Span(""))
        if tag.text and corner + len(f" {box.title}  {tag.text} ") < width:
            self._put(
                x + width - len(tag.text) - 2, y, f" {tag.text} ", "muted" if far else tag.style
            )
        self.solid.update((x + i, y + j) for j in range(height) for i in range(width))
        for row in range(y + 1, y + height - 1):
            self._put(x, row, upright, style)
            self._put(x + 1, row, " " * inside, "text")
            self._put(x + width - 1, row, upright, style)
        self._put(x, y + height - 1, f"╰{level * inside}╯", style)
        for area in box.lanes:
            for row, line in enumerate(self._lines(box, area)[: area.text.height]):
                at = area.text.x
                for text, name in fit(line, area.text.width):
                    self._put(at, area.text.y + row, text, "muted" if far else name)
                    at += len(text)

    def _lines(self, box: Box, area: LaneArea) -> Sequence[Line]:
        given = self.picture.text.get((box.uid, area.lane))
        if given is not None:
            return given
        if area.folded:
            return ((Span(f"+{area.folded} more", "muted"),),)
        if self.scene.zoom is Zoom.OVERVIEW:
            return ((Span(f"{glyphs.MANY}{box.parallelism}", "muted"),),)
        return ()

    def _ports(self) -> None:
        arriving: dict[Cell, list[ChannelKey]] = {}
        for channel in self.scene.paths:
            arriving.setdefault(self.scene.in_port(channel), []).append(channel)
            source = self.scene.ends[channel][0]
            if self.picture.states.get(source) != "box_lost":
                x, y = self.scene.out_port(channel)
                self.chars[y][x] = "├"
        for (x, y), channels in arriving.items():
            word = self._gate(x, y, channels)
            for channel in channels:
                path = self.scene.paths[channel]
                first, last = min(1, len(path) - 1), max(0, len(path) - 1 - word)
                self.tracks[channel] = Track(path, first, last, self._far(channel))

    def _gate(self, x: int, y: int, channels: Sequence[ChannelKey]) -> int:
        """Draw the gate of an in-port; returns the cells before the border that it takes."""
        closed = [channel for channel in channels if channel in self.picture.closed]
        target = self.scene.ends[channels[0]][1]
        if closed:
            word = min(self.picture.closed[channel].word for channel in closed)  # capitals first
            alike = [one for one in closed if self.picture.closed[one].word == word]
            return self._closed_gate(x, y, channels, alike)
        if self.picture.states.get(target) != "box_lost":
            self.chars[y][x] = "┤"
        style = self._wire_style(channels)
        if style == "lost":
            return 0
        turned = not self.scene.turned.isdisjoint(channels)
        self._put(*((x + 1, y, glyphs.BACK) if turned else (x - 1, y, glyphs.OPEN)), style)
        return 1

    def _closed_gate(
        self, x: int, y: int, channels: Sequence[ChannelKey], closed: Sequence[ChannelKey]
    ) -> int:
        gate = self.picture.closed[closed[0]]
        far = all(map(self._far, channels))
        look = "muted" if far else gate.look
        self._put(x, y, gate.sign, look)
        path = self.scene.paths[closed[0]]
        level = next((i for i, cell in enumerate(reversed(path)) if cell[1] != y), len(path))
        share = f"{len(closed)}/{len(channels)}" if len(closed) < len(channels) else ""
        brief = share if gate.text else f"{share} {gate.word}"
        for shown in (brief if share else gate.word, ""):
            length = len(gate.text) + len(shown)
            if length + FREE <= len(path) and length < level:
                self._put(x - length, y, gate.text, "muted" if far else gate.style)
                self._put(x - len(shown), y, shown, look)
                return length
        return 0


def _dashed(glyph: str, x: int) -> str:
    """A wire that is no more: every other dash, and dotted where it runs upright."""
    if glyph == "─":
        return "╌" if x % 2 else " "
    return "┆" if glyph == "│" else glyph


def _spans(text: str, styles: Sequence[str]) -> Line:
    out, at = [], 0
    for style, group in groupby(styles):
        end = at + len(list(group))
        out.append(Span(text[at:end], style))
        at = end
    return tuple(out)
