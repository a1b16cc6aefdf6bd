"""Columns, kinds and payloads: what goes in comes out, and what never went in does not."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from bandviz.errors import CorruptFrameError, UnsupportedVersionError
from bandviz.events import Entry, flow, job, sink, structure
from bandviz.events.checkpoint import CheckpointTriggered
from bandviz.events.values import VALUE_BYTES_MAX, pack
from bandviz.ids import ChannelId, CheckpointId, SubtaskId, TransactionId
from bandviz.trace import upcast
from bandviz.trace.codec import INFLATED_BYTES_MAX, Decoder, deflate, encode, inflate, tags_of
from bandviz.trace.columns import I64_MAX, I64_MIN, ColumnReader, ColumnWriter
from bandviz.trace.upcast import vocabulary
from tests.synthetic import entries

DECODER = Decoder(vocabulary())


def delivered(step: int = 1, k: int = 0, position: int = 5) -> Entry:
    event = flow.RecordsDelivered(channel=ChannelId(1), position=position, count=1)
    return Entry(step, k, 10 * step, None, event)


def decoded(run: list[Entry]) -> list[Entry]:
    return DECODER.entries(deflate(encode(run)), len(run), run[0][:2])


@pytest.mark.parametrize(
    "values",
    [[], [0], [-128, 127], [128], [-32_769], [2**31], [I64_MIN, I64_MAX], [I64_MAX, I64_MIN, 0],
     list(range(100_000, 101_000))],
)  # fmt: skip
def test_a_column_gives_back_its_integers(values: list[int]) -> None:
    out = ColumnWriter()
    out.ints(values)
    source = ColumnReader(out.getvalue())
    assert source.ints(len(values)) == values
    source.finish()


def test_a_column_is_as_narrow_as_its_differences() -> None:
    out = ColumnWriter()
    out.ints(range(0, 1_000_000, 1_000))
    assert len(out.getvalue()) == 1 + 2 * 1_000


@pytest.mark.parametrize("value", [I64_MIN - 1, I64_MAX + 1])
def test_a_number_beyond_64_bits_is_refused_when_written(value: int) -> None:
    with pytest.raises(OverflowError):
        ColumnWriter().ints([value])


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"", lambda source: source.ints(1)),
        (b"\x03\x00", lambda source: source.ints(1)),
        (b"\x08\x00", lambda source: source.ints(1)),
        (b"\x07" + b"\xff" * 7 + b"\x7f" + b"\x01" + b"\x00" * 7, lambda source: source.ints(2)),
        (b"\x00\x05", lambda source: source.naturals(1, 5)),
        (b"\x00\xff", lambda source: source.naturals(1, 5)),
        (b"\x00", lambda source: source.finish()),
    ],
    ids=["no form", "too short", "unknown form", "overflows", "too large", "negative", "left over"],
)
def test_a_column_that_was_never_written_is_refused(
    data: bytes, read: Callable[[ColumnReader], object]
) -> None:
    with pytest.raises(CorruptFrameError):
        read(ColumnReader(data))


def test_a_whole_run_comes_back_equal_and_typed() -> None:
    run = entries(200)
    again = decoded(run)
    assert again == run
    assert [type(entry.event) for entry in again] == [type(entry.event) for entry in run]
    assert all(type(entry) is Entry for entry in again)


def test_rare_shapes_come_back() -> None:
    triggered = CheckpointTriggered(
        checkpoint_id=CheckpointId(1), triggered=(), expected=(SubtaskId("größe", 0),)
    )
    visible = sink.RowsVisible(
        sink="", topic="t", transaction_id=TransactionId(0), row_count=0, rows=b"", lineage=b"\x00"
    )
    run = [
        Entry(0, 0, 0, None, triggered),
        Entry(0, 1, 0, (0, 0), visible),
        Entry(7, 0, 3, (0, 1), job.RunEnded(status=job.RunStatus.STUCK, reason="\x00\n")),
    ]
    assert decoded(run) == run


def test_decoded_events_are_as_frozen_as_others() -> None:
    (entry,) = decoded([delivered()])
    with pytest.raises(AttributeError):
        entry.event.position = 6  # type: ignore[attr-defined]
    assert hash(entry) == hash(delivered())


def test_a_value_too_long_for_an_event_is_refused_when_written() -> None:
    event = job.SubtaskRestored(
        subtask=SubtaskId("a", 0), checkpoint_id=CheckpointId(1), state=bytes(VALUE_BYTES_MAX + 1)
    )
    with pytest.raises(ValueError, match="too long for an event"):
        encode([Entry(0, 0, 0, None, event)])


def columns(
    *, tag: int = 62, ks: tuple[int, ...] = (0,), back: int = -1, tail: bytes = b""
) -> bytes:
    """A payload of RecordsDelivered at step 1, spoilt on demand."""
    count = len(ks)
    out = ColumnWriter()
    out.raw(bytes([tag]) * count)
    causes = [[0] * count] if back != -1 else []
    fields = [[1] * count, [2] * count, [3] * count]
    for column in ([1] * count, ks, [0] * count, [back] * count, *causes, *fields):
        out.ints(column)
    out.raw(tail)
    return deflate(out.getvalue())


@pytest.mark.parametrize(
    "payload",
    [
        columns(tag=200),
        columns(tag=60),
        columns(ks=(1,)),
        columns(back=-2),
        columns(tail=b"\x00"),
        columns()[:-1],
        columns() + b"\x00",
        b"",
        b"noise",
    ],
    ids=["unknown tag", "other fields", "other identity", "later cause", "left over", "cut",
         "longer", "empty", "not zlib"],
)  # fmt: skip
def test_a_payload_that_was_never_written_is_refused(payload: bytes) -> None:
    assert len(DECODER.entries(columns(), 1, (1, 0))) == 1
    with pytest.raises(CorruptFrameError):
        DECODER.entries(payload, 1, (1, 0))


@pytest.mark.parametrize("ks", [(0, 0), (1, 0)])
def test_entries_out_of_order_are_refused(ks: tuple[int, ...]) -> None:
    with pytest.raises(CorruptFrameError, match="out of order"):
        DECODER.entries(columns(ks=ks), 2, (1, ks[0]))


@pytest.mark.parametrize(
    ("good", "bad"),
    [(b"running", b"runming"), (b"no input", b"no \xffnput")],
    ids=["no member of the enum", "not UTF-8"],
)
def test_a_field_of_another_type_is_refused(good: bytes, bad: bytes) -> None:
    here = SubtaskId("a", 0)
    run = [
        Entry(1, k, 0, None, flow.SubtaskStalled(subtask=here, reason=reason))
        for k, reason in enumerate((flow.StallReason.NONE, flow.StallReason.NO_INPUT))
    ]
    raw = encode(run)
    assert good in raw
    with pytest.raises(CorruptFrameError):
        DECODER.entries(deflate(raw.replace(good, bad)), 2, (1, 0))


def test_a_boolean_is_zero_or_one() -> None:
    event = sink.TransactionCommitted(
        subtask=SubtaskId("a", 0), transaction_id=TransactionId(1), row_count=0, repeated=True
    )
    raw = encode([Entry(0, 0, 0, None, event)])
    assert raw.endswith(b"\x00\x01")
    with pytest.raises(CorruptFrameError, match="range"):
        DECODER.entries(deflate(raw[:-1] + b"\x02"), 1, (0, 0))


def test_a_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(CorruptFrameError, match="larger than any"):
        inflate(zlib.compress(bytes(INFLATED_BYTES_MAX + 1)))


def test_tags_can_be_read_alone() -> None:
    run = entries(100)
    payload = deflate(encode(run))
    assert tags_of(payload, len(run)) == inflate(payload)[: len(run)]
    with pytest.raises(CorruptFrameError, match="fewer"):
        tags_of(payload, 10**6)
    with pytest.raises(CorruptFrameError, match="decompressed"):
        tags_of(b"noise", 1)


def test_a_field_added_later_gets_its_declared_value(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {62: ("RecordsDelivered", ("channel", "count"))}
    out = ColumnWriter()
    out.raw(bytes([62]))
    for value in (1, 0, 0, -1, 1, 3):
        out.ints([value])
    payload = deflate(out.getvalue())
    with pytest.raises(CorruptFrameError, match=r"lacks RecordsDelivered\.position"):
        Decoder(old)
    monkeypatch.setitem(upcast.ADDED, "RecordsDelivered", {"position": 9})
    (entry,) = Decoder(old).entries(payload, 1, (1, 0))
    assert entry.event == flow.RecordsDelivered(channel=ChannelId(1), position=9, count=3)


OLD_WINDOW = {"key": {"fn": "key", "fields": ("word",)}, "size_ms": 10, "aggregates": ()}
NEW_WINDOW = {
    "key": OLD_WINDOW["key"],
    "assigner": {"kind": "tumbling", "size_ms": 10, "offset_ms": 0},
    "aggregates": (),
    "allowed_lateness_ms": 0,
    "late": "",
}


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        (pack(OLD_WINDOW), pack(NEW_WINDOW)),
        (pack(NEW_WINDOW), pack(NEW_WINDOW)),
        (pack({"topic": "out"}), pack({"topic": "out"})),
        (b"\xc1", b"\xc1"),
    ],
)
def test_a_window_recorded_before_assigners_is_a_tumbling_one(recorded: bytes, read: bytes) -> None:
    event = structure.VertexDeclared(
        vertex="win", kind="window", parallelism=1, max_parallelism=8, fields=(), spec=recorded
    )
    payload = deflate(encode([Entry(1, 0, 0, None, event)]))
    (entry,) = DECODER.entries(payload, 1, (1, 0))
    assert entry.event == replace(event, spec=read)


def test_fields_are_read_by_name_whatever_their_order() -> None:
    swapped = Decoder({62: ("RecordsDelivered", ("count", "position", "channel"))})
    (entry,) = swapped.entries(columns(), 1, (1, 0))
    assert entry.event == flow.RecordsDelivered(channel=ChannelId(3), position=2, count=1)


@pytest.mark.parametrize(
    "line",
    [("BarrierVanished", ()), ("RecordsDelivered", ("channel", "position", "count", "mood"))],
)
def test_words_of_a_newer_bandviz_are_refused(line: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(UnsupportedVersionError, match="does not know"):
        Decoder({62: line})
