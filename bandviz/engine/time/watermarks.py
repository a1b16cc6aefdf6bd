"""Watermarks: made at the sources, combined by minimum at the gates.

They are no part of a snapshot: after a restore everybody begins at the minimum again.
"""

from __future__ import annotations

from bandviz.engine.elements import WATERMARK_MAX, WATERMARK_MIN


class WatermarkValve:
    """The watermark of a gate: the minimum over its channels. Source: Flink
    StatusWatermarkValve.
    """

    def __init__(self, channels: int) -> None:
        self._marks = [WATERMARK_MIN] * channels
        self.current = WATERMARK_MIN

    def advance(self, channel: int, time_ms: int) -> bool:
        """A watermark came in; True if the gate's own one rose. Marks never fall."""
        if time_ms <= self._marks[channel]:
            return False
        self._marks[channel] = time_ms
        lowest = min(self._marks)
        if lowest <= self.current:
            return False
        self.current = lowest
        return True


class BoundedOutOfOrderness:
    """A source's watermarks: the largest event time seen, less the lag, less one millisecond.

    Kept per partition; the subtask's watermark is the minimum over those that have not ended.
    """

    def __init__(self, partitions: tuple[int, ...], lag_ms: int) -> None:
        self._seen = dict.fromkeys(partitions, WATERMARK_MIN)
        self._lag_ms = lag_ms
        self.emitted = WATERMARK_MIN

    def see(self, partition: int, time_ms: int) -> None:
        """An event time was read."""
        if time_ms > self._seen[partition]:
            self._seen[partition] = time_ms

    def end(self, partition: int) -> None:
        """The partition holds nobody back any more."""
        self._seen[partition] = WATERMARK_MAX

    def due(self) -> int | None:
        """The watermark to be emitted now, if it rose."""
        lowest = min(self._seen.values())
        if lowest in (WATERMARK_MIN, WATERMARK_MAX):
            return None
        mark = lowest - self._lag_ms - 1
        if mark <= self.emitted:
            return None
        self.emitted = mark
        return mark
