"""From tokens to a tree, by binding powers (Pratt). Precedence is that of Python.

Weakest first: if else, or, and, not, comparisons and `in` (which do not chain), + -, * // %, minus.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bandviz.functions.expr.operations import FUNCTION_NAMES, OPERATIONS
from bandviz.functions.expr.tokens import Token, TokenKind, tokens
from bandviz.functions.expr.tree import Apply, Column, Constant, Node
from bandviz.functions.expr.values import ExpressionError, Value, admitted

NODES_MAX: Final = 64
DEPTH_MAX: Final = 16
_LEVELS_MAX: Final = 3 * DEPTH_MAX
"""Of the parser's own recursion: brackets and operators."""

_NOT: Final = 4
_COMPARED: Final = 5
_MINUS: Final = 8
_BINDS: Final = {
    "if": 1,
    "or": 2,
    "and": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not"), _COMPARED),
    **dict.fromkeys("+-", 6),
    **dict.fromkeys(("*", "//", "%"), 7),
}
"""Binding power of what stands between operands; `not` there begins `not in`."""


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError."""
    if not isinstance(text, str):
        raise ExpressionError("an expression is a text")
    return _Parser(tokens(text)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = iter(found)
        self._next = next(self._tokens)
        self._nodes = 0
        self._levels = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._next.kind is not TokenKind.END:
            raise self._unexpected("an operator")
        return node

    def _expression(self, floor: int) -> Node:
        """As far as operators bind more strongly than `floor`."""
        with self._level():
            left = self._operand(floor)
            while (power := self._power()) > floor:
                left = self._operation(left, power)
                if power == _COMPARED == self._power():
                    sentence = "comparisons do not chain"
                    raise ExpressionError(sentence, self._next.at, hint="join them by and")
            return left

    def _operation(self, left: Node, power: int) -> Node:
        """What an operator makes of the operand before it and what comes behind."""
        sign = self._taken()
        match sign.word:
            case "if":
                condition = self._expression(power)
                self._expect("else")
                return self._apply("if", sign, left, condition, self._expression(0))
            case "in":
                return self._member(left, sign)
            case "not":
                self._expect("in")
                return self._apply("not", sign, self._member(left, sign))
            case _:
                return self._apply(sign.word, sign, left, self._expression(power))

    def _operand(self, floor: int) -> Node:
        token = self._taken()
        match token.kind, token.word:
            case TokenKind.CONSTANT, _:
                return self._constant(token.at, token.value)
            case TokenKind.COLUMN, _:
                return self._leaf(Column(token.at, token.word))
            case TokenKind.NAME, _ if self._next.word == "(" and self._next.kind is TokenKind.SIGN:
                return self._call(token)
            case TokenKind.NAME, _:
                return self._leaf(Column(token.at, token.word))
            case TokenKind.SIGN, "(":
                inner = self._expression(0)
                self._expect(")")
                return inner
            case TokenKind.SIGN, "-":
                return self._negated(token)
            case TokenKind.SIGN, "not" if floor <= _NOT:
                return self._apply("not", token, self._expression(_NOT))
        self._next = token
        raise self._unexpected("a value")

    def _negated(self, minus: Token) -> Node:
        value = self._next.value
        if type(value) in (int, float):
            self._taken()
            return self._constant(minus.at, -value)  # type: ignore[operator]  # a number
        return self._apply("negated", minus, self._expression(_MINUS))

    def _call(self, name: Token) -> Node:
        if name.word not in FUNCTION_NAMES:
            sentence = f"no function '{name.word}'"
            raise ExpressionError(sentence, name.at, word=name.word, known=FUNCTION_NAMES)
        self._expect("(")
        parts = self._listed(")")
        least, most = OPERATIONS[name.word].least, OPERATIONS[name.word].most
        if not least <= len(parts) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            sentence = f"{name.word} takes {wanted}, not {len(parts)}"
            raise ExpressionError(sentence, name.at)
        return self._apply(name.word, name, *parts)

    def _member(self, left: Node, sign: Token) -> Node:
        self._expect("[")
        return self._apply("in", sign, left, *self._listed("]"))

    def _listed(self, end: str) -> list[Node]:
        """One or more expressions with commas between, and the bracket behind."""
        parts = [self._expression(0)]
        while self._is_sign(","):
            self._taken()
            parts.append(self._expression(0))
        self._expect(end)
        return parts

    def _constant(self, at: int, value: Value) -> Node:
        try:
            return self._leaf(Constant(at, admitted(value)))
        except ExpressionError as error:
            raise ExpressionError(error.sentence, at) from None

    def _apply(self, name: str, token: Token, *parts: Node) -> Node:
        depth = 1 + max(part.depth for part in parts)
        if depth > DEPTH_MAX:
            raise ExpressionError(f"nested deeper than {DEPTH_MAX} levels", token.at)
        return self._leaf(Apply(token.at, name, parts, depth))

    def _leaf(self, node: Node) -> Node:
        """Count a node."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise ExpressionError(f"more than {NODES_MAX} values and operators", node.at)
        return node

    @contextmanager
    def _level(self) -> Iterator[None]:
        self._levels += 1
        if self._levels > _LEVELS_MAX:
            raise ExpressionError(f"nested deeper than {DEPTH_MAX} levels", self._next.at)
        yield
        self._levels -= 1

    def _power(self) -> int:
        return _BINDS.get(self._next.word, 0) if self._next.kind is TokenKind.SIGN else 0

    def _is_sign(self, word: str) -> bool:
        return self._next.kind is TokenKind.SIGN and self._next.word == word

    def _taken(self) -> Token:
        token = self._next
        self._next = next(self._tokens, token)
        return token

    def _expect(self, word: str) -> None:
        if not self._is_sign(word):
            raise self._unexpected(f"'{word}'")
        self._taken()

    def _unexpected(self, wanted: str) -> ExpressionError:
        token = self._next
        found = f"'{token.word}'" if token.kind is not TokenKind.END else "the end"
        return ExpressionError(f"{wanted} is expected, not {found}", token.at)
