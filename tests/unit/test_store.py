"""A run on disk: what goes on, what is refused, what is never lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bandviz.cli import run_cli
from bandviz.events import BY_NAME
from bandviz.ids import RecordId, TransactionId
from bandviz.ports import (
    CommitAnswer,
    FencedError,
    FileStore,
    HighAvailabilityStore,
    LogBroker,
    Tables,
    WrittenRows,
)
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.session.opening import open_recording
from bandviz.session.run import Run, header_of
from bandviz.session.store import ACKNOWLEDGED, JOURNAL, Store
from bandviz.trace import writer as writer_module
from bandviz.trace.reader import read_recording
from bandviz.world.broker import MemoryBroker
from bandviz.world.files import MemoryFiles
from bandviz.world.operations import Notes, Part, operations_of, repeat, unpack_operation
from bandviz.world.pointer import MemoryPointer
from bandviz.world.readable import DATABASE
from bandviz.world.storage import MANIFEST
from bandviz.world.tables import MemoryTables
from bench import kills
from tests.restoring import restored

STORY = "kill-and-rewind"


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was lost behind its first checkpoint and its first commit."""
    live = tmp_path_factory.mktemp("store") / "live"
    plan = load_plan(STORY)
    run = Run(plan, store=Store.create(live, header_of(plan)))
    while run.job.now_us < 5_000_000:
        run.advance()
    shutil.copytree(live, live.parent / "lost")
    run.close()
    return live.parent / "lost"


@pytest.fixture
def folder(lost: Path, tmp_path: Path) -> Path:
    """A copy of it to go on in."""
    return Path(shutil.copytree(lost, tmp_path / "store"))


Tell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Tell:
    def run(*arguments: str) -> tuple[int, str, str]:
        return (run_cli(["run", *arguments]), *capsys.readouterr())

    return run


# ------------------------------------------------------------------------------- going on


