"""The plan: a scenario in one variant, checked and resolved, all that a session needs to run it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bandviz.errors import BandvizError
from bandviz.graph.network import Traffic
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import JobGraph, TopicData
from bandviz.ids import SubtaskId
from bandviz.scenario.patterns import Pattern
from bandviz.scenario.schema import Check
from bandviz.scenario.templates import Placeholder, Template
from bandviz.text import SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedFault:
    """What the script breaks: the first step once the pattern's moment has come.

    `name` (`kill`) and `target` (`count[0]`) as in `FaultInjected`.
    """

    pattern: Pattern
    name: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A caption at a moment. `victim`: what the break-it menu proposes here; `part` from 1.

    `brief` stands for headline and text where a window is small; empty if the file has none.
    `given`: the beat is passed over unless these facts read so at its moment.
    """

    id: str
    part: int
    pattern: Pattern
    given: tuple[tuple[Placeholder, str], ...]
    headline: Template
    text: Template
    brief: Template
    band: Template
    victim: SubtaskId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Asked at `beat`: options are rendered there. `key` is rendered at `reveal`.

    The option whose text equals the key's is right.
    """

    id: str
    beat: str
    ask: Template
    options: tuple[Template, ...]
    key: Template
    reveal: str
    right: Template
    wrong: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantInfo:
    """A variant that can be chosen, and the one field in which it differs.

    `change`: that field and its new value, as a person may read it.
    """

    name: str
    title: SafeText
    field: str
    change: SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryWords:
    """What this story calls things; see `schema.Words`."""

    record: SafeText
    logs: SafeText
    album: SafeText
    board: SafeText


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run, prepared. `text` and `digest` are those of the scenario file.

    With `traffic` it is one of a network: the graph holds accounts, and may have cycles.
    `zoo`: the engine that is broken on purpose in this run, by name; empty for the sound one.
    """

    text: str
    digest: str
    summary: SafeText
    teaches: tuple[SafeText, ...]
    parts: tuple[SafeText, ...]
    words: StoryWords
    settings: RunSettings
    graph: JobGraph
    topics: tuple[TopicData, ...]
    faults: tuple[ScriptedFault, ...]
    beats: tuple[Beat, ...]
    questions: tuple[Question, ...]
    checks: tuple[Check, ...]
    variants: tuple[VariantInfo, ...]
    traffic: Traffic | None = None
    zoo: str = ""


def with_zoo(plan: Plan, zoo: str) -> Plan:
    """The same on a broken engine; "": as it is. Raises BandvizError."""
    if zoo and plan.traffic is not None:
        name = plan.settings.name
        raise BandvizError(f"{name} is a network, and the zoo breaks jobs", "leave --zoo out")
    return replace(plan, zoo=zoo)
