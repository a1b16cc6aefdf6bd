"""`run` and `check`: drive a run to its end, tell its beats, hold its checks against the result."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from bandviz.events import Level
from bandviz.events.job import CheckpointRefused, ProcessLost, RestoreStarted
from bandviz.ids import CheckpointId
from bandviz.model.narrator import Caption, narrate_line
from bandviz.report.interrupt import interrupt_between_moves
from bandviz.scenario.checks import evaluate
from bandviz.scenario.plan import Plan
from bandviz.session.facts import Facts
from bandviz.session.lineage import table
from bandviz.session.opening import Opened
from bandviz.session.result import ResultFold, fold
from bandviz.session.run import Run
from bandviz.session.store import JOURNAL, Store
from bandviz.session.telling import Place, of_moment
from bandviz.session.words import check_line, unchecked, verdict_headline, verdict_lines
from bandviz.text import LINE, SafeText, door
from bandviz.trace.commands import CommandRecord
from bandviz.trace.reader import Recording
from bandviz.world.readable import DATABASE, FILES

Say = Callable[[str], None]
WIDTH = 100


class Outcome(NamedTuple):
    """A run that came to its end. `unmatched`: sentences on what its script waited for in vain."""

    result: dict[str, Any]
    folded: ResultFold
    unmatched: tuple[str, ...]


def drive(
    plan: Plan,
    say: Say | None = None,
    *,
    record: Path | None = None,
    store: Store | None = None,
    wanted: CheckpointId | None = None,
) -> Outcome:
    """Run a plan to its end. `say` gets the beats as they are reached.

    With a `store` that holds a past the run goes on from there, from checkpoint `wanted` or the
    newest; a past that had ended is told as it stands.
    """
    run = Run(plan, level=Level.RECORD, store=store)
    folded = ResultFold()
    try:
        if store is not None and store.past is not None:
            _take_up(run, store.past, folded, wanted, say)
        if record is not None:
            run.record(record, overwrite=True)
        with interrupt_between_moves() as raise_if_interrupted:
            while True:
                _tell_beats(run, folded, say)
                if run.ended is not None:
                    break
                for entry in run.advance():
                    folded.observe(entry)
                raise_if_interrupted()
    finally:
        run.close()
    return Outcome(with_checks(plan, folded, run.commands), folded, run.unmatched())


_TOLD: Final = (ProcessLost, CheckpointRefused, RestoreStarted)


def _take_up(
    run: Run, past: Recording, folded: ResultFold, wanted: CheckpointId | None, say: Say | None
) -> None:
    """Hear the past, and make the step that goes on from it."""
    for entry in past.entries():
        folded.observe(entry)
    for entry in run.resume(folded.model, wanted):
        folded.observe(entry)
        if say is not None and type(entry.event) in _TOLD:
            say(narrate_line(folded.model, entry))


def _tell_beats(run: Run, folded: ResultFold, say: Say | None) -> None:
    if run.beat_us() is None:
        return
    verdict = folded.verdict() if run.ended else None
    told = Facts(folded.model, verdict, run.plan.words.record)
    while (beat := run.reach_beat(told)) is not None:
        if say is not None:
            place = Place(run.timeline, len(run.timeline), folded.model)
            caption = of_moment(beat, told, place, zoo=run.plan.zoo)
            for line in told_lines(caption, run.moments[-1].at_us):
                say(line)


def judge_recording(opened: Opened) -> Outcome:
    """The same from a recording: nothing is run again."""
    assert opened.timeline is not None
    folded = fold(opened.timeline.entries(0, len(opened.timeline)))
    return Outcome(with_checks(opened.plan, folded, opened.commands), folded, ())


def with_checks(
    plan: Plan, folded: ResultFold, commands: Iterable[CommandRecord]
) -> dict[str, Any]:
    """The result object, its `checks` included. They tell what the script leads to, so there are
    none for a run that lost a process, or that got commands by hand: no script says so.
    """
    by_hand = sum(command.by_hand for command in commands)
    result = {**folded.result(), "by_hand": by_hand}
    checks = evaluate(plan.checks, result) if result["processes"] == 1 and not by_hand else []
    return {**result, "zoo": plan.zoo, "checks": checks}


def told_lines(caption: Caption, time_us: int) -> list[str]:
    """Headline and text for a terminal without a screen."""
    clock = f"{time_us / 1_000_000:6.1f} s  "
    indent = " " * len(clock)
    lines = textwrap.wrap(caption.headline, WIDTH, initial_indent=clock, subsequent_indent=indent)
    return lines + textwrap.wrap(
        caption.text, WIDTH, initial_indent=indent, subsequent_indent=indent
    )


def kept_line(store: Store, outcome: Outcome) -> SafeText:
    """What lies in the folder now."""
    there = [one["id"] for one in outcome.result["checkpoints"] if one["status"] == "completed"]
    size = (store.root / JOURNAL).stat().st_size
    kept = f"checkpoints {', '.join(map(str, there))}" if there else "no checkpoint"
    line = f"  kept in {store.root}: {JOURNAL} ({size:,} bytes), {kept}, for readers {DATABASE}"
    return door(f"{line} and {FILES}/" if (store.root / FILES).is_dir() else line, LINE)


def with_ledger(outcome: Outcome) -> dict[str, Any]:
    """The result object, its `ledger` included."""
    return {**outcome.result, "ledger": outcome.folded.judge.lineage().to_json()}


def ledger_lines(outcome: Outcome) -> list[SafeText]:
    """What became of each source record, for a terminal without a screen."""
    ledger = outcome.folded.judge.lineage()
    if not ledger.rows:
        return [SafeText("LEDGER: there are no source records here that it could follow")]
    return table(ledger, WIDTH)


def summary(outcome: Outcome) -> list[SafeText]:
    """Verdict and checks, in the words of the screen."""
    verdict = outcome.folded.verdict()
    lines = [verdict_headline(verdict), *(SafeText(f"  {one}") for one in verdict_lines(verdict))]
    if outcome.result["processes"] > 1 or outcome.result["by_hand"]:
        lines.append(SafeText(f"  checks: {unchecked(outcome.result)}"))
    return lines + [SafeText(f"  {check_line(check)}") for check in outcome.result["checks"]]
