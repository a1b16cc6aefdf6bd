# mypy: ignore-errors
# ruff: noqa: RET503 - a node that returns nothing does not tick
"""The measured job in the words of csp: historical mode, nodes in Python, no recovery.

Run where it is installed (`bench.peers`); prints [[records a CPU second, rows put out], ...] of the
three jobs.
"""

import json
from datetime import UTC, datetime, timedelta
from time import process_time

import csp
from csp import ts
from peer_events import BUFFER, COUNT, LAG_MS, SIZE_MS, events

EPOCH = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
ROWS = events()
BUFFERS = [
    (timedelta(microseconds=100 * at), ROWS[at : at + BUFFER]) for at in range(0, COUNT, BUFFER)
]


@csp.node
def double(row: ts[object]) -> ts[object]:
    return (row[0], row[1], row[2] * 2)


@csp.node
def some(row: ts[object]) -> ts[object]:
    if row[2] >= 20:
        return row


@csp.node
def running_sum(row: ts[object]) -> ts[object]:
    with csp.state():
        s_totals = {}
    total = s_totals[row[0]] = s_totals.get(row[0], 0) + row[2]
    return (row[0], total)


@csp.node
def window(row: ts[object]) -> ts[object]:
    with csp.state():
        s_panes = {}
        s_highest = 0
    key, time_ms, value = row
    start = time_ms - time_ms % SIZE_MS
    pane = s_panes.setdefault(start, {})
    total, number = pane.get(key, (0, 0))
    pane[key] = (total + value, number + 1)
    s_highest = max(s_highest, time_ms)
    over = [start for start in s_panes if start + SIZE_MS + LAG_MS <= s_highest]
    if over:
        panes = [(start, s_panes.pop(start)) for start in over]
        return [(key, start, *pane[key]) for start, pane in panes for key in pane]


@csp.node
def count(row: ts[object], counts: object, many: bool):
    counts[0] += len(row) if many else 1


@csp.graph
def job(name: str, counts: object):
    kept = some(double(csp.unroll(csp.curve([object], BUFFERS))))
    shapes = {"stateless": lambda one: one, "running_sum": running_sum, "window": window}
    count(shapes[name](kept), counts, name == "window")


def rate(name):
    """Of one job."""
    counts = [0]
    begun = process_time()
    csp.run(job, name, counts, starttime=EPOCH, endtime=timedelta(days=1))
    return COUNT / (process_time() - begun), counts[0]


if __name__ == "__main__":
    print(json.dumps([rate(name) for name in ("stateless", "running_sum", "window")]))
