"""The sink that writes files: a two-phase commit whose second phase is a rename."""

from __future__ import annotations

from bandviz.engine.operators.base import Context, State
from bandviz.engine.sinks.two_phase import TwoPhaseSink
from bandviz.engine.state.assignment import PART_COUNTERS
from bandviz.events.sink import FileRenamed
from bandviz.graph.specs import SinkSpec
from bandviz.ids import CheckpointId
from bandviz.ports import FileStore


class FileSink(TwoPhaseSink):
    """One file a subtask and checkpoint. State as in `TwoPhaseSink`, and in union list state the
    part counter of each subtask: all go on behind the largest, so that no name comes twice.
    Source: Flink's StreamingFileSink, Buckets.
    """

    def __init__(self, context: Context, spec: SinkSpec, files: FileStore) -> None:
        super().__init__(context, spec, files)
        self._files = files
        self._part_counter = 0

    def snapshot(self, checkpoint_id: CheckpointId) -> State:
        """The file in progress becomes pending."""
        state = super().snapshot(checkpoint_id)
        self._tell()
        return {**state, PART_COUNTERS: [self._part_counter]}

    def _begin(self, behind: CheckpointId) -> None:
        self._producer.begin(self._part_counter)
        self._part_counter += 1

    def notify_complete(self, checkpoint_id: CheckpointId) -> None:
        """Pending files become final."""
        super().notify_complete(checkpoint_id)
        self._tell()

    def restore(self, state: State | None) -> None:
        """Those of the state as well, if they are not yet."""
        self._part_counter = max(state[PART_COUNTERS], default=0) if state else 0
        super().restore(state)
        self._tell()

    def _tell(self) -> None:
        for transaction_id, path_before, path_after in self._files.renames():
            self.context.emitter.control(
                FileRenamed(
                    subtask=self.context.subtask,
                    transaction_id=transaction_id,
                    path_before=path_before,
                    path_after=path_after,
                )
            )
