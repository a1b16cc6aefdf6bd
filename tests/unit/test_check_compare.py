"""Provenance and values, place by place."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bandviz.check.compare import Difference, read_id, wrong_row_count
from bandviz.check.folds.base import identity
from bandviz.check.oracle import Reference
from bandviz.ids import Lineage, RecordId, ResultId

A, B, C = (RecordId("s", 0, offset) for offset in range(3))
A0, A1 = A._replace(path=(0,)), A._replace(path=(1,))
W = ResultId("win", "k", 0, 2, 40)


@pytest.mark.parametrize(
    ("expected", "seen", "lost", "duplicated", "foreign"),
    [
        ([A, B], [B, A], 0, 0, 0),
        ([A, B], [A], 1, 0, 0),
        ([A, B], [A, A, B], 0, 1, 0),
        ([A, B], [A, A, A, B], 0, 1, 0),
        ([A, B], [A, A], 1, 1, 0),
        ([A], [A, C], 0, 0, 1),
        ([A0, A1], [A0], 1, 0, 0),
        ([A0, A1], [A0, A0], 1, 1, 0),
        ([A0, A1, B], [B], 2 - 1, 0, 0),
        ([A, A], [A, A], 0, 0, 0),
        ([A, A], [A], 1, 0, 0),
        ([W], [W], 0, 0, 0),
        ([W], [], 2, 0, 0),
        ([W], [W, W], 0, 2, 0),
        ([W], [W._replace(count=1, digest=10)], 1, 0, 0),
        ([W], [W._replace(count=4, digest=80)], 0, 2, 0),
        ([W], [W._replace(digest=41)], 1, 1, 0),
        ([W], [W._replace(key="x")], 2, 0, 1),
        ([W], [W._replace(window_start_ms=10), W], 0, 0, 1),
    ],
)
def test_records_are_counted_once(
    expected: Sequence[Lineage], seen: Sequence[Lineage], lost: int, duplicated: int, foreign: int
) -> None:
    reference = Reference(members={identity(W): (A, B)})
    found = Difference()
    found.add(reference, expected, seen, final=True)
    assert (found.lost_count, found.duplicated_count, found.foreign) == (lost, duplicated, foreign)


def test_a_record_missing_in_two_places_is_one_lost_record() -> None:
    found = Difference()
    found.add(Reference(), [A, B], [B], final=True)
    found.add(Reference(), [A], [], final=True)
    assert found.lost_count == 1


def test_before_the_end_nothing_is_missing() -> None:
    found = Difference()
    found.add(Reference(), [A, B], [B, B], final=False)
    assert (found.lost_count, found.duplicated_count) == (0, 1)


@pytest.mark.parametrize(
    ("expected", "seen", "wrong"),
    [
        ("A:x B:y", "B:y A:x", 0),
        ("A:x B:y", "A:y B:x", 0),  # as multisets
        ("A:x B:y", "A:x A:x B:y", 0),  # a repetition is not wrong
        ("A:x B:y", "A:x A:y B:y", 0),
        ("A:x B:y", "A:x A:z B:y", 1),
        ("A:x B:y", "A:x", 0),  # nor is a gap
        ("A:x B:y", "A:x B:x", 1),
        ("A:x B:y", "A:q B:r", 2),
        ("A:x", "A:x C:x", 1),
    ],
)
def test_wrong_rows_are_values_that_nobody_expected(expected: str, seen: str, wrong: int) -> None:
    names = {"A": A, "B": B, "C": C}

    def rows(text: str) -> list[tuple[Lineage | None, bytes]]:
        return [(names[part[0]], part[2:].encode()) for part in text.split()]

    assert wrong_row_count(rows(expected), rows(seen)) == wrong


@pytest.mark.parametrize("item", [None, (1, 2, 3), ("w", "k", 0, "2", 0), ("w", "k", 0, 2, 1.5)])
def test_what_is_no_id_is_refused(item: object) -> None:
    with pytest.raises(ValueError, match=r"id"):
        read_id(item)


def test_an_early_result_of_fewer_records_is_a_loss_only_at_the_end() -> None:
    early = W._replace(count=1, digest=10)
    found = Difference()
    found.add(Reference(), [W], [early], final=False)
    assert found.lost_count == 0
    found.add(Reference(), [W], [early], final=True)
    assert found.lost_count == 1


def test_results_of_one_window_are_paired_by_their_contents() -> None:
    """It fired twice; the two results may be seen in any order."""
    early = W._replace(count=1, digest=10)
    found = Difference()
    found.add(Reference(), [early, W], [W, early], final=True)
    assert (found.lost_count, found.duplicated_count) == (0, 0)


def test_a_whole_result_beside_an_earlier_one_is_no_loss() -> None:
    """A crash and a sink that appends: the window was shown before, with fewer records."""
    early = W._replace(count=1, digest=10)
    found = Difference()
    found.add(Reference(), [W], [early, W], final=True)
    assert found.lost_count == 0
