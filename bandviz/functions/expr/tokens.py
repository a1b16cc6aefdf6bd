"""From text to tokens. Names are ASCII; other columns stand in backquotes. Text has no escapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from bandviz.functions.expr.values import ExpressionError, Value

LENGTH_MAX: Final = 200
KEYWORDS: Final = ("and", "or", "not", "in", "if", "else")
CONSTANTS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}

_TOKEN: Final = re.compile(
    r"""
      (?P<space> [ \t\n]+)
    | (?P<float> [0-9]+ (?: \.[0-9]+ (?:[eE][-+]?[0-9]+)? | [eE][-+]?[0-9]+ ))
    | (?P<int> [0-9]+)
    | (?P<name> [A-Za-z_][A-Za-z0-9_]*)
    | (?P<column> `[^`]+`)
    | (?P<text> "[^"]*" | '[^']*')
    | (?P<foreign> \*\* | && | \|\|)
    | (?P<sign> // | == | != | <= | >= | [-+*%<>(),\[\]])
    | (?P<other> .)
    """,
    re.VERBOSE | re.DOTALL,
)
_INSTEAD: Final = {
    "**": "there is only *",
    "/": "write // (rounds down)",
    "=": "write ==",
    "!": "write not",
    "&": "write and",
    "&&": "write and",
    "|": "write or",
    "||": "write or",
    "?": "write a if b else c",
}
_OPEN: Final = {'"': "a text without end", "'": "a text without end", "`": "a name without end"}


class TokenKind(Enum):
    """What the parser tells apart."""

    CONSTANT = "constant"
    NAME = "name"
    COLUMN = "column"
    """A name in backquotes."""
    SIGN = "sign"
    """Operators, brackets and keywords."""
    END = "end"


class Token(NamedTuple):
    """`word`: as it stands in the text, a column without its backquotes; `at`: its index."""

    kind: TokenKind
    word: str
    at: int
    value: Value = None


def tokens(text: str) -> list[Token]:
    """The last one is END. Raises ExpressionError."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"an expression has at most {LENGTH_MAX} characters", LENGTH_MAX)
    return [*_tokens(text), Token(TokenKind.END, "", len(text))]


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        word, at = match[0], match.start()
        match match.lastgroup:
            case "space":
                continue
            case "int":
                yield Token(TokenKind.CONSTANT, word, at, int(word))
            case "float":
                yield Token(TokenKind.CONSTANT, word, at, float(word))
            case "text":
                yield Token(TokenKind.CONSTANT, word, at, word[1:-1])
            case "column":
                yield Token(TokenKind.COLUMN, word[1:-1], at)
            case "sign":
                yield Token(TokenKind.SIGN, word, at)
            case "name" if word in CONSTANTS:
                yield Token(TokenKind.CONSTANT, word, at, CONSTANTS[word])
            case "name":
                yield Token(TokenKind.SIGN if word in KEYWORDS else TokenKind.NAME, word, at)
            case _:
                sentence = _OPEN.get(word, f"'{word}' is not of this language")
                raise ExpressionError(sentence, at, hint=_INSTEAD.get(word, ""))
