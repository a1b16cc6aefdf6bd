"""Moments: where the beats of a story stand in a run."""

from __future__ import annotations

from dataclasses import dataclass

from bandviz.scenario.patterns import Watcher
from bandviz.scenario.plan import Beat, Plan
from bandviz.session.facts import Facts
from bandviz.session.result import ResultFold
from bandviz.timeline.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Moment:
    """A beat that was reached: behind the first `index` entries, at a virtual time of its own."""

    index: int
    at_us: int
    beat: Beat


def moments_of(plan: Plan, timeline: Timeline) -> list[Moment]:
    """Where the beats of a scenario stand in a recording: as a live run would have reached them."""
    if not plan.beats:
        return []
    watchers = [(Watcher(beat.pattern), beat) for beat in plan.beats]
    waiting: list[tuple[int, Beat]] = []
    found: list[Moment] = []
    folded = ResultFold()
    entries = list(timeline.entries(0, len(timeline)))
    for index, entry in enumerate(entries):
        folded.observe(entry)
        for watcher, beat in watchers:
            if watcher.observe(entry.event):
                waiting.append((entry.time_us + beat.pattern.after_us, beat))
        follower = entries[index + 1] if index + 1 < len(entries) else None
        if follower is not None and follower.step == entry.step:
            continue
        due = [item for item in waiting if follower is None or item[0] <= follower.time_us]
        if due:
            verdict = folded.verdict() if follower is None else None
            said = Facts(folded.model, verdict, plan.words.record)
            due.sort(key=lambda item: item[0])
            found += [Moment(index + 1, at_us, beat) for at_us, beat in due if said.hold(beat)]
            waiting = [item for item in waiting if item not in due]
    return found
