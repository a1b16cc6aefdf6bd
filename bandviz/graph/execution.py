"""The ExecutionGraph: subtasks and channels, unrolled from the JobGraph. Frozen, shared by
clones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from bandviz.functions.rows import Fields
from bandviz.graph.chaining import chained_edges
from bandviz.graph.key_groups import key_group_range
from bandviz.graph.specs import JobEdge, JobGraph, JobVertex, Partitioner, Shared
from bandviz.graph.topology import connected_parts
from bandviz.ids import ChannelId, SubtaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan(Shared):
    """One channel. `index` is its place in the receiver's gate, over all of its input edges;
    `port` the ordinal of its edge among these. `overtakes`: unaligned barriers may go ahead here.
    `chained`: both ends run in one task, so it is a call and holds nothing.
    """

    channel: ChannelId
    edge: int
    upstream: SubtaskId
    downstream: SubtaskId
    index: int
    port: int
    latency_us: int
    capacity: int
    credit: int
    overtakes: bool
    chained: bool = False
    fifo: bool = True


@dataclass(frozen=True, kw_only=True)
class ExecutionGraph(Shared):
    """Subtasks in topological order, channels in the order of edges, senders, receivers."""

    job: JobGraph
    subtasks: tuple[SubtaskId, ...]
    channels: tuple[ChannelPlan, ...]

    @cached_property
    def vertex_of(self) -> dict[str, JobVertex]:
        """Vertices by uid."""
        return {vertex.uid: vertex for vertex in self.job.vertices}

    @cached_property
    def inputs_of(self) -> dict[SubtaskId, tuple[ChannelPlan, ...]]:
        """Channels into a subtask, in gate order."""
        return {
            subtask: tuple(plan for plan in self.channels if plan.downstream == subtask)
            for subtask in self.subtasks
        }

    @cached_property
    def outputs_of(self) -> dict[SubtaskId, tuple[tuple[JobEdge, tuple[ChannelPlan, ...]], ...]]:
        """Edges out of a subtask, each with its channels by receiver index."""
        found: dict[SubtaskId, list[tuple[JobEdge, tuple[ChannelPlan, ...]]]] = {}
        for subtask in self.subtasks:
            found[subtask] = []
            for number, edge in enumerate(self.job.edges):
                if edge.upstream == subtask.vertex:
                    plans = tuple(
                        plan
                        for plan in self.channels
                        if plan.edge == number and plan.upstream == subtask
                    )
                    found[subtask].append((edge, plans))
        return {subtask: tuple(edges) for subtask, edges in found.items()}

    @cached_property
    def tasks(self) -> tuple[tuple[SubtaskId, ...], ...]:
        """Operators that run in one task, in the order of their calls; most run alone."""
        behind = {plan.upstream: plan.downstream for plan in self.channels if plan.chained}
        chained = {*behind.values()}
        tasks = []
        for subtask in self.subtasks:
            if subtask not in chained:
                task = [subtask]
                while task[-1] in behind:
                    task.append(behind[task[-1]])
                tasks.append(tuple(task))
        return tuple(tasks)

    @cached_property
    def task_of(self) -> dict[SubtaskId, SubtaskId]:
        """The first operator of each one's task, which the task is named by."""
        return {operator: task[0] for task in self.tasks for operator in task}

    def with_their_tasks(self, operators: Sequence[SubtaskId]) -> tuple[SubtaskId, ...]:
        """These, and behind them all others that run in the same tasks."""
        hit = {self.task_of[name] for name in operators}
        others = [name for task in self.tasks if task[0] in hit for name in task]
        return tuple(dict.fromkeys([*operators, *others]))

    def fields_on(self, edge: JobEdge) -> Fields:
        """Columns of the records on an edge."""
        return edge.fields or self.vertex_of[edge.upstream].fields

    @cached_property
    def predecessors(self) -> dict[SubtaskId, tuple[SubtaskId, ...]]:
        """Senders of a subtask's channels, in gate order; of every subtask, sources included."""
        return {
            subtask: tuple(plan.upstream for plan in self.inputs_of[subtask])
            for subtask in self.subtasks
        }

    @cached_property
    def regions(self) -> tuple[tuple[SubtaskId, ...], ...]:
        """Subtasks connected by channels: Flink's pipelined regions, the units of failover."""
        ends = [(plan.upstream, plan.downstream) for plan in self.channels]
        return tuple(connected_parts(self.subtasks, ends))

    def regions_of(self, subtasks: Collection[SubtaskId]) -> tuple[SubtaskId, ...]:
        """All subtasks of the regions that these belong to, in the order of the graph."""
        hit = [region for region in self.regions if any(name in region for name in subtasks)]
        members = {name for region in hit for name in region}
        return tuple(name for name in self.subtasks if name in members)

    def key_groups(self, subtask: SubtaskId) -> tuple[int, int]:
        """Inclusive range of key groups that a subtask owns."""
        vertex = self.vertex_of[subtask.vertex]
        return key_group_range(vertex.max_parallelism, vertex.parallelism, subtask.index)


def unroll(job: JobGraph, *, chaining: bool = False) -> ExecutionGraph:
    """Make subtasks and channels: forward is one to one, all other edges are all to all."""
    chained = chained_edges(job) if chaining else ()
    parallelism = {vertex.uid: vertex.parallelism for vertex in job.vertices}
    subtasks = tuple(
        SubtaskId(vertex.uid, index)
        for vertex in job.vertices
        for index in range(vertex.parallelism)
    )
    gate_size = dict.fromkeys(subtasks, 0)
    ports = dict.fromkeys(parallelism, 0)
    channels: list[ChannelPlan] = []
    for number, edge in enumerate(job.edges):
        connect = pointwise if edge.partitioner is Partitioner.FORWARD else all_to_all
        pairs = connect(parallelism[edge.upstream], parallelism[edge.downstream])
        for sender, receiver in pairs:
            downstream = SubtaskId(edge.downstream, receiver)
            channels.append(
                ChannelPlan(
                    channel=ChannelId(len(channels)),
                    edge=number,
                    upstream=SubtaskId(edge.upstream, sender),
                    downstream=downstream,
                    index=gate_size[downstream],
                    port=ports[edge.downstream],
                    latency_us=edge.latency_us,
                    capacity=edge.capacity,
                    credit=edge.credit,
                    overtakes=edge.overtakes,
                    chained=number in chained,
                    fifo=edge.fifo,
                )
            )
            gate_size[downstream] += 1
        ports[edge.downstream] += 1
    return ExecutionGraph(job=job, subtasks=subtasks, channels=tuple(channels))


def all_to_all(senders: int, receivers: int) -> list[tuple[int, int]]:
    """Every sender with every receiver, by sender."""
    return [(sender, receiver) for sender in range(senders) for receiver in range(receivers)]


def pointwise(senders: int, receivers: int) -> list[tuple[int, int]]:
    """Neighbours only, as Flink deals them out: the larger side in contiguous even shares."""
    if senders >= receivers:
        return [
            (sender, receiver)
            for receiver in range(receivers)
            for sender in range(
                receiver * senders // receivers, (receiver + 1) * senders // receivers
            )
        ]
    return [
        (sender, receiver)
        for sender in range(senders)
        for receiver in range(
            -(-sender * receivers // senders), -(-(sender + 1) * receivers // senders)
        )
    ]
