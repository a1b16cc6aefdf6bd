"""Watermarks: made at the sources, combined by minimum at the gates; idle ones hold nobody back.

They are no part of a snapshot: after a restore everybody begins at the minimum again, and active.
"""

from __future__ import annotations

from collections.abc import Iterator

from bandviz.engine.elements import WATERMARK_MAX, WATERMARK_MIN


class WatermarkValve:
    """The watermark of a gate: the minimum over its channels that are active and have caught up.

    A channel that was idle has caught up once its watermark is not below that of the gate. Source:
    Flink StatusWatermarkValve.
    """

    def __init__(self, channels: int) -> None:
        self._marks = [WATERMARK_MIN] * channels
        self._idle = [False] * channels
        self._counts = [True] * channels
        self.current = WATERMARK_MIN
        self.idle = False
        """All channels are."""

    def advance(self, channel: int, time_ms: int) -> bool:
        """A watermark came in; True if the gate's own one rose. Marks never fall.

        An idle channel has nothing to say.
        """
        if self._idle[channel] or time_ms <= self._marks[channel]:
            return False
        self._marks[channel] = time_ms
        if time_ms >= self.current:
            self._counts[channel] = True
        return self._rise()

    def set_idle(self, channel: int, *, idle: bool) -> bool:
        """A channel became idle or active again; True if the gate's watermark rose.

        With the last one the gate is idle too: then nobody holds back the largest watermark.
        """
        if idle is self._idle[channel]:
            return False
        self._idle[channel] = idle
        last = self._marks[channel] == self.current
        self._counts[channel] = not idle and self._marks[channel] >= self.current
        self.idle = all(self._idle)
        if not idle or not last:
            return False
        return self._raise_to(max(self._marks)) if self.idle else self._rise()

    def _rise(self) -> bool:
        marks = [mark for mark, counts in zip(self._marks, self._counts, strict=True) if counts]
        return self._raise_to(min(marks)) if marks else False

    def _raise_to(self, time_ms: int) -> bool:
        if time_ms <= self.current:
            return False
        self.current = time_ms
        return True


class BoundedOutOfOrderness:
    """A source's watermarks: the largest event time seen, less the lag, less one millisecond.

    Kept per partition; the subtask's watermark is the minimum over those that have neither ended
    nor become idle: had nothing to read for `idle_after_us`. Source: Flink WatermarksWithIdleness,
    WatermarkOutputMultiplexer. Simplification: a partition is active again with its next record.
    """

    def __init__(
        self, partitions: tuple[int, ...], lag_ms: int, idle_after_us: int = 0, now_us: int = 0
    ) -> None:
        self._seen = dict.fromkeys(partitions, WATERMARK_MIN)
        self._lag_ms = lag_ms
        self._idle_after_us = idle_after_us
        self._idle_at_us: dict[int, int] = {}
        self._idle: dict[int, None] = {}
        self.limit_ms = WATERMARK_MAX
        """No partition whose watermark is above this is read."""
        self.paused: dict[int, None] = {}
        self.emitted = WATERMARK_MIN
        self.begin(now_us)

    def begin(self, now_us: int) -> None:
        """Reading begins now: nobody has been idle before."""
        self._idle_at_us = dict.fromkeys(self._seen, now_us + self._idle_after_us)

    def see(self, partition: int, time_ms: int, now_us: int) -> bool:
        """An event time was read; True if the partition was idle."""
        self._idle_at_us[partition] = now_us + self._idle_after_us
        if time_ms > self._seen[partition]:
            self._seen[partition] = time_ms
        return self._idle.pop(partition, partition) is None

    def end(self, partition: int) -> None:
        """The partition holds nobody back any more."""
        self._seen[partition] = WATERMARK_MAX

    def rests(self, now_us: int) -> Iterator[int]:
        """Partitions that become idle now."""
        for partition in self._waiting():
            if self._idle_at_us[partition] <= now_us:
                self._idle[partition] = None
                yield partition

    def next_rest_us(self) -> int | None:
        """When the next one becomes idle, if nothing comes."""
        return min((self._idle_at_us[one] for one in self._waiting()), default=None)

    def _waiting(self) -> list[int]:
        """Partitions that may become idle."""
        if not self._idle_after_us:
            return []
        return [
            one
            for one, seen in self._seen.items()
            if seen != WATERMARK_MAX and one not in self._idle and one not in self.paused
        ]

    def pauses(self, now_us: int) -> Iterator[tuple[int, int]]:
        """(partition, its watermark) of those that pause or go on now, by `limit_ms`.

        A pause is no idleness: its clock starts again behind it.
        """
        for one, seen in self._seen.items():
            mark = seen - self._lag_ms - 1
            ahead = WATERMARK_MIN < seen < WATERMARK_MAX and mark > self.limit_ms
            if ahead is (one in self.paused):
                continue
            if ahead:
                self.paused[one] = None
            else:
                del self.paused[one]
                self._idle_at_us[one] = now_us + self._idle_after_us
            yield one, mark

    @property
    def idle(self) -> bool:
        """No partition is active, and not all have ended."""
        live = [one for one, seen in self._seen.items() if seen != WATERMARK_MAX]
        return bool(live) and all(one in self._idle for one in live)

    def risen(self) -> int | None:
        """The watermark that is to be emitted next, if it rose."""
        seen = [seen for one, seen in self._seen.items() if one not in self._idle]
        lowest = min(seen, default=WATERMARK_MIN)
        if lowest in (WATERMARK_MIN, WATERMARK_MAX):
            return None
        mark = lowest - self._lag_ms - 1
        return mark if mark > self.emitted else None

    def due(self) -> int | None:
        """The same; it is emitted now."""
        mark = self.risen()
        if mark is not None:
            self.emitted = mark
        return mark
