"""Values of data as short, printable words; the only formatting that model and narrator share.

Everything that came from data leaves through `text.door`. Dates are made from integers: no clock,
no locale, no time zone but UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from bandviz.text import LABEL, NAME, SafeText, door

_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
)  # fmt: skip
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_IN_400_YEARS: Final = 146_097
_DAY_MS: Final = 86_400_000
_END_OF_TIME_MS: Final = 2**53
_LABEL_LETTERS: Final = 2
_NESTED_MAX: Final = 3
ROW_TEXTS_MAX: Final = 3


def value_text(value: Any, depth: int = 0) -> str:
    """A value as a person reads it: ints whole, floats to 3 decimals, parts of a tuple in a row."""
    match value:
        case None:
            return "-"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:.4g}"
        case tuple():
            if depth == _NESTED_MAX:
                return "…"
            return " ".join([value_text(part, depth + 1) for part in value])
        case bytes():
            return value.hex()
    return str(value)


def safe(value: Any, limit: int = LABEL) -> SafeText:
    """`value_text` through the door."""
    return door(value_text(value), limit)


def moment_text(time_ms: int) -> str:
    """An event time as `08-Feb 14:00`, UTC, with seconds where there are any."""
    if not -_END_OF_TIME_MS < time_ms < _END_OF_TIME_MS:
        return "the end of time" if time_ms > 0 else "the beginning of time"
    days, rest_ms = divmod(time_ms, _DAY_MS)
    day, month = _day_and_month(days)
    minutes, rest_ms = divmod(rest_ms, 60_000)
    seconds = f":{rest_ms // 1000:02}" if rest_ms else ""
    return f"{day:02}-{_MONTHS[month]} {minutes // 60:02}:{minutes % 60:02}{seconds}"


@lru_cache(maxsize=256)
def _day_and_month(days: int) -> tuple[int, int]:
    """Day from 1 and month from 0 of a day counted from 1970-01-01."""
    days %= _DAYS_IN_400_YEARS
    year = 1970
    while days >= 365 + _is_leap(year):
        days -= 365 + _is_leap(year)
        year += 1
    for month, length in enumerate(_MONTH_DAYS):
        length += month == 1 and _is_leap(year)
        if days < length:
            return days + 1, month
        days -= length
    raise AssertionError("a year has twelve months")


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def row_label(row: Any) -> SafeText:
    """One or two characters for a row: a text that short, else the first letter of the first text.

    A row without text shows a number of up to two digits, else `#`.
    """
    values = row if isinstance(row, tuple) else (row,)
    texts = [door(value, NAME) for value in values if isinstance(value, str) and value]
    if texts:
        short = [text for text in texts if len(text) <= _LABEL_LETTERS]
        return short[0] if short else door(texts[0][0])
    text = safe(values[0]) if values else door("#")
    return text if len(text) <= _LABEL_LETTERS else door("#")


def rows_text(rows: Sequence[Any]) -> SafeText:
    """Whole values of a buffer: the first few rows, and how many there are if more."""
    shown = ", ".join(value_text(row) for row in rows[:ROW_TEXTS_MAX])
    more = f" … {len(rows)} records" if len(rows) > ROW_TEXTS_MAX else ""
    return door(shown + more)


def many(count: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def are(count: int) -> str:
    """The verb that goes with so many things."""
    return "is" if count == 1 else "are"


def listed(words: Sequence[str], shown_max: int = 4) -> str:
    """`north`, `north and south`, `a, b, c and 5 more`."""
    if len(words) > shown_max:
        words = [*words[: shown_max - 1], f"{len(words) - shown_max + 1} more"]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def seconds(time_us: int) -> str:
    """A virtual time or duration: `3.2 s`; below a tenth of a second in ms."""
    if 0 < time_us < 100_000:
        return f"{max(1, time_us // 1000)} ms"
    tenths = time_us // 100_000
    return f"{tenths // 10}.{tenths % 10} s"
