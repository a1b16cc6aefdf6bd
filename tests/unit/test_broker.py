"""The log broker: who may write, what becomes public, what a fence does."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from bandviz.graph.specs import PartitionData, TopicData
from bandviz.ids import RecordId, TransactionId
from bandviz.ports import CommitAnswer, FencedError, WrittenRows
from bandviz.world.broker import MemoryBroker

VOTES = TopicData(
    name="votes",
    fields=("animal",),
    partitions=(
        PartitionData(label="north", rows=(("cat",), ("dog",), ("cat",))),
        PartitionData(
            label="south", rows=(("dog",),), times_ms=(1_000,), available_us=(5_000_000,)
        ),
    ),
)
SINK = "board[0]"


def rows(*values: str) -> WrittenRows:
    """One-column rows with an id each."""
    return WrittenRows(
        [(value,) for value in values], [RecordId("votes", 0, ord(value[0])) for value in values]
    )


def public(broker: MemoryBroker) -> str:
    """What the public sees, as one word."""
    return "".join(row[0] for row in broker.visible("board").rows)


def written(broker: MemoryBroker) -> str:
    """All that lies on disk, as one word."""
    return "".join(row[0] for row in broker.visible("board", committed_only=False).rows)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker([VOTES])


@pytest.fixture
def txn(broker: MemoryBroker) -> TransactionId:
    """Transaction 1, open, with the rows a and b."""
    epoch, _ = broker.fence(SINK)
    key = broker.begin(SINK, epoch)
    broker.write(key, "board", rows("a", "b"))
    return key


@pytest.mark.parametrize(
    ("offset", "count_max", "expected"),
    [
        (0, 2, [("cat",), ("dog",)]),
        (2, 5, [("cat",)]),
        (3, 1, []),
        (0, 0, []),
    ],
)
def test_read_is_a_slice_that_ends_with_the_log(
    broker: MemoryBroker, offset: int, count_max: int, expected: list[tuple[str]]
) -> None:
    slice_ = broker.read("votes", 0, offset, count_max)
    assert list(slice_.rows) == expected
    assert slice_.times_ms is None


def test_partitions_know_their_end_times_and_availability(broker: MemoryBroker) -> None:
    assert (broker.end_offset("votes", 0), broker.end_offset("votes", 1)) == (3, 1)
    assert broker.read("votes", 1, 0, 9).times_ms == (1_000,)
    assert broker.available_us("votes", 0, 2) == 0
    assert broker.available_us("votes", 1, 0) == 5_000_000


def test_group_offsets_are_kept_for_monitoring(broker: MemoryBroker) -> None:
    assert broker.group_offset("job", "votes", 0) is None
    broker.commit_offset("job", "votes", 0, 2)
    assert broker.group_offset("job", "votes", 0) == 2
    assert broker.group_offset("other", "votes", 0) is None


def test_appended_rows_are_public_at_once(broker: MemoryBroker) -> None:
    broker.append("board", rows("a"))
    assert (public(broker), written(broker)) == ("a", "a")


def test_a_source_log_is_never_written(broker: MemoryBroker) -> None:
    with pytest.raises(ValueError, match="source log"):
        broker.append("votes", rows("a"))


def test_topic_that_nobody_wrote_to_is_empty(broker: MemoryBroker) -> None:
    assert list(broker.visible("nothing").rows) == []


@pytest.mark.parametrize(
    ("moves", "public_rows"),
    [
        ("", ""),
        ("pre_commit", ""),
        ("pre_commit commit", "ab"),
        ("commit", "ab"),
        ("pre_commit commit commit", "ab"),
        ("abort", ""),
        ("pre_commit abort", ""),
        ("abort abort", ""),
    ],
)
def test_rows_are_public_after_commit_and_on_disk_always(
    broker: MemoryBroker, txn: TransactionId, moves: str, public_rows: str
) -> None:
    for move in moves.split():
        getattr(broker, move)(txn)
    assert (public(broker), written(broker)) == (public_rows, "ab")


Move = Callable[[MemoryBroker, TransactionId], object]
MOVES: dict[str, Move] = {
    "write": lambda broker, txn: broker.write(txn, "board", rows("z")),
    "pre_commit": lambda broker, txn: broker.pre_commit(txn),
    "commit": lambda broker, txn: broker.commit(txn),
    "abort": lambda broker, txn: broker.abort(txn),
    "fence": lambda broker, txn: broker.fence(SINK),
    "lose": lambda broker, txn: broker.lose(txn),
    "begin with a later epoch": lambda broker, txn: broker.begin(SINK, 2),
    "begin with the former epoch": lambda broker, txn: broker.begin(SINK, 1),
    "begin without a fence": lambda broker, txn: broker.begin("stranger", 0),
    "write to none": lambda broker, txn: broker.write(TransactionId(9), "board", rows("z")),
    "write to a source": lambda broker, txn: broker.write(txn, "votes", rows("z")),
}


@pytest.mark.parametrize(
    ("before", "move", "error"),
    [
        ("pre_commit", "write", ValueError),
        ("pre_commit", "pre_commit", ValueError),
        ("commit", "write", ValueError),
        ("commit", "pre_commit", ValueError),
        ("commit", "abort", ValueError),
        ("abort", "write", FencedError),
        ("lose", "write", FencedError),
        ("lose", "pre_commit", FencedError),
        ("fence", "write", FencedError),
        ("fence", "pre_commit", FencedError),
        ("fence", "begin with the former epoch", FencedError),
        ("", "begin with a later epoch", FencedError),
        ("", "begin without a fence", FencedError),
        ("", "write to none", KeyError),
        ("", "write to a source", ValueError),
    ],
)
def test_refused_moves_change_nothing(
    broker: MemoryBroker, txn: TransactionId, before: str, move: str, error: type[Exception]
) -> None:
    if before:
        MOVES[before](broker, txn)
    seen = (public(broker), written(broker))
    with pytest.raises(error):
        MOVES[move](broker, txn)
    assert (public(broker), written(broker)) == seen


def revealed(broker: MemoryBroker) -> list[tuple[int, str]]:
    """What the standing reader finds: (transaction, its rows as one word)."""
    found = broker.poll("board").revealed
    return [(one.transaction_id, "".join(row[0] for row in one.written.rows)) for one in found]


def test_reader_finds_the_rows_of_a_commit_once(broker: MemoryBroker, txn: TransactionId) -> None:
    broker.write(txn, "board", rows("c"))
    assert broker.pre_commit(txn) == 3
    assert revealed(broker) == []
    assert broker.commit(txn) == (CommitAnswer.COMMITTED, 3)
    (found,) = broker.poll("board").revealed
    assert [row[0] for row in found.written.rows] == ["a", "b", "c"]
    assert found.written.lineage == [RecordId("votes", 0, ord(value)) for value in "abc"]
    assert broker.commit(txn) == (CommitAnswer.REPEATED, 0)
    assert revealed(broker) == []


@pytest.mark.parametrize("before", ["abort", "fence", "lose"])
def test_commit_of_what_is_gone_says_so(
    broker: MemoryBroker, txn: TransactionId, before: str
) -> None:
    MOVES[before](broker, txn)
    assert broker.commit(txn).answer is CommitAnswer.GONE
    assert broker.commit(TransactionId(9)).answer is CommitAnswer.GONE
    assert public(broker) == ""


def test_a_refused_commit_changes_nothing_and_the_next_one_succeeds(
    broker: MemoryBroker, txn: TransactionId
) -> None:
    assert broker.undecided() == (txn,)
    broker.refuse_next_commit(txn, CommitAnswer.RETRY)
    assert broker.undecided() == ()
    assert broker.commit(txn) == (CommitAnswer.RETRY, 0)
    assert public(broker) == ""
    assert broker.commit(txn) == (CommitAnswer.COMMITTED, 2)


def test_abort_counts_its_rows_once(broker: MemoryBroker, txn: TransactionId) -> None:
    assert [broker.abort(txn), broker.abort(txn), broker.abort(TransactionId(9))] == [2, None, None]


def test_fence_aborts_what_its_producer_left_undecided_and_nothing_else(
    broker: MemoryBroker, txn: TransactionId
) -> None:
    broker.commit(txn)
    closed, opened = broker.begin(SINK, 1), broker.begin(SINK, 1)
    broker.write(closed, "board", rows("c"))
    broker.pre_commit(closed)
    other_epoch, _ = broker.fence("board[1]")
    other = broker.begin("board[1]", other_epoch)
    broker.write(other, "board", rows("d"))
    assert broker.fence(SINK) == (2, ((closed, 1), (opened, 0)))
    broker.commit(other)
    assert (public(broker), written(broker)) == ("abd", "abcd")


def test_transaction_ids_count_over_the_whole_broker(broker: MemoryBroker) -> None:
    epochs = [broker.fence(name)[0] for name in ("x", "y", "x")]
    assert epochs == [1, 1, 2]
    assert [broker.begin("x", 2), broker.begin("y", 1), broker.begin("x", 2)] == [1, 2, 3]


def test_readers_stop_at_the_oldest_undecided_transaction(
    broker: MemoryBroker, txn: TransactionId
) -> None:
    other_epoch, _ = broker.fence("board[1]")
    later = broker.begin("board[1]", other_epoch)
    broker.append("board", rows("x"))
    broker.write(later, "board", rows("c"))
    broker.commit(later)
    held = broker.poll("board")
    assert (held.revealed, held.last_stable_offset, held.held_row_count) == ((), 0, 2)
    assert (held.waits_for, held.held_changed) == (txn, True)
    assert not broker.poll("board").held_changed
    assert (public(broker), written(broker)) == ("", "abxc")
    broker.commit(txn)
    assert revealed(broker) == [(txn, "ab"), (0, "x"), (later, "c")]
    assert public(broker) == "abxc"


def test_a_lingering_transaction_stalls_readers_until_the_clock_of_the_broker_runs_out(
    broker: MemoryBroker,
) -> None:
    epoch = broker.join(SINK)
    lingering = broker.begin(SINK, epoch, 100, 50)
    broker.write(lingering, "board", rows("a"))
    committed = broker.begin(SINK, broker.join(SINK), 120, 500)
    broker.write(committed, "board", rows("b"))
    broker.commit(committed)
    assert broker.poll("board").waits_for == lingering
    assert broker.next_expiry_us() == 151
    assert broker.expire(150) == ()
    assert broker.expire(151) == ((lingering, SINK, ("board",), 1),)
    assert (revealed(broker), broker.next_expiry_us()) == ([(committed, "b")], None)
    assert written(broker) == "ab"


def test_fence_spares_what_is_older_than_since(broker: MemoryBroker, txn: TransactionId) -> None:
    later = broker.begin(SINK, 1, 0, 0, 5)
    assert broker.fence(SINK, 5) == (2, ((later, 0),))
    assert broker.commit(txn).answer is CommitAnswer.COMMITTED


def test_what_the_job_does_with_its_lists_later_does_not_reach_the_broker(
    broker: MemoryBroker, txn: TransactionId
) -> None:
    buffer = [("x",)]
    broker.write(txn, "board", WrittenRows(buffer, None))
    buffer[0] = ("y",)
    broker.commit(txn)
    assert public(broker) == "abx"
    assert broker.visible("board").lineage is None


def test_copies_of_a_broker_go_their_own_ways(broker: MemoryBroker, txn: TransactionId) -> None:
    twin = copy.deepcopy(broker)
    twin.write(txn, "board", rows("c"))
    broker.commit(txn)
    broker.commit_offset("job", "votes", 0, 3)
    twin.fence("board[1]")
    assert (public(broker), written(broker)) == ("ab", "ab")
    assert (public(twin), written(twin)) == ("", "abc")
    assert twin.group_offset("job", "votes", 0) is None
    assert broker.fence("board[1]")[0] == 1
    assert twin.read("votes", 0, 0, 1).rows == broker.read("votes", 0, 0, 1).rows
