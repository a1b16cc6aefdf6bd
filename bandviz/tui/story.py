"""The caption region: the beat's words or the narrator's, a guess, the verdict, the reason why."""

from __future__ import annotations

from bandviz.scenario.templates import render
from bandviz.session.guesses import Guess
from bandviz.session.session import Goal, Session
from bandviz.tui.panels.caption import Question, caption, measure
from bandviz.tui.panels.typeset import clip, wrap
from bandviz.tui.spans import Line, Span

_LETTERS = "abcdefgh"
_NARROW = 90
_BAR = Span("│", "rule")


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
