"""Output as the public sees it, and what it does not see yet or never will.

A short tally is drawn in strokes, as on a blackboard; wide rows stand as they are, newest first.
"""

from __future__ import annotations

from collections.abc import Sequence

from bandviz.model.views import BoardView, TransactionStatus, TransactionView
from bandviz.model.words import many
from bandviz.text import SafeText
from bandviz.tui.panels.table import table
from bandviz.tui.panels.typeset import blank, clip_all, one_of, text
from bandviz.tui.spans import Line, width

Tally = tuple[tuple[SafeText, int], ...]

_TALLY_FIELDS_MAX = 2
_TALLY_KEYS_MAX = 8
_CELL_LEAST = 13
_STROKES_MAX = 40
_HEAD_ROWS_LEAST = 4
"""So many rows must there be for wide rows to get a line of column heads."""
_OPEN, _ORPHAN, _PROMISED = "not yet visible", "never shown", "hidden until commit"
_LOST = {
    TransactionStatus.ABORTED: "ABORTED, never shown",
    TransactionStatus.EXPIRED: "✗ EXPIRED at the broker",
}
_PROMISE_BROKEN = "✗ EXPIRED, though a checkpoint promised it"
"""Lost for good: sources go on behind that checkpoint."""
_BRIEFER = {
    _PROMISE_BROKEN: ("✗ EXPIRED, was promised", "✗ EXPIRED"),
    _LOST[TransactionStatus.ABORTED]: ("never shown", "ABORTED"),
    _LOST[TransactionStatus.EXPIRED]: ("✗ EXPIRED",),
}
_TIGHT = {_OPEN: "HIDDEN  txn", _ORPHAN: "NEVER SHOWN txn", _PROMISED: "TO COMMIT txn"}


def board_lines(boards: Sequence[BoardView], cells: int, rows: int, *, tight: bool) -> list[Line]:
    """One sink fills the column, several share its rows."""
    if not boards:
        return []
    share, extra = divmod(rows, len(boards))
    lines: list[Line] = []
    for place, board in enumerate(boards):
        own = share + (1 if place < extra else 0)
        topic = board.topic if len(boards) > 1 else ""
        if topic and _is_tally(board) and own > 1:
            named = [text(topic, "muted"), *_board(board, "", cells, own - 1, tight=tight)]
        else:
            named = _board(board, topic, cells, own, tight=tight)
        part = clip_all(named, cells, own)
        lines += part + [blank()] * (own - len(part) if place < len(boards) - 1 else 0)
    return clip_all(lines, cells, rows)


def _board(board: BoardView, topic: str, cells: int, rows: int, *, tight: bool) -> list[Line]:
    groups = _groups(board.hidden)
    as_tally = _is_tally(board)
    stride = (0 if tight else _stride(board, groups)) if as_tally else None
    hidden = [_hidden(phrase, each, cells, stride, tight=tight) for phrase, each in groups]
    while len(hidden) > 1 and sum(map(len, hidden)) > rows - (2 if tight else 1):
        empty = [place for place, (_, each) in enumerate(groups) if not _row_count(each)]
        hidden.pop(empty[-1] if empty else 0)
        groups.pop(empty[-1] if empty else 0)
    public_room = max(1, rows - sum(map(len, hidden)))
    if as_tally:
        public = _tally(board, topic, cells, public_room, stride or 0, tight=tight)
    else:
        public = _rows(board, topic, cells, public_room, tight=tight)
    lines = [line for group in hidden for line in group]
    spare = lines and not tight and len(public) + len(lines) < rows
    shown = [*public, *([blank()] if spare else []), *lines]
    return [*shown, *_readers(board, cells)[: max(0, rows - len(shown))]]


def _readers(board: BoardView, cells: int) -> list[Line]:
    """How other readers fare: those held back, and those who read uncommitted rows."""
    lines = []
    if board.held_count:
        held, behind = many(board.held_count, "row"), f"txn {board.waits_for}"
        long, short = f"readers wait for {behind}: {held} held back", f"{held} behind {behind}"
        lines.append(one_of(cells, "held", long, short, f"held {board.held_count}"))
    if board.written_count > board.public_count and _is_tally(board):
        seen = ", ".join(f"{name} {count}" for name, count in board.written_tally)
        long, short = f"read_uncommitted saw {seen}", f"dirty reads: {seen}"
        brief = f"dirty reads: {many(board.written_count, 'row')}"
        lines.append(one_of(cells, "muted", long, short, brief, ""))
    return lines


def _is_tally(board: BoardView) -> bool:
    return len(board.fields) <= _TALLY_FIELDS_MAX and len(board.tally) <= _TALLY_KEYS_MAX


def _groups(hidden: Sequence[TransactionView]) -> list[tuple[str, list[TransactionView]]]:
    """Transactions of one fate together; of those aborted or expired while open the newest."""
    groups: dict[str, list[TransactionView]] = {}
    lost: dict[str, list[TransactionView]] = {}
    for transaction in hidden:
        fate = _LOST.get(transaction.status)
        expired = transaction.status is TransactionStatus.EXPIRED
        if expired and transaction.checkpoint_id and not transaction.orphan:
            lost.setdefault(_PROMISE_BROKEN, []).append(transaction)
        elif fate is not None:
            lost[fate] = [transaction]
        elif transaction.row_count or not transaction.orphan:
            groups.setdefault(_fate(transaction), []).append(transaction)
    return [*lost.items(), *groups.items()]