def test_another_process_goes_on_and_the_verdict_is_over_both(
    folder: Path, told: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = told(STORY, "--restore", str(folder))
    assert (status, err) == (0, "")
    assert "PROCESS LOST: process 1 is gone" in out
    assert "RESTORE: new, empty tasks load checkpoint 1." in out
    assert "VERDICT EXACTLY ONCE" in out
    assert f"kept in {folder}" in out
    assert "the loss of a process is not in it (this run took 2)" in out
    assert "FAIL" not in out
    assert run_cli(["check", str(folder / JOURNAL)]) == 2
    checked = capsys.readouterr().out
    assert checked.startswith("?     kill-and-rewind")
    assert "(this run took 2)" in checked


def test_a_run_that_was_over_tells_its_result_again(folder: Path, told: Tell) -> None:
    first = told(STORY, "--restore", str(folder), "--json")
    size = (folder / JOURNAL).stat().st_size
    assert told(STORY, "--restore", str(folder), "--json") == first
    assert (folder / JOURNAL).stat().st_size == size


def test_without_a_complete_checkpoint_it_starts_empty_and_says_so(
    tmp_path: Path, told: Tell
) -> None:
    plan = load_plan(STORY)
    run = Run(plan, store=Store.create(tmp_path / "store", header_of(plan)))
    for _ in range(5):
        run.advance()
    run.close()
    status, out, _ = told(STORY, "--restore", str(tmp_path / "store"))
    assert status == 0
    assert "there is no checkpoint, so attempt 2 starts from zero" in out
    assert "VERDICT EXACTLY ONCE" in out


def test_a_journal_of_nothing_but_its_header_is_begun(tmp_path: Path, told: Tell) -> None:
    Store.create(tmp_path / "store", header_of(load_plan(STORY))).close(ended=False)
    status, out, _ = told(STORY, "--restore", str(tmp_path / "store"))
    assert status == 0
    assert "PROCESS LOST" not in out


def test_an_older_checkpoint_by_number_gives_up_what_came_after(tmp_path: Path, told: Tell) -> None:
    file, folder = tmp_path / f"{kills.NAME}.yaml", tmp_path / "store"
    file.write_text(kills.scenario(2, records=800))  # retains 3
    plan = load_plan(str(file))
    run = Run(plan, store=Store.create(folder, header_of(plan)))
    while run.ended is None and not (folder / "chk-000004" / "_manifest").exists():
        run.advance()
    for _ in range(60):
        run.advance()
    run.close()
    status, out, _ = told(str(file), "--restore", f"{folder}:3")
    assert status == 0
    assert "load checkpoint 3" in out
    assert "more than once" in out
    assert "restore_from_the_newest" not in out


def test_without_a_high_availability_store_the_newest_on_disk_is_adopted(tmp_path: Path) -> None:
    file, folder = tmp_path / f"{kills.NAME}.yaml", tmp_path / "store"
    file.write_text(kills.scenario(2, records=400))
    plan = load_plan(str(file))
    plan = replace(plan, settings=replace(plan.settings, high_availability=False))
    run = Run(plan, store=Store.create(folder, header_of(plan)))
    while run.ended is None and not (folder / "chk-000002" / "_manifest").exists():
        run.advance()
    for _ in range(60):
        run.advance()
    run.close()
    result = drive(plan, store=Store.open(folder)).result
    assert result["restores"][0]["checkpoint_id"] == 2
    assert result["verdict"]["holds"] is True


@pytest.mark.parametrize(("moves", "adopted"), [(127, 3), (191, 2)])
def test_what_a_dead_coordinator_knew_is_adopted_only_if_there_is_nothing_newer(
    tmp_path: Path, moves: int, adopted: int
) -> None:
    plan = load_plan("coordinator-crash", variant="none")
    run = Run(plan, store=Store.create(tmp_path, header_of(plan)))
    for _ in range(moves):
        run.advance()
    run.close()
    result = restored(tmp_path)
    assert result["restores"][-1]["checkpoint_id"] == adopted
    assert not [one for one in result["verdict"]["reasons"] if "restore_from" in one]


@pytest.mark.parametrize("steps", [1, 60])
def test_a_rescaled_job_goes_on_as_it_was_rescaled(tmp_path: Path, steps: int) -> None:
    plan = load_plan("rescale")
    run = Run(plan, store=Store.create(tmp_path, header_of(plan)))
    while not run.commands:
        run.advance()
    for _ in range(steps):
        run.advance()
    run.close()
    result = restored(tmp_path)
    assert result["verdict"]["holds"] is True
    assert result["state"]["count[2]"] == {"cats": 4, "gnus": 4}


def test_the_journal_is_a_recording_that_can_be_looked_at(folder: Path) -> None:
    opened = open_recording(folder / JOURNAL)
    assert opened.plan.settings.name == STORY
    assert opened.timeline is not None
    assert "broken off" in opened.note


def test_a_lost_process_is_in_the_journal_for_ever(folder: Path) -> None:
    for process in (1, 2):
        restored(folder, steps=12)
        entries = read_recording(folder / JOURNAL).settled().entries()
        lost = [each for each in entries if type(each.event) is BY_NAME["ProcessLost"]]
        assert [each.event.process for each in lost] == list(range(1, process + 1))  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------- refusals


def broken_header(folder: Path) -> None:
    (folder / JOURNAL).write_bytes(b"BVT1\x01\x00")


def flipped_bit(folder: Path) -> None:
    data = bytearray((folder / JOURNAL).read_bytes())
    data[read_recording(folder / JOURNAL).marks[-2].end + 40] ^= 1
    (folder / JOURNAL).write_bytes(data)


def cut_batch(folder: Path) -> None:
    journal = read_recording(folder / JOURNAL)
    os.truncate(folder / JOURNAL, journal.marks[-2].end)


def nothing(folder: Path) -> None:
    os.truncate(folder / JOURNAL, 0)


def half_a_manifest(folder: Path) -> None:
    os.truncate(folder / "chk-000001" / MANIFEST, 5)


def no_file(folder: Path) -> None:
    next(path for path in (folder / "chk-000001").iterdir() if path.name != MANIFEST).unlink()


def a_folder_for_a_note(folder: Path) -> None:
    (folder / ACKNOWLEDGED).unlink()
    (folder / ACKNOWLEDGED).mkdir()


def no_database(folder: Path) -> None:
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    (folder / DATABASE).write_bytes(b"long enough for SQLite to see that it is none" * 20)


@pytest.mark.parametrize(
    ("damage", "number", "words"),
    [
        (nothing, "", "is not a bandviz recording"),
        (broken_header, "", "header cannot be read"),
        (flipped_bit, "", "is damaged: it was good for"),
        (cut_batch, "", "is damaged: it was good for"),
        (half_a_manifest, ":1", "checkpoint 1 is damaged: _manifest: "),
        (no_file, ":1", "checkpoint 1 is damaged: "),
        (a_folder_for_a_note, "", "Is a directory"),
        (no_database, "", f"{DATABASE}: file is not a database"),
    ],
)
def test_damage_is_refused_before_a_step_is_made(
    folder: Path, damage: Callable[[Path], None], number: str, words: str, told: Tell
) -> None:
    damage(folder)
    journal = (folder / JOURNAL).read_bytes()
    status, out, err = told(STORY, "--restore", f"{folder}{number}")
    assert (status, out) == (2, "")
    assert (folder / JOURNAL).read_bytes() == journal
    line, fix = err.splitlines()
    assert str(folder) in line
    assert words in line
    assert fix.startswith("  help: ")


def test_without_a_number_a_damaged_checkpoint_is_told_and_passed_over(
    folder: Path, told: Tell
) -> None:
    half_a_manifest(folder)
    status, out, _ = told(STORY, "--restore", str(folder))
    assert status == 0
    assert "DAMAGED: checkpoint 1 cannot be restored" in out
    assert "VERDICT NOT exactly once" in out


def test_a_torn_end_is_cut_off_and_named(folder: Path, told: Tell) -> None:
    with (folder / JOURNAL).open("ab") as journal:
        journal.write(b"\x01\x02\x03")
    status, out, err = told(STORY, "--restore", str(folder))
    assert (status, err) == (0, f"{folder}: 3 bytes behind the last whole step were dropped\n")
    assert "VERDICT EXACTLY ONCE" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one-barrier", "--restore", "{}"], "holds a run of kill-and-rewind, not of one-barrier"),
        ([STORY, "--variant", "append", "--restore", "{}"], "variant '', not 'append'"),
        ([STORY, "--seed", "5", "--restore", "{}"], "seed 7, not 5"),
        ([STORY, "--restore", "{}:9"], "there are: 1"),
        ([STORY, "--restore", "{}:0"], "there are: 1"),
        ([STORY, "--restore", "{}:x"], "no number of a checkpoint"),
        ([STORY, "--restore", "{}:"], "no number of a checkpoint"),
        ([STORY, "--restore", "{}/none"], "there is no such folder"),
        ([STORY, "--restore", "{}/none:1"], "there is no such folder"),
        ([STORY, "--restore", "{}/journal.bvt"], "is not a folder"),
        ([STORY, "--restore", "{}/" + 300 * "a"], "File name too long"),
        ([STORY, "--restore", "{}/chk-000001"], "holds no run: journal.bvt is missing"),
        ([STORY, "--restore", "{}", "--storage", "x"], "goes on in its own folder"),
        ([STORY, "--storage", "{}"], "holds a run already"),
        ([STORY, "--storage", "{}/chk-000001"], "is not empty"),
        ([STORY, "--storage", "{}/journal.bvt/x"], "Not a directory"),
        ([STORY, "--storage", "{}/" + 300 * "a"], "File name too long"),
    ],
)
def test_what_does_not_fit_the_folder_is_refused_and_changes_nothing(
    folder: Path, arguments: list[str], words: str, told: Tell
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    status, out, err = told(*[one.format(folder) for one in arguments])
    assert (status, out) == (2, "")
    line, fix = err.splitlines()
    assert words in line
    assert fix.startswith("  help: ")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_two_processes_do_not_share_a_folder(folder: Path, told: Tell) -> None:
    holder = Store.open(folder)
    status, _, err = told(STORY, "--restore", str(folder))
    assert status == 2
    assert "another run is using this folder" in err
    holder.close(ended=False)
    assert told(STORY, "--restore", str(folder))[0] == 0


def test_a_journal_of_another_version_is_refused(
    folder: Path, told: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bandviz.session.opening.__version__", "9.9")
    status, _, err = told(STORY, "--restore", str(folder))
    assert status == 2
    assert "only the version that began a run" in err


# ------------------------------------------------------------------------------- a disk in trouble


class FullDisk:
    """The os module, of which sync number `nth` fails."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        self._left -= 1
        if self._left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_journal_that_cannot_be_written_stops_the_run_in_one_line(
    folder: Path, told: Tell, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "os", FullDisk(nth))
        status, _, err = told(STORY, "--restore", str(folder))
    assert status == 2
    assert "No space left on device" in err
    assert len(err.splitlines()) <= 2
    status, out, _ = told(STORY, "--restore", str(folder))
    assert status == 0
    assert "VERDICT EXACTLY ONCE" in out


def test_a_run_that_cannot_begin_leaves_nothing_behind(
    tmp_path: Path, told: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "os", FullDisk(1))
        status, out, err = told(STORY, "--storage", str(tmp_path / "store"))
    assert (status, out) == (2, "")
    line, fix = err.splitlines()
    assert str(tmp_path / "store") in line
    assert "No space left on device" in line
    assert fix.startswith("  help: ")
    assert told(STORY, "--storage", str(tmp_path / "store"))[0] == 0


# ------------------------------------------------------------------------------- the world again


def exercised(broker: MemoryBroker) -> Iterator[object]:
    """Each operation once, and one that fails."""
    written = WrittenRows([("cat", 1.5)], [RecordId("votes", 0, 3)])
    yield broker.append("board", WrittenRows([("dog",)], None))
    epoch, _ = broker.fence("board-0", TransactionId(0))
    yield broker.join("board-0")
    first, second, third = [broker.begin("board-0", epoch, 5, 900) for _ in range(3)]
    for transaction_id in (first, second, third):
        yield broker.write(transaction_id, "board", written)
    yield broker.pre_commit(first)
    yield broker.commit(first)
    yield broker.commit_offset("votes", "votes", 0, 7)
    yield broker.refuse_next_commit(second, CommitAnswer.FAILED)
    yield broker.commit(second)
    yield broker.abort(second)
    yield broker.poll("board")
    yield broker.expire(1_000)
    broker.begin("board-0", epoch, 1_000, 0)
    yield broker.fence("board-0", TransactionId(0))
    with pytest.raises(FencedError):
        broker.pre_commit(TransactionId(4))


def test_a_broker_that_repeats_the_operations_is_the_same_broker() -> None:
    broker, notes = MemoryBroker(()), Notes()
    broker.notes = notes
    assert list(exercised(broker))
    twin = MemoryBroker(())
    repeat([twin], map(unpack_operation, notes.take()))
    for committed_only in (True, False):
        seen = twin.visible("board", committed_only=committed_only)
        assert seen == broker.visible("board", committed_only=committed_only)
    assert twin.group_offset("votes", "votes", 0) == 7
    assert twin.poll("board") == broker.poll("board")
    assert twin.begin("board-0", 2, 0, 0) == TransactionId(5)


PORTS: Final[dict[type[Part], tuple[type, set[str]]]] = {
    MemoryBroker: (
        LogBroker,
        {"end_offset", "available_us", "read", "visible", "next_expiry_us", "undecided", "epoch"},
    ),
    MemoryTables: (Tables, set()),
    MemoryFiles: (FileStore, {"epoch"}),
    MemoryPointer: (HighAvailabilityStore, {"load"}),
}
"""Each part with its port, and the methods of it that only look."""


@pytest.mark.parametrize("part", PORTS, ids=lambda part: part.__name__)
def test_whatever_changes_the_world_is_noted(part: type[Part]) -> None:
    port, readers = PORTS[part]
    methods = {name for name in dir(port) if not name.startswith("_")}
    assert methods - readers <= operations_of(part)


def test_a_copy_of_a_noted_world_is_heard_by_nobody(tmp_path: Path) -> None:
    plan = load_plan(STORY)
    run = Run(plan, store=Store.create(tmp_path / "store", header_of(plan)))
    while run.job.now_us < 3_000_000:
        run.advance()
    size = (tmp_path / "store" / JOURNAL).stat().st_size
    twin = run.job.clone()
    while (choice := twin.earliest()) is not None:
        twin.step(choice)
    assert (tmp_path / "store" / JOURNAL).stat().st_size == size
    assert not (tmp_path / "store" / "chk-000002").exists()
    run.close()


def test_half_a_note_of_what_is_durable_promises_nothing(folder: Path) -> None:
    os.truncate(folder / ACKNOWLEDGED, 9)
    assert restored(folder)["verdict"]["holds"] is True
