"""Facts that captions, questions and the report may name: `{had.count}` and the like.

The list of names is closed (`scenario.templates.FACTS`); each is read from the model by selectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from bandviz.check.verdict import Verdict
from bandviz.ids import SubtaskId, TransactionId
from bandviz.model import selectors
from bandviz.model.run import RunModel
from bandviz.model.views import (
    BoardView,
    CheckpointStatus,
    CheckpointView,
    Pairs,
    SubtaskView,
    TapeView,
)
from bandviz.model.words import seconds
from bandviz.scenario.plan import Beat

NOTHING: Final = "nothing"


class Facts:
    """Callable `(name, argument) -> text` over one instant of a run."""

    def __init__(
        self, model: RunModel, verdict: Verdict | None = None, noun: str = "record"
    ) -> None:
        self._model = model
        self._verdict = verdict
        self._noun = noun

    def hold(self, beat: Beat) -> bool:
        """Whether everything that a beat takes for granted reads so now."""
        return all(self(fact.name, fact.argument) == wanted for fact, wanted in beat.given)

    def __call__(self, name: str, argument: str) -> str:
        """Raises KeyError on a name that is not in the closed list."""
        if name in _OF_VERDICT:
            return (
                "undetermined" if self._verdict is None else str(_OF_VERDICT[name](self._verdict))
            )
        return str(_OF_MODEL[name](self, argument))

    # ------------------------------------------------------------------ operators

    def state(self, uid: str) -> str:
        """State now, over all subtasks."""
        return worded(view.state for view in self._views(uid))

    def had(self, uid: str) -> str:
        """State that the last crash wiped."""
        return worded(view.had for view in self._views(uid))

    def zero(self, uid: str) -> str:
        """The same keys, all at nought: an empty start."""
        had = [pair for view in self._views(uid) for pair in (view.had or view.state)]
        return ", ".join(f"{key} 0" for key, _ in had) or NOTHING

    def snapshot(self, uid: str) -> str:
        """Contents of the latest completed checkpoint."""
        page = self._latest()
        parts = page.parts if page is not None else ()
        return worded(pairs or () for subtask, pairs in parts if subtask.vertex == uid)

    def restored(self, uid: str) -> str:
        """What the last restore put in."""
        return worded(view.restored or () for view in self._views(uid))

    def counted(self, uid: str) -> str:
        """Sum of the numbers in the state."""
        pairs = [pair for view in self._views(uid) for pair in view.state]
        return str(sum(int(value) for _, value in pairs if value.lstrip("-").isdigit()))

    def late(self, uid: str) -> str:
        """Records that came late to the present attempt, whatever became of them."""
        return str(sum(sum(view.late) for view in self._views(uid)))

    def _views(self, uid: str) -> list[SubtaskView]:
        return [view for view in selectors.subtask_views(self._model) if view.subtask.vertex == uid]

    # ------------------------------------------------------------------ disk

    def offset(self, label: str) -> str:
        """Next offset of a partition."""
        tape = self._tape(label)
        return str(tape.next_offset if tape.next_offset is not None else tape.crash_offset)

    def cut(self, label: str) -> str:
        """Offset in the newest checkpoint that has one, in progress or complete."""
        cuts = self._tape(label).cuts
        return str(cuts[-1][1] if cuts else 0)

    def crash_offset(self, label: str) -> str:
        """Where reading had come to at the last crash."""
        return str(self._tape(label).crash_offset or 0)

    def tally(self, sink: str) -> str:
        """Public rows by their first column."""
        return (
            ", ".join(f"{key} {count}" for key, count in sorted(self._board(sink).tally)) or NOTHING
        )

    def winner(self, sink: str) -> str:
        """First column with most public rows; a tie names all."""
        tally = self._board(sink).tally
        most = max((count for _, count in tally), default=0)
        return " and ".join(sorted(key for key, count in tally if count == most)) or "nobody"

    def hidden_count(self, sink: str) -> str:
        """Rows in transactions that are open or pre-committed."""
        hidden = self._board(sink).hidden
        return str(
            sum(txn.row_count for txn in hidden if txn.status.value in ("open", "pre-committed"))
        )

    def seen(self, sink: str) -> str:
        """Rows that a `read_uncommitted` reader has seen, by their first column."""
        tally = sorted(self._board(sink).written_tally)
        return ", ".join(f"{key} {count}" for key, count in tally) or NOTHING

    def fate(self, transaction: str) -> str:
        """What has become of a transaction, by its number."""
        known = selectors.transaction_statuses(self._model)
        status = known.get(TransactionId(int(transaction)))
        return status.value if status is not None else NOTHING

    def _tape(self, label: str) -> TapeView:
        return next(tape for tape in selectors.tape_views(self._model) if tape.label == label)

    def _board(self, sink: str) -> BoardView:
        return next(board for board in selectors.board_views(self._model) if board.sink == sink)

    # ------------------------------------------------------------------ the whole run

    def clock(self, _: str) -> str:
        """Job clock in seconds."""
        return f"{self._model.time_us / 1_000_000:.1f}"

    def checkpoint(self, _: str) -> str:
        """Id of the latest triggered checkpoint."""
        pages = selectors.checkpoint_views(self._model)
        return str(max((page.checkpoint_id for page in pages), default=0))

    def completed(self, _: str) -> str:
        """Id of the latest completed checkpoint."""
        return str(selectors.job_view(self._model).latest_completed)

    def album(self, _: str) -> str:
        """What of the checkpoints a restore could use."""
        latest = selectors.job_view(self._model).latest_completed
        return f"checkpoint {latest}" if latest else "no complete checkpoint"

    def in_flight(self, _: str) -> str:
        """`1 vote`, `3 votes`: overtaken by barriers, in the latest checkpoint that was begun."""
        pages = selectors.checkpoint_views(self._model)
        return self._many(sum(count for _, count in pages[-1].in_flight) if pages else 0)

    def recorded(self, _: str) -> str:
        """`80 of 100`: what the latest snapshot of a network adds up to, and what there is."""
        pages = selectors.checkpoint_views(self._model)
        money = pages[-1].money if pages else None
        return f"{money[0]} of {money[1]}" if money else NOTHING

    def duration(self, _: str) -> str:
        """Seconds from the trigger to the end of the latest completed checkpoint."""
        page = self._latest()
        return seconds((page.end_us or 0) - page.trigger_us) if page else NOTHING

    def new_bytes(self, _: str) -> str:
        """Stored for the latest completed checkpoint."""
        page = self._latest()
        return f"{page.checkpointed_bytes:,}" if page else NOTHING

    def full_bytes(self, _: str) -> str:
        """Needed by the latest completed checkpoint."""
        page = self._latest()
        return f"{page.full_bytes:,}" if page else NOTHING

    def restored_checkpoint(self, _: str) -> str:
        """Id that the last restore used."""
        return str(selectors.job_view(self._model).restored_from or 0)

    def attempt(self, _: str) -> str:
        """Number of the attempt."""
        return str(selectors.job_view(self._model).attempt)

    def moved_groups(self, _: str) -> str:
        """Key groups that got another owner in the last rescaling."""
        return str(selectors.job_view(self._model).moved_groups)

    def blocked(self, _: str) -> str:
        """Upstream of the first blocked channel."""
        channels = selectors.channel_views(self._model)
        return next((self._name(one.upstream) for one in channels if one.blocked_by), "no channel")

    def waits_for(self, _: str) -> str:
        """Subtasks whose barrier is missing at the gate that aligns."""
        for view in selectors.subtask_views(self._model):
            if view.part is not None and view.part.waits_for:
                return " and ".join(self._name(one) for one in view.part.waits_for)
        return "nobody"

    def count(self, name: str) -> Callable[[str], str]:
        """A figure of `selectors.counts` by the name of its field."""
        return lambda _: str(getattr(selectors.counts(self._model), name))

    def unread(self, _: str) -> str:
        """Records that no source has come to yet."""
        tapes = selectors.tape_views(self._model)
        return str(sum(len(tape.records) - (tape.next_offset or 0) for tape in tapes))

    def lost_in_flight(self, _: str) -> str:
        """`1 vote`, `3 votes`: on their way at the last crash."""
        return self._many(selectors.counts(self._model).lost_in_flight)

    def _many(self, count: int) -> str:
        return f"{count} {self._noun}" + ("" if count == 1 else "s")

    def reread_total(self, _: str) -> str:
        """Records that the last rewind puts up for a second reading."""
        tapes = selectors.tape_views(self._model)
        return str(
            sum(
                max(0, (tape.crash_offset or 0) - tape.reread_from)
                for tape in tapes
                if tape.reread_from is not None
            )
        )

    def _latest(self) -> CheckpointView | None:
        latest = selectors.job_view(self._model).latest_completed
        pages = selectors.checkpoint_views(self._model)
        kept = [page for page in pages if page.status is CheckpointStatus.COMPLETE]
        return next((page for page in kept if page.checkpoint_id == latest), None)

    def _name(self, subtask: SubtaskId) -> str:
        views = {view.subtask: view for view in selectors.subtask_views(self._model)}
        return subtask.vertex if views[subtask].sole else str(subtask)


def worded(states: Iterable[Pairs]) -> str:
    """`cats 3, dogs 2`; `nothing` when there is nothing."""
    pairs = [pair for state in states for pair in state]
    return ", ".join(f"{key} {value}" for key, value in pairs) or NOTHING


_OF_MODEL: Final[dict[str, Callable[[Facts, str], str]]] = {
    **{
        name: getattr(Facts, name)
        for name in (
            "state", "had", "zero", "snapshot", "restored", "counted", "late", "offset", "cut",
            "crash_offset", "tally", "seen", "fate", "winner", "hidden_count", "clock",
            "checkpoint", "completed", "album", "unread", "lost_in_flight", "restored_checkpoint",
            "attempt", "blocked", "waits_for", "reread_total", "moved_groups",
            "in_flight", "recorded", "duration", "new_bytes", "full_bytes",
        )
    },
    "records": lambda facts, _: facts.count("records_total")(_),
    "reads": lambda facts, _: facts.count("reads")(_),
    "reread": lambda facts, _: facts.count("reread")(_),
    "visible": lambda facts, _: facts.count("visible")(_),
}  # fmt: skip

_OF_VERDICT: Final[dict[str, Callable[[Verdict], object]]] = {
    "verdict_state": lambda verdict: verdict.state,
    "verdict_output": lambda verdict: verdict.output,
    "lost": lambda verdict: verdict.lost,
    "duplicated": lambda verdict: verdict.duplicated,
    "wrong_rows": lambda verdict: verdict.wrong_rows,
}
