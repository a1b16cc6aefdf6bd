"""What the canvas draws on: plain input, and the laid-out `Scene` that comes of it.

Everything is counted in character cells, (0, 0) at the top left. Nothing here knows the model, the
terminal or colours, so a scene is compared and printed in tests as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

ChannelKey = int
"""Any stable number of a channel; a `ChannelId` is one."""

Cell = tuple[int, int]

BORDER: Final = 2
"""Cells from the outer edge of a box to its text: the border and one blank."""


class Zoom(IntEnum):
    """How much of an operator is drawn."""

    OVERVIEW = 0
    """One lane an operator; all its channels run as one wire an edge."""
    SUBTASKS = 1
    """One lane a subtask; an all-to-all edge is bundled into one wire."""
    DETAIL = 2
    """A neighbourhood; one wire an upstream subtask, one in-port a channel."""


@dataclass(frozen=True, slots=True)
class NodeIn:
    """An operator; `content_width` and `lane_height` are wishes; the scene has the outcome."""

    uid: str
    title: str
    lanes: int
    content_width: int
    lane_height: int


@dataclass(frozen=True, slots=True)
class EdgeIn:
    """An edge with its channels as (key, source lane, target lane); `label` stands above it."""

    source: str
    target: str
    channels: tuple[tuple[ChannelKey, int, int], ...]
    label: str = ""


class Rect(NamedTuple):
    """A rectangle of cells."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        """The cell in its middle."""
        return self.x + self.width // 2, self.y + self.height // 2

    def holds(self, x: int, y: int) -> bool:
        """True if the cell lies inside, border included."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class LaneArea(NamedTuple):
    """Where the text of a lane goes. `folded` > 0: so many lanes from `lane` on share this area."""

    lane: int
    folded: int
    text: Rect


@dataclass(frozen=True, slots=True)
class Box:
    """An operator as drawn; `title` is already cut to the border's width."""

    uid: str
    title: str
    parallelism: int
    rect: Rect
    lanes: tuple[LaneArea, ...]


class Wire(NamedTuple):
    """What runs through one cell. Where two nets cross, the first is the vertical one, on top."""

    glyph: str
    nets: tuple[int, ...]


class NodeHit(NamedTuple):
    """The cell belongs to a box; `lane` is None on the border."""

    uid: str
    lane: int | None


class ChannelHit(NamedTuple):
    """The cell belongs to a wire; `channel` is the first of those bundled in it."""

    channel: ChannelKey


@dataclass(frozen=True, slots=True)
class Scene:
    """The laid-out graph.

    Invariant: a path is 4-connected, begins right of the source's border and ends left of the
    target's, and never enters a box. No two nets run along each other: `overlaps` is 0. Those of
    `turned`, which lead back on a cycle, begin left of the source and end right of the target.
    """

    width: int
    height: int
    zoom: Zoom
    boxes: Mapping[str, Box]
    paths: Mapping[ChannelKey, tuple[Cell, ...]]
    ends: Mapping[ChannelKey, tuple[str, str]]
    """(source uid, target uid) of each channel."""
    nets: tuple[tuple[ChannelKey, ...], ...]
    """The channels bundled in each wire; `Wire.nets` are indices into this."""
    wires: Mapping[Cell, Wire]
    labels: tuple[tuple[Cell, str], ...]
    crossings: int
    overlaps: int
    turned: frozenset[ChannelKey] = frozenset()

    def at(self, x: int, y: int) -> NodeHit | ChannelHit | None:
        """What a person points at."""
        for box in self.boxes.values():
            if box.rect.holds(x, y):
                lanes = (area.lane for area in box.lanes if area.text.holds(x, y))
                return NodeHit(box.uid, next(lanes, None))
        wire = self.wires.get((x, y))
        return ChannelHit(self.nets[wire.nets[0]][0]) if wire else None

    def beside(self, uid: str, direction: str) -> str | None:
        """The nearest box left, right, up or down of this one; what lies aside counts double."""
        x, y = self.boxes[uid].rect.middle
        way_x, way_y = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[direction]
        found = []
        for other, box in self.boxes.items():
            dx, dy = box.rect.middle[0] - x, box.rect.middle[1] - y
            ahead, aside = dx * way_x + dy * way_y, dx * way_y + dy * way_x
            if ahead > 0:
                found.append((ahead + 2 * abs(aside), other))
        return min(found)[1] if found else None

    def out_port(self, channel: ChannelKey) -> Cell:
        """The border cell of the source's box where the channel leaves."""
        x, y = self.paths[channel][0]
        return x + (1 if channel in self.turned else -1), y

    def in_port(self, channel: ChannelKey) -> Cell:
        """The border cell of the target's box where the channel arrives."""
        x, y = self.paths[channel][-1]
        return x - (1 if channel in self.turned else -1), y
