"""Atomic writes under failing system calls: an acknowledged checkpoint is never lost or mixed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bandviz.errors import BandvizError
from bandviz.ids import CheckpointId
from bandviz.ports import DamagedFile
from bandviz.world import blobs as blobs_module
from bandviz.world.blobs import DiskBlobs, MemoryBlobs
from bandviz.world.storage import MANIFEST, CheckpointFiles

OLD, NEW = CheckpointId(1), CheckpointId(2)
WATCHED = ("open", "write", "fsync", "rename", "mkdir", "unlink")


class Killed(BaseException):
    """The process is gone at this call; nothing after it happens."""


class ShakyOs:
    """The os module, of which watched call number `fails_at` raises, and a write is cut short."""

    def __init__(self, fails_at: int = 0, error: BaseException | None = None) -> None:
        self.calls: list[tuple[str, object]] = []
        self.fails_at = fails_at
        self.error = error

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._watched(name, real) if name in WATCHED else real

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            self.calls.append((name, args[0]))
            if len(self.calls) == self.fails_at and self.error is not None:
                raise self.error
            if name == "write":
                return real(args[0], args[1][:3])
            return real(*args, **named)

        return call


def save(storage: CheckpointFiles, checkpoint_id: CheckpointId, data: bytes) -> None:
    handles = [storage.write(checkpoint_id, name, data) for name in ("count-0", "south-0")]
    storage.write_manifest(checkpoint_id, "votes", 1, handles)


def load(storage: CheckpointFiles, checkpoint_id: CheckpointId) -> list[bytes]:
    files = storage.manifest(checkpoint_id, "votes")
    return [storage.read(checkpoint_id, file) for file in files]


def found(storage: CheckpointFiles, checkpoint_id: CheckpointId) -> list[bytes] | str:
    """What a restore finds: all files, or the name of the first one that it refuses."""
    try:
        return load(storage, checkpoint_id)
    except DamagedFile as damaged:
        return damaged.file


def failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> Iterator[Path]:
    """Save a second checkpoint with call 1, 2, 3 ... failing, until one attempt goes through."""
    for fails_at in count(1):
        root = tmp_path / str(fails_at)
        save(CheckpointFiles(DiskBlobs(root)), OLD, b"old bytes")
        shaky = ShakyOs(fails_at, error)
        storage = CheckpointFiles(DiskBlobs(root))
        with monkeypatch.context() as patch:
            patch.setattr(blobs_module, "os", shaky)
            try:
                save(storage, NEW, b"new bytes")
            except (BandvizError, Killed):
                yield root
            else:
                assert len(shaky.calls) < fails_at, "a failure was swallowed"
                assert fails_at > 20
                return


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "I/O error"), Killed()],
    ids=["ENOSPC", "EIO", "killed"],
)
def test_whichever_call_fails_a_checkpoint_is_there_wholly_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    for root in failures(tmp_path, monkeypatch, error):
        survivor = CheckpointFiles(DiskBlobs(root))
        assert load(survivor, OLD) == [b"old bytes"] * 2
        assert found(survivor, NEW) in (MANIFEST, [b"new bytes"] * 2)
        save(survivor, NEW, b"again")
        assert load(survivor, NEW) == [b"again"] * 2


def test_a_process_killed_before_the_rename_leaves_no_visible_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    store = DiskBlobs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        with pytest.raises(Killed):
            store.put("chk-000001/count-0", b"cats")
    assert not store.exists("chk-000001/count-0")
    assert store.in_memory().get("chk-000001/.tmp-count-0", 9) is None
    store.put("chk-000001/count-0", b"dogs")
    assert [path.name for path in (tmp_path / "chk-000001").iterdir()] == ["count-0"]


def test_a_file_is_written_synced_renamed_and_its_folder_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shaky = ShakyOs()
    store = DiskBlobs(tmp_path)
    monkeypatch.setattr(blobs_module, "os", shaky)
    store.put("chk-000001/count-0", b"cats")
    names = [name for name, _ in shaky.calls]
    assert names == [
        "open", "mkdir", "fsync",              # the root: a new folder is durable before its files
        "open", "unlink", "open", "write", "write", "fsync", "rename", "fsync",
    ]  # fmt: skip


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_failed_fsync_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    asked: list[int] = []

    def fsync(descriptor: int) -> None:
        asked.append(descriptor)
        if len(asked) == nth:
            raise OSError(errno.EIO, "I/O error")

    store = DiskBlobs(tmp_path)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(BandvizError, match="I/O error"):
        store.put("chk-000001/count-0", b"cats")
    assert len(asked) == nth


def test_a_new_folder_counts_as_durable_only_after_its_parent_was_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DiskBlobs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(blobs_module, "os", ShakyOs(3, OSError(errno.EIO, "I/O error")))
        with pytest.raises(BandvizError):
            store.put("chk-000001/count-0", b"cats")
    shaky = ShakyOs()
    monkeypatch.setattr(blobs_module, "os", shaky)
    store.put("chk-000001/count-0", b"cats")
    assert [name for name, _ in shaky.calls[:3]] == ["open", "mkdir", "fsync"]


def test_a_discarded_checkpoint_vanishes_at_one_stroke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(CheckpointFiles(DiskBlobs(tmp_path)), OLD, b"old bytes")
    for fails_at in count(1):
        shaky = ShakyOs(fails_at, OSError(errno.EIO, "I/O error"))
        storage = CheckpointFiles(DiskBlobs(tmp_path))
        with monkeypatch.context() as patch:
            patch.setattr(blobs_module, "os", shaky)
            try:
                storage.discard(OLD)
            except BandvizError:
                assert found(storage, OLD) in (MANIFEST, [b"old bytes"] * 2)
            else:
                break
    assert list(tmp_path.iterdir()) == []


class Journal(MemoryBlobs):
    """Blobs that note the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def put(self, name: str, data: bytes) -> None:
        self.order.append(name)
        super().put(name, data)


def test_the_manifest_is_written_last() -> None:
    journal = Journal()
    save(CheckpointFiles(journal), NEW, b"new bytes")
    assert journal.order == [f"chk-000002/{name}" for name in ("count-0", "south-0", MANIFEST)]
