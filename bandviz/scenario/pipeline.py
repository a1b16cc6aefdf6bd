"""From declared operators to a JobGraph: columns are followed from the topics to the sinks.

What does not fit is reported with its place; there is a graph only if nothing was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bandviz.functions.process import TimeDomain
from bandviz.functions.rows import Fields, KeyBy
from bandviz.graph.sinks import with_writers
from bandviz.graph.specs import (
    AggregateSpec,
    BroadcastSpec,
    DeduplicateSpec,
    Emit,
    FilterSpec,
    FlatMapSpec,
    IntervalJoinSpec,
    JobGraph,
    JobVertex,
    MapSpec,
    OnError,
    OperatorSpec,
    ProcessSpec,
    ReduceSpec,
    SourceSpec,
    StartFrom,
    WatermarkAlignment,
    WindowJoinSpec,
    WindowSpec,
)
from bandviz.scenario import columns as known
from bandviz.scenario import operators as op
from bandviz.scenario import stateful
from bandviz.scenario.columns import Columns, Kind
from bandviz.scenario.expressions import after_expr
from bandviz.scenario.findings import Problems
from bandviz.scenario.reader import Path
from bandviz.scenario.sinks import spec_of
from bandviz.scenario.windows import assigner_of, check_windows, sized
from bandviz.scenario.wiring import Wiring


def compile_pipeline(
    declared: Sequence[op.Physical | op.Virtual],
    topics: Mapping[str, Columns],
    timed: Mapping[str, bool],
    problems: Problems,
) -> JobGraph | None:
    """`topics`: columns of each source log; `timed`: whether it has event times."""
    before = problems.count
    wiring = Wiring(declared, problems)
    flow = _Flow(wiring, topics, timed, problems)
    for uid in wiring.order:
        flow.follow(uid)
    if problems.count > before:
        return None
    vertices = []
    for uid in wiring.order:
        operator = wiring.by_uid[uid]
        if isinstance(operator, op.Task):
            spec = _spec(operator, wiring)
            vertices.append(_vertex(operator, spec, flow.columns[uid].names))
    edges = tuple(
        replace(edge, fields=flow.sides[edge.upstream, edge.side].names) if edge.side else edge
        for uid in wiring.by_uid
        for edge in wiring.edges.get(uid, ())
    )
    return with_writers(JobGraph(vertices=tuple(vertices), edges=edges))


class _Flow:
    """Columns that each operator puts out, and whether watermarks reach it."""

    def __init__(
        self,
        wiring: Wiring,
        topics: Mapping[str, Columns],
        timed: Mapping[str, bool],
        problems: Problems,
    ) -> None:
        self.columns: dict[str, Columns] = {}
        self.sides: dict[tuple[str, str], Columns] = {}
        self._wiring = wiring
        self._topics = topics
        self._timed = timed
        self._problems = problems
        self._clocked: dict[str, bool] = {}

    def follow(self, uid: str) -> None:
        """Work out one operator; those before it have been."""
        operator, at = self._wiring.by_uid[uid], self._wiring.at[uid]
        if isinstance(operator, op.Source):
            self._source(operator, at)
            return
        self._clocked[uid] = all(self._clocked[item.upstream] for item in operator.inputs)
        each = [self._on(item) for item in operator.inputs]
        for tag, index in op.side_outputs(operator).items():
            self.sides[uid, tag] = each[min(index, len(each) - 1)]
        if isinstance(operator, op.TwoInputs):
            two = len(each) == 2  # else that is what is reported
            self.columns[uid] = self._connected(operator, at, *each) if two else each[0]
            return
        incoming = self._join(each, at)
        match operator:
            case op.Map() | op.Filter() | op.FlatMap():
                self.columns[uid] = self._stateless(operator, at, incoming)
                if operator.on_error == "side" and operator.errors is None:
                    sentence = f"'{uid}' names no side output for its errors"
                    hint = "set errors, and read it by side: of an input"
                    self._problems.add((*at, "on_error"), sentence, hint)
            case op.Aggregate() | op.Window():
                self.columns[uid] = self._aggregated(operator, at, incoming)
            case op.Reduce() | op.Process() | op.Deduplicate():
                self.columns[uid] = self._keyed(operator, at, incoming)
            case op.KeyBy():
                self._check_key(op.key_columns(operator.key), at, incoming)
                self.columns[uid] = incoming
            case op.Sink():
                if operator.key is not None:
                    self._check_key(op.key_columns(operator.key), at, incoming)
                self.columns[uid] = incoming
            case op.Union():
                self.columns[uid] = incoming

    def _on(self, item: op.Input | op.Link) -> Columns:
        """Columns that come in by an input."""
        if item.side is None:
            return self.columns[item.upstream]
        return self.sides[item.upstream, item.side]

    def _complain_at(self, *at: str | int) -> known.Complain:
        return lambda parameter, sentence, hint: self._problems.add(
            (*at, parameter), sentence, hint
        )

    def _source(self, source: op.Source, at: Path) -> None:
        self.columns[source.uid] = self._topics.get(source.topic, Columns((), ()))
        has_time = self._timed.get(source.topic, False)
        lag = source.out_of_orderness_ms
        self._clocked[source.uid] = has_time and lag is not None
        if lag is not None and source.topic in self._topics and not has_time:
            sentence = f"topic '{source.topic}' has no event_time, so there are no watermarks"
            self._problems.add((*at, "out_of_orderness_ms"), sentence)
        if source.align is not None and not self._clocked[source.uid]:
            sentence = f"'{source.uid}' has no watermarks to align"
            self._problems.add((*at, "align"), sentence, "set out_of_orderness_ms")

    def _join(self, incoming: Sequence[Columns], at: Path) -> Columns:
        first, *others = incoming
        for index, other in enumerate(others, 1):
            if other.names == first.names:
                first = known.join(first, other)
            elif first.names and other.names:
                sentence = f"columns {', '.join(other.names)} meet {', '.join(first.names)}"
                self._problems.add((*at, "inputs", index), sentence, "inputs have equal columns")
        return first

    def _check_key(
        self, names: Fields, at: Path, incoming: Columns, parameter: str = "key"
    ) -> None:
        if names:
            complain = self._complain_at(*at)
            function = KeyBy(fields=names)
            known.check(function, incoming, lambda _parameter, *words: complain(parameter, *words))

    def _needs_time(self, operator: op.Task, kind: str, at: Path) -> None:
        if not self._clocked[operator.uid]:
            self._problems.add(
                at,
                f"{kind} '{operator.uid}' needs event time and watermarks",
                "event_time in the topics, out_of_orderness_ms in the sources before it",
            )

    def _stateless(
        self, operator: op.Map | op.Filter | op.FlatMap, at: Path, incoming: Columns
    ) -> Columns:
        if not isinstance(operator, op.FlatMap):
            if operator.expr is not None and operator.function is not None:
                self._problems.add((*at, "expr"), "either function or expr", key=True)
            elif operator.expr is not None:
                return after_expr(operator.expr, (*at, "expr"), incoming, self._problems)
        if operator.function is None:
            self._problems.add(at, f"'{operator.uid}' needs a function, or an expr")
            return incoming
        return known.after(operator.function, incoming, self._complain_at(*at, "function"))

    def _keyed(
        self, operator: op.Reduce | op.Process | op.Deduplicate, at: Path, incoming: Columns
    ) -> Columns:
        key = self._wiring.keys[operator.uid][0]
        self._check_key(key, at, incoming)
        if isinstance(operator, op.Deduplicate):
            return incoming
        complain = self._complain_at(*at, "function")
        if isinstance(operator, op.Reduce):
            known.check(operator.function, incoming, complain)
            return incoming
        if operator.function.domain is TimeDomain.EVENT:
            self._needs_time(operator, operator.kind, at)
        elif operator.function.domain is TimeDomain.PROCESSING:
            self._clocked[operator.uid] = False  # its rows carry no event time
        return stateful.processed(operator.function, key, incoming, complain)

    def _connected(
        self, operator: op.TwoInputs, at: Path, first: Columns, second: Columns
    ) -> Columns:
        if isinstance(operator, op.Broadcast):
            complain = self._complain_at(*at, "function")
            return stateful.ruled(operator.function, first, second, complain)
        self._needs_time(operator, operator.kind, at)
        if isinstance(operator, op.WindowJoin):
            check_windows(operator, at, self._problems)
        elif operator.lower_ms > operator.upper_ms:
            self._problems.add((*at, "lower_ms"), "lower_ms is larger than upper_ms")
        keys = self._wiring.keys[operator.uid]
        self._check_key(keys[0], at, first)
        self._check_key(keys[-1], at, second, "right_key" if operator.right_key else "key")
        if len(keys[0]) != len(keys[-1]):
            self._problems.add((*at, "right_key"), "left and right key have different lengths")
        return stateful.joined(first, second)

    def _aggregated(
        self, operator: op.Aggregate | op.Window, at: Path, incoming: Columns
    ) -> Columns:
        if isinstance(operator, op.Window):
            self._needs_time(operator, operator.kind, at)
        key = self._wiring.keys[operator.uid][0]
        self._check_key(key, at, incoming)
        columns = {name: incoming.kind(name) for name in key if name in incoming.names}
        results = []
        if isinstance(operator, op.Window):
            check_windows(operator, at, self._problems)
            results.append(("window_start_ms", Kind.INT))
            if operator.gap_ms is not None:
                results.append(("window_end_ms", Kind.INT))
        for index, aggregate in enumerate(operator.aggregates):
            complain = self._complain_at(*at, "aggregates", index)
            if known.check(aggregate.function, incoming, complain):
                results.append(known.result_column(aggregate, incoming))
        if isinstance(operator, op.Aggregate) and operator.emit == "increment":
            results = [("increment", Kind.INT)]
        for name, kind in results:
            if name in columns:
                self._problems.add((*at, "aggregates"), f"two columns '{name}'", key=True)
            columns[name] = kind
        return Columns(tuple(columns), tuple(columns.values()))


def _vertex(operator: op.Task, spec: OperatorSpec, fields: Fields) -> JobVertex:
    return JobVertex(
        uid=operator.uid,
        spec=spec,
        parallelism=operator.parallelism,
        max_parallelism=operator.max_parallelism,
        cost_us=operator.cost_ms * 1_000,
        fields=fields,
    )


def _spec(operator: op.Task, wiring: Wiring) -> OperatorSpec:
    keys = [KeyBy(fields=fields) for fields in wiring.keys.get(operator.uid, ((),))]
    key = keys[0]
    match operator:
        case op.Source():
            lag = operator.out_of_orderness_ms
            return SourceSpec(
                topic=operator.topic,
                start_us=operator.start_ms * 1_000,
                interval_us=operator.every_ms * 1_000,
                watermark_lag_ms=-1 if lag is None else lag,
                start_from=StartFrom(operator.start_from),
                idle_after_ms=operator.idle_after_ms,
                alignment=_alignment(operator),
            )
        case op.Map() | op.Filter() | op.FlatMap():
            return _stateless(operator)
        case op.Aggregate():
            emit = Emit(operator.emit)
            return AggregateSpec(key=key, aggregates=operator.aggregates, emit=emit)
        case op.Window():
            return WindowSpec(
                key=key,
                assigner=assigner_of(operator),
                aggregates=operator.aggregates,
                allowed_lateness_ms=operator.allowed_lateness_ms,
                late=operator.late or "",
            )
        case op.Reduce():
            return ReduceSpec(key=key, function=operator.function)
        case op.Process():
            return ProcessSpec(key=key, function=operator.function)
        case op.Deduplicate():
            return DeduplicateSpec(
                key=key,
                ttl_ms=operator.ttl_ms,
                duplicates=operator.duplicates or "",
                in_state=operator.keeps == "state",
            )
        case op.IntervalJoin():
            return IntervalJoinSpec(
                left_key=key,
                right_key=keys[1],
                lower_ms=operator.lower_ms,
                upper_ms=operator.upper_ms,
                late_left=operator.late_left or "",
                late_right=operator.late_right or "",
                left_ports=wiring.left_ports[operator.uid],
            )
        case op.WindowJoin():
            return WindowJoinSpec(
                left_key=key,
                right_key=keys[1],
                assigner=sized(operator),
                late_left=operator.late_left or "",
                late_right=operator.late_right or "",
                left_ports=wiring.left_ports[operator.uid],
            )
        case op.Broadcast():
            left_ports = wiring.left_ports[operator.uid]
            return BroadcastSpec(function=operator.function, left_ports=left_ports)
        case op.Sink():
            return spec_of(operator)
        case _:
            raise TypeError(f"{type(operator).__name__} is no task")


def _alignment(source: op.Source) -> WatermarkAlignment | None:
    align = source.align
    if align is None:
        return None
    return WatermarkAlignment(group=align.group, max_drift_ms=align.max_drift_ms)


def _stateless(operator: op.Map | op.Filter | op.FlatMap) -> OperatorSpec:
    on_error, errors = OnError(operator.on_error), operator.errors or ""
    match operator:
        case op.Map():
            assert operator.logic is not None
            return MapSpec(function=operator.logic, on_error=on_error, errors=errors)
        case op.Filter():
            assert operator.logic is not None
            return FilterSpec(function=operator.logic, on_error=on_error, errors=errors)
        case op.FlatMap():
            return FlatMapSpec(function=operator.function, on_error=on_error, errors=errors)
