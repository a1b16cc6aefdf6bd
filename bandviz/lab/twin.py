"""Two runs side by side, locked by what happened: where they part, and what comes of it.

Compared is what the narrator tells. Two entries are the same happening if they have the same name:
the kind of event, whom it is about, and the how-manieth time it happens to them. Step and time are
not in the name, so a run that is later is not another one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Final, NamedTuple

from bandviz.events import Entry, Event
from bandviz.graph.settings import CheckpointingMode
from bandviz.lab.differences import Difference, differences
from bandviz.lab.vary import Varied
from bandviz.model.narrator import narrate, why
from bandviz.model.words import seconds
from bandviz.scenario.build import plan_of_text
from bandviz.scenario.load import parse
from bandviz.scenario.plan import Plan
from bandviz.scenario.varied import shown, varied
from bandviz.session.opening import other_variant
from bandviz.session.result import ResultFold
from bandviz.session.run import Run
from bandviz.session.whatif import played
from bandviz.text import LINE, SafeText, door
from bandviz.trace.commands import CommandRecord

WHOM: Final = frozenset({
    "channel", "checkpoint_id", "domain", "fault", "from_subtask", "key", "lineage",
    "partition", "process", "request", "side", "sink", "status", "subtask", "target", "time_ms",
    "topic", "transaction_id", "vertex", "writer",
})  # fmt: skip
"""Fields that say which happening it is."""
_MEASURES: Final = ("_us", "_bytes", "attempt")
"""Fields that say when, how large and in which attempt: no difference by themselves."""

Name = tuple[Any, ...]


class Told(NamedTuple):
    """An entry of which the narrator tells, and the rule behind it."""

    name: Name
    facts: tuple[tuple[str, Any], ...]
    step: int
    time_us: int
    line: SafeText
    why: SafeText

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {"step": self.step, "time_us": self.time_us, "line": self.line}


@dataclass(frozen=True, slots=True)
class Account:
    """All that is told of one run. `label` says what is special about it."""

    label: SafeText
    told: tuple[Told, ...]
    result: Mapping[str, Any]
    notes: tuple[SafeText, ...] = ()


class Mark(Enum):
    """How two lines of a row stand to each other."""

    SAME = "="
    OTHER = "~"
    """It happens in both, with another outcome."""
    ONLY_A = "<"
    ONLY_B = ">"


class Row(NamedTuple):
    """What happens in both, or in one. `elsewhere`: in the other one too, but in another order."""

    a: Told | None
    b: Told | None
    elsewhere: Told | None = None

    @property
    def mark(self) -> Mark:
        """How the two stand to each other."""
        if self.a is None or self.b is None:
            return Mark.ONLY_B if self.a is None else Mark.ONLY_A
        same = self.a.facts == self.b.facts or self.a.line == self.b.line
        return Mark.SAME if same else Mark.OTHER


@dataclass(frozen=True, slots=True)
class Twin:
    """The comparison. `cause`: the only thing that was made different.

    `first` is the row where the runs part; None if they tell the same.
    """

    a: Account
    b: Account
    cause: SafeText
    rows: tuple[Row, ...]
    first: int | None
    differences: tuple[Difference, ...]

    def instead(self) -> tuple[Told | None, Told | None]:
        """What happens next in each where they part; None where nothing more happens."""
        rest = self.rows[self.first :] if self.first is not None else ()
        return (
            next((row.a for row in rest if row.a is not None), None),
            next((row.b for row in rest if row.b is not None), None),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        first = None
        if self.first is not None:
            told_a, told_b = self.instead()
            first = {
                "a": told_a.to_json() if told_a else None,
                "b": told_b.to_json() if told_b else None,
                "why": parting(self).why,
            }
        return {
            "a": {"label": self.a.label, "verdict": self.a.result["verdict"]},
            "b": {"label": self.b.label, "verdict": self.b.result["verdict"]},
            "cause": self.cause,
            "notes": [*self.a.notes, *self.b.notes],
            "first": first,
            "rows": dict(Counter(row.mark.name.lower() for row in self.rows)),
            "differences": [each._asdict() for each in self.differences],
        }


def account(label: str, entries: Iterable[Entry], missed: Sequence[CommandRecord] = ()) -> Account:
    """What is told of these entries, which are those of a whole run."""
    folded, told = ResultFold(), list[Told]()
    met: Counter[Name] = Counter()
    for entry in entries:
        folded.observe(entry)
        caption = narrate(folded.model, entry)
        if caption is None:
            continue
        whom, facts = _parts(entry.event)
        met[whom] += 1
        told.append(
            Told(
                (*whom, met[whom]), facts, entry.step, entry.time_us,
                caption.headline, why(folded.model, entry),
            )
        )  # fmt: skip
    notes = tuple(
        door(f"{deed(one)} at {seconds(one.time_us)} was not possible any more") for one in missed
    )
    return Account(door(label), tuple(told), folded.result(), notes)


def twin(a: Account, b: Account, cause: str) -> Twin:
    """Lock the two together."""
    rows = tuple(_rows(a.told, b.told))
    first = next((at for at, row in enumerate(rows) if row.mark is not Mark.SAME), None)
    return Twin(a, b, door(cause, LINE), rows, first, tuple(differences(a.result, b.result)))


def parting(both: Twin) -> Told:
    """The entry by which the two part. There has to be one."""
    assert both.first is not None
    row = both.rows[both.first]
    told = row.b or row.a
    assert told is not None
    return told


# ---------------------------------------------------------------------- which two


def of_plans(a: Varied, b: Varied, cause: str) -> Twin:
    """Each with its own script at work."""
    first, second = (account(one.label, entries_of(_finished(one.plan))) for one in (a, b))
    return twin(first, second, cause)


def of_whatif(plan: Plan, commands: Sequence[CommandRecord], number: int) -> tuple[Twin, Run]:
    """The run with all of its commands, and without the one at place `number`; that run as well."""
    gone = commands[number]
    with_all, without = played(plan, commands), played(plan, commands, without=number)
    what = deed(gone)
    both = twin(
        account("as it was", entries_of(with_all.run), with_all.missed),
        account(f"without {what}", entries_of(without.run), without.missed),
        f"{what} at {seconds(gone.time_us)} is left out",
    )
    return both, without.run


def commands_of(plan: Plan) -> list[CommandRecord]:
    """What the script of a plan does to its run."""
    return _finished(plan).commands


def deed(record: CommandRecord) -> str:
    """`kill count[0]`."""
    return f"{record.kind} {record.target}".rstrip()


def entries_of(run: Run) -> Iterable[Entry]:
    """All of them."""
    return run.timeline.entries(0, len(run.timeline))


def _finished(plan: Plan) -> Run:
    run = Run(plan)
    while run.ended is None:
        run.advance()
    return run


class Way(NamedTuple):
    """One thing that can be made different in a plan; `variant` or `field` with `value`."""

    variant: str
    field: str
    value: Any
    note: SafeText


def ways_of(plan: Plan) -> list[Way]:
    """Variants of the story, and what any job with checkpoints may have otherwise."""
    ways = [Way(one.name, "", None, one.change) for one in plan.variants]
    settings = plan.settings
    if settings.variant:
        ways = [one for one in ways if one.variant != settings.variant]
        ways.append(Way("", "", None, SafeText("no field changed")))
    if settings.checkpoint_interval_us:
        modes = [mode for mode in CheckpointingMode if mode is not settings.mode]
        ways += [Way("", "mode", mode.value, SafeText("same input, same script")) for mode in modes]
        other = not settings.unaligned
        ways.append(Way("", "unaligned", other, SafeText("may barriers overtake records?")))
    return ways


def of_way(plan: Plan, way: Way) -> tuple[Callable[[], Twin], Plan]:
    """How to compare a plan with another one, and that one. Raises BandvizError."""
    settings = plan.settings
    if way.field:
        label = f"{way.field}={shown(way.value)}"
        scenario = parse(plan.text, name=settings.name)
        text = varied(scenario, {way.field: way.value}, settings.variant).source.text
        other = plan_of_text(text, seed=settings.seed, topics=plan.topics)
    else:
        label = way.variant or settings.name
        other = other_variant(plan, way.variant)
    a = Varied(door(settings.variant or "as it is"), plan)
    cause = f"two runs that differ in {way.field}" if way.field else by_variant(plan, way.variant)
    return lambda: of_plans(a, Varied(door(label), other), cause), other


def by_variant(plan: Plan, variant: str) -> str:
    """What makes a plan and the same in another variant different; one of the two has one."""
    one, *more = [name for name in (plan.settings.variant, variant) if name]
    if more:
        return f"variant {one} beside variant {more[0]}"
    change = next(each.change for each in plan.variants if each.name == one)
    return f"with and without variant {one}: {change}"


# ---------------------------------------------------------------------- rows


def _parts(event: Event) -> tuple[Name, tuple[tuple[str, Any], ...]]:
    """Whom it is about, and how it came out."""
    values = [(field.name, getattr(event, field.name)) for field in fields(event)]
    whom = [value for name, value in values if name in WHOM]
    rest = [one for one in values if one[0] not in WHOM and not one[0].endswith(_MEASURES)]
    return (type(event).__name__, *whom), tuple(rest)


def _rows(a: Sequence[Told], b: Sequence[Told]) -> Iterable[Row]:
    """As many as possible in the same row without changing the order of either."""
    in_a = {one.name: place for place, one in enumerate(a)}
    in_b = {one.name: place for place, one in enumerate(b)}
    shared = [(place, in_b[one.name]) for place, one in enumerate(a) if one.name in in_b]
    at = to = 0
    for here, there in [*_rising(shared), (len(a), len(b))]:
        alone = [Row(one, None, _get(b, in_b.get(one.name))) for one in a[at:here]]
        alone += [Row(None, one, _get(a, in_a.get(one.name))) for one in b[to:there]]
        yield from sorted(alone, key=_time_of)
        if here < len(a):
            yield Row(a[here], b[there])
        at, to = here + 1, there + 1


def _get(told: Sequence[Told], place: int | None) -> Told | None:
    return None if place is None else told[place]


def _time_of(row: Row) -> int:
    told = row.a or row.b
    return told.time_us if told is not None else 0


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs, whose first places rise, in which the second ones rise too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for at, (_, there) in enumerate(pairs):
        length = bisect_left(ends, there)
        before.append(last[length - 1] if length else None)
        ends[length : length + 1] = [there]
        last[length : length + 1] = [at]
    kept = []
    place = last[-1] if last else None
    while place is not None:
        kept.append(pairs[place])
        place = before[place]
    return kept[::-1]
