"""Guesses: a question is asked at one beat and answered by the run at another.

Options read as they did when the question was asked; the key is rendered at the reveal, so the run
decides what was right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bandviz.scenario.plan import Beat, Question
from bandviz.scenario.templates import render
from bandviz.session.facts import Facts
from bandviz.text import SafeText


class Guess(NamedTuple):
    """A question with its options, what the person chose, and what was right (None: not known)."""

    question: Question
    ask: SafeText
    options: tuple[SafeText, ...]
    chosen: int | None
    right: int | None


class Guesses:
    """All questions of one session."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.chosen: dict[str, int] = {}
        self._questions = tuple(questions)
        self._asked: dict[str, tuple[SafeText, tuple[SafeText, ...]]] = {}
        self._right: dict[str, int | None] = {}

    def reached(self, beat: Beat, said: Facts) -> None:
        """A beat stands here: ask what is to be asked, reveal what is to be revealed."""
        for question in self._questions:
            if question.beat == beat.id and question.id not in self._asked:
                options = tuple(render(option, said) for option in question.options)
                self._asked[question.id] = (render(question.ask, said), options)
            if question.reveal == beat.id and question.id in self._asked:
                key, options = render(question.key, said), self._asked[question.id][1]
                self._right[question.id] = options.index(key) if key in options else None

    def at(self, beat: Beat) -> Guess | None:
        """The guess that is open at this beat, or is revealed there."""
        for question in self._questions:
            if question.id not in self._asked or beat.id not in (question.beat, question.reveal):
                continue
            ask, options = self._asked[question.id]
            right = self._right.get(question.id) if beat.id == question.reveal else None
            return Guess(question, ask, options, self.chosen.get(question.id), right)
        return None

    def answer(self, guess: Guess, option: int) -> bool:
        """Lock a guess; False if it is locked, revealed, or there is no such option."""
        if guess.right is not None or guess.chosen is not None:
            return False
        if not 0 <= option < len(guess.options):
            return False
        self.chosen[guess.question.id] = option
        return True
