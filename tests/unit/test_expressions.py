"""The expression language: what a text means, what it refuses and where, what a row does to it."""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.events.values import pack, unpack
from bandviz.functions.expr.check import type_check
from bandviz.functions.expr.evaluate import compiled
from bandviz.functions.expr.explain import RAISES, explained
from bandviz.functions.expr.functions import Compute, Expression
from bandviz.functions.expr.operations import FUNCTION_NAMES
from bandviz.functions.expr.parse import parse
from bandviz.functions.expr.values import ExpressionError, Type
from bandviz.functions.registry import from_spec
from bandviz.functions.rows import FunctionError

COLUMNS = {
    "fruit": Type.TEXT, "kilos": Type.INT, "share": Type.NUMBER, "ripe": Type.TRUTH,
    "in": Type.INT, "mixed": Type.INT | Type.TEXT, "none": Type.NOTHING,
}  # fmt: skip
FIELDS = tuple(COLUMNS)
ROW = ("Plums", 7, 0.5, True, 3, "x", 0)
BIG = 2**63 - 1


def value(text: str, row: tuple[Any, ...] = ROW) -> Any:
    return compiled(parse(text), FIELDS)(row)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("7.5 // 2", 3.0),
        ("kilos * share", 3.5),
        ("-kilos + 1", -6),
        ("- - kilos", 7),
        ("2e3 + 0", 2000.0),
        (f"-{BIG} - 1", -BIG - 1),
        ("-9223372036854775808", -BIG - 1),
        ("'a' + \"b'\"", "ab'"),
        ("`in` + 1", 4),
        ("1 == 1.0", True),
        ("ripe == 1", False),
        ("fruit != 'Plums'", False),
        ("'a' < 'b'", True),
        ("'Z' < 'a'", True),
        ("2 <= 2.0", True),
        ("3 > 4", False),
        ("not ripe or kilos == 7", True),
        ("not kilos == 7", False),
        ("ripe and not (kilos > 9)", True),
        ("true or false and false", True),
        ("1 if ripe else 2", 1),
        ("1 if kilos > 9 else 2 if kilos > 6 else 3", 2),
        ("fruit in ['Figs', 'Plums']", True),
        ("kilos in [7.0]", True),
        ("kilos not in [1, 2]", True),
        ("null == null", True),
        ("mixed == null", False),
        ("min(3, kilos, 5)", 3),
        ("max('a', 'c', 'b')", "c"),
        ("max(1, 1.0)", 1),
        ("abs(-3) + abs(2.5)", 5.5),
        ("len(fruit)", 5),
        ("lower(fruit) + upper('é' + fruit)", "plumséPLUMS"),
        ("startswith(fruit, 'Pl') and endswith(fruit, 's')", True),
        ("contains(fruit, 'lum')", True),
        ("coalesce(null, kilos, 1)", 7),
        ("coalesce(null, null)", None),
        ("bucket(2, 4) == bucket(2.0, 4)", True),
        ("hash64('a')", -2729628729170236827),
        ("hash64(true)", 5667380207063080609),
        ("bucket('plums', 4)", 2),
        ("1\n  +\t1", 2),
    ],
)
def test_a_text_means(text: str, result: Any) -> None:
    found = value(text)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("false and 1 // 0 == 1", False),
        ("true or 1 // 0 == 1", True),
        ("1 // 0 if false else 2", 2),
        ("1 if true else 1 // 0", 1),
    ],
)
def test_what_does_not_matter_is_not_evaluated(text: str, sentence: Any) -> None:
    assert value(text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kilos // (kilos - 7)", "7 // 0: division by zero"),
        ("share % 0", "0.5 % 0: division by zero"),
        (f"{BIG} + 1", f"{BIG} + 1: a whole number that does not fit in 64 bits"),
        (f"{BIG} * {BIG}", f"{BIG} * {BIG}: a whole number that does not fit in 64 bits"),
        ("-(-9223372036854775808)", "a whole number that does not fit in 64 bits"),
        ("abs(-9223372036854775808)", "a whole number that does not fit in 64 bits"),
        ("1e308 * 10", "1e+308 * 10: a number that is not finite"),
        ("mixed + 1", "+ does not take 'x' and 1"),
        ("1 < fruit", "< does not take 1 and 'Plums'"),
        ("ripe + 1", "+ does not take true and 1"),
        ("ripe < false", "< does not take true and false"),
        ("not kilos", "not does not take 7"),
        ("kilos and ripe", "and does not take 7"),
        ("1 if null else 2", "if does not take null"),
        ("min(1, 'a')", "min does not take 1 and 'a'"),
        ("abs(fruit)", "abs does not take 'Plums'"),
        ("len(kilos)", "len does not take 7"),
        ("bucket(1, 0)", "bucket: 0 is no number of buckets"),
        ("bucket(1, 2.0)", "bucket: 2.0 is no number of buckets"),
    ],
)
def test_a_row_that_it_cannot_be_evaluated_on(text: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (2**63, "a whole number that does not fit in 64 bits"),
        (float("inf"), "a number that is not finite"),
        ("x" * 257, "a text of more than 256 characters"),
        ((1, 2), "a tuple in an expression"),
    ],
)
def test_a_column_brings_in_no_value_that_the_language_does_not_have(
    found: Any, sentence: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        value("mixed == 1", (*ROW[:5], found, 0))
    assert caught.value.sentence == sentence


def test_texts_do_not_grow() -> None:
    row = ("x" * 200, *ROW[1:])
    with pytest.raises(ExpressionError):
        value("fruit + fruit", row)


@pytest.mark.parametrize(
    ("text", "at", "sentence", "hint"),
    [
        ("", 0, "a value is expected, not the end", ""),
        ("kilos +", 7, "a value is expected, not the end", ""),
        ("kilos kilos", 6, "an operator is expected, not 'kilos'", ""),
        ("(kilos", 6, "')' is expected, not the end", ""),
        ("1 < kilos < 3", 10, "comparisons do not chain", "join them by and"),
        ("1 == not ripe", 5, "a value is expected, not 'not'", ""),
        ("kilos ** 2", 6, "'**' is not of this language", "there is only *"),
        ("kilos / 2", 6, "'/' is not of this language", "write // (rounds down)"),
        ("kilos = 2", 6, "'=' is not of this language", "write =="),
        ("ripe && ripe", 5, "'&&' is not of this language", "write and"),
        ("kilos.real", 5, "'.' is not of this language", ""),
        ("fruit[0]", 5, "an operator is expected, not '['", ""),
        ("fruit in (1, 2)", 9, "'[' is expected, not '('", ""),
        ("kilos in []", 10, "a value is expected, not ']'", ""),
        ("1 if ripe", 9, "'else' is expected, not the end", ""),
        ("fruit == 'plums", 9, "a text without end", ""),
        ("``", 0, "a name without end", ""),
        ("lambda: 1", 6, "':' is not of this language", ""),
        ("9223372036854775808", 0, "a whole number that does not fit in 64 bits", ""),
        ("kilos + 1e999", 8, "a number that is not finite", ""),
        ("'" + "a" * 199, 0, "a text without end", ""),
        ("min(kilos)", 0, "min takes 2 to 16, not 1", ""),
        ("1 + len(fruit, 2)", 4, "len takes 1, not 2", ""),
        ("min()", 4, "a value is expected, not ')'", ""),
        ("1 + " * 60 + "1", 200, "an expression has at most 200 characters", ""),
        ("+".join("1" * 17), 31, "nested deeper than 16 levels", ""),
        ("(" * 90, 48, "nested deeper than 16 levels", ""),
        ("kilos in [" + "1," * 63 + "1]", 136, "more than 64 values and operators", ""),
    ],
)
def test_a_text_that_is_no_expression(text: str, at: int, sentence: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert (error.at, error.sentence, error.hint) == (at, sentence, hint)


def test_an_unknown_function_is_told_with_those_there_are() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("1 + open('x')")
    assert (caught.value.at, caught.value.word) == (4, "open")
    assert caught.value.known == FUNCTION_NAMES


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("kilos + 1", Type.INT),
        ("kilos + share", Type.NUMBER),
        ("kilos + 0.5", Type.FLOAT),
        ("kilos // kilos", Type.INT),
        ("fruit + 'x'", Type.TEXT),
        ("none + 1", Type.NOTHING),
        ("kilos > share", Type.TRUTH),
        ("mixed == kilos", Type.TRUTH),
        ("mixed == null", Type.TRUTH),
        ("kilos if ripe else fruit", Type.INT | Type.TEXT),
        ("kilos if ripe else null", Type.INT | Type.NULL),
        ("coalesce(kilos if ripe else null, 0)", Type.INT),
        ("coalesce(null, null)", Type.NULL),
        ("max(kilos, share)", Type.NUMBER),
        ("bucket(mixed, 4)", Type.INT),
        ("len(none) < 3", Type.TRUTH),
        ("not contains(fruit, 'x')", Type.TRUTH),
    ],
)
def test_types(text: str, types: Type) -> None:
    assert type_check(parse(text), COLUMNS) is types


