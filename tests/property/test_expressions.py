"""Expressions against a second opinion: Python's own parser, and its numbers with our limits.

The tree that Python makes of the same text is walked here; so precedence, short circuits, rounding
and overflow are each decided twice. `BANDVIZ_EXPRESSIONS=100000` tries as many.
"""

from __future__ import annotations

import ast
import math
import operator
import os
import random
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from bandviz.functions.expr.check import type_check
from bandviz.functions.expr.evaluate import compiled
from bandviz.functions.expr.parse import parse
from bandviz.functions.expr.tokens import LENGTH_MAX
from bandviz.functions.expr.values import ExpressionError, Type, admitted, type_of

TREES: Final = int(os.environ.get("BANDVIZ_EXPRESSIONS", "3000"))
MUTANTS: Final = TREES
COLUMNS: Final = {
    "a": Type.INT, "b": Type.INT, "x": Type.FLOAT, "s": Type.TEXT, "t": Type.TEXT,
    "p": Type.TRUTH, "m": Type.ANY,
}  # fmt: skip
FIELDS: Final = tuple(COLUMNS)
INTS: Final = (0, 1, 2, 3, 7, -1, -2, 2**31, 2**62, 2**63 - 1, -(2**63))
FLOATS: Final = (0.0, 0.5, 2.0, -1.5, 1e300, -1e-300, 9007199254740993.0)
TEXTS: Final = ("", "a", "b", "Ab", "é", "a" * 200)

Made = tuple[str, int]
"""A text, and how strongly its outermost operator binds."""
ATOM: Final = 9


class Refused(Exception):  # noqa: N818 - names the fact
    """The row cannot be evaluated on."""


def binary(chance: random.Random, left: Made, sign: str, right: Made, power: int) -> Made:
    """Brackets where they are needed, and now and then where they are not."""
    return f"{within(chance, left, power)} {sign} {within(chance, right, power + 1)}", power


def within(chance: random.Random, made: Made, power: int) -> str:
    return made[0] if made[1] >= power and chance.random() < 0.8 else f"({made[0]})"


def tree(chance: random.Random, kind: str, depth: int) -> Made:
    """A text that gives a number, a text or a truth."""
    if depth == 0 or chance.random() < 0.15:
        return leaf(chance, kind)
    if chance.random() < 0.1:
        then, other = (tree(chance, kind, depth - 1) for _ in range(2))
        condition = tree(chance, "truth", depth - 1)
        parts = (within(chance, one, 2) for one in (then, condition, other))
        return "{} if {} else {}".format(*parts), 1
    return GROWN[kind](chance, depth - 1)


def leaf(chance: random.Random, kind: str) -> Made:
    match kind:
        case "number":
            number = chance.choice((*INTS, *FLOATS))
            word = chance.choice(("a", "b", "x", "m", repr(number)))
            return word, 8 if word.startswith("-") else ATOM
        case "text":
            return chance.choice(("s", "t", "m", *[f"'{text}'" for text in TEXTS[:5]])), ATOM
        case _:
            return chance.choice(("p", "true", "false", "m == null")), 5


def number(chance: random.Random, depth: int) -> Made:
    made = [tree(chance, "number", depth) for _ in range(2)]
    match chance.randrange(5):
        case 0:
            return f"{chance.choice(('min', 'max'))}({made[0][0]}, {made[1][0]})", ATOM
        case 1:
            return f"abs({made[0][0]})", ATOM
        case 2:
            return f"- {within(chance, made[0], 8)}", 8
        case _:
            sign = chance.choice(("+", "-", "*", "//", "%"))
            return binary(chance, made[0], sign, made[1], 6 if sign in "+-" else 7)


def text(chance: random.Random, depth: int) -> Made:
    made = [tree(chance, "text", depth) for _ in range(2)]
    if chance.random() < 0.5:
        return binary(chance, made[0], "+", made[1], 6)
    return f"{chance.choice(('min', 'max'))}({made[0][0]}, {made[1][0]})", ATOM


def truth(chance: random.Random, depth: int) -> Made:
    kind = chance.choice(("number", "text", "truth"))
    made = [tree(chance, kind, depth) for _ in range(3)]
    match chance.randrange(4):
        case 0 if kind != "truth":
            sign = chance.choice(("<", "<=", ">", ">="))
            return binary(chance, (made[0][0], min(made[0][1], 5) - 1), sign, made[1], 5)
        case 1:
            word = chance.choice(("in", "not in"))
            return f"{within(chance, made[0], 6)} {word} [{made[1][0]}, {made[2][0]}]", 5
        case 2:
            return f"not {within(chance, tree(chance, 'truth', depth), 4)}", 4
        case 3:
            left, right = (tree(chance, "truth", depth) for _ in range(2))
            sign, power = chance.choice((("and", 3), ("or", 2)))
            return binary(chance, left, sign, right, power)
        case _:
            sign = chance.choice(("==", "!="))
            return f"{within(chance, made[0], 6)} {sign} {within(chance, made[1], 6)}", 5


