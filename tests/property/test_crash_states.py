"""Whatever a power cut leaves of a run on disk, nothing that was promised is lost or made up."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bandviz.errors import BandvizError
from bandviz.events import Entry
from bandviz.ids import CheckpointId
from bandviz.model.run import RunModel
from bandviz.model.views import CheckpointStatus
from bandviz.ports import DamagedFile
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.scenario.plan import Plan
from bandviz.session import store as store_module
from bandviz.session.remains import with_status
from bandviz.session.run import Run, header_of
from bandviz.session.store import ACKNOWLEDGED, JOURNAL, Store
from bandviz.trace import writer as writer_module
from bandviz.world import blobs as blobs_module
from bandviz.world.blobs import DiskBlobs
from bandviz.world.storage import CheckpointFiles
from tests.crashing import Call, Recorder, crash_states, lay_out
from tests.restoring import restored

SCENARIO = """\
version: 1
name: bells
title: Bells
summary: Few records, two checkpoints, one retained.
confluent: true
run: {checkpoint_interval_ms: 300, retained_checkpoints: 1}
topics: [{name: log, fields: [bell], partitions: [{label: tower, rows: [a, b, a, b, a, b]}]}]
pipeline:
  - {uid: read, kind: source, topic: log, every_ms: 100}
  - {uid: book, kind: sink, topic: book, contract: two_phase, inputs: [{from: read}]}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    file = tmp_path_factory.mktemp("scenario") / "bells.yaml"
    file.write_text(SCENARIO)
    return load_plan(str(file))


@contextmanager
def watched(recorder: Recorder) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (blobs_module, writer_module, store_module):
            patch.setattr(module, "os", recorder)
        yield


def recorded(plan: Plan, root: Path) -> tuple[list[Call], list[Entry]]:
    """The system calls of a whole run, with marks of what was promised, and its entries."""
    root.mkdir()
    recorder = Recorder(root)
    with watched(recorder):
        run = Run(plan, store=Store.create(root, header_of(plan)))
        told = b""
        while run.ended is None:
            run.advance()
            note = root / ACKNOWLEDGED
            if note.exists() and note.read_bytes() != told:
                told = note.read_bytes()
                recorder.calls.append(Call("told", "", at=len(run.timeline)))
        run.close()
    return recorder.calls, list(run.timeline.entries(0, len(run.timeline)))


def lost(plan: Plan, root: Path, entries: list[Entry], promised: int) -> str:
    """What is wrong with what is found; empty if nothing is."""
    if not (root / JOURNAL).exists():
        return "the journal is gone" if promised else ""
    try:
        store = Store.open(root)
    except BandvizError as error:
        return error.message
    try:
        assert store.past is not None
        found = list(store.past.entries())
        if found != entries[: len(found)]:
            return "the journal tells something else"
        if len(found) < promised:
            return "promised steps are gone"
        model = RunModel()
        for entry in found:
            model.apply(entry)
        world = store.world((), plan.graph)
        known = tuple(one.checkpoint_id for one in world.pointer.load().completed)
        if known != with_status(model, CheckpointStatus.COMPLETE):
            return "events and world disagree"
        return unreadable(root, known)
    finally:
        store.close(ended=False)


def unreadable(root: Path, known: tuple[CheckpointId, ...]) -> str:
    files = CheckpointFiles(DiskBlobs(root))
    try:
        for checkpoint_id in known:
            for handle in files.manifest(checkpoint_id, "bells"):
                files.read(checkpoint_id, handle)
    except DamagedFile as damage:
        return f"a complete checkpoint: {damage}"
    return ""


def findings(plan: Plan, tmp_path: Path) -> Iterator[str]:
    """What is lost, crash by crash."""
    calls, entries = recorded(plan, tmp_path / "live")
    found = tmp_path / "found"
    for number, image in crash_states(calls):
        promised = max((call.at for call in calls[:number] if call.what == "told"), default=0)
        lay_out(image, found)
        yield lost(plan, found, entries, promised)
        shutil.rmtree(found)


def test_every_crash_state_can_be_gone_on_from(plan: Plan, tmp_path: Path) -> None:
    results = list(findings(plan, tmp_path))
    assert len(results) > 300
    assert [result for result in results if result] == []


class NoSync(Recorder):
    """Forgets to sync some files, or folders."""

    def fsync(self, descriptor: int) -> None:
        if not self.forgets(self._paths[descriptor]):
            super().fsync(descriptor)

    def forgets(self, path: str) -> bool:
        raise NotImplementedError


class NoJournalSync(NoSync):
    def forgets(self, path: str) -> bool:
        return path.endswith(JOURNAL)


class NoFolderSync(NoSync):
    def forgets(self, path: str) -> bool:
        return (self._root / path).is_dir()


class NoCheckpointSync(NoSync):
    def forgets(self, path: str) -> bool:
        return path.startswith("chk-") and not (self._root / path).is_dir()


@pytest.mark.parametrize("wrong", [NoJournalSync, NoFolderSync, NoCheckpointSync])
def test_the_model_finds_a_writer_that_forgets_to_sync(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: type[NoSync]
) -> None:
    monkeypatch.setattr(f"{__name__}.Recorder", wrong)
    assert any(findings(plan, tmp_path))


def test_the_model_finds_a_store_that_deletes_too_early(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module.PatientBlobs, "delete_tree", DiskBlobs.delete_tree)
    assert any(findings(plan, tmp_path))


def test_the_model_finds_a_note_that_is_written_before_the_sync(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note of more than is durable turns a torn end into damage."""
    settle = Store._settle

    def hasty(store: Store, writer: Any, *, sync: bool) -> None:
        settle(store, writer, sync=False)
        store_module._acknowledge(store.root, writer.place)
        settle(store, writer, sync=sync)

    monkeypatch.setattr(Store, "_settle", hasty)
    assert any(findings(plan, tmp_path))


class Failing(Recorder):
    """Of its calls number `fails_at` raises, and does nothing."""

    def __init__(self, root: Path, fails_at: int, code: int) -> None:
        super().__init__(root)
        self.left = fails_at
        self._code = code

    def __getattribute__(self, name: str) -> Any:
        if name in ("open", "write", "pwrite", "fsync", "rename", "unlink", "mkdir"):
            self.left -= 1
            if self.left == 0:
                raise OSError(self._code, os.strerror(self._code))
        return super().__getattribute__(name)


def test_whichever_call_fails_the_run_ends_exact_or_stops_and_can_be_gone_on_with(
    plan: Plan, tmp_path: Path
) -> None:
    told: list[str] = []
    for fails_at in range(1, 1_000, 2):
        root = tmp_path / str(fails_at)
        root.mkdir()
        failing = Failing(root, fails_at, (errno.ENOSPC, errno.EIO)[fails_at % 4 // 2])
        with watched(failing):
            try:
                result = drive(plan, store=Store.create(root, header_of(plan))).result
            except BandvizError as error:
                told.append(error.message)
                if not (root / JOURNAL).exists():
                    continue
                result = {}
        assert (result or restored(root))["verdict"]["holds"] is True
        if failing.left > 0:
            break
    assert len(told) > 5
    assert not any("\n" in message for message in told)
