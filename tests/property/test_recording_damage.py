"""Every damage to a recording is noticed: truncation at each length, a flip in each byte."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.errors import TraceError
from bandviz.events import Entry
from bandviz.trace import frames
from bandviz.trace.commands import CommandRecord
from bandviz.trace.frames import FRAME_HEAD_BYTES, OPENING_BYTES
from bandviz.trace.reader import Recording, parse_recording
from bandviz.trace.writer import Writer
from tests.synthetic import HEADER, Sheet, entries

RUN = entries(40)


def small_recording() -> bytes:
    """Frames of 150 entries, so that damage to every byte can be tried in a few seconds."""
    sheet = Sheet()
    with patch.object(frames, "ENTRIES_A_FRAME", 150), Writer(sheet, HEADER) as writer:
        writer.command(CommandRecord(60, "kill", "count[0]", 5, False))
        writer.add(RUN)
    return sheet.contents


WHOLE = small_recording()
HEADER_END = OPENING_BYTES + FRAME_HEAD_BYTES + int.from_bytes(WHOLE[6:10], "little")


def opened(data: bytes) -> Recording | None:
    try:
        return parse_recording(data)
    except TraceError as error:
        return None if str(error).isprintable() else pytest.fail(repr(error))


def is_a_prefix(recording: Recording) -> bool:
    run: list[Entry] = list(recording.entries())
    return run == RUN[: len(run)] and recording.torn != "" and recording.run_id == ""


def test_the_recording_is_sound_and_has_several_frames() -> None:
    recording = parse_recording(WHOLE)
    assert (list(recording.entries()), recording.torn) == (RUN, "")
    assert len(recording.frames) >= 3


def test_a_truncation_at_any_length_opens_up_to_the_last_whole_frame() -> None:
    counts = []
    for length in range(len(WHOLE)):
        recording = opened(WHOLE[:length])
        assert (recording is None) == (length < HEADER_END)
        if recording is not None:
            assert recording.torn
            counts.append(recording.count)
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == len(RUN)


def test_a_flipped_bit_in_any_byte_is_noticed() -> None:
    for place in range(len(WHOLE)):
        bit = 1 << place % 8
        data = WHOLE[:place] + bytes([WHOLE[place] ^ bit]) + WHOLE[place + 1 :]
        recording = opened(data)
        assert (recording is None) == (place < HEADER_END), place
        assert recording is None or recording.torn, place


@given(st.integers(HEADER_END, len(WHOLE) - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_what_opens_in_spite_of_damage_is_a_prefix_of_the_run(place: int, mask: int) -> None:
    data = WHOLE[:place] + bytes([WHOLE[place] ^ mask]) + WHOLE[place + 1 :]
    assert is_a_prefix(parse_recording(data))


def test_a_lost_repeated_or_swapped_frame_is_noticed() -> None:
    places = [HEADER_END]
    while places[-1] < len(WHOLE):
        length = int.from_bytes(WHOLE[places[-1] : places[-1] + 4], "little")
        places.append(places[-1] + FRAME_HEAD_BYTES + length)
    parts = [WHOLE[a:b] for a, b in pairwise(places)]
    head = WHOLE[:HEADER_END]
    for at in range(len(parts)):
        for changed in (
            parts[:at] + parts[at + 1 :],
            parts[: at + 1] + parts[at:],
            parts[:at] + parts[at : at + 2][::-1] + parts[at + 2 :],
        ):
            if changed != parts:
                assert is_a_prefix(parse_recording(head + b"".join(changed))), at


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_never_does_more_than_raise_a_trace_error(noise: bytes) -> None:
    for data in (noise, WHOLE[:6] + noise, WHOLE[:HEADER_END] + noise):
        recording = opened(data)
        assert recording is None or recording.count == 0
