"""What a session says of itself: title, time, which keys mean something, and the caption.

The caption is the beat's words or the narrator's, a guess, the verdict, the reason why.
"""

from __future__ import annotations

from bandviz.model import selectors
from bandviz.scenario.templates import render
from bandviz.session.guesses import Guess
from bandviz.session.session import Goal, Session
from bandviz.tui.panels.caption import Question, caption, measure
from bandviz.tui.panels.header import Mode, title
from bandviz.tui.panels.keys import KeyContext
from bandviz.tui.panels.time_row import time_row
from bandviz.tui.panels.typeset import clip, wrap
from bandviz.tui.spans import Line, Span

_LETTERS = "abcdefgh"
_NARROW = 90
_BAR = Span("│", "rule")


def title_line(session: Session, label: str, width: int) -> list[Line]:
    """Story and part, live or looking back, clock and seed; `label` stands behind the story."""
    parts, settings = session.plan.parts, session.plan.settings
    passed = [one for one in session.moments if one.index <= session.cursor.index]
    part = passed[-1].beat.part if passed else 1
    name = parts[part - 1] if part <= len(parts) else ""
    if len(session.branches) > 1:
        name = f"{name}, timeline {session.branches[session.active].name}"
    story = settings.title + (f" [{label}]" if label else "")
    return title(
        story, part, len(parts), name, mode_of(session), session.view_us, settings.seed, width,
        f"x{session.speed:g}",
    )  # fmt: skip


def time_line(session: Session, width: int) -> list[Line]:
    """The run so far on the time that the undisturbed story takes."""
    newest_us, view_us = session.newest_us, session.view_us
    now_us = max(newest_us, view_us) if session.live else newest_us
    cursor = None if session.live else view_us
    return time_row(selectors.marks(session.model), now_us, session.end_us(), width, cursor)


def mode_of(session: Session) -> Mode:
    """Whether one sees the job as it is now."""
    if not session.live:
        return Mode.LOOKING_BACK
    if session.run is None:
        return Mode.RECORDING
    if session.ended is not None:
        return Mode.ENDED
    return Mode.PAUSED if session.goal is Goal.NONE else Mode.PLAYING


def key_context(session: Session) -> KeyContext:
    """What the person is in the middle of."""
    if not session.live:
        return KeyContext.LOOKING_BACK
    guess = session.guess()
    if guess is not None and guess.right is None and guess.chosen is None:
        return KeyContext.QUESTION
    if session.ended is not None:
        return KeyContext.ENDED
    return KeyContext.LIVE if session.goal is Goal.NONE else KeyContext.PLAYING


def caption_lines(
    session: Session, width: int, height: int, show_band: bool, why: str
) -> list[Line]:
    """At most `height` rows."""
    if why:
        return caption("WHY: " + why, "", "", None, None, width, height, show_band=False)
    told = session.caption(brief=width < _NARROW)
    headline, text, band = told.headline, told.text, told.band.removeprefix("Band: ")
    guess = session.guess()
    question = None
    extra: list[Line] = []
    if guess is not None and guess.right is None:
        question = Question(str(guess.ask), tuple(map(str, guess.options)))
    elif guess is not None:
        extra = _revealed(session, guess, width)
    if session.goal is not Goal.NONE and question is not None:
        question = None
    extra += _verdicts(session, width)
    room = max(1, height - len(extra))
    answered = guess.chosen if guess is not None else None
    lines = caption(
        str(headline), str(text), str(band), question, answered, width, room,
        show_band=show_band and not extra,
    )  # fmt: skip
    return lines + extra


def _revealed(session: Session, guess: Guess, width: int) -> list[Line]:
    """How the guess turned out, and why."""
    if guess.chosen is None or guess.right is None:
        return []
    right = guess.chosen == guess.right
    template = guess.question.right if right else guess.question.wrong
    head = f"YOUR GUESS {_LETTERS[guess.chosen]} was right. "
    if not right:
        head = f"YOUR GUESS was {_LETTERS[guess.chosen]}; it is {_LETTERS[guess.right]}. "
    words = str(render(template, session.facts())) if width >= _NARROW else ""
    told = (Span(head, "ok" if right else "warn"), Span(words, "caption"))
    return [(_BAR, *line) for line in wrap(told, measure(width))]


def _verdicts(session: Session, width: int) -> list[Line]:
    """At the end of a variant: this run and the unchanged one, side by side."""
    sides = session.sides()
    if not sides:
        return []
    name = max(len(one.name) for one in sides)
    lines: list[Line] = []
    for one in sides:
        verdict = one.verdict
        narrow = width < _NARROW
        found = (
            f"output {verdict.output}"
            if narrow
            else (f"state {verdict.state}, output {verdict.output}")
        )
        tally = "" if narrow else "  ".join(words for _, words in one.tallies)
        told = (
            _BAR,
            Span(f"{one.name.ljust(name)}  ", "strong"),
            Span(found.ljust(18 if narrow else 36), "ok" if verdict.holds else "warn"),
            Span(f"  {verdict.lost} lost, {verdict.duplicated} twice  ", "text"),
            Span(tally, "public"),
        )
        lines.append(clip(told, width))
    return lines
