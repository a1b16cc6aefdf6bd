"""Sentences that screen and report share, so that both say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bandviz.check.rules import PROTOCOL
from bandviz.check.verdict import Verdict
from bandviz.text import LINE, NAME, SafeText, door

IMPOSSIBLE_SHOWN: Final = 3
"""The first broken rules; those behind them mostly follow."""

MEANING = {
    "exact": "every record counts exactly once",
    "lost": "records are missing",
    "duplicated": "records count twice",
    "both": "some records are missing, others count twice",
    "wrong": "values differ from the expected ones",
    "undetermined": "not enough was recorded to tell",
}


def verdict_headline(verdict: Verdict) -> SafeText:
    """`VERDICT  state exact, output duplicated: 5 records shown twice`."""
    word = {True: "EXACTLY ONCE", False: "NOT exactly once", None: "UNDETERMINED"}[verdict.holds]
    return door(f"VERDICT {word}: state {verdict.state}, output {verdict.output}.", LINE)


def verdict_lines(verdict: Verdict) -> list[SafeText]:
    """What it means, and the first reasons for it."""
    lines = [f"state {verdict.state}: {MEANING[verdict.state]}"]
    lines.append(f"output {verdict.output}: {MEANING[verdict.output]}")
    figures = (
        f"{verdict.lost} lost, {verdict.duplicated} duplicated, {verdict.wrong_rows} wrong rows"
    )
    lines.append(f"the judge recomputed it from the input: {figures}")
    return [door(line, LINE) for line in lines] + [
        door(f"because: {reason}", LINE) for reason in verdict.reasons[:3]
    ]


EXERCISE: Final = "exercise-"
"""So begins the name of a broken engine that does not say which rule it breaks."""


def zoo_line(zoo: str) -> SafeText:
    """The warning that goes with every run of an engine that is broken on purpose."""
    hidden = zoo.startswith(EXERCISE)
    what = "somewhere: which rule?" if hidden else "on purpose"
    return door(f"ZOO: {door(zoo, NAME)} \N{EM DASH} this engine is broken {what}", LINE)


def impossible_in(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Broken rules that no run can break: the story is not true."""
    return [one for one in result["verdict"]["violations"] if one["rule"] in PROTOCOL]


def impossible_lines(broken: Sequence[dict[str, Any]]) -> list[SafeText]:
    """Each with step and number of its entry; the first are enough."""
    lines = [
        "impossible at step {}, entry {}: ".format(*one["at"])
        + f"{one['sentence']} ({one['rule']})"
        for one in broken[:IMPOSSIBLE_SHOWN]
    ]
    more = len(broken) - IMPOSSIBLE_SHOWN
    return [door(line, LINE) for line in [*lines, *([f"and {more} more"] if more > 0 else [])]]


def check_line(check: dict[str, Any]) -> SafeText:
    """`pass  verdict: holds true, ...`."""
    return door(f"{'pass' if check['ok'] else 'FAIL'}  {check['name']}: {check['detail']}", LINE)


def unchecked(result: dict[str, Any]) -> SafeText:
    """Why there is no check in a result."""
    if result["by_hand"]:
        return SafeText("its script's checks do not apply: commands were given by hand")
    if result["processes"] == 1:
        return SafeText("nothing was evaluated: the scenario has no checks")
    return SafeText(
        "nothing was evaluated: they tell what the script leads to, and the loss of a process is"
        f" not in it (this run took {result['processes']})"
    )
