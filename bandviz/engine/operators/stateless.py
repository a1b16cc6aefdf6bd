"""map, filter, flat_map."""

from __future__ import annotations

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator
from bandviz.functions.rows import Fields
from bandviz.graph.specs import FilterSpec, FlatMapSpec, MapSpec
from bandviz.ids import Lineage, RecordId


class MapOperator(Operator):
    """One row out for each row in."""

    def __init__(self, context: Context, spec: MapSpec, fields: Fields) -> None:
        super().__init__(context)
        self._call = spec.function.bind(fields)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Times and ids pass through."""
        call = self._call
        return RecordBuffer([call(row) for row in buffer.values], buffer.times_ms, buffer.lineage)


class FilterOperator(Operator):
    """Keeps some rows."""

    def __init__(self, context: Context, spec: FilterSpec, fields: Fields) -> None:
        super().__init__(context)
        self._call = spec.function.bind(fields)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """None if nothing is left."""
        call = self._call
        kept = buffer.select([call(row) for row in buffer.values])
        return kept if len(kept) else None


class FlatMapOperator(Operator):
    """Any number of rows out for each row in; ids get the ordinal of the output as path."""

    def __init__(self, context: Context, spec: FlatMapSpec, fields: Fields) -> None:
        super().__init__(context)
        self._call = spec.function.bind(fields)

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """None if nothing comes out."""
        values, times, ids = [], buffer.times_ms, buffer.lineage
        out_times: list[int] = []
        out_ids: list[Lineage] = []
        for place, row in enumerate(buffer.values):
            for ordinal, made in enumerate(self._call(row)):
                values.append(made)
                if times is not None:
                    out_times.append(times[place])
                if ids is not None:
                    out_ids.append(_child(ids[place], ordinal))
        if not values:
            return None
        return RecordBuffer(
            values, out_times if times is not None else None, out_ids if ids is not None else None
        )


def _child(parent: Lineage, ordinal: int) -> Lineage:
    if isinstance(parent, RecordId):
        return parent._replace(path=(*parent.path, ordinal))
    return parent
