"""Tumbling and sliding event-time windows: the same for all keys, so they are kept as panes.

After Flink's WindowOperator with its default trigger. In Flink each key has timers of its own for
a window's last millisecond and for its cleanup; here a pane has them for all of its keys, and
`settled` says for whom the first one has fired already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context
from bandviz.engine.operators.tell import tell_applied, tell_dropped, tell_late
from bandviz.engine.operators.windowed import (
    NO_ORIGIN,
    Accumulators,
    Contents,
    Origin,
    Results,
    WindowedOperator,
    restored,
    times_of,
    with_origin,
)
from bandviz.engine.state.frozen import GONE, Changes, FrozenTable, is_few
from bandviz.engine.state.keyed import KeyedStateBackend
from bandviz.engine.time.windows import Window, span_of
from bandviz.events.values import pack
from bandviz.functions.rows import Fields, Key
from bandviz.graph.specs import SlidingWindows, TumblingWindows, WindowSpec


class Pane:
    """One window. `settled`: keys that have fired and had no record since, as after a restore;
    `origins` stays empty where records carry no ids.
    """

    __slots__ = ("contents", "origins", "settled", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.contents: dict[Key, Accumulators] = {}
        self.origins: dict[Key, Origin] = {}
        self.settled: dict[Key, None] = {}

    def frozen(self) -> Pane:
        """As it is now."""
        copy = Pane(self.window)
        copy.contents = self.contents.copy()
        copy.origins = self.origins.copy()
        copy.settled = self.settled.copy()
        return copy

    def row(self, key: Key) -> Contents:
        """What a snapshot has of a key that is here."""
        origin = self.origins.get(key, NO_ORIGIN)
        return Contents(self.window, self.contents[key], origin, key in self.settled)


class PaneState:
    """Keyed state of a shape of its own: window start -> pane. In snapshots it is a table of key ->
    windows, by start. `written`: keys of which something changed since the last barrier.
    """

    name = "panes"

    def __init__(self, backend: KeyedStateBackend) -> None:
        self.panes: dict[int, Pane] = {}
        self.written: dict[Key, None] = {}
        self._backend = backend

    def touch(self, keys: Iterable[Key]) -> None:
        """Their windows change; noted if somebody asks."""
        if self._backend.context.tracks_changes:
            self.written.update(dict.fromkeys(keys))

    def freeze(self) -> FrozenTable:
        """Copies of the panes, sorted by key later; of many, only what changed if that is all that
        is wanted.
        """
        context, most = self._backend.context, self._backend.max_parallelism
        panes = [self.panes[start_ms] for start_ms in sorted(self.panes)]
        if not context.tracks_changes:
            return FrozenPanes([pane.frozen() for pane in panes], most)
        changes: Changes = {key: _rows(panes, key) or GONE for key in self.written}
        self.written = {}
        few = is_few(sum([len(pane.contents) for pane in panes]))
        if not (few or context.wants_whole):
            return FrozenTable(None, most, changes)
        return FrozenPanes([pane.frozen() for pane in panes], most, changes)

    def restore(self, rows: Iterable[tuple[Key, Any]]) -> None:
        """Open windows of the snapshot."""
        self.panes, self.written = {}, {}
        for key, windows in rows:
            for window, accumulators, origin, settled in restored(windows):
                pane = self.panes.setdefault(window.start_ms, Pane(window))
                pane.contents[key] = accumulators
                if origin != NO_ORIGIN:
                    pane.origins[key] = origin
                if settled:
                    pane.settled[key] = None


def _rows(panes: Iterable[Pane], key: Key) -> list[Contents]:
    return [pane.row(key) for pane in panes if key in pane.contents]


class FrozenPanes(FrozenTable):
    """Panes at a barrier, as a table of key -> its windows, by start."""

    __slots__ = ("_count", "_panes")

    def __init__(
        self, panes: list[Pane], max_parallelism: int, changes: Changes | None = None
    ) -> None:
        super().__init__({}, max_parallelism, changes)
        self._panes = panes
        self._count = sum([len(pane.contents) for pane in panes])

    def __len__(self) -> int:
        return self._count

    @property
    def entries(self) -> dict[Key, list[Contents]]:
        """Made when it is first asked for: not at the barrier."""
        while self._panes:
            pane = self._panes.pop(0)
            for key in pane.contents:
                self._entries.setdefault(key, []).append(pane.row(key))
        return self._entries


class WindowOperator(WindowedOperator):
    """State: panes."""

    def __init__(
        self,
        context: Context,
        spec: WindowSpec,
        assigner: TumblingWindows | SlidingWindows,
        fields: Fields,
        max_parallelism: int,
    ) -> None:
        super().__init__(context, spec, fields, max_parallelism)
        self._assigner = assigner
        self._state = self.backend.declare(PaneState(self.backend))

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Only records behind a watermark make a window fire here.

        Windows are looked up once for neighbours of the same span, not for each record.
        """
        key_of, fold, initial = self._key_of, self._fold, self._initial
        told = buffer.lineage is not None or self.context.emitter.record
        out, late = Results(), []
        first_ms = end_ms = 0
        panes: list[Pane] = []
        plain = False
        for place, (row, time_ms) in enumerate(zip(buffer.values, times_of(buffer), strict=True)):
            if not first_ms <= time_ms < end_ms:
                first_ms, end_ms, starts = span_of(self._assigner, time_ms)
                panes = self._open_panes(starts, watermark_ms)
                plain = not told and self._is_plain(panes, watermark_ms)
            key = key_of(row)
            for pane in panes:
                contents = pane.contents
                contents[key] = fold(contents.get(key, initial), row)
            if plain:
                continue
            self._attend(out, panes, key, buffer, place, watermark_ms)
            if not panes and time_ms + self._lateness_ms <= watermark_ms:
                late.append(place)
                tell_late(self.context, buffer, place, watermark_ms, self._side)
        self._state.touch(map(key_of, buffer.values))
        if late and self._side:
            self.context.side(self._side, buffer.pick(late))
        return out.buffer()

    def _open_panes(self, starts: tuple[int, ...], watermark_ms: int) -> list[Pane]:
        """The panes that records still enter, newest first."""
        panes = []
        for start_ms in starts:
            window = Window(start_ms, start_ms + self._assigner.size_ms)
            if not self._is_over(window.end_ms, watermark_ms):
                panes.append(self._state.panes.setdefault(start_ms, Pane(window)))
        return panes

    def _is_plain(self, panes: list[Pane], watermark_ms: int) -> bool:
        """A record changes contents here and nothing else."""
        return bool(panes) and not any(
            pane.settled or pane.window.end_ms - 1 <= watermark_ms for pane in panes
        )

    def _attend(
        self,
        out: Results,
        panes: list[Pane],
        key: Key,
        buffer: RecordBuffer,
        place: int,
        watermark_ms: int,
    ) -> None:
        """What else follows from a record that is in its panes now: fire those it came late to."""
        lineage = buffer.lineage[place] if buffer.lineage is not None else None
        passed = [pane for pane in panes if pane.window.end_ms - 1 <= watermark_ms]
        if passed:
            self._tell_admitted(times_of(buffer)[place], watermark_ms, lineage)
        for pane in panes:
            if lineage is not None:
                pane.origins[key] = with_origin(pane.origins.get(key, NO_ORIGIN), lineage)
            if self.context.emitter.record:
                value, start_ms = pack(pane.contents[key]), pane.window.start_ms
                tell_applied(self.context, key, value, lineage, start_ms)
            if pane in passed:
                pane.settled[key] = None
                self._fire_pane(out, pane, key, kept=True)
            else:
                pane.settled.pop(key, None)

    def _fire_pane(self, out: Results, pane: Pane, key: Key, *, kept: bool) -> None:
        origin = pane.origins.get(key, NO_ORIGIN)
        self._fire(out, key, pane.window, pane.contents[key], origin, kept=kept)

    def on_watermark(self, watermark_ms: int) -> RecordBuffer | None:
        """Fire what has passed, by window start, then by packed key, as timers do."""
        out = Results()
        for start_ms in sorted(self._state.panes):
            pane = self._state.panes[start_ms]
            if pane.window.end_ms - 1 > watermark_ms:
                break
            over = self._is_over(pane.window.end_ms, watermark_ms)
            if over or len(pane.settled) < len(pane.contents):
                self._pass(out, pane, over=over)
            if over:
                del self._state.panes[start_ms]
        return out.buffer()

    def _pass(self, out: Results, pane: Pane, *, over: bool) -> None:
        for key in sorted(pane.contents, key=pack):
            if key not in pane.settled:
                self._fire_pane(out, pane, key, kept=not over)
            elif over and self.context.emitter.record:
                tell_dropped(self.context, key, pane.window.start_ms)
        pane.settled = dict.fromkeys(pane.contents)
        self._state.touch(pane.contents)
