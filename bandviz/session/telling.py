"""What is said where a session stands: the words of story, narrator or judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bandviz.check.verdict import Verdict
from bandviz.events import Event
from bandviz.events.job import RunStatus
from bandviz.model.narrator import Caption, narrate, narrate_step, why
from bandviz.model.run import RunModel
from bandviz.scenario.plan import Beat
from bandviz.scenario.templates import render
from bandviz.session.facts import Facts
from bandviz.session.words import verdict_headline, verdict_lines
from bandviz.text import LINE, SafeText, door
from bandviz.timeline.timeline import Timeline

STEPS_BACK: Final = 200
"""How far back a caption is looked for after a jump."""
NOTHING: Final = Caption(SafeText(""), SafeText(""), SafeText(""))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session stands: the model, and the number of entries behind it."""

    timeline: Timeline
    index: int
    model: RunModel


def of_beat(beat: Beat, said: Facts, *, brief: bool) -> Caption:
    """The story's words. `brief`: for a small window, if the story has some."""
    band = render(beat.band, said)
    short = render(beat.brief, said) if brief else SafeText("")
    if short:
        return Caption(SafeText(""), short, band)
    return Caption(render(beat.headline, said), render(beat.text, said), band)


def of_moment(beat: Beat, said: Facts, place: Place, *, zoo: str, brief: bool = False) -> Caption:
    """The story's words; but a story is about a sound engine. Of a broken one the narrator says
    what was last done.
    """
    if zoo:
        return by_the_rules(of_step(place, steps=STEPS_BACK) or NOTHING, zoo)
    return of_beat(beat, said, brief=brief)


def by_the_rules(caption: Caption, zoo: str) -> Caption:
    """What the narrator explains is how it should be; a broken engine may do otherwise."""
    if not zoo or not caption.text:
        return caption
    return caption._replace(text=door(f"By the rules: {caption.text}", LINE))


def of_ending(status: RunStatus, verdict: Verdict) -> Caption:
    """The judge's words, where the story has none for this end."""
    text = " ".join(f"{line}." for line in verdict_lines(verdict)[2:])
    head = f"The run {status.value}. {verdict_headline(verdict)}"
    return Caption(door(head, LINE), door(text, LINE), SafeText(""))


def of_step(place: Place, *, steps: int) -> Caption | None:
    """The most telling of what the last step did, else of the `steps` before it."""
    end = place.index
    for _ in range(steps):
        if end == 0:
            return None
        start = place.timeline.index_of_step(place.timeline.entry(end - 1).step)
        told = narrate_step(place.model, place.timeline.entries(start, end))
        if told is not None:
            return told
        end = start
    return None


def reason(place: Place, beat: Beat | None) -> str:
    """The rule behind what is told here: that of the beat's own event, else of the last told."""
    for index in range(place.index - 1, -1, -1):
        entry = place.timeline.entry(index)
        event: Event = entry.event
        if beat is not None and beat.pattern.matches(event):
            return why(place.model, entry)
        if beat is None and narrate(place.model, entry) is not None:
            return why(place.model, entry)
    return ""
