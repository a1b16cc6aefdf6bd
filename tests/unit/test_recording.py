"""Recordings as files: whole, torn, damaged, and things that are none."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast
from zlib import crc32

import msgpack
import pytest

from bandviz.errors import CorruptFrameError, TraceError, UnsupportedVersionError
from bandviz.events import Entry, Level, flow, sink
from bandviz.events.values import VALUE_BYTES_MAX
from bandviz.ids import TransactionId
from bandviz.trace import reader
from bandviz.trace.codec import COUNT_MAX, deflate
from bandviz.trace.commands import ChoiceRecord, CommandRecord
from bandviz.trace.digest import RunDigest
from bandviz.trace.document import document
from bandviz.trace.frames import ENTRIES_A_FRAME, Frame, FrameKind, Framer, link, opening
from bandviz.trace.header import pack_header, unpack_header
from bandviz.trace.reader import Recording, parse_recording, read_recording
from bandviz.trace.writer import Writer
from tests.synthetic import HEADER, Sheet, Synthetic, entries, recorded

RUN = entries(400)


WHOLE = recorded(RUN)


def chained(*frames: Frame) -> bytes:
    """A file of these frames, each with a right checksum."""
    data = opening()
    checksum = crc32(data)
    for frame in frames:
        part, checksum = link(frame, checksum)
        data += part
    return data


def header_frame(payload: bytes | None = None) -> Frame:
    return Frame(FrameKind.HEADER, 0, 0, 1, pack_header(HEADER) if payload is None else payload)


def events_frames(run: list[Entry]) -> list[Frame]:
    framer = Framer()
    framer.add(run)
    frames: list[Frame] = []
    while taken := framer.take():
        frames += taken
    return frames + framer.finish()


def test_a_recording_gives_back_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.bvt"
    with Writer.create(path, HEADER) as writer:
        for step in Synthetic(400).steps():
            writer.add(step)
    recording = read_recording(path)
    assert recording.header == HEADER
    assert list(recording.entries()) == RUN
    assert recording.count == len(RUN)
    assert (recording.torn, recording.run_id) == ("", writer.run_id)
    assert len(recording.frames) > 3


def test_equal_runs_make_equal_bytes_however_they_are_added() -> None:
    sheet = Sheet()
    with Writer(sheet, HEADER) as writer:
        writer.command(CommandRecord(500, "kill", "count[0]", 9, True))
        for entry in RUN:
            writer.add([entry])
    other = Sheet()
    with Writer(other, HEADER) as writer:
        writer.command(CommandRecord(500, "kill", "count[0]", 9, True))
        writer.add(RUN)
    assert sheet.contents == other.contents


def test_frames_end_with_their_step() -> None:
    frames = events_frames(RUN)
    assert all(frame.k == 0 for frame in frames)
    assert all(ENTRIES_A_FRAME <= frame.number < ENTRIES_A_FRAME + 100 for frame in frames[:-1])


def test_an_endless_step_is_cut_all_the_same() -> None:
    run = [replace_identity(RUN[-1], 1, k) for k in range(2 * COUNT_MAX + 5)]
    assert [frame.number for frame in events_frames(run)] == [COUNT_MAX, COUNT_MAX, 5]


def replace_identity(entry: Entry, step: int, k: int) -> Entry:
    return entry._replace(step=step, k=k)


def test_large_values_split_a_frame() -> None:
    noise = b"".join(crc32(bytes([i & 255, i >> 8])).to_bytes(4, "big") for i in range(2**14))
    rows = sink.RowsVisible(
        sink="out", topic="t", transaction_id=TransactionId(0), row_count=1,
        rows=noise[:VALUE_BYTES_MAX], lineage=noise[1:],
    )  # fmt: skip
    run = [
        Entry(
            0, k, 0, None, replace(rows, rows=bytes([k]) + rows.rows[1:], lineage=rows.lineage[k:])
        )
        for k in range(40)
    ]
    frames = events_frames(run)
    assert len(frames) > 1
    assert list(parse_recording(chained(header_frame(), *frames)).entries()) == run


def test_commands_and_choices_come_back_and_go_ahead_of_their_entries() -> None:
    commands = [
        CommandRecord(s, "kill", f"count[{s % 3}]", s * 7, s > 2)
        for s in (2, 300, 301, RUN[-1].step)
    ]
    choices = [ChoiceRecord(s, "deliver", "4", s + 1) for s in range(1, 900, 50)]
    sheet = Sheet()
    writer = Writer(sheet, HEADER)
    for command in commands:
        writer.command(command)
    for choice in choices:
        writer.choice(choice)
    writer.add(RUN)
    torn = parse_recording(sheet.getvalue())
    writer.close()
    recording = parse_recording(sheet.contents)
    assert recording.commands == tuple(commands)
    assert recording.choices == tuple(choices)
    last_step = list(torn.entries())[-1].step
    assert torn.commands == tuple(one for one in commands if one.step <= last_step)
    assert torn.choices == tuple(one for one in choices if one.step <= last_step)


def test_a_killed_process_leaves_whole_frames(tmp_path: Path) -> None:
    path = tmp_path / "run.bvt"
    writer = Writer.create(path, HEADER)
    assert read_recording(path).count == 0
    writer.add(RUN)
    recording = read_recording(path)
    seen = list(recording.entries())
    assert 0 < len(RUN) - len(seen) <= ENTRIES_A_FRAME + 100
    assert seen == RUN[: len(seen)]
    assert (
        recording.torn == f"the recording was broken off; the first {len(seen):,} entries are good"
    )
    assert recording.run_id == ""
    writer.close()


def test_an_exception_leaves_a_recording_without_its_end(tmp_path: Path) -> None:
    path = tmp_path / "run.bvt"
    writer = Writer.create(path, HEADER)
    writer.add(RUN)
    with pytest.raises(KeyError), writer:
        raise KeyError
    recording = read_recording(path)
    assert list(recording.entries()) == RUN
    assert "broken off" in recording.torn


def test_something_behind_the_end_is_told() -> None:
    recording = parse_recording(WHOLE + b"x")
    assert "something follows the end frame" in recording.torn
    assert recording.count == len(RUN)


@pytest.mark.parametrize(
    ("frames", "complaint", "good"),
    [
        (lambda f: [f[0], f[0]], "out of order", 1),
        (lambda f: [f[1], f[0]], "out of order", 1),
        (lambda f: [f[0], f[1]._replace(number=0)], "out of order", 1),
        (lambda f: [f[0], f[1]._replace(number=COUNT_MAX + 1)], "out of order", 1),
        (lambda f: [f[0], header_frame(), f[1]], "second header", 1),
        (lambda f: [f[0], Frame(FrameKind.END, 0, 0, 5, bytes(32))], "missing", 1),
        (lambda f: [f[0], Frame(FrameKind.END, 0, 0, f[0].number, b"")], "no digest", 1),
        (lambda f: [f[0], Frame(FrameKind.CHOICES, 0, 0, 1, b"")], "cut short", 1),
        (lambda f: [f[0], Frame(cast(FrameKind, 9), 0, 0, 1, b""), f[1]], "unknown kind 9", 1),
        (lambda f: [f[0], f[1]._replace(payload=bytes(1024 * 1024 + 1))], "damaged", 1),
    ],
)
def test_a_frame_that_does_not_fit_ends_the_recording_before_it(
    frames: Callable[[list[Frame]], list[Frame]], complaint: str, good: int
) -> None:
    recording = parse_recording(chained(header_frame(), *frames(events_frames(RUN))))
    assert complaint in recording.torn
    assert len(recording.frames) == good


def test_contents_that_lie_are_found_when_looked_at() -> None:
    first = events_frames(RUN)[0]
    recording = parse_recording(chained(header_frame(), first._replace(k=3)))
    with pytest.raises(CorruptFrameError):
        list(recording.entries())


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "not a regular file"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.write_bytes(b""), "not a bandviz recording"),
        (lambda path: path.write_bytes(b"BVT"), "not a bandviz recording"),
        (lambda path: path.write_bytes(bytes(range(256)) * 400), "not a bandviz recording"),
        (lambda path: path.write_bytes(b"BVT1\x00\x00"), "not a bandviz recording"),
        (lambda path: path.write_bytes(WHOLE[:6]), "header cannot be read"),
        (lambda path: path.write_bytes(WHOLE[:300]), "header cannot be read"),
        (lambda path: path.write_bytes(chained(events_frames(RUN)[0])), "not begin with a header"),
    ],
    ids=["missing", "directory", "pipe", "empty", "short", "noise", "version 0", "no header",
         "cut header", "events first"],
)  # fmt: skip
def test_what_is_no_recording_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[Path], object], complaint: str
) -> None:
    path = tmp_path / "a\x1b[31mb.bvt"
    make(path)
    with pytest.raises(TraceError) as caught:
        read_recording(path)
    assert complaint in str(caught.value)
    assert "b.bvt: " in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_beyond_the_limit_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.bvt"
    with path.open("wb") as file:
        file.truncate(reader.FILE_BYTES_MAX + 1)
    with pytest.raises(TraceError, match="larger than 2 GiB"):
        read_recording(path)


def test_a_newer_format_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "new.bvt"
    path.write_bytes(b"BVT1\x02\x00" + WHOLE[6:])
    with pytest.raises(UnsupportedVersionError, match="format 2") as caught:
        read_recording(path)
    assert "newer bandviz" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "7"}, {"seed": True}, {"seed": 2**63}, {"level": 3}, {"level": "CONTROL"},
        {"scenario_name": None}, {"capabilities": "state"}, {"capabilities": [1]},
        {"vocabulary": {}}, {"vocabulary": [[1, "RunDeclared"]]},
        {"vocabulary": [[0, "RunEnded", ["status", "reason"]]]},
        {"vocabulary": [[256, "RunEnded", ["status", "reason"]]]},
        {"vocabulary": [["1", "RunDeclared", []]]},
        {"vocabulary": [[1, "RunEnded", ["status", "reason"]]] * 2},
        {"zoo": msgpack.Timestamp(1)}, {"zoo": b"\xff"}, {"zoo": list(range(2_000))},
    ],
)  # fmt: skip
def test_a_header_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    plain = {"engine_version": "1", "scenario_name": "a", "scenario_text": "", "vocabulary": []}
    assert unpack_header(deflate(msgpack.packb({**plain, "unknown": 1}))).scenario_name == "a"
    payload = deflate(msgpack.packb({**plain, **change}))
    with pytest.raises(TraceError, match="header cannot be read"):
        parse_recording(chained(header_frame(payload)))


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x91" * 5_000 + b"\x01", b"\x81\x01\x01", msgpack.packb({"seed": 1})]
)
def test_a_header_that_is_no_such_map_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptFrameError):
        unpack_header(deflate(data))


def test_a_header_may_hold_a_large_scenario() -> None:
    header = replace(HEADER, scenario_text="ä" * 200_000, level=Level.FLOW, zoo="forget offset")
    assert unpack_header(pack_header(header)) == header


def test_an_existing_file_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "run.bvt"
    path.write_bytes(b"precious and much longer than what is recorded now" * 100)
    with pytest.raises(TraceError, match="File exists"):
        Writer.create(path, HEADER)
    Writer.create(path, HEADER, overwrite=True).close()
    assert read_recording(path).torn == ""


def test_a_full_disk_is_one_clear_error() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(TraceError, match="No space left"):
        Writer(Full(), HEADER)


def digest_of(run: list[Entry]) -> str:
    digest = RunDigest()
    for entry in run:
        digest.update(entry)
    return digest.hexdigest()


def test_the_run_id_is_the_same_at_every_level_and_unrecorded() -> None:
    control = [entry for entry in RUN if entry.event.level is Level.CONTROL]
    with_flow = [entry for entry in RUN if entry.event.level is not Level.RECORD]
    ids = [parse_recording(recorded(run)).run_id for run in (RUN, with_flow, control)]
    assert {*ids, digest_of(RUN)} == {ids[0]}
    assert len(ids[0]) == 64


def test_the_run_id_sees_every_control_field_and_no_other() -> None:
    (at,) = [i for i, entry in enumerate(RUN) if isinstance(entry.event, sink.RowsVisible)][:1]
    visible = RUN[at].event
    assert isinstance(visible, sink.RowsVisible)
    changed = RUN[at]._replace(event=replace(visible, rows=visible.rows + b"\x01"))
    assert digest_of([*RUN[:at], changed, *RUN[at + 1 :]]) != digest_of(RUN)
    moved = RUN[at]._replace(time_us=RUN[at].time_us + 1)
    assert digest_of([*RUN[:at], moved, *RUN[at + 1 :]]) != digest_of(RUN)
    polled = next(i for i, entry in enumerate(RUN) if isinstance(entry.event, flow.SourcePolled))
    assert digest_of(RUN[:polled] + RUN[polled + 1 :]) == digest_of(RUN)


def test_an_empty_run_is_a_recording() -> None:
    recording = parse_recording(recorded([]))
    assert (recording.count, recording.torn) == (0, "")
    assert isinstance(recording, Recording)


def test_the_format_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "trace-format.md"
    assert page.read_text() == document(), "python -m bandviz.trace.document > docs/trace-format.md"
