"""The zoo: each broken engine is caught by the oracle named for it, the sound one by none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from bandviz.check.rules import RULES
from bandviz.lab.claims import FORETOLD, LIVENESS, OUTPUT, STATE
from bandviz.lab.zoo import ZOO, Breakage, running
from bandviz.lab.zoo.hunt import BROKEN, INVARIANT, SOUND, Quarry, hunt

EVERY = 9
"""A kill at every so many steps is cheap, and enough for all of them."""
ORACLES = {
    *(rule.__name__ for rules in RULES.values() for rule in rules),
    *(LIVENESS, STATE, OUTPUT, FORETOLD, INVARIANT),
    *("cut_ledger", "source_offset", "put_back_as_stored", "snapshot_is_state"),
    *("replayed_output", "replayed_state", "timer_due", "read_as_written"),
    *("rescaled_whole", "rescaled_state_is_state", "one_home_a_key"),
}


@pytest.mark.parametrize("quarry", BROKEN, ids=lambda one: one.name)
def test_its_oracle_sees_it(quarry: Quarry) -> None:
    assert hunt(quarry, EVERY, first=True).killed


@pytest.mark.parametrize("quarry", SOUND, ids=lambda one: one.name)
def test_nobody_accuses_a_sound_engine(quarry: Quarry) -> None:
    assert hunt(quarry, 3 * EVERY).revealing == 0


@pytest.mark.parametrize("breakage", ZOO.values(), ids=list(ZOO))
def test_it_is_told_in_plain_words(breakage: Breakage) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", breakage.name)
    assert breakage.oracle in ORACLES
    for sentence in (breakage.rule, breakage.instead):
        assert len(sentence.split()) > 2, sentence
        assert len(sentence) < 100, sentence
        assert re.fullmatch(r"[a-z].*[a-z]", sentence), sentence
        assert not re.search(r"[_`(){}]|[a-z][A-Z]", sentence), sentence
    assert breakage.rule != breakage.instead


@pytest.mark.parametrize("breakage", ZOO.values(), ids=list(ZOO))
def test_all_is_put_back(breakage: Breakage) -> None:
    owners = [patch.owner for patch in breakage.patches]
    before = [dict(_table(owner)) for owner in owners]
    with suppress(RuntimeError), running(breakage):
        broken = [dict(_table(owner)) for owner in owners]
        raise RuntimeError
    assert broken != before
    assert [dict(_table(owner)) for owner in owners] == before


def _table(owner: Any) -> Mapping[Any, Any]:
    return owner if isinstance(owner, Mapping) else vars(owner)