@pytest.mark.parametrize(
    ("text", "at", "sentence"),
    [
        ("kilo + 1", 0, "no column 'kilo' here"),
        ("1 + fruit", 2, "'+' takes numbers or text, not whole numbers and text"),
        ("fruit * 3", 6, "'*' takes numbers, not text"),
        ("1 + -fruit", 4, "'-' takes numbers, not text"),
        (
            "mixed + 1",
            6,
            "'+' takes numbers or text, not values of several kinds",
        ),
        ("kilos and ripe", 6, "'and' takes true and false, not whole numbers"),
        ("1 if kilos else 2", 2, "'if' takes true and false, not whole numbers"),
        ("fruit == 3", 6, "text never equal whole numbers"),
        ("kilos in [1, 'a']", 13, "whole numbers never equal text"),
        ("len(kilos)", 0, "'len' takes text, not whole numbers"),
        ("bucket(fruit, share)", 0, "'bucket' takes whole numbers, not numbers"),
        ("null + 1", 5, "'+' takes numbers or text, not null"),
    ],
)
def test_what_can_work_on_no_row_is_an_error_of_the_text(text: str, at: int, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        type_check(parse(text), COLUMNS)
    assert (caught.value.at, caught.value.sentence) == (at, sentence)


def test_a_filter_keeps_rows_on_which_it_is_true() -> None:
    keep = Expression(text="kilos > 5 and ripe").bind(FIELDS)
    assert [keep(ROW), keep(("figs", 2, *ROW[2:]))] == [True, False]
    with pytest.raises(ExpressionError):
        Expression(text="kilos").bind(FIELDS)(ROW)


def test_computed_columns_all_see_the_row_as_it_came_in() -> None:
    swap = Compute(columns=(("a", "b"), ("sum", "a + b"), ("b", "a")))
    assert swap.output_fields(("a", "b")) == ("a", "b", "sum")
    assert swap.bind(("a", "b"))((1, 2)) == (2, 1, 3)


@pytest.mark.parametrize("function", [Expression(text="a > 1"), Compute(columns=(("b", "a + 1"),))])
def test_a_spec_gives_the_function_back(function: Expression | Compute) -> None:
    assert from_spec(unpack(pack(function.spec()))) == function


@pytest.mark.parametrize(
    "spec",
    [
        {"fn": "expr", "text": 3},
        {"fn": "expr", "text": "b"},
        {"fn": "compute", "columns": 3},
        {"fn": "compute", "columns": (3,)},
        {"fn": "compute", "columns": (("a", None),)},
        {"fn": "compute", "columns": ((1, "a"),)},
    ],
)
def test_a_foreign_spec_is_an_error_of_ours(spec: dict[str, Any]) -> None:
    function: Any = from_spec(spec)
    with pytest.raises(FunctionError):
        function.bind(("a",))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (
            "kilos // 2 > 3",
            [(0, ">", "false"), (1, "//", "3"), (2, "kilos", "7"), (2, "2", ""), (1, "3", "")],
        ),
        (
            "1 // 0 if not ripe else fruit",
            [
                (0, "if", "'Plums'"), (1, "//", ""), (2, "1", ""), (2, "0", ""),
                (1, "not", "false"), (2, "ripe", "true"), (1, "fruit", "'Plums'"),
            ],
        ),
        ("not ripe and fruit", [
            (0, "and", "false"), (1, "not", "false"), (2, "ripe", "true"), (1, "fruit", ""),
        ]),
        ("ripe or fruit", [(0, "or", "true"), (1, "ripe", "true"), (1, "fruit", "")]),
        ("len(kilos) + 1", [
            (0, "+", RAISES), (1, "len", RAISES), (2, "kilos", "7"), (1, "1", ""),
        ]),
    ],
)  # fmt: skip
def test_a_tree_shows_the_values_that_a_row_needs(
    text: str, steps: list[tuple[int, str, str]]
) -> None:
    assert explained(parse(text), FIELDS, ROW) == steps
    without = explained(parse(text), FIELDS, None)
    assert [step[:2] for step in without] == [step[:2] for step in steps]
    assert not any(step.value for step in without)
