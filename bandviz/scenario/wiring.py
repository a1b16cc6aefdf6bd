"""How the operators of a scenario are connected: names, order, edges and keys.

`key_by` and `union` are no tasks: as in Flink they dissolve into the edges behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from bandviz.functions.rows import Fields, KeyBy
from bandviz.graph.specs import JobEdge, Partitioner
from bandviz.graph.topology import GraphCycle, topological_order
from bandviz.scenario import operators as op
from bandviz.scenario.findings import Problems, nearest
from bandviz.scenario.reader import Path

EDGES_MAX: Final = 2_000
CHANNELS_MAX: Final = 10_000
TWO_INPUTS: Final[dict[type, tuple[str, str]]] = {
    op.IntervalJoin: ("left", "right"),
    op.WindowJoin: ("left", "right"),
    op.Broadcast: ("records", "rules"),
}
RULES: Final = 1
"""Input of a broadcast operator that every subtask gets whole."""


class Upstream(NamedTuple):
    """A task behind an input, which of its outputs, and the key that `key_by` put on the way."""

    uid: str
    side: str
    key: Fields | None


class Wiring:
    """Connections of one pipeline. `order` is empty if names or shape are wrong.

    `edges`: incoming ones by task, in the order of its inputs; `keys`: columns of the key by keyed
    operator, one for each of its inputs; `left_ports`: how many edges the first of two inputs has.
    """

    def __init__(self, declared: Sequence[op.Physical | op.Virtual], problems: Problems) -> None:
        self.by_uid: dict[str, op.Physical | op.Virtual] = {}
        self.at: dict[str, Path] = {}
        self.order: tuple[str, ...] = ()
        self.edges: dict[str, list[JobEdge]] = {}
        self.keys: dict[str, tuple[Fields, ...]] = {}
        self.left_ports: dict[str, int] = {}
        self._problems = problems
        self._reaches: dict[str, tuple[Upstream, ...]] = {}
        if self._declare(declared):
            self.order = self._topological_order()
        for uid in self.order:
            self._connect(uid)
        self._check_size()

    def inputs(self, uid: str) -> Sequence[op.Input | op.Link]:
        """Declared inputs of an operator."""
        operator = self.by_uid[uid]
        return () if isinstance(operator, op.Source) else operator.inputs

    def _declare(self, declared: Sequence[op.Physical | op.Virtual]) -> bool:
        """Whether all names are right."""
        before = self._problems.count
        for index, operator in enumerate(declared):
            at: Path = ("pipeline", index)
            if operator.uid in self.by_uid:
                self._problems.add((*at, "uid"), f"a second operator '{operator.uid}'")
            else:
                self.by_uid[operator.uid] = operator
                self.at[operator.uid] = at
        for uid in self.by_uid:
            self._check_inputs(uid)
        if self._problems.count == before:  # else a misspelt name would be reported twice
            self._check_outputs()
        return self._problems.count == before

    def _check_outputs(self) -> None:
        used = [item.upstream for uid in self.by_uid for item in self.inputs(uid)]
        for uid, operator in self.by_uid.items():
            if uid not in used and not isinstance(operator, op.Sink):
                self._problems.add((*self.at[uid], "uid"), f"nothing takes the output of '{uid}'")

    def _check_inputs(self, uid: str) -> None:
        givers = [name for name, item in self.by_uid.items() if not isinstance(item, op.Sink)]
        for index, item in enumerate(self.inputs(uid)):
            at = (*self.at[uid], "inputs", index, "from")
            upstream = self.by_uid.get(item.upstream)
            if upstream is None:
                self._problems.add(
                    at, f"no operator '{item.upstream}'", nearest(item.upstream, givers)
                )
            elif isinstance(upstream, op.Sink):
                self._problems.add(at, f"'{item.upstream}' is a sink and puts nothing out")
            elif item.side is not None:
                self._check_side(upstream, item.side, at)

    def _check_side(self, upstream: op.Physical | op.Virtual, side: str, at: Path) -> None:
        tags = op.side_outputs(upstream)
        if side not in tags:
            sentence = f"'{upstream.uid}' has no side output '{side}'"
            self._problems.add((*at[:-1], "side"), sentence, nearest(side, tags))

    def _topological_order(self) -> tuple[str, ...]:
        upstream = {uid: [item.upstream for item in self.inputs(uid)] for uid in self.by_uid}
        try:
            return topological_order(upstream)
        except GraphCycle as cycle:
            sentence = f"a cycle: {' -> '.join((*cycle.nodes, cycle.nodes[0]))}"
            first, last = cycle.nodes[0], cycle.nodes[-1]
            closing = upstream[first].index(last)
            self._problems.add((*self.at[first], "inputs", closing, "from"), sentence)
            return ()

    def _connect(self, uid: str) -> None:
        operator, at = self.by_uid[uid], self.at[uid]
        self._reaches[uid] = (Upstream(uid, "", None),)
        if isinstance(operator, (op.KeyBy, op.Union)):
            self._reaches[uid] = self._dissolve(operator, at)
            return
        if isinstance(operator, op.TwoInputs):
            self._check_two(operator, at)
        if isinstance(operator, op.Join):
            right = "right_key" if operator.right_key else "key"
            fields = ["key"] + [right] * (len(operator.inputs) - 1)
            self.keys[uid] = tuple(
                self._agree_on_key(uid, (item,), field, getattr(operator, field), at)
                for item, field in zip(operator.inputs, fields, strict=True)
            )
        elif isinstance(operator, op.Keyed):
            inputs = operator.inputs
            key = self._agree_on_key(uid, inputs, "key", operator.key, at)
            self.keys[uid] = (key,) * len(inputs)
        self.edges[uid] = self._incoming_edges(operator, at)
        if operator.parallelism > operator.max_parallelism:
            most = operator.max_parallelism
            sentence = f"'{uid}' has {most} key groups, too few for {operator.parallelism} subtasks"
            hint = f"at most {most}, or raise max_parallelism"
            self._problems.add((*at, "parallelism"), sentence, hint)

    def _check_two(self, operator: op.TwoInputs, at: Path) -> None:
        first, second = TWO_INPUTS[type(operator)]
        if len(operator.inputs) != len(TWO_INPUTS[type(operator)]):
            sentence = f"'{operator.uid}' needs two inputs: {first}, then {second}"
            self._problems.add((*at, "inputs"), sentence, key=True)
        declared = [tag for name in operator.SIDES if (tag := getattr(operator, name))]
        if len(op.side_outputs(operator)) < len(declared):
            self._problems.add((*at, operator.SIDES[-1]), "both side outputs have the same tag")

    def _dissolve(self, operator: op.Virtual, at: Path) -> tuple[Upstream, ...]:
        reached = [up for item in operator.inputs for up in self._behind(item)]
        if isinstance(operator, op.KeyBy):
            key = op.key_columns(operator.key)
            reached = [up._replace(key=key) for up in reached]
        distinct = tuple(dict.fromkeys(reached))
        if len(distinct) < len(reached):
            self._problems.add((*at, "inputs"), "the same operator twice")
        return distinct

    def _behind(self, item: op.Input | op.Link) -> tuple[Upstream, ...]:
        """The outputs of tasks that an input stands for."""
        reached = self._reaches[item.upstream]
        if item.side is None:
            return reached
        return tuple(up._replace(side=item.side) for up in reached)

    def _agree_on_key(
        self,
        uid: str,
        inputs: Sequence[op.Input],
        field: str,
        declared: str | Fields | None,
        at: Path,
    ) -> Fields:
        """Inputs of a keyed operator have one key: its own, or that of every key_by before it."""
        own = op.key_columns(declared) if declared else None
        reached = [up for item in inputs for up in self._behind(item)]
        keys = list(dict.fromkeys(up.key for up in reached if up.key is not None))
        if own is not None and any(key != own for key in keys):
            self._problems.add((*at, field), f"a key_by before it says {', '.join(keys[0])}")
        elif own is None and (not keys or any(up.key is None for up in reached)):
            sentence = f"'{uid}' needs a key"
            self._problems.add(at, sentence, "add `key:`, or key_by before every input")
        elif own is None and len(keys) > 1:
            self._problems.add((*at, "inputs"), "the inputs have different keys")
        return own or (keys[0] if keys else ())

    def _incoming_edges(self, operator: op.Physical, at: Path) -> list[JobEdge]:
        edges: dict[tuple[str, str], JobEdge] = {}
        for index, item in enumerate(self.inputs(operator.uid)):
            assert isinstance(item, op.Input)
            path = (*at, "inputs", index)
            if index == 1:
                self.left_ports[operator.uid] = len(edges)
            for upstream in self._behind(item):
                output = (upstream.uid, upstream.side)
                if output in edges:
                    sentence = f"'{upstream.uid}' is an input of this operator already"
                    self._problems.add(path, sentence)
                edges[output] = self._edge(operator, index, upstream, path)
        return list(edges.values())

    def _edge(self, operator: op.Physical, index: int, upstream: Upstream, at: Path) -> JobEdge:
        item = self.inputs(operator.uid)[index]
        assert isinstance(item, op.Input)
        key = upstream.key
        if isinstance(operator, op.Broadcast) and index == RULES:
            key, partitioner = None, self._rules_partitioner(item, at)
        else:
            if isinstance(operator, op.Keyed):
                key = self.keys[operator.uid][index]
            partitioner = self._partitioner(operator, item, upstream.uid, key, at)
        return JobEdge(
            upstream=upstream.uid,
            downstream=operator.uid,
            partitioner=partitioner,
            key=KeyBy(fields=key) if key else None,
            latency_us=item.latency_ms * 1_000,
            capacity=item.capacity,
            credit=item.credit,
            side=upstream.side,
        )

    def _partitioner(
        self, operator: op.Physical, item: op.Input, upstream: str, key: Fields | None, at: Path
    ) -> Partitioner:
        if item.partitioner is not None:
            partitioner = Partitioner(item.partitioner)
            self._check_edge(partitioner, upstream, operator, key, at)
            return partitioner
        if key is not None:
            return Partitioner.HASH
        forward = self._parallelism(upstream) == operator.parallelism
        return Partitioner.FORWARD if forward else Partitioner.REBALANCE

    def _rules_partitioner(self, item: op.Input, at: Path) -> Partitioner:
        if item.partitioner not in (None, "broadcast"):
            sentence = "rules go to every subtask: this edge has to be broadcast"
            self._problems.add((*at, "partitioner"), sentence)
        return Partitioner.BROADCAST

    def _check_edge(
        self,
        partitioner: Partitioner,
        upstream: str,
        operator: op.Physical,
        key: Fields | None,
        at: Path,
    ) -> None:
        at = (*at, "partitioner")
        if partitioner is Partitioner.HASH:
            if key is None:
                self._problems.add(at, "a hash edge needs a key", "put a key_by before it")
        elif key is not None:
            side = "before a keyed operator" if isinstance(operator, op.Keyed) else "behind key_by"
            self._problems.add(at, f"an edge {side} has to be hash")
        elif partitioner is Partitioner.FORWARD:
            theirs, ours = self._parallelism(upstream), operator.parallelism
            if theirs != ours:
                sentence = f"'{upstream}' has {theirs}, '{operator.uid}' has {ours}"
                hint = "rebalance spreads records"
                self._problems.add(at, f"forward needs equal parallelism: {sentence}", hint)

    def _check_size(self) -> None:
        edges = [edge for incoming in self.edges.values() for edge in incoming]
        channels = sum(
            self._parallelism(edge.upstream)
            * (1 if edge.partitioner is Partitioner.FORWARD else self._parallelism(edge.downstream))
            for edge in edges
        )
        if len(edges) > EDGES_MAX or channels > CHANNELS_MAX:
            sentence = f"more than {EDGES_MAX} edges or {CHANNELS_MAX} channels"
            self._problems.add(("pipeline",), sentence, key=True)

    def _parallelism(self, uid: str) -> int:
        operator = self.by_uid[uid]
        return operator.parallelism if isinstance(operator, op.Task) else 0
