"""What a person names on the command line or the home screen: scenarios and recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bandviz import __version__
from bandviz.errors import BandvizError, TraceError
from bandviz.scenario.build import plan_of_text
from bandviz.scenario.plan import Plan
from bandviz.scenario.recorded import topics_of
from bandviz.session.store import Store
from bandviz.text import door
from bandviz.timeline.timeline import Timeline
from bandviz.trace.commands import CommandRecord
from bandviz.trace.reader import read_recording
from bandviz.trace.upcast import vocabulary


class Opened(NamedTuple):
    """A plan, and if it is a recording its timeline and what was done to the run.

    `note` says what is missing in it.
    """

    plan: Plan
    timeline: Timeline | None = None
    note: str = ""
    commands: tuple[CommandRecord, ...] = ()


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
    plan = replace(plan, zoo=header.zoo)
    return Opened(plan, timeline, recording.torn, recording.commands)


def plan_of_store(store: Store, asked: Plan, *, variant: bool, seed: bool) -> Plan:
    """The plan of the run in `store`, input as its journal holds it; limits as `asked`.

    `variant`, `seed`: a person named them, so they have to agree. Raises BandvizError if the store
    holds the run of another scenario, variant, seed or version.
    """
    assert store.past is not None
    header, settings, folder = store.past.header, asked.settings, door(str(store.root))
    whose = f"{folder} holds a run of {door(header.scenario_name)}"
    if header.scenario_text != asked.text:
        raise BandvizError(
            f"{whose}, not of {door(settings.name)} as its file reads now",
            "a run goes on with the very scenario that it began with",
        )
    if variant and header.variant != settings.variant:
        raise BandvizError(
            f"{whose}, variant '{door(header.variant)}', not '{door(settings.variant)}'",
            "leave --variant out",
        )
    if seed and header.seed != settings.seed:
        raise BandvizError(f"{whose}, seed {header.seed}, not {settings.seed}", "leave --seed out")
    if header.zoo != asked.zoo:
        how = f"--zoo {door(header.zoo)}" if header.zoo else "leave --zoo out"
        raise BandvizError(f"{whose} by another engine", how)
    if (header.engine_version, header.vocabulary) != (__version__, vocabulary()):
        raise BandvizError(
            f"{whose} by bandviz {door(header.engine_version)}, and this is another one",
            "only the version that began a run can go on with it",
        )
    plan = plan_of_text(
        header.scenario_text,
        variant=header.variant,
        seed=header.seed,
        topics=topics_of(store.past.entries()) if store.past.count else asked.topics,
    )
    limited = replace(plan.settings, max_steps=settings.max_steps)
    return replace(plan, settings=limited, zoo=header.zoo)


def other_variant(plan: Plan, variant: str) -> Plan:
    """The same scenario, input, seed and engine with one field different; "" is the scenario
    itself.
    """
    other = plan_of_text(plan.text, variant=variant, seed=plan.settings.seed, topics=plan.topics)
    return replace(other, zoo=plan.zoo)
