"""Small jobs with what no small shipped scenario has: timers, windows, two inputs, a committer.

Where state lives long, a few dozen steps show what a thousand would.
"""

from __future__ import annotations

from typing import Final

from bandviz.lab.zoo.breakage import Ground
from bandviz.scenario.catalog import resolve
from bandviz.scenario.load import Scenario, load, parse

_STEPS: Final = """
confluent: false
run: {checkpoint_interval_ms: 400, retained_checkpoints: 2}
costs: {rpc_ms: 5, snapshot_ms: 2, upload_ms: 30}
topics:
  - name: steps
    fields: [room, at]
    event_time: at
    partitions:
      - label: floor
        rows: [[a, 10], [b, 30], [a, 40], [b, 95], [a, 130], [b, 90], [a, 230], [b, 320]]
pipeline:
  - {uid: steps, kind: source, topic: steps, every_ms: 150, out_of_orderness_ms: 10}
"""

_QUIET: Final = f"""
version: 1
name: zoo-quiet
title: What waits for its time
{_STEPS}
  - uid: quiet
    kind: process
    key: room
    function: {{fn: count_until_quiet, quiet_ms: 49}}
    inputs: [{{from: steps, latency_ms: 20}}]
  - {{uid: board, kind: sink, topic: board, contract: two_phase, inputs: [{{from: quiet}}]}}
"""

_WINDOWS: Final = f"""
version: 1
name: zoo-windows
title: What is kept for latecomers
{_STEPS}
  - uid: window
    kind: window
    key: room
    size_ms: 100
    allowed_lateness_ms: 100
    aggregates: [{{fn: count, as: steps}}]
    inputs: [{{from: steps, latency_ms: 20}}]
  - {{uid: board, kind: sink, topic: board, contract: two_phase, inputs: [{{from: window}}]}}
"""

_PAIRS: Final = """
version: 1
name: zoo-pairs
title: What waits for a partner
confluent: false
run: {checkpoint_interval_ms: 400, retained_checkpoints: 2}
costs: {rpc_ms: 20, snapshot_ms: 2, upload_ms: 30}
topics:
  - name: orders
    fields: [shop, item, at]
    event_time: at
    partitions:
      - label: web
        rows: [[a, tea, 10], [b, cake, 30], [a, tea, 95], [b, tea, 130], [a, cake, 160]]
  - name: payments
    fields: [shop, paid, at]
    event_time: at
    partitions:
      - {label: bank, rows: [[a, 5, 40], [b, 9, 50], [a, 8, 120], [b, 4, 150], [a, 3, 170]]}
pipeline:
  - {uid: orders, kind: source, topic: orders, every_ms: 190, out_of_orderness_ms: 0}
  - {uid: payments, kind: source, topic: payments, every_ms: 250, out_of_orderness_ms: 0}
  - uid: paid
    kind: interval_join
    key: shop
    lower_ms: 0
    upper_ms: 50
    inputs: [{from: orders, latency_ms: 10}, {from: payments, latency_ms: 40}]
  - {uid: board, kind: sink, topic: board, contract: transactional, inputs: [{from: paid}]}
"""

QUIET: Final = "zoo-quiet"
WINDOWS: Final = "zoo-windows"
PAIRS: Final = "zoo-pairs"
TEXTS: Final = {QUIET: _QUIET, WINDOWS: _WINDOWS, PAIRS: _PAIRS}
"""By name, beside the shipped scenarios."""


def scenario_of(ground: Ground) -> Scenario:
    """A small job of this file, or a shipped scenario. Raises BandvizError."""
    text = TEXTS.get(ground.scenario)
    if text is None:
        return load(resolve(ground.scenario))
    return parse(text, name=ground.scenario)
