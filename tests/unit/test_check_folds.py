"""The judge's operators, one by one, against rows worked out by hand from Flink's rules.

A script is words: `a5` a record of key a at 5 ms, `!7` a watermark, `@9` the clock in ms, `|b5` a
record on the second input. What comes out stands behind the word that brought it about.
"""

from __future__ import annotations

from typing import Any

import pytest

from bandviz.check.declared import Declared
from bandviz.check.folds import FOLDS
from bandviz.check.folds.base import DROPPED, WATERMARK_MIN, Fold, Item, Made, Moment, Site
from bandviz.check.folds.process import ProcessFold
from bandviz.events.values import pack
from bandviz.ids import RecordId
from tests.judged_runs import edge, vertex

KEY = {"fn": "key", "fields": ("k",)}
COUNT = {"function": {"fn": "count"}, "name": "n"}


def fold(kind: str, spec: dict[str, Any]) -> Fold:
    job = Declared()
    told: list[Any] = [vertex(name, "source", ("k", "ms"), {"topic": name}) for name in ("s", "t")]
    told += [vertex("op", kind, ("out",), spec)]
    told += [edge(0, "s", "op", "forward"), edge(1, "t", "op", "forward")]
    for event in told:
        job.notes[type(event)](event)
    return FOLDS[kind](Site(job, job.vertices["op"], spec, {}))


def played(operator: Fold, script: str) -> str:
    """The script with results: `a5 !9>a:0:1`; `tag(...)` on a side, `late(...)` dropped."""
    watermark_ms, now_ms, said = WATERMARK_MIN, 0, []
    for offset, word in enumerate(script.split()):
        made: list[Made] = []
        at = Moment(watermark_ms, now_ms * 1_000)
        if word[0] == "!":
            watermark_ms = int(word[1:])
            made = operator.rise(Moment(watermark_ms, now_ms * 1_000))
        elif word[0] == "@":
            now_ms = int(word[1:])
        else:
            port, text = (1, word[1:]) if word[0] == "|" else (0, word)
            row, record = (text[0], int(text[1:])), RecordId("st"[port], 0, offset)
            made = operator.take(port, Item(row, row[1], record), at)
        said.append(">".join([word, *sorted(map(shown, made))]))
    return " ".join(said)


def shown(made: Made) -> str:
    row = ":".join(map(str, made.item.row))
    side = "late" if made.side == DROPPED else made.side
    return f"{side}({row})" if side else row


def window(lateness_ms: int = 0, late: str = "", **assigner: Any) -> dict[str, Any]:
    return {
        "key": KEY, "aggregates": [COUNT], "assigner": {"offset_ms": 0, **assigner},
        "allowed_lateness_ms": lateness_ms, "late": late,
    }  # fmt: skip