GROWN: Final[dict[str, Callable[[random.Random, int], Made]]] = {
    "number": number,
    "text": text,
    "truth": truth,
}


def row(chance: random.Random) -> tuple[Any, ...]:
    ints = [chance.choice(INTS) for _ in range(2)]
    texts = [chance.choice(TEXTS) for _ in range(2)]
    anything = chance.choice((*INTS, *FLOATS, *TEXTS, True, None))
    return (*ints, chance.choice(FLOATS), *texts, chance.random() < 0.5, anything)


SIGNS: Final[dict[type, Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
CALLS: Final[dict[str, Callable[..., Any]]] = {"min": min, "max": max, "abs": abs}


def second_opinion(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of Python's tree, by Python's numbers, if it is within the limits."""
    match node:
        case ast.Constant(value=value):
            return limited(value)
        case ast.Name(id=name):
            return limited(names[name])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not true_or_false(operand, names)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return limited(-value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return calculated(operator.neg, ordered(operand, names))
        case ast.BinOp(left=left, op=sign, right=right):
            one, two = ordered(left, names), ordered(right, names)
            if isinstance(one, str) is not isinstance(two, str) or (
                isinstance(one, str) and not isinstance(sign, ast.Add)
            ):
                raise Refused
            return calculated(SIGNS[type(sign)], one, two)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(true_or_false(one, names) for one in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(true_or_false(one, names) for one in values)
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return compared(sign, left, right, names)
        case ast.IfExp(test=test, body=body, orelse=other):
            return second_opinion(body if true_or_false(test, names) else other, names)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            values = [ordered(one, names) for one in arguments]
            if len({isinstance(value, str) for value in values}) > 1:
                raise Refused
            return calculated(CALLS[name], *values)
    raise AssertionError(ast.dump(node))


def compared(sign: ast.cmpop, left: ast.expr, right: ast.expr, names: dict[str, Any]) -> bool:
    one = second_opinion(left, names)
    match sign, right:
        case ((ast.In() | ast.NotIn()), ast.List(elts=items)):
            found = [same(one, second_opinion(item, names)) for item in items]
            return any(found) is isinstance(sign, ast.In)
        case ((ast.Eq() | ast.NotEq()), _):
            return same(one, second_opinion(right, names)) is isinstance(sign, ast.Eq)
    two = second_opinion(right, names)
    if type_of(one) not in Type.NUMBER | Type.TEXT or type_of(two) not in Type.NUMBER | Type.TEXT:
        raise Refused
    if isinstance(one, str) is not isinstance(two, str):
        raise Refused
    return bool(SIGNS[type(sign)](one, two))


def same(one: Any, two: Any) -> bool:
    numbers = type_of(one) in Type.NUMBER and type_of(two) in Type.NUMBER
    return bool(one == two) and (numbers or type(one) is type(two))


def true_or_false(node: ast.expr, names: dict[str, Any]) -> bool:
    value = second_opinion(node, names)
    if not isinstance(value, bool):
        raise Refused
    return value


def ordered(node: ast.expr, names: dict[str, Any]) -> Any:
    value = second_opinion(node, names)
    if value is None or isinstance(value, bool):
        raise Refused
    return value


def calculated(of: Callable[..., Any], *values: Any) -> Any:
    try:
        return limited(of(*values))
    except (TypeError, ZeroDivisionError):
        raise Refused from None


def limited(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Refused
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused
    if isinstance(value, str) and len(value) > 256:
        raise Refused
    return value


def python_form(text: str) -> ast.expr:
    for ours, theirs in (("true", "True"), ("false", "False"), ("null", "None")):
        text = text.replace(ours, theirs)
    return ast.parse(text, mode="eval").body


def told(of: Callable[[], Any]) -> Any:
    """The value, or the error instead of one."""
    try:
        return of()
    except ExpressionError as error:
        return error


def outcome(of: Callable[[], Any]) -> tuple[str, str]:
    """Type and exact value, or that there is none."""
    try:
        value = of()
    except (Refused, ExpressionError):
        return "refused", ""
    return type(value).__name__, repr(value)


@pytest.mark.parametrize("part", range(4))
def test_a_random_tree_gives_what_python_gives(part: int) -> None:
    chance = random.Random(f"trees {part}")
    results: dict[str, int] = {}
    tried = 0
    while tried < TREES // 4:
        made, _ = tree(chance, chance.choice(("number", "text", "truth")), chance.randint(1, 4))
        if len(made) > LENGTH_MAX:
            continue
        parsed = parse(made)
        tried += 1
        values = row(chance)
        names = dict(zip(FIELDS, values, strict=True))
        ours = outcome(lambda: compiled(parsed, FIELDS)(values))  # noqa: B023 - called at once
        theirs = outcome(lambda: second_opinion(python_form(made), names))  # noqa: B023
        assert ours == theirs, (made, values)
        results[ours[0]] = results.get(ours[0], 0) + 1
    assert all(results[name] > tried // 50 for name in ("int", "float", "str", "bool", "refused"))


@pytest.mark.parametrize("part", range(4))
def test_what_the_types_promise_the_value_keeps(part: int) -> None:
    """On rows as typed, a checked tree gives a value of its type, or fails by number or length."""
    chance = random.Random(f"types {part}")
    checked = 0
    for _ in range(TREES // 4):
        made, _ = tree(chance, chance.choice(("number", "text", "truth")), chance.randint(1, 3))
        try:
            parsed = parse(made)
            types = type_check(parsed, COLUMNS)
        except ExpressionError:
            continue
        checked += 1
        found = told(lambda: compiled(parsed, FIELDS)(row(chance)))  # noqa: B023 - called at once
        if isinstance(found, ExpressionError):
            assert "does not take" not in found.sentence, made
        else:
            assert type_of(found) in types, made
    assert checked > TREES // 40


PIECES: Final = (
    "", " ", "(", ")", "[", "]", ",", "'", '"', "`", "not ", "in", " if ", " else ", "and", "-",
    "**", "//", "/", "%", "==", "=", "9" * 19, "1e308", "1e999", "0x1", "1_0", ".", "\\", "\0",
    "\x1b", "\u202e", "\ud800", "é", "lambda", "__class__", "a" * 60, "min(", "hash64(", "bucket(",
    "null",     "(" * 40, "not " * 20, "- " * 40,
)  # fmt: skip
HOSTILE: Final = (
    "9**9**9", "(9**9)*'a'", "'a' * 999999999", "__import__('os')", "().__class__.__bases__[0]",
    "a.__class__", "[a for a in s]", "(lambda: 1)()", "lambda x: x", "open('/etc/passwd')",
    "exec('1')", "a if", "if a else b", "f'{a}'", "{a: 1}", "{a}", "(a, b)", "[a, b]", "[", "a[0]",
    "a := 1", "a; b", "a\nb", "await a", "yield", "a if b", "*a", "**a", "...", "0777", "1__0",
    "1e", "1.", ".1", "0b1", "1j", "'\\n'", "b'a'", "'" * 200, '"', "`", "``", "`a", "not", "in",
    "a not b", "a in s", "a in [b", "min(min)", "min(", "min(,)", "min(a,)", "abs()",
    "bucket(a, -1)", "bucket(a, 9223372036854775808)", "(" * 34 + "a",
    "- - - - - - - - - -a" * 10,
    "not " * 50 + "p", "+".join("a" * 100), "a" * 201, " " * 200, "a == b == a", "a < b > a",
    "null + null", "-null", "-true", "true + true", "-'a'", "max(" * 40, "1 if 1 if 1",
    "9" * 200, "-" + "9" * 199, "1e" + "9" * 198, "\0", "\ud800", "'\ud800' == s", "\u202ea",
    "hash64('\ud800')", "bucket('\ud800', 3)", "len('\ud800')", "lower('\u0130')", "\uff11",
    "a\u00a0+ 1", "\u00e9", "#", "a # b", "$a", "a?", "a!", "@a", "~a", "a ^ b", "a | b", "a <> b",
)  # fmt: skip


def everything(text: str) -> None:
    parsed = parse(text)
    type_check(parsed, COLUMNS)
    compiled(parsed, FIELDS)(row(random.Random(ascii(text))))


def survives(text: str) -> None:
    """A value or our error, soon; a place within the text, and a sentence of one line."""
    began = time.process_time()
    error = told(lambda: everything(text))
    if error is not None:
        assert 0 <= error.at <= min(len(text), LENGTH_MAX)
        assert len(error.sentence) < 400
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_a_hostile_text(text: str) -> None:
    survives(text)


def test_mutants_of_expressions() -> None:
    chance = random.Random("mutants")
    for _ in range(MUTANTS):
        made, _ = tree(chance, chance.choice(("number", "text", "truth")), chance.randint(0, 3))
        for _ in range(chance.randint(1, 4)):
            at, length = chance.randint(0, len(made)), chance.choice((0, 0, 1, 2, 9))
            made = made[:at] + chance.choice(PIECES) + made[at + length :]
        survives(made)


def test_every_value_that_comes_in_is_within_the_limits() -> None:
    for value in (*INTS, *FLOATS, *TEXTS, True, None):
        assert admitted(value) is value
