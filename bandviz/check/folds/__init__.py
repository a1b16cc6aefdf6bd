"""The operators, written once more: kind of vertex -> fold. `source` and `sink` are no folds."""

from __future__ import annotations

from typing import Final

from bandviz.check.folds.base import Fold
from bandviz.check.folds.join import BroadcastFold, IntervalJoinFold, WindowJoinFold
from bandviz.check.folds.keyed import AggregateFold, DeduplicateFold, ReduceFold
from bandviz.check.folds.process import ProcessFold
from bandviz.check.folds.stateless import FilterFold, FlatMapFold, MapFold, WriterFold
from bandviz.check.folds.window import WindowFold

FOLDS: Final[dict[str, type[Fold]]] = {
    "map": MapFold,
    "filter": FilterFold,
    "flat_map": FlatMapFold,
    "aggregate": AggregateFold,
    "window": WindowFold,
    "reduce": ReduceFold,
    "writer": WriterFold,
    "deduplicate": DeduplicateFold,
    "process": ProcessFold,
    "interval_join": IntervalJoinFold,
    "window_join": WindowJoinFold,
    "broadcast": BroadcastFold,
}
