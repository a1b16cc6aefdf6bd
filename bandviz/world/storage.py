"""Checkpoint storage: durable snapshot files, and the manifest that makes them a checkpoint.

The manifest is written last and verified first: what has none is no checkpoint. Checksums are
against accident (a torn or altered file), not against forgery. The same bytes lie in memory and on
disk: `chk-000001/count-0`, ..., `chk-000001/_manifest`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final
from zlib import crc32

from bandviz.errors import BandvizError
from bandviz.events.values import pack, unpack
from bandviz.ids import CheckpointId
from bandviz.ports import DamagedFile, StateHandle, StoredVertex
from bandviz.world.blobs import BlobStore
from bandviz.world.operations import Part, operation

MANIFEST: Final = "_manifest"
FORMAT_VERSION: Final = 3

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_FOLDER: Final = re.compile(r"chk-\d{6,}")
_CRC_BYTES: Final = 4
_MANIFEST_BYTES_MAX: Final = 1 << 20
_FILE_BYTES_MAX: Final = 1 << 30
_FIELDS: Final = ("attempt", "checkpoint", "files", "job", "version", "vertices")


class CheckpointFiles(Part):
    """`ports.CheckpointStorage` over a blob store, which keeps the files. An outage is its own."""

    part = "storage"

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.failing = False

    def clone(self) -> CheckpointFiles:
        """An independent copy, always in memory: a branch never writes to the user's disk."""
        twin = CheckpointFiles(self._blobs.in_memory())
        twin.failing = self.failing
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> CheckpointFiles:
        return self.clone()

    @operation(public=False)
    def fail_writes(self, failing: bool) -> None:
        """Fault: an outage begins or ends. What is stored can be read all the time."""
        self.failing = failing

    def prepare(self, checkpoint_id: CheckpointId) -> None:
        """Clear the place of a new checkpoint. Raises BandvizError during an outage."""
        self._require_answer()
        self.discard(checkpoint_id)

    def _require_answer(self) -> None:
        if self.failing:
            raise BandvizError("the checkpoint storage does not answer")

    def write(self, checkpoint_id: CheckpointId, name: str, data: bytes) -> StateHandle:
        """Store one file durably before returning.

        An id that an earlier run completed in the same folder is cleared first: its manifest must
        not speak for new files. Raises ValueError for a name that is not a plain one.
        """
        self._require_answer()
        path = _path(checkpoint_id, _checked(name))
        if self._blobs.exists(_path(checkpoint_id, MANIFEST)):
            self.discard(checkpoint_id)
        self._blobs.put(path, data)
        return StateHandle(name=name, length=len(data), crc32=crc32(data))

    def write_manifest(
        self,
        checkpoint_id: CheckpointId,
        job: str,
        attempt: int,
        handles: Sequence[StateHandle],
        vertices: Sequence[StoredVertex] = (),
    ) -> int:
        """Complete the checkpoint; the last write of it. Returns the size of the manifest."""
        self._require_answer()
        body = pack(
            {
                "version": FORMAT_VERSION,
                "job": job,
                "checkpoint": checkpoint_id,
                "attempt": attempt,
                "files": [
                    (_checked(file.name), file.length, file.crc32, file.owner) for file in handles
                ],
                "vertices": vertices,
            }
        )
        data = body + crc32(body).to_bytes(_CRC_BYTES, "big")
        self._blobs.put(_path(checkpoint_id, MANIFEST), data)
        return len(data)

    def manifest(self, checkpoint_id: CheckpointId, job: str) -> tuple[StateHandle, ...]:
        """Files of a complete checkpoint, in the order of writing. Raises DamagedFile."""
        return tuple([_handle(item) for item in self._content(checkpoint_id, job)["files"]])

    def vertices(self, checkpoint_id: CheckpointId, job: str) -> tuple[StoredVertex, ...]:
        """Operators of the job that took a complete checkpoint. Raises DamagedFile."""
        return tuple([_vertex(item) for item in self._content(checkpoint_id, job)["vertices"]])

    def _content(self, checkpoint_id: CheckpointId, job: str) -> dict[str, Any]:
        content = self._verified(checkpoint_id)
        if content["job"] != job:
            raise DamagedFile(MANIFEST, f"belongs to job {content['job']!r:.80}, not {job!r:.80}")
        return content

    def _verified(self, checkpoint_id: CheckpointId) -> dict[str, Any]:
        data = self._blobs.get(_path(checkpoint_id, MANIFEST), _MANIFEST_BYTES_MAX)
        if data is None:
            raise DamagedFile(MANIFEST, "there is none: the checkpoint was never completed")
        body, check = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
        if len(check) < _CRC_BYTES or crc32(body) != int.from_bytes(check, "big"):
            raise DamagedFile(MANIFEST, "cut or altered: its checksum does not fit")
        content = _manifest_content(body)
        if content["version"] != FORMAT_VERSION:
            raise DamagedFile(MANIFEST, f"format {content['version']!r:.20}, not {FORMAT_VERSION}")
        if content["checkpoint"] != checkpoint_id:
            raise DamagedFile(MANIFEST, f"belongs to checkpoint {content['checkpoint']!r:.20}")
        return content

    def read(self, checkpoint_id: CheckpointId, handle: StateHandle) -> bytes:
        """A file's bytes, verified against its handle. Raises DamagedFile."""
        owner = handle.owner or checkpoint_id
        data = self._blobs.get(_path(owner, _checked(handle.name)), handle.length + 1)
        shared = f"of checkpoint {owner}: " if handle.owner else ""
        if data is None:
            raise DamagedFile(handle.name, f"{shared}the file is missing")
        if len(data) != handle.length:
            kind = "shorter" if len(data) < handle.length else "longer"
            raise DamagedFile(handle.name, f"{shared}{kind} than the {handle.length} bytes written")
        if crc32(data) != handle.crc32:
            raise DamagedFile(handle.name, f"{shared}altered: its checksum does not fit")
        return data

    def discard(self, checkpoint_id: CheckpointId) -> None:
        """Delete a checkpoint with all its files; nothing happens if there is none."""
        self._blobs.delete_tree(_folder(checkpoint_id))

    def discard_file(self, checkpoint_id: CheckpointId, name: str) -> None:
        """Delete one file."""
        self._blobs.delete(_path(checkpoint_id, _checked(name)))

    def discard_manifest(self, checkpoint_id: CheckpointId) -> None:
        """It is no checkpoint any more, but others share its files."""
        self._blobs.delete(_path(checkpoint_id, MANIFEST))

    def sweep(self, kept: Collection[CheckpointId]) -> None:
        """Delete what a process left behind that was lost: all checkpoints but the kept ones and
        those whose files they share.
        """
        names = {_folder(owner) for checkpoint_id in kept for owner in self._owners(checkpoint_id)}
        for folder in self._blobs.folders():
            if _FOLDER.fullmatch(folder) and folder not in names:
                self._blobs.delete_tree(folder)

    def _owners(self, checkpoint_id: CheckpointId) -> list[CheckpointId]:
        """Itself, and of whose files it needs some; damage is told by whoever restores it."""
        with suppress(DamagedFile):
            files = [_handle(item) for item in self._verified(checkpoint_id)["files"]]
            return [checkpoint_id, *(file.owner for file in files if file.owner)]
        return [checkpoint_id]

    def release(self) -> None:
        """Let go of a folder on disk."""
        self._blobs.release()

    def damage(self, checkpoint_id: CheckpointId, name: str) -> bool:
        """Flip the lowest bit of the byte in the middle; an empty file gets a byte instead.

        `name` may be `MANIFEST`. False if there is no such file.
        """
        path = _path(checkpoint_id, name if name == MANIFEST else _checked(name))
        data = self._blobs.get(path, _FILE_BYTES_MAX)
        if data is None:
            return False
        altered = bytearray(data or b"\0")
        altered[len(altered) // 2] ^= 1
        self._blobs.put(path, bytes(altered))
        return True


def _manifest_content(body: bytes) -> dict[str, Any]:
    """Decode what passed the checksum. A forged body is refused here, not believed."""
    try:
        content = unpack(body)
    except ValueError as error:
        raise DamagedFile(MANIFEST, f"does not decode: {error}") from None
    if not isinstance(content, dict) or "version" not in content:
        raise DamagedFile(MANIFEST, "is not a manifest")
    if content["version"] == FORMAT_VERSION and (
        tuple(content) != _FIELDS
        or not isinstance(content["files"], tuple)
        or not isinstance(content["vertices"], tuple)
    ):
        raise DamagedFile(MANIFEST, "lacks its fields")
    return content


def _handle(item: object) -> StateHandle:
    match item:
        case (str(name), int(length), int(crc), int(owner)) if (
            _NAME.fullmatch(name) and length >= 0 and owner >= 0
        ):
            return StateHandle(name=name, length=length, crc32=crc, owner=CheckpointId(owner))
    raise DamagedFile(MANIFEST, "names a file wrongly")


def _vertex(item: object) -> StoredVertex:
    match item:
        case (str(uid), str(kind), int(parallelism), int(most), tuple(key)):
            return StoredVertex(uid, kind, parallelism, most, tuple(map(str, key)))
    raise DamagedFile(MANIFEST, "names an operator wrongly")


def _folder(checkpoint_id: CheckpointId) -> str:
    return f"chk-{checkpoint_id:06d}"


def _path(checkpoint_id: CheckpointId, name: str) -> str:
    return f"{_folder(checkpoint_id)}/{name}"


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is not a file name; write count[0] as count-0")
    return name