def _row_count(transactions: Sequence[TransactionView]) -> int:
    return sum(each.row_count for each in transactions)


def _fate(transaction: TransactionView) -> str:
    if transaction.orphan:
        return _ORPHAN
    return _PROMISED if transaction.status is TransactionStatus.PRE_COMMITTED else _OPEN


def _rows(board: BoardView, topic: str, cells: int, rows: int, *, tight: bool) -> list[Line]:
    """How many there are, and as many of the newest as there is room for."""
    fields = board.fields if rows >= _HEAD_ROWS_LEAST else ()
    heads, newest = table(fields, board.last_rows[::-1][:rows], cells, "public")
    if fields and newest:
        newest = [heads, *newest]
    count = many(board.public_count, "row")
    told = f"{count}, newest first:" if newest and rows > 1 and not tight else count
    if topic:
        figure = board.public_count
        choices = [f"{topic}: {each}" for each in (told, count, figure)] + [f"{figure} {topic}"]
    else:
        choices = [f"PUBLIC  {told}" if tight else told]
    return [one_of(cells, "text", *choices), *newest][:rows]


def _tally(
    board: BoardView, topic: str, cells: int, rows: int, stride: int, *, tight: bool
) -> list[Line]:
    if topic:
        counts = [f"{name} {count}" for name, count in board.tally] or ["-"]
        return [one_of(cells, "public", f"{topic}: {', '.join(counts)}")]
    if tight and not board.tally:
        return [text("PUBLIC  -")]
    tally = board.tally or tuple((name, 0) for name in _keys(board.hidden))
    if not tally:
        return [text("nothing yet", "muted")]
    head_rows = [text("PUBLIC")] if tight and rows > 1 else []
    grid = _grid(tally, cells, rows - len(head_rows), stride)
    return [*head_rows, *(text(row, "public") for row in grid)]


def _keys(hidden: Sequence[TransactionView]) -> list[SafeText]:
    return list(dict.fromkeys(name for each in hidden for name, _ in each.tally))


def _hidden(
    phrase: str,
    transactions: Sequence[TransactionView],
    cells: int,
    stride: int | None,
    *,
    tight: bool,
) -> list[Line]:
    numbers = ", ".join(str(each.transaction_id) for each in transactions[-3:])
    briefer = _BRIEFER.get(phrase)
    if briefer is not None:
        return [one_of(cells, "lost", *(f"txn {numbers} {word}" for word in (phrase, *briefer)))]
    style = "lost" if phrase == _ORPHAN else "hidden"
    tally = _merged(transactions)
    count = many(sum(each.row_count for each in transactions), "row")
    long = (f"{phrase} (txn {numbers}):", f"{phrase} txn {numbers}", phrase)
    short = (f"{_TIGHT[phrase]} {numbers}", f"txn {numbers}")
    heading = one_of(cells, style, *(short if tight else long))
    if stride is not None and tally:
        rows = _grid(tally, cells, 1, stride, numbers=False)
        return [heading, *(text(row, style) for row in rows)]
    in_one = text(f"{phrase} (txn {numbers}): {count}", style)
    if not tight and width(in_one) <= cells:
        return [in_one]
    return [heading, text(count, style)]


def _merged(transactions: Sequence[TransactionView]) -> Tally:
    sums: dict[SafeText, int] = {}
    for transaction in transactions:
        for name, count in transaction.tally:
            sums[name] = sums.get(name, 0) + count
    return tuple(sums.items())


def _stride(board: BoardView, groups: Sequence[tuple[str, list[TransactionView]]]) -> int:
    """Cells from one tally to the next, the same for public and hidden ones."""
    lengths = [len(_cell(*item, strokes=True)) for item in board.tally]
    for _, transactions in groups:
        hidden = _merged(transactions)
        lengths += [len(_cell(*item, strokes=True, number=False)) for item in hidden]
    return max([_CELL_LEAST, *(length + 3 for length in lengths)])


def _grid(tally: Tally, cells: int, rows: int, stride: int, *, numbers: bool = True) -> list[str]:
    """Strokes if they have room in so many rows, else figures alone. `stride` 0: as they come."""
    drawn = [_cell(*item, strokes=True, number=numbers) for item in tally]
    figures = [_cell(*item, strokes=False) for item in tally]
    for each in (drawn, figures):
        lines = _in_rows(each, cells, max(stride if each is drawn else 0, max(map(len, each)) + 2))
        if len(lines) <= rows and max(map(len, lines)) <= cells:
            return lines
    return [*lines[: rows - 1], f"{lines[rows - 1]} …"] if 0 < rows < len(lines) else lines


def _in_rows(words: Sequence[str], cells: int, step: int) -> list[str]:
    rows: list[str] = []
    for word in words:
        indent = -(-len(rows[-1]) // step) * step if rows else 0
        if rows and indent + len(word) <= cells:
            rows[-1] = rows[-1].ljust(indent) + word
        else:
            rows.append(word)
    return rows


def _cell(name: str, count: int, *, strokes: bool, number: bool = True) -> str:
    if not count:
        return f"{name} -"
    if not strokes or count > _STROKES_MAX:
        return f"{name} {count}"
    return f"{name} {'|' * count} {count}" if number else f"{name} {'|' * count}"
