"""From the model to the canvas: boxes with their text, elements on their way, gates.

Scenes are laid out once per graph, zoom, size and focus; everything else is made anew for each
frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bandviz.events.flow import EndKind
from bandviz.events.structure import VertexDeclared
from bandviz.ids import SubtaskId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.model.views import (
    STATEFUL,
    ChannelView,
    ElementView,
    SubtaskStatus,
    SubtaskView,
    TaskManagerView,
)
from bandviz.tui.canvas.layout import layout
from bandviz.tui.canvas.paint import Gate, Picture
from bandviz.tui.canvas.scene import EdgeIn, NodeIn, Scene, Zoom
from bandviz.tui.canvas.tokens import Token
from bandviz.tui.panels.chain import chain_title, name_cells, task_lines
from bandviz.tui.panels.words import listed, manager_tag, names_of
from bandviz.tui.spans import Line, Span, checkpoint_style

_ENDS = {EndKind.DATA: "no more data", EndKind.PARTITION: "over"}
_DOWN = (SubtaskStatus.FAILED, SubtaskStatus.CANCELED)
_NARROW = 90
_LEAD = len("[0] ")
_ROWS_WANTED = {"source": 3, "writer": 4, "sink": 4, **dict.fromkeys(STATEFUL, 5)}
_NARROW_CELLS = {**dict.fromkeys(STATEFUL, 13), "window": 10, "account": 6}
_CELLS = {"source": 14, "sink": 14, **dict.fromkeys(STATEFUL, 17), "window": 22, "account": 14}
_JUMP_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Chain = Sequence[SubtaskView]
"""The operators of one task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the viewer wants to see the graph."""

    zoom: Zoom = Zoom.SUBTASKS
    focus: str | None = None
    jumping: bool = False
    ascii_only: bool = False


class Stage:
    """Keeps the scenes; one for each run that is shown."""

    def __init__(self) -> None:
        self._scenes: dict[tuple[object, ...], Scene] = {}

    def picture(self, model: RunModel, view_us: int, size: tuple[int, int], look: Look) -> Picture:
        """What there is to see at this moment of virtual time."""
        chains = selectors.task_views(model)
        views = [view for chain in chains for view in chain]
        channels = [one for one in selectors.channel_views(model) if not one.chained]
        focus = box_of(chains, look.focus)
        scene = self._scene(model, chains, channels, size, look)
        near = _neighbourhood(scene, focus)
        lost = frozenset(_lost(channels, views))
        tags = _tags(selectors.task_manager_views(model))
        return Picture(
            scene=scene,
            text=_texts(scene, chains, size[0], look.focus, tags),
            tags={
                _uid(chain): tags[chain[0].subtask] for chain in chains if chain[0].sole and tags
            },
            states=_states(chains, focus),
            tokens=(
                *(
                    token
                    for channel in channels
                    if channel.channel in scene.paths
                    for token in _tokens(channel, view_us)
                ),
                *_losses(scene, channels),
            ),
            closed={
                one.channel: gate
                for one in channels
                if one.channel not in lost and (gate := _gate(one)) is not None
            },
            lost=lost,
            focus=near,
            ascii_only=look.ascii_only,
        )

    def _scene(
        self,
        model: RunModel,
        chains: Sequence[Chain],
        channels: Sequence[ChannelView],
        size: tuple[int, int],
        look: Look,
    ) -> Scene:
        wide = {_uid(chain): _content_width(chain, size[0]) for chain in chains}
        detail = box_of(chains, look.focus) if look.zoom is Zoom.DETAIL else None
        drawn = tuple(channel.channel for channel in channels)  # others after rescaling
        key = (look.zoom, size, detail, look.jumping, tuple(wide.items()), drawn)
        scene = self._scenes.get(key)
        if scene is None:
            scene = layout(
                _nodes(model, chains, wide, size, look),
                _edges(model, chains, channels),
                zoom=look.zoom if detail or look.zoom is not Zoom.DETAIL else Zoom.SUBTASKS,
                max_width=size[0],
                max_height=size[1],
                focus=detail,
            )
            self._scenes[key] = scene
        return scene


def box_of(chains: Iterable[Chain], uid: str | None) -> str | None:
    """The operator that the box is named by in which this one is drawn."""
    return next((_uid(one) for one in chains if uid in [view.subtask.vertex for view in one]), None)


def next_in_box(chains: Iterable[Chain], uid: str | None, step: int) -> str | None:
    """The operator so many places on in the same chain; None without a step, or at its end."""
    for chain in chains if step else ():
        uids = [view.subtask.vertex for view in chain]
        if uid in uids:
            return dict(enumerate(uids)).get(uids.index(uid) + step)
    return None


def _uid(chain: Chain) -> str:
    return chain[0].subtask.vertex


def _content_width(chain: Chain, width: int) -> int:
    return name_cells(chain) + max(content_width(view, width) for view in chain)


def content_width(view: SubtaskView, width: int) -> int:
    """Cells of text that a box of this kind likes to have."""
    lead = 0 if view.sole else _LEAD
    if width < _NARROW:
        return _NARROW_CELLS.get(view.kind, 8) + lead
    lead += max(0, width - 100) // 8
    return _CELLS.get(view.kind, 12) + lead


def _nodes(
    model: RunModel,
    chains: Sequence[Chain],
    wide: Mapping[str, int],
    size: tuple[int, int],
    look: Look,
) -> list[NodeIn]:
    rows = size[1] - 2
    most = max((len(model.tapes_of(name)) for name in model.subtasks), default=0)
    letters = dict(zip(model.vertices, _JUMP_LETTERS * 8, strict=False))
    return [
        NodeIn(
            uid=_uid(chain),
            title=_jump_title(chain, letters) if look.jumping else chain_title(chain),
            lanes=model.vertices[_uid(chain)].parallelism,
            content_width=wide[_uid(chain)],
            lane_height=1
            if look.zoom is Zoom.OVERVIEW
            else _lane_height(rows, [model.vertices[view.subtask.vertex] for view in chain], most),
        )
        for chain in chains
        if not chain[0].subtask.index
    ]


def _jump_title(chain: Chain, letters: Mapping[str, str]) -> str:
    uids = [view.subtask.vertex for view in chain]
    return " -> ".join(f"{letters[uid]}:{uid}" for uid in uids)


def _lane_height(rows: int, chain: Sequence[VertexDeclared], partition_count: int) -> int:
    """Rows of text a task gets; a sole source leaves room for a second box below it."""
    wanted = sum(_ROWS_WANTED.get(vertex.kind, 3) for vertex in chain)
    parallelism = chain[0].parallelism
    share = rows // parallelism
    if chain[0].kind == "source":
        wanted += max(0, partition_count + 2 - _ROWS_WANTED["source"])
        if len(chain) == 1:
            share = (rows - 2) // max(2, parallelism)
    return max(1, min(wanted, share))


def jump_target(model: RunModel, letter: str) -> str | None:
    """The operator that a jump letter stands for."""
    uids = list(model.vertices)
    place = _JUMP_LETTERS.find(letter)
    return uids[place] if 0 <= place < len(uids) else None


def _edges(
    model: RunModel, chains: Sequence[Chain], channels: Sequence[ChannelView]
) -> list[EdgeIn]:
    box = {view.subtask.vertex: _uid(chain) for chain in chains for view in chain}
    grouped: dict[tuple[str, str], list[ChannelView]] = {}
    for channel in channels:
        grouped.setdefault((channel.upstream.vertex, channel.downstream.vertex), []).append(channel)
    sides = {(edge.upstream, edge.downstream): edge.side for edge in model.edges.values()}
    parallel = {uid: vertex.parallelism for uid, vertex in model.vertices.items()}
    return [
        EdgeIn(
            source=box[source],
            target=box[target],
            channels=tuple(
                (one.channel, one.upstream.index, one.downstream.index) for one in members
            ),
            label=" ".join(
                [
                    *([sides[source, target]] if sides.get((source, target)) else []),
                    *([members[0].partitioner] if parallel[source] * parallel[target] > 1 else []),
                ]
            ),
        )
        for (source, target), members in grouped.items()
    ]


def _texts(
    scene: Scene,
    chains: Sequence[Chain],
    width: int,
    focus: str | None,
    tags: Mapping[SubtaskId, Span],
) -> dict[tuple[str, int], list[Line]]:
    names = names_of(view for chain in chains for view in chain)
    by_lane = {(_uid(chain), chain[0].subtask.index): chain for chain in chains}
    texts: dict[tuple[str, int], list[Line]] = {}
    for box in scene.boxes.values():
        for area in box.lanes:
            chain = by_lane[box.uid, area.lane]
            if area.folded:
                continue
            if scene.zoom is Zoom.OVERVIEW:
                texts[box.uid, area.lane] = [
                    _summary([one for one in chains if _uid(one) == box.uid])
                ]
                continue
            inside = area.text
            lead = f"[{area.lane}] " if box.parallelism > 1 else ""
            cells = inside.width - len(lead)
            tag = tags.get(chain[0].subtask)
            lines = task_lines(chain, cells, inside.height, width < _NARROW, names, focus)
            texts[box.uid, area.lane] = _led(lead, lines, tag, inside.height)
    return texts


def _led(lead: str, lines: list[Line], tag: Span | None, height: int) -> list[Line]:
    """Subtasks of one box are told apart by `[0]`, `[1]` before their first line; the second has
    the tag of the TaskManager.
    """
    if not lead:
        return lines
    below = [Span(" " * len(lead))] * height
    if tag is not None and height > 1 and len(tag.text) < len(lead):
        below[0] = Span(tag.text.ljust(len(lead)), tag.style)
        lines = lines + [()] * (2 - len(lines))
    leads = [Span(lead, "muted"), *below]
    return [(mark, *line) for mark, line in zip(leads, lines, strict=False)]


def _tags(managers: Sequence[TaskManagerView]) -> dict[SubtaskId, Span]:
    """Which TaskManager runs a subtask; there are none where the run declares no TaskManagers."""
    return {
        subtask: Span(manager_tag(one.name), "failed" if one.lost else "muted")
        for one in managers
        for subtask in one.subtasks
    }


def _summary(mine: Sequence[Chain]) -> Line:
    down = [chain[0] for chain in mine if chain[0].status in _DOWN]
    if down:
        return (Span(down[0].status.value.upper(), "failed"),)
    words = listed(tuple(pair for view in mine[0] for pair in view.state)[:2], " ")
    words = words if len(mine) == 1 else ""
    return (Span(f"×{len(mine)} ", "muted"), Span(words, "state"))


def _states(chains: Sequence[Chain], focus: str | None) -> dict[str, str]:
    states: dict[str, str] = {}
    for chain in chains:
        uid = _uid(chain)
        if chain[0].status in _DOWN:
            states[uid] = "box_lost"
        elif uid == focus:
            states.setdefault(uid, "box_focus")
    return states


def _lost(channels: Sequence[ChannelView], views: Sequence[SubtaskView]) -> list[int]:
    down = {view.subtask for view in views if view.status in _DOWN}
    return [one.channel for one in channels if one.upstream in down or one.downstream in down]


def _neighbourhood(scene: Scene, focus: str | None) -> frozenset[str] | None:
    if focus is None or focus not in scene.boxes:
        return None
    near = {focus}
    for source, target in scene.ends.values():
        if focus in (source, target):
            near |= {source, target}
    return frozenset(near)


def _tokens(channel: ChannelView, view_us: int) -> list[Token]:
    tokens = [_token(channel, element, view_us) for element in channel.elements]
    return tokens if channel.fifo else sorted(tokens, key=lambda token: -token.fraction)


def _gate(channel: ChannelView) -> Gate | None:
    """What keeps the receiver from reading on; None if it may."""
    if channel.ended is not None:
        return Gate.at_the_end(_ENDS[channel.ended])
    barrier = channel.blocked_by
    opening = ">" if channel.forced else "["
    return Gate(f"{opening}{barrier}]", checkpoint_style(barrier)) if barrier else None


def _losses(scene: Scene, channels: Sequence[ChannelView]) -> list[Token]:
    """What a crash dropped, summed up where channels of one edge share an in-port."""
    lost: dict[tuple[int, int], tuple[int, int]] = {}
    for channel in channels:
        if channel.lost_record_count and channel.channel in scene.paths:
            port = scene.in_port(channel.channel)
            first, count = lost.get(port, (channel.channel, 0))
            lost[port] = (first, count + channel.lost_record_count)
    return [Token(first, 0.9, f"{count} lost", "lost") for first, count in lost.values()]


def _token(channel: ChannelView, element: ElementView, view_us: int) -> Token:
    text, style = _mark(element)
    if element.arrive_us < 0:
        return Token(channel.channel, 0.0, text, "held" if element.kind == "record" else style)
    span = element.arrive_us - element.sent_us
    fraction = 1.0 if span <= 0 else (view_us - element.sent_us) / span
    return Token(channel.channel, min(1.0, max(0.0, fraction)), text, style)


def _mark(element: ElementView) -> tuple[str, str]:
    """Shape, letter and style of an element: barriers in brackets, ends as a square."""
    match element.kind:
        case "barrier":
            sides = ">>" if element.ahead else ">]" if element.forced else "[]"
            known = "!" if element.announced and not element.ahead else ""
            text = f"{sides[0]}{element.checkpoint_id}{sides[1]}{known}"
            return text, checkpoint_style(element.checkpoint_id)
        case "cancel":
            return f"<{element.checkpoint_id}>", "warn"
        case "watermark" | "status":
            return "~", "watermark"
        case "end":
            return "■", "muted"
        case _:
            label = element.label or "•"
            if element.count > 1:
                label = f"{element.count}"
            if element.persisted:
                return f"{label}+", checkpoint_style(element.persisted)
            return (f"{label}'", "replay") if element.replay else (label, "record")
