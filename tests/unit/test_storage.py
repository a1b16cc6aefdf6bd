"""Checkpoint storage: the same in memory and on disk, and whatever is damaged is refused."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from bandviz.errors import BandvizError
from bandviz.events.values import pack
from bandviz.ids import CheckpointId
from bandviz.ports import DamagedFile, StateHandle
from bandviz.world import memory_world, noted_world
from bandviz.world.blobs import BlobStore, DiskBlobs, MemoryBlobs
from bandviz.world.operations import Notes
from bandviz.world.storage import FORMAT_VERSION, MANIFEST, CheckpointFiles

FIRST, SECOND = CheckpointId(1), CheckpointId(2)
FILES = {"count-0": b"cats 3, dogs 2", "south-0": b"\x00\xff", "empty": b""}
MANIFEST_PATH = f"chk-000001/{MANIFEST}"


@pytest.fixture(params=["memory", "disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return MemoryBlobs() if request.param == "memory" else DiskBlobs(tmp_path / "store")


@pytest.fixture
def storage(blobs: BlobStore) -> CheckpointFiles:
    return CheckpointFiles(blobs)


def complete(storage: CheckpointFiles, checkpoint_id: CheckpointId = FIRST) -> list[StateHandle]:
    """Store a whole checkpoint."""
    handles = [storage.write(checkpoint_id, name, data) for name, data in FILES.items()]
    storage.write_manifest(checkpoint_id, "votes", 1, handles)
    return handles


def restore(storage: CheckpointFiles, checkpoint_id: CheckpointId = FIRST) -> dict[str, bytes]:
    """Read a whole checkpoint, as a restart does."""
    handles = storage.manifest(checkpoint_id, "votes")
    return {handle.name: storage.read(checkpoint_id, handle) for handle in handles}


def contents(blobs: BlobStore) -> dict[str, bytes]:
    """All blobs of the first checkpoint."""
    paths = [MANIFEST_PATH, *(f"chk-000001/{name}" for name in FILES)]
    found = {path: blobs.get(path, 1 << 20) for path in paths}
    return {path: data for path, data in found.items() if data is not None}


def test_a_checkpoint_comes_back_as_it_was(storage: CheckpointFiles) -> None:
    handles = complete(storage)
    assert storage.manifest(FIRST, "votes") == tuple(handles)
    assert restore(storage) == FILES


def test_memory_and_disk_hold_the_same_bytes(tmp_path: Path) -> None:
    memory, disk = MemoryBlobs(), DiskBlobs(tmp_path)
    for blobs in (memory, disk):
        complete(CheckpointFiles(blobs))
    assert contents(memory) == contents(disk)
    assert len(contents(disk)) == len(FILES) + 1


def test_size_of_the_manifest_is_reported(storage: CheckpointFiles, blobs: BlobStore) -> None:
    size = storage.write_manifest(FIRST, "votes", 1, [])
    assert len(contents(blobs)[MANIFEST_PATH]) == size


def test_without_a_manifest_there_is_no_checkpoint(storage: CheckpointFiles) -> None:
    storage.write(FIRST, "count-0", b"cats")
    with pytest.raises(DamagedFile, match="never completed"):
        storage.manifest(FIRST, "votes")


def test_every_flipped_bit_is_detected(storage: CheckpointFiles, blobs: BlobStore) -> None:
    complete(storage)
    flips = 0
    for path, data in contents(blobs).items():
        for bit in range(len(data) * 8):
            altered = bytearray(data)
            altered[bit // 8] ^= 1 << bit % 8
            blobs.put(path, bytes(altered))
            with pytest.raises(DamagedFile):
                restore(storage)
            flips += 1
        blobs.put(path, data)
    assert flips > 800
    assert restore(storage) == FILES


def test_every_cut_and_every_longer_file_is_detected(
    storage: CheckpointFiles, blobs: BlobStore
) -> None:
    complete(storage)
    for path, data in contents(blobs).items():
        for altered in [*(data[:length] for length in range(len(data))), data + b"\0"]:
            blobs.put(path, altered)
            with pytest.raises(DamagedFile):
                restore(storage)
        blobs.put(path, data)


@pytest.mark.parametrize(
    ("data", "detail"), [(b"cats 3", "shorter"), (b"cats 3, dogs 2!", "longer")]
)
def test_a_file_of_another_length_says_so(
    storage: CheckpointFiles, blobs: BlobStore, data: bytes, detail: str
) -> None:
    complete(storage)
    blobs.put("chk-000001/count-0", data)
    with pytest.raises(DamagedFile, match=f"{detail} than the 14 bytes"):
        restore(storage)


@pytest.mark.parametrize("swap", [("count-0", "south-0"), ("count-0", MANIFEST)])
def test_swapped_files_are_detected(
    storage: CheckpointFiles, blobs: BlobStore, swap: tuple[str, str]
) -> None:
    complete(storage)
    one, other = (f"chk-000001/{name}" for name in swap)
    found = contents(blobs)
    blobs.put(one, found[other])
    blobs.put(other, found[one])
    with pytest.raises(DamagedFile):
        restore(storage)


def test_manifest_of_another_checkpoint_is_detected(
    storage: CheckpointFiles, blobs: BlobStore
) -> None:
    complete(storage, FIRST)
    complete(storage, SECOND)
    stale = blobs.get(f"chk-000002/{MANIFEST}", 1 << 20)
    assert stale is not None
    blobs.put(MANIFEST_PATH, stale)
    with pytest.raises(DamagedFile, match="belongs to checkpoint 2"):
        storage.manifest(FIRST, "votes")


def test_checkpoint_of_another_job_is_refused(storage: CheckpointFiles) -> None:
    complete(storage)
    with pytest.raises(DamagedFile, match="belongs to job 'votes'"):
        storage.manifest(FIRST, "flights")


GOOD = {"version": FORMAT_VERSION, "job": "votes", "checkpoint": 1, "attempt": 1, "files": []}


@pytest.mark.parametrize(
    "content",
    [
        GOOD | {"version": 2},
        GOOD | {"files": [["../../etc/passwd", 1, 1]]},
        GOOD | {"files": [["count-0", -1, 1]]},
        GOOD | {"files": [["count-0", 1]]},
        GOOD | {"files": 7},
        GOOD | {"extra": 1},
        {"version": 1},
        {},
        [1, 2],
        7,
    ],
)
def test_well_summed_nonsense_is_refused(
    storage: CheckpointFiles, blobs: BlobStore, content: object
) -> None:
    body = pack(content)
    blobs.put(MANIFEST_PATH, body + crc32(body).to_bytes(4, "big"))
    with pytest.raises(DamagedFile):
        storage.manifest(FIRST, "votes")


@pytest.mark.parametrize("name", ["", "count[0]", "..", "a/b", "_manifest", ".hidden", "x" * 81])
def test_only_plain_names_are_taken(storage: CheckpointFiles, name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        storage.write(FIRST, name, b"")


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_damage_is_found_at_the_next_restore(storage: CheckpointFiles, name: str) -> None:
    complete(storage)
    assert storage.damage(FIRST, name)
    with pytest.raises(DamagedFile) as caught:
        restore(storage)
    assert caught.value.file == name


def test_what_is_not_there_cannot_be_damaged(storage: CheckpointFiles) -> None:
    complete(storage)
    assert not storage.damage(FIRST, "nobody-0")
    assert not storage.damage(SECOND, "count-0")


def test_discard_removes_one_checkpoint_wholly(storage: CheckpointFiles, blobs: BlobStore) -> None:
    complete(storage, FIRST)
    complete(storage, SECOND)
    storage.discard(FIRST)
    storage.discard(FIRST)
    assert contents(blobs) == {}
    assert restore(storage, SECOND) == FILES


def test_writing_over_a_completed_checkpoint_withdraws_it_first(storage: CheckpointFiles) -> None:
    complete(storage)
    handle = storage.write(FIRST, "count-0", b"of a second run")
    with pytest.raises(DamagedFile, match="never completed"):
        storage.manifest(FIRST, "votes")
    assert storage.read(FIRST, handle) == b"of a second run"


def test_a_copy_lives_in_memory_and_goes_its_own_way(
    storage: CheckpointFiles, blobs: BlobStore
) -> None:
    complete(storage)
    twin = copy.deepcopy(storage)
    twin.discard(FIRST)
    assert restore(storage) == FILES
    kept = copy.deepcopy(storage)
    storage.discard(FIRST)
    assert restore(kept) == FILES


def test_worlds_are_copied_whole(tmp_path: Path) -> None:
    for world in (memory_world([]), noted_world([], DiskBlobs(tmp_path), [], Notes())[0]):
        handle = world.storage.write(FIRST, "count-0", b"cats")
        twin = copy.deepcopy(world)
        world.storage.discard(FIRST)
        assert twin.storage.read(FIRST, handle) == b"cats"
    assert list(tmp_path.iterdir()) == []


def test_disk_files_are_private_and_nothing_temporary_stays(tmp_path: Path) -> None:
    storage = CheckpointFiles(DiskBlobs(tmp_path / "deep" / "store"))
    handle = storage.write(FIRST, "count-0", b"cats")
    storage.write_manifest(FIRST, "votes", 1, [handle])
    folder = tmp_path / "deep" / "store" / "chk-000001"
    assert sorted(path.name for path in folder.iterdir()) == ["_manifest", "count-0"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def as_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("replace", [as_link, as_folder, as_pipe, Path.unlink])
@pytest.mark.parametrize("name", ["count-0", MANIFEST])
def test_what_is_no_regular_file_is_missing(
    tmp_path: Path, replace: Callable[[Path], None], name: str
) -> None:
    storage = CheckpointFiles(DiskBlobs(tmp_path))
    complete(storage)
    replace(tmp_path / "chk-000001" / name)
    with pytest.raises(DamagedFile) as caught:
        restore(storage)
    assert caught.value.file == name


def test_a_folder_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    storage = CheckpointFiles(DiskBlobs(tmp_path / "store"))
    (tmp_path / "store" / "chk-000001").symlink_to(tmp_path / "outside")
    with pytest.raises(BandvizError):
        storage.write(FIRST, "count-0", b"cats")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_root_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file\x1b[2J"
    file.touch()
    for root in (file, file / "below"):
        with pytest.raises(BandvizError, match="cannot use") as caught:
            DiskBlobs(root)
        assert str(caught.value).isprintable()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BandvizError, match="not writable"):
        DiskBlobs(tmp_path)


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path: Path) -> None:
    first, second = DiskBlobs(tmp_path), DiskBlobs(tmp_path)
    first.hold()
    with pytest.raises(BandvizError, match="another run"):
        second.hold()
    first.release()
    second.hold()
