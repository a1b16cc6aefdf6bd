"""The broker's clock runs out for a transaction, whether the job lives or not."""

from __future__ import annotations

from collections.abc import Mapping

from bandviz.engine.emitter import Emitter
from bandviz.engine.sinks.visible import read_on
from bandviz.events.sink import TransactionExpired
from bandviz.ids import SubtaskId
from bandviz.ports import LogBroker


def expire(broker: LogBroker, now_us: int, sink_of: Mapping[str, str], emitter: Emitter) -> None:
    """`sink_of`: the vertex behind each output topic. Readers go on where they had to wait."""
    for transaction_id, producer, topics, row_count in broker.expire(now_us):
        emitter.control(
            TransactionExpired(
                subtask=SubtaskId.parse(producer),
                transaction_id=transaction_id,
                row_count=row_count,
            )
        )
        for topic in topics:
            read_on(emitter, sink_of[topic], topic, broker)
