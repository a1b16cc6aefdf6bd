"""Two streams connected: records, and rules that every subtask keeps as broadcast state."""

from __future__ import annotations

from typing import Any

from bandviz.engine.elements import RecordBuffer
from bandviz.engine.operators.base import Context, Operator, State
from bandviz.engine.operators.tell import tell_applied
from bandviz.events.values import pack
from bandviz.functions.rows import Fields, Key
from bandviz.graph.specs import BroadcastSpec
from bandviz.ids import CheckpointId


class BroadcastOperator(Operator):
    """State `rules`: contents by name, in the order of first appearance; a copy in each subtask."""

    def __init__(
        self, context: Context, spec: BroadcastSpec, fields: Fields, rule_fields: Fields
    ) -> None:
        super().__init__(context)
        self._logic = spec.function.bind(fields, rule_fields)
        self._left_ports = spec.left_ports
        self._rules: dict[Key, Any] = {}

    def process(self, buffer: RecordBuffer, watermark_ms: int, port: int) -> RecordBuffer | None:
        """Records come out as the rules say that are known now; rules put nothing out."""
        if port >= self._left_ports:
            self._learn(buffer)
            return None
        made = [self._logic.apply(self._rules, row) for row in buffer.values]
        places = [place for place, rows in enumerate(made) for _ in rows]
        if not places:
            return None
        made_by = buffer.pick(places)
        return RecordBuffer(
            [row for rows in made for row in rows], made_by.times_ms, made_by.lineage
        )

    def _learn(self, buffer: RecordBuffer) -> None:
        for place, row in enumerate(buffer.values):
            name, contents = self._logic.rule(row)
            self._rules[name] = contents
            if self.context.emitter.record:
                lineage = buffer.lineage[place] if buffer.lineage is not None else None
                tell_applied(self.context, name, pack(contents), lineage)

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """All rules."""
        return {"rules": list(self._rules.items())}

    def restore(self, state: State | None) -> None:
        """The same."""
        self._rules = dict((state or {}).get("rules", ()))
