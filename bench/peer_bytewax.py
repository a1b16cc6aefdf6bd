# mypy: ignore-errors
# ruff: noqa: ARG002 - bytewax's own names and signatures
"""The measured job in the words of bytewax, with recovery and an epoch of one second.

Run where it is installed (`bench.peers`); prints [[records a CPU second, rows put out], ...] of the
three jobs.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from peer_events import BUFFER, COUNT, LAG_MS, SIZE_MS, events

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [(str(key), EPOCH + timedelta(milliseconds=ms), value) for key, ms, value in events()]


class Part(StatelessSinkPartition):
    def __init__(self, sink):
        self.sink = sink

    def write_batch(self, items):
        self.sink.count += len(items)


class Counting(DynamicSink):
    count = 0

    def build(self, step_id, worker_index, worker_count):
        return Part(self)


def stateless(stream):
    doubled = op.map("double", stream, lambda row: (row[0], row[1], row[2] * 2))
    return op.filter("some", doubled, lambda row: row[2] >= 20)


def running_sum(stream):
    keyed = op.key_on("key", stateless(stream), lambda row: row[0])

    def add(total, row):
        total = (total or 0) + row[2]
        return total, total

    return op.stateful_map("sum", keyed, add)


def window(stream):
    keyed = op.key_on("key", stateless(stream), lambda row: row[0])
    return windowing.fold_window(
        "window",
        keyed,
        windowing.EventClock(lambda row: row[1], timedelta(milliseconds=LAG_MS)),
        windowing.TumblingWindower(timedelta(milliseconds=SIZE_MS), EPOCH),
        lambda: (0, 0),
        lambda old, row: (old[0] + row[2], old[1] + 1),
        lambda one, other: (one[0] + other[0], one[1] + other[1]),
    ).down


def rate(shape):
    flow, sink = Dataflow("bench"), Counting()
    stream = op.input("in", flow, TestingSource(ROWS, BUFFER))
    op.output("out", shape(stream), sink)
    with tempfile.TemporaryDirectory() as folder:
        init_db_dir(Path(folder), 1)
        begun = process_time()
        run_main(
            flow,
            epoch_interval=timedelta(seconds=1),
            recovery_config=RecoveryConfig(folder),
        )
        return COUNT / (process_time() - begun), sink.count


if __name__ == "__main__":
    print(json.dumps([rate(shape) for shape in (stateless, running_sum, window)]))