TEN: dict[str, Any] = {"kind": "tumbling", "size_ms": 10}
SHIFTED: dict[str, Any] = {"kind": "tumbling", "size_ms": 10, "offset_ms": 3}
SLIDING: dict[str, Any] = {"kind": "sliding", "size_ms": 10, "slide_ms": 5}
GAPS: dict[str, Any] = {"kind": "sliding", "size_ms": 2, "slide_ms": 5}
SESSION: dict[str, Any] = {"kind": "session", "gap_ms": 5}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (window(**TEN), "a1 a9 b3 a10 !8 !9>a:0:2>b:0:1 !19>a:10:1"),
        (window(**TEN), "a-1 !-1>a:-10:1"),
        (window(**TEN), "a1 !9>a:0:1 a2>late(a:2) a12 !30>a:10:1"),
        (window(late="side", **TEN), "!9 a9>side(a:9) a10 !19>a:10:1"),
        (window(**SHIFTED), "a2 a3 !2>a:-7:1 !12>a:3:1"),
        # with lateness: fires again for each record that comes late, until the state is dropped
        (window(lateness_ms=5, **TEN), "a1 !9>a:0:1 a2>a:0:2 !13 a4>a:0:3 !14 a5>late(a:5)"),
        (window(lateness_ms=5, **TEN), "!9 a1>a:0:1 !14 a2>late(a:2)"),
        # each record is in two windows; late only if both are over
        (window(**SLIDING), "a6 a12 !9>a:0:1 !14>a:5:2 a9>late(a:9) a10 !19>a:10:2"),
        (window(**SLIDING), "!9 a7 !14>a:5:1"),
        (window(**GAPS), "a1 a3 a5 !2>a:0:1 !9>a:5:1 a8>late(a:8)"),
        (window(lateness_ms=2, **GAPS), "!9 a8 a7>late(a:7) a6>late(a:6)"),  # in no window: 8, 7
        # sessions: [t, t + 5); what overlaps or touches is one
        (window(**SESSION), "a1 a4 !8>a:1:9:2"),
        (window(**SESSION), "a1 a6 !10>a:1:11:2"),
        (window(**SESSION), "a1 a7 !11>a:1:6:1>a:7:12:1"),
        (window(**SESSION), "a1 a9 a5 !13>a:1:14:3"),
        (window(**SESSION), "a1 b3 !20>a:1:6:1>b:3:8:1"),
        # a late record that joins a session still open is not late
        (window(**SESSION), "a6 !8 a2 !10>a:2:11:2"),
        (window(**SESSION), "!8 a2>late(a:2) a6 !10>a:6:11:1"),
        (window(lateness_ms=9, **SESSION), "a1 !6>a:1:6:1 a4 !8>a:1:9:2"),
    ],
)  # fmt: skip
def test_windows(spec: dict[str, Any], said: str) -> None:
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(fold("window", spec), script) == said


def test_a_restored_window_that_had_fired_fires_only_for_new_records() -> None:
    """The watermark is not in a snapshot, the timer is: it had gone off."""
    kept = fold("window", window(lateness_ms=50, **TEN))
    played(kept, "a1 b1 !9")
    restored = kept.copy()
    assert played(restored, "a2 !9") == "a2 !9>a:0:2"


def test_a_copy_knows_nothing_of_what_comes_later() -> None:
    operator = fold("window", window(**TEN))
    played(operator, "a1")
    kept = operator.copy()
    played(operator, "a2 b3 !9")
    assert played(kept, "!9") == "!9>a:0:1"


INTERVAL = {
    "left_key": KEY, "right_key": KEY, "lower_ms": -2, "upper_ms": 3, "left_ports": 1,
    "late_left": "", "late_right": "gone",
}  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "a10 |a8>a:10:a:8 |a7 |a13>a:10:a:13 |a14 |b10",
        "|a8 |a9 a10>a:10:a:8>a:10:a:9",
        "a10 !12 |a12>a:10:a:12 !13 |a13",  # gone with the watermark at 10 + 3
        "|a10 !11 a12>a:12:a:10 !12 a12",  # of the right ones at 10 + 2
        "!5 a4>late(a:4) |a4>gone(a:4) a5 |a5>a:5:a:5",
    ],
)
def test_interval_join(said: str) -> None:
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(fold("interval_join", INTERVAL), script) == said


def joined_windows(**assigner: Any) -> dict[str, Any]:
    return {
        "left_key": KEY, "right_key": KEY, "left_ports": 1, "late_left": "", "late_right": "gone",
        "assigner": {"offset_ms": 0, **assigner},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("assigner", "said"),
    [
        (TEN, "a1 |a9 |b2 a10 |a12 !9>a:1:a:9 !18 !19>a:10:a:12"),
        (TEN, "a1 |a2 a3 !8 !9>a:1:a:2>a:3:a:2 |a4>gone(a:4) a4>late(a:4)"),
        (SHIFTED, "a2 |a3 !2 !12 |a12>gone(a:12)"),
        (SLIDING, "a3 |a7 !4 !9>a:3:a:7 |a6 a8 !14>a:8:a:6>a:8:a:7"),
        (GAPS, "a3 |a4 !4 |a4>gone(a:4) a5 |a6 !6>a:5:a:6"),  # no window holds 3 and 4
    ],
)
def test_window_join(assigner: dict[str, Any], said: str) -> None:
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(fold("window_join", joined_windows(**assigner)), script) == said


