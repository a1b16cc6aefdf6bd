"""Captions with facts in them."""

from __future__ import annotations

import pytest

from bandviz.scenario.templates import Argument, Placeholder, TemplateError, parse, render

KNOWN = {
    Argument.UID: ("count", "board"), Argument.SINK: ("board",), Argument.LABEL: ("north", "a.b"),
}  # fmt: skip


def facts(name: str, argument: str) -> str:
    return f"<{name} {argument}>" if argument else f"<{name}>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("no facts", "no facts"),
        ("{clock} s", "<clock> s"),
        ("had {had.count}!", "had <had count>!"),
        ("{offset.north}{cut.a.b}", "<offset north><cut a.b>"),
        ("{tally.board}", "<tally board>"),
        ("a {{brace}} {{{clock}}}", "a {brace} {<clock>}"),
        ("two\n  lines\n", "two lines"),
    ],
)
def test_facts_are_filled_in(text: str, shown: str) -> None:
    assert render(parse(text, KNOWN), facts) == shown


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("{clok}", "no fact 'clok'", "did you mean 'clock'?"),
        ("{}", "no fact ''", ""),
        ("{had}", "takes an operator, not ''", "known: count, board"),
        ("{had.cuont}", "takes an operator, not 'cuont'", "did you mean 'count'?"),
        ("{tally.count}", "takes a sink, not 'count'", "known: board"),
        ("{offset.south}", "takes a partition's label", "did you mean 'north'?"),
        ("{clock.x}", "takes nothing behind the name", ""),
        ("a { b", "a lone '{'", "write {{"),
        ("a } b", "a lone '}'", "write {{"),
        ("{clock!r}", "no fact 'clock!r'", ""),
        ("{clock:>9999999}", "no fact", ""),
    ],
)
def test_whatever_cannot_be_filled_in_is_refused(text: str, says: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text, KNOWN)
    assert says in caught.value.sentence
    assert hint in caught.value.hint


def test_what_facts_say_passes_the_door() -> None:
    assert render(parse("{clock}", KNOWN), lambda _name, _argument: "\x1b[2J") == "␛[2J"


def test_a_template_is_a_value() -> None:
    template = parse("at {clock}", KNOWN)
    assert template == parse("at   {clock}", KNOWN)
    assert template.parts == ("at ", Placeholder("clock", ""))
