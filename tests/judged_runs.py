"""A job moved by hand, which writes down what it does: material for the judge.

Some sources, one keyed count that emits increments, one sink. `Play` keeps the protocol; its small
methods are there to be overridden by a cheat. It shares nothing with the engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandviz.check.declared import Declared
from bandviz.events import Entry, Event, Level, flow, job, sink
from bandviz.events import checkpoint as ck
from bandviz.events import structure as st
from bandviz.events.records import pack_lineage
from bandviz.events.values import pack
from bandviz.functions.rows import KeyBy
from bandviz.ids import ChannelId, CheckpointId, RecordId, SubtaskId, TransactionId

Rows = Sequence[tuple[Any, ...]]
COUNT, BOARD = SubtaskId("count", 0), SubtaskId("board", 0)
OUT = ChannelId(100)
COUNT_SPEC = {
    "key": KeyBy(fields=("animal",)).spec(),
    "aggregates": [{"function": {"fn": "count"}, "name": "votes"}],
    "emit": "increment",
}


@dataclass
class Pipe:
    """A channel: (position, element) in flight; an element is a record id, a barrier, or an end."""

    id: ChannelId
    queue: deque[tuple[int, RecordId | int | flow.EndKind]] = field(default_factory=deque)
    put: int = 0


@dataclass
class Saved:
    """What a checkpoint keeps."""

    offsets: dict[str, int]
    tally: dict[str, int] = field(default_factory=dict)
    ids: list[RecordId] = field(default_factory=list)
    pending: list[tuple[CheckpointId, TransactionId]] = field(default_factory=list)
    current: int = 0


class Play:
    """The honest job. Steps have even numbers, so that a test can put one in between."""

    emit = "increment"
    tells_contents = True

    def __init__(
        self,
        logs: Mapping[str, Sequence[str]],
        *,
        contract: str = "two_phase",
        confluent: bool = True,
    ) -> None:
        self.entries: list[Entry] = []
        self.logs = {name: list(rows) for name, rows in logs.items()}
        self.contract = contract
        self.saved: dict[int, Saved] = {0: Saved(dict.fromkeys(logs, 0))}
        self.completed = [0]
        self.newest = 0
        self.in_progress = self.photographed = False
        self.attempt = 0
        self.step = -2
        self.transactions = 0
        self.rows: dict[int, list[RecordId]] = {}
        self.committed: list[int] = []
        self.next_offset = dict.fromkeys(logs, 0)
        self.now(*self.preamble(confluent), *self.deploy(0))

    # -- writing down

    def now(self, *events: Event) -> None:
        """One step: CONTROL first, then FLOW, then RECORD."""
        self.step += 2
        for k, event in enumerate(sorted(events, key=lambda event: event.level)):
            self.entries.append(Entry(self.step, k, self.step * 1000, None, event))

    def preamble(self, confluent: bool) -> list[Event]:
        told: list[Event] = [
            st.RunDeclared(
                scenario="play", variant="", seed=0, confluent=confluent,
                checkpoint_interval_us=1, buffer_records=1,
            )
        ]  # fmt: skip
        spec = COUNT_SPEC | {"emit": self.emit}
        for number, name in enumerate(self.logs):
            told += self.declare_source(number, name)
        fields = ("animal", "increment")
        told += [vertex("count", "aggregate", fields, spec)]
        board = {"topic": "board", "contract": self.contract, "fencing": True}
        told += [vertex("board", "sink", fields, board)]
        told += [edge(98, "count", "board", "forward"), channel(OUT, 98, COUNT, BOARD)]
        first = (st.RunDeclared, st.VertexDeclared)  # an edge names vertices that are known
        return sorted(told, key=lambda event: not isinstance(event, first))

    def declare_source(self, number: int, name: str) -> list[Event]:
        subtask, rows = SubtaskId(name, 0), [(word,) for word in self.logs[name]]
        return [
            vertex(name, "source", ("animal",), {"topic": name}),
            edge(number, name, "count", "hash", key=pack(COUNT_SPEC["key"])),
            channel(ChannelId(number), number, subtask, COUNT),
            st.PartitionDeclared(
                vertex=name, subtask=subtask, topic=name, partition=0, label=name,
                record_count=len(rows),
            ),
            st.PartitionRowsDeclared(
                topic=name, partition=0, first_offset=0, rows=pack(rows), times_ms=pack(None)
            ),
        ]  # fmt: skip

    # -- life

    def everybody(self) -> list[SubtaskId]:
        return [*(SubtaskId(name, 0) for name in self.logs), COUNT, BOARD]

    def deploy(self, checkpoint: int) -> list[Event]:
        """A new attempt, filled from the checkpoint."""
        self.attempt += 1
        self.pipes = {name: Pipe(ChannelId(n)) for n, name in enumerate(self.logs)}
        self.out = Pipe(OUT)
        self.blocked: list[str] = []
        self.ended: list[str] = []
        saved = self.saved[checkpoint]
        self.tally, self.ids = dict(saved.tally), list(saved.ids)
        told: list[Event] = []
        if self.attempt > 1:
            number = CheckpointId(checkpoint)
            told.append(job.RestoreStarted(checkpoint_id=number, attempt=self.attempt, subtasks=()))
        told += [job.SubtaskDeployed(subtask=s, attempt=self.attempt) for s in self.everybody()]
        if self.attempt > 1:
            told += self.restore(checkpoint, saved)
        self.pending: list[tuple[CheckpointId, TransactionId]] = []
        told += self.open_transaction()
        told.append(job.JobStatusChanged(status=job.JobStatus.RUNNING, attempt=self.attempt))
        return told

    def restore(self, checkpoint: int, saved: Saved) -> list[Event]:
        told: list[Event] = []
        for name in self.logs:
            before, to = self.next_offset[name], self.rewind_to(name, saved)
            self.next_offset[name] = to
            told.append(
                job.SourceRewound(
                    subtask=SubtaskId(name, 0), topic=name, partition=0,
                    from_offset=before, to_offset=to,
                )
            )  # fmt: skip
        state = pack(self.count_state(saved.tally)) if checkpoint else b""
        number = CheckpointId(checkpoint)
        for subtask in self.everybody():
            held = state if subtask == COUNT else b""
            told.append(job.SubtaskRestored(subtask=subtask, checkpoint_id=number, state=held))
        for _, transaction in saved.pending:
            told += self.commit(transaction)
        for open_one in [number for number in self.rows if number not in self.committed]:
            told += self.abort(TransactionId(open_one))
        return told

    def rewind_to(self, name: str, saved: Saved) -> int:
        return saved.offsets[name]

    def crash(self, restore: int | None = None) -> None:
        """count dies, all are cancelled; the next step restores the newest completed checkpoint."""
        told: list[Event] = [
            job.SubtaskFailed(
                subtask=COUNT, attempt=self.attempt, reason="killed", detail="", trace=""
            )
        ]
        for subtask in self.everybody():
            if subtask != COUNT:
                told.append(job.SubtaskCanceled(subtask=subtask, attempt=self.attempt))
        for pipe in (*self.pipes.values(), self.out):
            told.append(job.ChannelCleared(channel=pipe.id, lost_record_count=0))
        if self.in_progress:
            self.in_progress = False
            reason = ck.CheckpointFailureReason.JOB_FAILOVER
            number = CheckpointId(self.newest)
            told.append(ck.CheckpointAborted(checkpoint_id=number, reason=reason))
        self.now(*told)
        self.now(*self.deploy(self.completed[-1] if restore is None else restore))

    def finish(self) -> None:
        """Read and deliver everything, take the final checkpoint, end well."""
        for name in self.logs:
            while self.next_offset[name] < len(self.logs[name]):
                self.poll(name)
        self.drain()
        if self.in_progress:
            self.complete()
        self.trigger()
        self.drain()
        self.complete()
        self.notify()
        for name in self.logs:
            self.now(*self.end(self.pipes[name]))
            self.deliver(name)
        self.now(*self.end(self.out))
        self.show()
        self.now(
            *(job.SubtaskFinished(subtask=s, attempt=self.attempt) for s in self.everybody()),
            job.RunEnded(status=job.RunStatus.FINISHED, reason=""),
        )

    def drain(self) -> None:
        """Deliver until all channels are empty."""
        while any(pipe.queue for pipe in (*self.pipes.values(), self.out)):
            for name in self.logs:
                self.deliver(name)
            self.show()

    # -- moves

    def make(self, move: str) -> None:
        """One move by its name, `poll north` or `crash`; nothing if it is not possible now."""
        verb, _, name = move.partition(" ")
        possible = {
            "trigger": not self.in_progress,
            "complete": self.in_progress and self.photographed,
            "notify": len(self.completed) > 1,
        }
        if possible.get(verb, True):
            getattr(self, verb)(*filter(None, [name]))

    def poll(self, name: str) -> None:
        """A source reads one record and sends it."""
        offset = self.next_offset[name]
        if offset >= len(self.logs[name]):
            return
        self.next_offset[name] = offset + 1
        subtask, record = SubtaskId(name, 0), RecordId(name, 0, offset)
        told: list[Event] = [
            flow.SourcePolled(subtask=subtask, topic=name, partition=0, offset=offset, count=1),
            flow.RecordRead(
                subtask=subtask,
                topic=name,
                partition=0,
                offset=offset,
                value=pack(self.row(record)),
            ),
        ]  # fmt: skip
        self.now(*told, *self.send(self.pipes[name], record, self.row(record)))

    def row(self, record: RecordId) -> tuple[str, ...]:
        return (self.logs[record.source][record.offset],)

    def send(self, pipe: Pipe, record: RecordId, row: tuple[Any, ...]) -> list[Event]:
        position = self.enqueue(pipe, record)
        told: list[Event] = [
            flow.RecordsEmitted(channel=pipe.id, position=position, count=1, arrive_us=0)
        ]
        if self.tells_contents:
            told.append(
                flow.BufferSent(
                    channel=pipe.id, position=position, values=pack([row]),
                    lineage=pack_lineage([record]),
                )
            )  # fmt: skip
        return told

    def enqueue(self, pipe: Pipe, element: RecordId | int | flow.EndKind) -> int:
        pipe.queue.append((pipe.put, element))
        pipe.put += 1
        return pipe.put - 1

    def end(self, pipe: Pipe) -> list[Event]:
        kind = flow.EndKind.PARTITION
        position = self.enqueue(pipe, kind)
        return [flow.EndEmitted(channel=pipe.id, kind=kind, position=position, arrive_us=0)]

    def trigger(self) -> None:
        """A checkpoint begins: each source cuts its log where it stands, in a step of its own."""
        self.newest += 1
        number = CheckpointId(self.newest)
        self.in_progress, self.photographed = True, False
        us = tuple(self.everybody())
        self.now(ck.CheckpointTriggered(checkpoint_id=number, triggered=us[:-2], expected=us))
        self.saved[number] = Saved({name: self.offset_in_snapshot(name) for name in self.logs})
        for name, offset in self.saved[number].offsets.items():
            told = self.barrier(SubtaskId(name, 0), self.pipes[name], number)
            state = pack({"offsets": {0: offset}})
            self.now(*told, *self.snapshot(SubtaskId(name, 0), number, state))

    def offset_in_snapshot(self, name: str) -> int:
        return self.next_offset[name]

    def barrier(self, subtask: SubtaskId, pipe: Pipe, number: CheckpointId) -> list[Event]:
        position = self.enqueue(pipe, number)
        return [
            ck.BarrierEmitted(
                subtask=subtask,
                channel=pipe.id,
                checkpoint_id=number,
                position=position,
                arrive_us=0,
            )
        ]

    def snapshot(self, subtask: SubtaskId, number: CheckpointId, state: bytes) -> list[Event]:
        return [
            ck.SnapshotTaken(
                subtask=subtask, checkpoint_id=number, state=state, state_bytes=len(state)
            )
        ]

    def deliver(self, name: str) -> None:
        """count takes the next element of one channel, unless that is blocked."""
        pipe = self.pipes[name]
        if not pipe.queue or self.is_blocked(name):
            return
        position, element = pipe.queue.popleft()
        if isinstance(element, RecordId):
            taken = flow.RecordsDelivered(channel=pipe.id, position=position, count=1)
            self.now(taken, *self.apply(element), *self.hand_on(element))
        elif isinstance(element, flow.EndKind):
            self.ended.append(name)
            self.now(flow.EndArrived(channel=pipe.id, kind=element, position=position))
        else:
            self.now(*self.align(name, CheckpointId(element), position))

    def hand_on(self, record: RecordId) -> list[Event]:
        (animal,) = self.row(record)
        votes = self.tally.get(animal, 0) if self.emit == "running" else 1
        return self.send(self.out, record, (animal, votes))

    def is_blocked(self, name: str) -> bool:
        return name in self.blocked

    def apply(self, record: RecordId) -> list[Event]:
        (animal,) = self.row(record)
        self.tally[animal] = self.tally.get(animal, 0) + 1
        self.ids.append(record)
        return [
            flow.RecordApplied(
                subtask=COUNT, key=pack(animal), window_start_ms=-1,
                value=pack((self.tally[animal],)), lineage=pack(record),
            )
        ]  # fmt: skip

    def align(self, name: str, number: CheckpointId, position: int) -> list[Event]:
        """The channel is blocked; with the last barrier the picture is taken."""
        self.blocked.append(name)
        at: dict[str, Any] = {
            "subtask": COUNT,
            "channel": self.pipes[name].id,
            "checkpoint_id": number,
        }
        told: list[Event] = [
            ck.BarrierArrived(**at, position=position),
            ck.ChannelBlocked(**at, held_count=0),
        ]
        if len(self.blocked) == len(self.logs):
            saved = self.saved[number]
            saved.tally, saved.ids = dict(self.tally), list(self.ids)
            told += self.barrier(COUNT, self.out, number)
            told += self.snapshot(COUNT, number, pack(self.count_state(self.tally)))
            for other in self.blocked:
                where = at | {"channel": self.pipes[other].id}
                told.append(ck.ChannelUnblocked(**where, released_count=0, arrive_us=0))
            self.blocked = []
        return told

    def count_state(self, tally: Mapping[str, int]) -> dict[str, Any]:
        return {"keyed": [[animal, (votes,)] for animal, votes in sorted(tally.items())]}

    def show(self) -> None:
        """The sink takes the next element."""
        if not self.out.queue:
            return
        position, element = self.out.queue.popleft()
        if isinstance(element, RecordId):
            taken = flow.RecordsDelivered(channel=OUT, position=position, count=1)
            self.now(taken, *self.write(element))
        elif isinstance(element, flow.EndKind):
            self.now(flow.EndArrived(channel=OUT, kind=element, position=position))
        else:
            self.now(*self.photograph_sink(CheckpointId(element), position))

    def write(self, record: RecordId) -> list[Event]:
        if self.contract == "append":
            return self.visible(0, [record])
        self.rows[self.transaction].append(record)
        return []

    def photograph_sink(self, number: CheckpointId, position: int) -> list[Event]:
        self.photographed = True
        told: list[Event] = [
            ck.BarrierArrived(subtask=BOARD, channel=OUT, checkpoint_id=number, position=position)
        ]
        saved = self.saved[number]
        if self.contract == "two_phase":
            self.pending.append((number, TransactionId(self.transaction)))
            told.append(
                sink.TransactionPreCommitted(
                    subtask=BOARD, transaction_id=TransactionId(self.transaction),
                    checkpoint_id=number, row_count=len(self.rows[self.transaction]),
                )
            )  # fmt: skip
            told += self.open_transaction()
            saved.pending, saved.current = list(self.pending), self.transaction
        pending = [(under, transaction, 0) for under, transaction in self.pending]
        stored = [("board[0]", 0, self.transaction, pending)] if pending else []
        return [*told, *self.snapshot(BOARD, number, pack({"transactions": stored}))]

    def complete(self) -> None:
        """All parts become durable, all acknowledge, the checkpoint completes, the sink commits."""
        self.in_progress = False
        number = CheckpointId(self.newest)
        told: list[Event] = []
        for subtask in self.everybody():
            told.append(
                ck.UploadCompleted(
                    subtask=subtask, checkpoint_id=number, uploaded_bytes=1, duration_us=1
                )
            )
            told.append(
                ck.SubtaskAcknowledged(
                    subtask=subtask, checkpoint_id=number, acknowledged_count=1, expected_count=4
                )
            )
        told.append(
            ck.CheckpointCompleted(checkpoint_id=number, duration_us=1, checkpointed_bytes=1)
        )
        self.now(*told)
        self.completed.append(number)

    def notify(self) -> None:
        """The sink hears of the completion."""
        number = CheckpointId(self.completed[-1])
        told: list[Event] = [ck.CompletionNotified(subtask=BOARD, checkpoint_id=number)]
        for under, transaction in list(self.pending):
            if under <= number:
                self.pending.remove((under, transaction))
                told += self.commit(transaction)
        self.now(*told)

    # -- transactions

    def open_transaction(self) -> list[Event]:
        if self.contract != "two_phase":
            return []
        self.transactions += 1
        self.transaction = self.transactions
        self.rows[self.transaction] = []
        number = TransactionId(self.transaction)
        return [sink.TransactionOpened(subtask=BOARD, transaction_id=number, epoch=self.attempt)]

    def commit(self, number: TransactionId) -> list[Event]:
        repeated = number in self.committed
        done = sink.TransactionCommitted(
            subtask=BOARD,
            transaction_id=number,
            row_count=len(self.rows[number]),
            repeated=repeated,
        )
        if repeated:
            return [done]
        self.committed.append(number)
        return [done, *self.visible(number, self.rows[number])]

    def abort(self, number: TransactionId) -> list[Event]:
        rows = self.rows.pop(number)
        cause = sink.AbortCause.FENCED
        return [
            sink.TransactionAborted(
                subtask=BOARD, transaction_id=number, row_count=len(rows), cause=cause
            )
        ]

    def visible(self, transaction: int, records: Sequence[RecordId]) -> list[Event]:
        rows = [self.public_row(record) for record in records]
        return [
            sink.RowsVisible(
                sink="board", topic="board", transaction_id=TransactionId(transaction),
                row_count=len(rows), rows=pack(rows), lineage=pack_lineage(records),
            )
        ]  # fmt: skip

    def public_row(self, record: RecordId) -> tuple[Any, ...]:
        return (*self.row(record), 1)


def vertex(
    uid: str, kind: str, fields: tuple[str, ...], spec: object, parallelism: int = 1
) -> Event:
    return st.VertexDeclared(
        vertex=uid, kind=kind, parallelism=parallelism, max_parallelism=128, fields=fields,
        spec=pack(spec),
    )  # fmt: skip


def edge(number: int, upstream: str, downstream: str, how: str, key: bytes = b"") -> Event:
    return st.EdgeDeclared(
        edge=number, upstream=upstream, downstream=downstream, partitioner=how, key=key
    )


def channel(number: ChannelId, on_edge: int, upstream: SubtaskId, downstream: SubtaskId) -> Event:
    return st.ChannelDeclared(
        channel=number, edge=on_edge, upstream=upstream, downstream=downstream, index=number,
        capacity_count=4,
    )  # fmt: skip


def declared(
    chain: Sequence[tuple[str, str, tuple[str, ...], Mapping[str, Any]]],
    logs: Mapping[str, tuple[Rows, Sequence[int] | None]],
    *,
    fields: tuple[str, ...] = ("word",),
    partitioner: str = "hash",
    parallelism: int = 1,
) -> Declared:
    """Sources, one a log, all feeding a chain of (uid, kind, output fields, spec), and a sink."""
    told: list[Any] = [vertex(name, "source", fields, {"topic": name}) for name in logs]
    stages = [*chain, ("out", "sink", ("?",), {"topic": "out", "contract": "append"})]
    before = list(logs)
    for uid, kind, names, spec in stages:
        wide = parallelism if kind in ("aggregate", "window", "map") else 1
        told.append(vertex(uid, kind, names, spec, wide))
        key = pack(spec["key"]) if "key" in spec and partitioner == "hash" else b""
        told += [edge(len(told), name, uid, partitioner, key) for name in before]
        before = [uid]
    for name, (rows, times) in logs.items():
        told.append(
            st.PartitionDeclared(
                vertex=name, subtask=SubtaskId(name, 0), topic=name, partition=0, label=name,
                record_count=len(rows),
            )
        )  # fmt: skip
        for at in range(0, len(rows), 2):  # in pieces, as a long log comes
            part = times[at : at + 2] if times is not None else None
            told.append(
                st.PartitionRowsDeclared(
                    topic=name, partition=0, first_offset=at, rows=pack(list(rows[at : at + 2])),
                    times_ms=pack(part),
                )
            )  # fmt: skip
    job = Declared()
    for event in told:
        job.notes[type(event)](event)
    return job


def heard(entries: Sequence[Entry], level: Level) -> list[Entry]:
    """What a recording of this level holds."""
    return [entry for entry in entries if entry.event.level <= level]


def played(play: Play, script: Sequence[str]) -> Play:
    """Make these moves, then come to a good end."""
    for move in script:
        play.make(move)
    play.finish()
    return play


STORY_LOGS = {"north": ["cat", "dog", "cat", "cat", "dog"], "south": ["dog", "cat", "dog", "dog"]}

STORY = (
    "poll north", "poll south", "poll north", "poll south", "deliver north", "deliver south",
    "poll north", "trigger", "poll north", "deliver north", "deliver north", "deliver north",
    "drain", "complete", "notify", "poll south", "drain", "crash",
)  # fmt: skip
"""Read, cut, complete, commit, read on, crash; what was read since is read again."""
