"""What a person names on the command line or the home screen: scenarios and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from bandviz.errors import TraceError
from bandviz.scenario.build import plan_of_text
from bandviz.scenario.plan import Plan
from bandviz.scenario.recorded import topics_of
from bandviz.text import door
from bandviz.timeline.timeline import Timeline
from bandviz.trace.reader import read_recording


class Opened(NamedTuple):
    """A plan, and its timeline if it is a recording. `note` says what is missing in it."""

    plan: Plan
    timeline: Timeline | None = None
    note: str = ""


def open_recording(path: Path) -> Opened:
    """A recording with the scenario that stands in it. Raises TraceError, ScenarioError."""
    recording = read_recording(path)
    header, timeline = recording.header, Timeline.of(recording)
    try:
        preamble = timeline.index_of_step(1)
        if preamble == len(timeline):
            raise TraceError("nothing of the run is in it", recording.torn)
        topics = topics_of(timeline.entries(0, preamble))
    except TraceError as error:
        raise TraceError(f"{door(str(path))}: {error.message}", error.hint) from None
    plan = plan_of_text(
        header.scenario_text, variant=header.variant, seed=header.seed, topics=topics
    )
    return Opened(plan, timeline, recording.torn)


def other_variant(plan: Plan, variant: str) -> Plan:
    """The same scenario, input and seed with one field different; "" is the scenario itself."""
    return plan_of_text(plan.text, variant=variant, seed=plan.settings.seed, topics=plan.topics)
