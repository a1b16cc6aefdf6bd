"""The operator of a sink vertex, by its contract."""

from __future__ import annotations

from bandviz.engine.operators.base import Context, Operator
from bandviz.engine.sinks.append import AppendSink
from bandviz.engine.sinks.committer import Committer
from bandviz.engine.sinks.file import FileSink
from bandviz.engine.sinks.two_phase import TwoPhaseSink
from bandviz.engine.sinks.upsert import UpsertSink
from bandviz.functions.rows import Fields
from bandviz.graph.specs import SinkContract, SinkSpec
from bandviz.ports import World


def make_sink(
    spec: SinkSpec, context: Context, fields: Fields, world: World, *, checkpoints: bool
) -> Operator:
    """`fields`: columns of what comes in; `checkpoints`: they are taken in this run."""
    match spec.contract:
        case SinkContract.APPEND:
            return AppendSink(context, spec.topic, world.broker)
        case SinkContract.UPSERT:
            return UpsertSink(context, spec, fields, world.tables)
        case SinkContract.FILE:
            return FileSink(context, spec, world.files)
        case SinkContract.TWO_PHASE:
            return TwoPhaseSink(context, spec, world.broker)
        case SinkContract.TRANSACTIONAL:
            return Committer(context, spec.topic, world.broker, waits_for_checkpoint=checkpoints)
