"""--vary: a scenario with fields set is a scenario again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.cli import run_cli
from bandviz.errors import BandvizError
from bandviz.lab.vary import plans_of
from bandviz.scenario.catalog import resolve
from bandviz.scenario.findings import SourceText
from bandviz.scenario.load import load
from bandviz.scenario.reader import plain, read_tree
from bandviz.scenario.varied import values_of, varied, write


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("mode=at_least_once,exactly_once", ("at_least_once", "exactly_once")),
        ("run.checkpoint_interval_ms=500, 1000", (500, 1000)),
        ("unaligned=true,false", (True, False)),
        ('topic="1"', ("1",)),
    ],
)
def test_values_are_read_as_a_file_would(text: str, values: tuple[object, ...]) -> None:
    assert values_of(text)[1] == values


@pytest.mark.parametrize(
    "text", ["mode", "=a", "mode=", "mode=[a]", "mode={a: b}", "mode=a: b", "mode=,", 'mode="']
)
def test_what_is_no_list_of_values_is_refused(text: str) -> None:
    with pytest.raises(BandvizError, match="--vary"):
        values_of(text)


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ("mod=a", "mod"),
        ("pipeline.bord.contract=append", "bord"),
        ("checks=1", "checks"),
        ("mode=sometimes", "mode"),
    ],
)
def test_a_field_that_is_none_is_named(vary: str, said: str) -> None:
    with pytest.raises(BandvizError, match=said):
        plans_of("kill-and-rewind", [vary])


def test_each_combination_is_a_plan() -> None:
    plans = plans_of("kill-and-rewind", ["mode=at_least_once,exactly_once", "jitter_percent=0,2"])
    assert [one.label for one in plans] == [
        "at_least_once 0", "at_least_once 2", "exactly_once 0", "exactly_once 2",
    ]  # fmt: skip
    assert [one.plan.settings.jitter_permille for one in plans] == [0, 20, 0, 20]


def test_an_operator_may_be_named_without_its_pipeline() -> None:
    scenario = varied(load(resolve("kill-and-rewind")), {"board.contract": "append"})
    assert "contract: append" in scenario.source.text


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=12)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), _TEXTS,
    st.sampled_from(["no", "0x1f", "1e3", "null", "~", "True", "- a", "a: b", "# x", "0o7", " "]),
)  # fmt: skip


_NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


@settings(max_examples=50)
@given(st.dictionaries(_NAMES, st.lists(_SCALARS, max_size=3), max_size=3))
def test_what_is_written_reads_back(tree: dict[str, list[object]]) -> None:
    read = plain(read_tree(SourceText("", write(tree)))) if tree else {}
    assert read == {key: tuple(items) for key, items in tree.items()}


@pytest.mark.parametrize(
    "command", [["sweep"], ["price"], ["verify", "--exhaustive", "--scenario"]]
)
def test_a_network_is_no_job(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli([*command, "money-ring"]) == 2
    assert "is a network" in capsys.readouterr().err
