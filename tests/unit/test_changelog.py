"""Increments and shared files: what a part stores, and what damage does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bandviz.engine.faults import KILL, Fault
from bandviz.engine.job import Job
from bandviz.engine.operators.base import State
from bandviz.engine.shared_files import SharedFiles
from bandviz.engine.state.changelog import REMOVED, Changelog, rebuilt
from bandviz.engine.state.frozen import GONE, Changes, FrozenTable, plain
from bandviz.events import Event
from bandviz.events.checkpoint import CheckpointCompleted
from bandviz.events.job import CheckpointRefused, RestoreStarted
from bandviz.events.values import pack, unpack
from bandviz.graph.execution import unroll
from bandviz.graph.settings import StateBackend
from bandviz.ids import NO_CHECKPOINT, CheckpointId
from bandviz.world import memory_world
from bandviz.world.blobs import MemoryBlobs
from bandviz.world.storage import CheckpointFiles
from tests import engines

ONE, TWO, THREE, FOUR = (CheckpointId(number) for number in range(1, 5))
HISTORY: tuple[Changes, ...] = (
    {"a": 1, "b": 1},
    {"b": 2},
    {"d": 3, "c": 3, "a": GONE, "e": GONE},
    {"a": 4, "d": GONE},
)
"""What is written before snapshot 1, 2, 3, 4; "e" came and went in one interval."""


def state(table: dict[str, int], changes: Changes) -> State:
    return {"keyed": FrozenTable(dict(table), 128, changes), "offsets": {0: len(table)}}


def stored(
    log: Changelog, table: dict[str, int], number: int, base: int
) -> tuple[State, CheckpointId]:
    """Write what belongs to this snapshot, and take it."""
    changes = HISTORY[number - 1]
    for key, value in changes.items():
        if value is GONE:
            table.pop(key, None)
        else:
            table[key] = value
    part, built_on = log.part(state(table, changes), CheckpointId(number), CheckpointId(base))
    return unpack(pack(plain(part))), built_on


def keys(part: State) -> tuple[list[str], list[str]]:
    """Keys of the rows, and of those that went."""
    return [key for key, _ in part["keyed"]], list(dict(part.get(REMOVED, ())).get("keyed", ()))


def test_an_increment_holds_what_changed_since_its_base_whatever_became_of_others() -> None:
    log, table = Changelog(), dict[str, int]()
    parts = [stored(log, table, 1, 0), stored(log, table, 2, 1), stored(log, table, 3, 1)]
    log.forget(TWO)
    parts.append(stored(log, table, 4, 1))
    assert [built_on for _, built_on in parts] == [0, 1, 1, 1]
    assert sorted(keys(parts[0][0])[0]) == ["a", "b"]
    assert [keys(part) for part, _ in parts[1:]] == [
        (["b"], []),
        (["b", "d", "c"], ["a", "e"]),
        (["b", "c", "a"], ["d", "e"]),
    ], "in the order of writing"
    for part, _ in parts[1:]:
        assert "offsets" in part, "a section that keeps no account is whole"


@pytest.mark.parametrize(
    "chain", [(1, 2), (1, 3), (1, 2, 3), (1, 2, 4)], ids=lambda chain: "-".join(map(str, chain))
)
def test_a_base_and_increments_give_the_table_of_the_last_one(chain: tuple[int, ...]) -> None:
    log, table = Changelog(), dict[str, int]()
    parts: list[State] = []
    built = 0
    for number in range(1, chain[-1] + 1):
        part, _ = stored(log, table, number, built)
        if number in chain:
            parts.append(part)
            built = number
    whole = unpack(pack(plain(state(table, {}))))
    assert rebuilt(parts, 128) == whole


def test_a_base_that_nobody_remembers_means_everything() -> None:
    log, table = Changelog(), dict[str, int]()
    assert stored(log, table, 1, 7)[1] == NO_CHECKPOINT
    assert stored(log, table, 2, 1)[1] == ONE
    stored(log, table, 3, 2)
    assert not log.knows(ONE), "nobody builds on what is older than a base"


@pytest.mark.parametrize("parts", [[{REMOVED: []}], [{"keyed": ()}, {"keyed": ()}]])
def test_parts_that_are_no_chain_are_refused(parts: list[State]) -> None:
    with pytest.raises(ValueError, match="base"):
        rebuilt(parts, 128)


def changelog_job() -> Job:
    settings = replace(
        engines.settings(first_checkpoint_us=1_000_000, checkpoint_interval_us=1_000_000),
        state_backend=StateBackend.CHANGELOG,
    )
    topics = engines.vote_topics()
    return Job(unroll(engines.vote_graph()), settings, topics, memory_world(topics))


def until_completed(job: Job, checkpoint_id: CheckpointId) -> CheckpointCompleted:
    while True:
        choice = job.earliest()
        assert choice is not None
        for entry in job.step(choice):
            event = entry.event
            if isinstance(event, CheckpointCompleted) and event.checkpoint_id == checkpoint_id:
                return event


def test_a_savepoint_is_whole_and_nobody_builds_on_it() -> None:
    job = changelog_job()
    job.start()
    until_completed(job, ONE)
    job.step(Fault("take_savepoint").choice)
    until_completed(job, TWO)
    savepoint = until_completed(job, THREE)
    after = until_completed(job, FOUR)
    owners = [
        {file.owner for file in job.world.storage.manifest(at, "test")} for at in (TWO, THREE, FOUR)
    ]
    assert owners == [{0, ONE}, {0}, {0, ONE, TWO}]
    assert savepoint.checkpointed_bytes == savepoint.full_bytes
    assert 0 < after.checkpointed_bytes < after.full_bytes


def test_a_damaged_shared_file_spoils_all_that_name_it_and_no_other() -> None:
    """Checkpoints 1, 2 and 3 are retained, and 1 owns the base."""
    job = changelog_job()
    job.start()
    until_completed(job, THREE)
    assert job.world.storage.damage(TWO, "count-0")
    told: list[Event] = [entry.event for entry in job.step(Fault(KILL, "count[0]").choice)]
    while not any(isinstance(event, RestoreStarted) for event in told):
        choice = job.earliest()
        assert choice is not None
        told += [entry.event for entry in job.step(choice)]
    refused = [event for event in told if isinstance(event, CheckpointRefused)]
    assert [event.checkpoint_id for event in refused] == [THREE, TWO]
    assert "of checkpoint 2: altered" in refused[0].detail
    assert [e.checkpoint_id for e in told if isinstance(e, RestoreStarted)] == [ONE]


def test_a_file_stays_while_a_checkpoint_in_progress_may_build_on_it() -> None:
    """Checkpoint 3 builds on 1, which is retired when 2, a base, completes."""
    blobs = MemoryBlobs()
    storage = CheckpointFiles(blobs)
    files = SharedFiles(storage)
    for at in (ONE, TWO):
        handle = storage.write(at, "count-0", b"cats")
        storage.write_manifest(at, "votes", 1, [handle])
        files.register(at, [handle])
    files.hold(THREE, ONE)
    files.discard(ONE)
    assert blobs.exists("chk-000001/count-0")
    assert not blobs.exists("chk-000001/_manifest"), "it is no checkpoint any more"
    files.let_go(THREE)
    assert blobs.folders() == ["chk-000002"]


def test_a_key_that_came_and_went_between_two_snapshots_leaves_nothing() -> None:
    log = Changelog()
    parts = [
        log.part(state({"a": 1}, changes), CheckpointId(number), CheckpointId(number - 1))[0]
        for number, changes in ((1, {"a": 1}), (2, {"x": GONE}))
    ]
    assert rebuilt([unpack(pack(plain(part))) for part in parts], 128)["keyed"] == (("a", 1),)