@pytest.mark.parametrize(
    ("ttl_ms", "again", "said"),
    [
        (0, "", "a1>a:1 a2 b3>b:3 @99999 a4"),
        (0, "twice", "a1>a:1 a2>twice(a:2)"),
        (5, "", "@1 a1>a:1 @5 a2 @6 a3>a:3 @10 a4 @11 a5>a:5"),
    ],
)
def test_the_first_of_a_key_wins_until_it_is_forgotten(ttl_ms: int, again: str, said: str) -> None:
    spec = {"key": KEY, "ttl_ms": ttl_ms, "duplicates": again}
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(fold("deduplicate", spec), script) == said


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ({"fn": "max_by", "field": "ms"}, "a3>a:3 a1>a:3 b2>b:2 a7>a:7"),
        ({"fn": "latest"}, "a3>a:3 a1>a:1"),
    ],
)
def test_reduce_puts_out_the_row_so_far(function: dict[str, Any], said: str) -> None:
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(fold("reduce", {"key": KEY, "function": function}), script) == said


def process(time: str = "event") -> ProcessFold:
    function = {"fn": "count_until_quiet", "quiet_ms": 5, "time": time}
    operator = fold("process", {"key": KEY, "function": function})
    assert isinstance(operator, ProcessFold)
    return operator


def test_event_timers_fire_with_the_watermark() -> None:
    said = "a1 a3 b2 !6 !7>b:1:2 !8>a:2:3 a9 !14>a:1:9"
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(process(), script) == said


def test_a_row_by_timer_knows_the_records_since_the_last_one() -> None:
    operator = process()
    played(operator, "a1 a3")
    (made,) = operator.rise(Moment(99))
    assert made.item.time_ms == 8
    assert made.item.id[:4] == ("op", "a", 8, 2)


def test_a_processing_timer_fires_when_the_run_says_so_if_it_is_set_and_over() -> None:
    operator = process("processing")
    played(operator, "@2 a1")
    with pytest.raises(ValueError, match="not due"):
        operator.fire(pack("a"), 7, Moment(0, 6_999))
    with pytest.raises(ValueError, match="not due"):
        operator.fire(pack("a"), 8, Moment(0, 99_000))
    (made,) = operator.fire(pack("a"), 7, Moment(0, 8_000))
    assert (made.item.row, made.item.time_ms) == (("a", 1, 2), None)
    with pytest.raises(ValueError, match="not due"):
        operator.fire(pack("a"), 7, Moment(0, 8_000))


def test_records_meet_the_rules_that_came_before_them() -> None:
    function = {"fn": "match_thresholds", "field": "ms", "rule_name": "k", "rule_value": "ms"}
    operator = fold("broadcast", {"function": function, "left_ports": 1})
    said = "x5 |r3 x5>x:5:r |q9 x9>x:9:q>x:9:r |r7 x5"
    script = " ".join(word.split(">")[0] for word in said.split())
    assert played(operator, script) == said


@pytest.mark.parametrize(
    ("kind", "spec", "script"),
    [
        ("window", window(**TEN), "a1 b2 c3"),
        ("deduplicate", {"key": KEY, "ttl_ms": 0, "duplicates": ""}, "a1 b2 c3"),
        ("interval_join", INTERVAL, "a1 |b2 c3"),
        ("window_join", joined_windows(**TEN), "a1 |b2 c3"),
    ],
)
def test_shares_of_a_state_are_the_whole(kind: str, spec: dict[str, Any], script: str) -> None:
    whole = fold(kind, spec)
    played(whole, script)
    shares = [fold(kind, spec), fold(kind, spec)]
    shares[0].adopt([whole], {pack("a"), pack("b")})
    shares[1].adopt([whole], {pack("c")})
    assert [share.size() for share in shares] == [2, 1]
