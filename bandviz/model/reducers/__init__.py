"""Reducers: one small function an event, in one module a family, as in `bandviz.events`.

A reducer stores what the event states; no rule of the protocol is worked out here. It may be the
first to hear of an element, a part or a state (a recording may hold CONTROL alone), so it never
asks for more than declarations. Each returns the regions that it may have changed.
"""

from __future__ import annotations

from typing import Final

from bandviz.events import Event
from bandviz.model.reducers import (
    checkpoint,
    coordinator,
    flow,
    job,
    keyed,
    rescaling,
    sink,
    structure,
    time,
)
from bandviz.model.reducers.kinds import Reducer

REDUCERS: Final[dict[type[Event], Reducer]] = {
    **structure.REDUCERS,
    **job.REDUCERS,
    **checkpoint.REDUCERS,
    **coordinator.REDUCERS,
    **flow.REDUCERS,
    **keyed.REDUCERS,
    **sink.REDUCERS,
    **time.REDUCERS,
    **rescaling.REDUCERS,
}
