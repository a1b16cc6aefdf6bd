"""A run without an engine: plausible entries of a small word-count job, for tests and measuring.

src[2] -> map[2] -> count[3] -> out[1], one record a buffer, a checkpoint now and then. Barriers are
aligned without holding anything back, and nothing fails: enough to weigh a codec and a cursor.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bandviz.events import Entry, Event, checkpoint, flow, job, sink, structure
from bandviz.events.records import pack_lineage
from bandviz.events.values import pack
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId, TransactionId
from bandviz.trace.header import Header
from bandviz.trace.writer import Writer

WORDS = ("cat", "dog", "owl", "hen", "fox", "emu", "ant", "bee")
PARALLELISM = {"src": 2, "map": 2, "count": 3, "out": 1}
EDGES = (("src", "map"), ("map", "count"), ("count", "out"))
LATENCY_US = 10_000


@dataclass
class _Channel:
    number: ChannelId
    upstream: SubtaskId
    downstream: SubtaskId
    sent: int = 0
    queue: deque[tuple[int, tuple[str, int] | int, RecordId]] = field(default_factory=deque)


class Synthetic:
    """One run; `steps()` gives the entries of one step at a time."""

    def __init__(self, records: int = 1_000, *, checkpoint_every: int = 100) -> None:
        self.records, self.every = records, checkpoint_every
        self.step, self.time_us, self.noise = 0, 0, 12_345
        self.channels: list[_Channel] = []
        self.outputs: dict[SubtaskId, list[_Channel]] = {}
        self.tally: dict[str, int] = {}
        self.barriers: dict[tuple[SubtaskId, int], int] = {}
        self.acks: dict[int, int] = {}
        self.open = TransactionId(1)
        self.rows: list[tuple[tuple[str, int], RecordId]] = []
        self.subtasks = [SubtaskId(v, i) for v, n in PARALLELISM.items() for i in range(n)]
        for upstream, downstream in EDGES:
            for i in range(PARALLELISM[upstream]):
                for j in range(PARALLELISM[downstream]):
                    if (upstream, downstream) != ("src", "map") or i == j:
                        ends = SubtaskId(upstream, i), SubtaskId(downstream, j)
                        channel = _Channel(ChannelId(len(self.channels)), *ends)
                        self.channels.append(channel)
                        self.outputs.setdefault(ends[0], []).append(channel)

    def steps(self) -> Iterator[list[Entry]]:
        yield self._entries(self._preamble())
        for number in range(self.records):
            self._forward()
            if number % self.every == self.every - 1:
                yield self._entries(self._trigger(CheckpointId(number // self.every + 1)))
                self._forward()
            yield self._entries(self._poll(number % 2, number // 2))
            for channel in self.channels:
                while len(channel.queue) > number % 3:
                    self._forward()
                    yield self._entries(self._deliver(channel))
        self._forward()
        yield self._entries([job.RunEnded(status=job.RunStatus.FINISHED, reason="")])

    def _forward(self) -> None:
        self.step += 1
        self.noise = (self.noise * 1_103_515_245 + 12_345) % 2**31
        self.time_us += 500 + self.noise % 2_000

    def _entries(self, events: list[Event]) -> list[Entry]:
        events.sort(key=lambda event: event.level)
        cause = (self.step, 0) if events[0].level == 0 else None
        return [
            Entry(self.step, k, self.time_us, cause if k else None, event)
            for k, event in enumerate(events)
        ]

    def _preamble(self) -> list[Event]:
        events: list[Event] = [
            structure.RunDeclared(
                scenario="animals", variant="", seed=42, confluent=True,
                checkpoint_interval_us=1_000_000, buffer_records=1,
            )
        ]  # fmt: skip
        for vertex, parallelism in PARALLELISM.items():
            kind = {"src": "source", "out": "sink", "count": "aggregate"}.get(vertex, vertex)
            spec = {"contract": "two_phase", "topic": "counts"} if kind == "sink" else {}
            events.append(
                structure.VertexDeclared(
                    vertex=vertex, kind=kind, parallelism=parallelism, max_parallelism=128,
                    fields=("animal", "count"), spec=pack(spec),
                )
            )  # fmt: skip
        events += [
            structure.EdgeDeclared(
                edge=n, upstream=u, downstream=d, partitioner="hash", key=pack({"fn": "key"})
            )
            for n, (u, d) in enumerate(EDGES)
        ]
        events += [
            structure.SubtaskDeclared(subtask=s, first_key_group=0, last_key_group=127)
            for s in self.subtasks
        ]
        events += [
            structure.ChannelDeclared(
                channel=c.number, edge=0, upstream=c.upstream, downstream=c.downstream,
                index=c.upstream.index, capacity_count=4,
            )
            for c in self.channels
        ]  # fmt: skip
        for partition in range(2):
            rows = [(self._word(partition, offset), 1) for offset in range(self.records // 2)]
            events.append(
                structure.PartitionDeclared(
                    vertex="src", subtask=SubtaskId("src", partition), topic="animals",
                    partition=partition, label=f"road {partition}", record_count=len(rows),
                )
            )  # fmt: skip
            events += [
                structure.PartitionRowsDeclared(
                    topic="animals", partition=partition, first_offset=at,
                    rows=pack(tuple(rows[at : at + 1_000])), times_ms=pack(None),
                )
                for at in range(0, len(rows), 1_000)
            ]  # fmt: skip
        events.append(job.JobStatusChanged(status=job.JobStatus.RUNNING, attempt=1))
        events += [job.SubtaskDeployed(subtask=s, attempt=1) for s in self.subtasks]
        opened = sink.TransactionOpened(
            subtask=self.subtasks[-1], transaction_id=self.open, epoch=1
        )
        return [*events, opened]

    @staticmethod
    def _word(partition: int, offset: int) -> str:
        return WORDS[(offset * offset + 3 * partition + offset // 7) % len(WORDS)]

    def _poll(self, partition: int, offset: int) -> list[Event]:
        subtask = SubtaskId("src", partition)
        row = (self._word(partition, offset), 1)
        record = RecordId("animals", partition, offset)
        events: list[Event] = [
            flow.SourcePolled(
                subtask=subtask, topic="animals", partition=partition, offset=offset, count=1
            ),
            flow.RecordRead(
                subtask=subtask, topic="animals", partition=partition, offset=offset,
                value=pack(row),
            ),
        ]  # fmt: skip
        return events + self._send(self.outputs[subtask][0], row, record)

    def _send(self, channel: _Channel, row: tuple[str, int], record: RecordId) -> list[Event]:
        position = channel.sent
        channel.sent += 1
        channel.queue.append((position, row, record))
        return [
            flow.RecordsEmitted(
                channel=channel.number, position=position, count=1,
                arrive_us=self.time_us + LATENCY_US,
            ),
            flow.BufferSent(
                channel=channel.number, position=position,
                values=pack((row,)), lineage=pack_lineage((record,)),
            ),
        ]  # fmt: skip

    def _deliver(self, channel: _Channel) -> list[Event]:
        position, row, record = channel.queue.popleft()
        here, number = channel.downstream, channel.number
        if isinstance(row, int):
            return self._barrier(channel, CheckpointId(row), position)
        events: list[Event] = [flow.RecordsDelivered(channel=number, position=position, count=1)]
        if here.vertex == "map":
            target = self.outputs[here][WORDS.index(row[0]) % 3]
            return events + self._send(target, row, record)
        if here.vertex == "count":
            self.tally[row[0]] = total = self.tally.get(row[0], 0) + 1
            events.append(
                flow.RecordApplied(
                    subtask=here, key=pack(row[0]), window_start_ms=-1, value=pack((total,)),
                    lineage=pack(record),
                )
            )  # fmt: skip
            return events + self._send(self.outputs[here][0], (row[0], total), record)
        self.rows.append((row, record))
        written = sink.RowsWritten(
            subtask=here, transaction_id=self.open, row_count=1,
            rows=pack((row,)), lineage=pack_lineage((record,)),
        )  # fmt: skip
        return [*events, written]

    def _trigger(self, number: CheckpointId) -> list[Event]:
        sources = tuple(s for s in self.subtasks if s.vertex == "src")
        events: list[Event] = [
            checkpoint.CheckpointTriggered(
                checkpoint_id=number, triggered=sources, expected=tuple(self.subtasks)
            )
        ]
        for source in sources:
            events += self._snapshot(source, number)
        return events

    def _snapshot(self, here: SubtaskId, number: CheckpointId) -> list[Event]:
        events: list[Event] = []
        for channel in self.outputs.get(here, ()):
            events.append(
                checkpoint.BarrierEmitted(
                    subtask=here, channel=channel.number, checkpoint_id=number,
                    position=channel.sent, arrive_us=self.time_us + LATENCY_US,
                )
            )  # fmt: skip
            channel.queue.append((channel.sent, number, RecordId("", 0, 0)))
            channel.sent += 1
        state = pack({"keyed": tuple((w, (n,)) for w, n in sorted(self.tally.items()))})
        self.acks[number] = self.acks.get(number, 0) + 1
        events += [
            checkpoint.SnapshotTaken(
                subtask=here, checkpoint_id=number, state=state, state_bytes=len(state)
            ),
            checkpoint.UploadCompleted(
                subtask=here, checkpoint_id=number, uploaded_bytes=len(state), duration_us=900
            ),
            checkpoint.SubtaskAcknowledged(
                subtask=here, checkpoint_id=number, acknowledged_count=self.acks[number],
                expected_count=len(self.subtasks),
            ),
        ]  # fmt: skip
        return events

    def _barrier(self, channel: _Channel, number: CheckpointId, position: int) -> list[Event]:
        here = channel.downstream
        events: list[Event] = [
            checkpoint.BarrierArrived(
                subtask=here, channel=channel.number, checkpoint_id=number, position=position
            )
        ]
        seen = self.barriers[here, number] = self.barriers.get((here, number), 0) + 1
        if seen < sum(c.downstream == here for c in self.channels):
            return events
        events += self._snapshot(here, number)
        if here.vertex == "out":
            events += self._complete(here, number)
        return events

    def _complete(self, here: SubtaskId, number: CheckpointId) -> list[Event]:
        rows, self.rows = self.rows, []
        closed, self.open = self.open, TransactionId(self.open + 1)
        return [
            sink.TransactionPreCommitted(
                subtask=here, transaction_id=closed, checkpoint_id=number, row_count=len(rows)
            ),
            sink.TransactionOpened(subtask=here, transaction_id=self.open, epoch=1),
            checkpoint.CheckpointCompleted(
                checkpoint_id=number, duration_us=40_000, checkpointed_bytes=900
            ),
            checkpoint.CompletionNotified(subtask=here, checkpoint_id=number),
            sink.TransactionCommitted(
                subtask=here, transaction_id=closed, row_count=len(rows), repeated=False
            ),
            sink.RowsVisible(
                sink="out", topic="counts", transaction_id=closed, row_count=len(rows),
                rows=pack(tuple(row for row, _ in rows)),
                lineage=pack_lineage([record for _, record in rows]),
            ),
        ]  # fmt: skip


def entries(records: int = 1_000, *, checkpoint_every: int = 100) -> list[Entry]:
    """The whole run: about 14 entries a record."""
    run = Synthetic(records, checkpoint_every=checkpoint_every)
    return [entry for step in run.steps() for entry in step]


HEADER = Header(
    engine_version="0.1.0", scenario_name="animals", scenario_text="title: Animals\n",
    seed=-3, policy="earliest", capabilities=("state", "records"),
)  # fmt: skip


class Sheet(io.BytesIO):
    """A file in memory whose contents outlive its closing."""

    def close(self) -> None:
        self.contents = self.getvalue()
        super().close()


def recorded(run: list[Entry], header: Header = HEADER) -> bytes:
    """The bytes of a whole recording."""
    sheet = Sheet()
    with Writer(sheet, header) as writer:
        writer.add(run)
    return sheet.contents
