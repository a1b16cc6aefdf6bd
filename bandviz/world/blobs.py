"""Where checkpoint files lie: a folder of folders of named bytes, in memory or on disk.

`write_atomically` is the one way by which a file comes to disk here: whoever finds a file under its
name finds all of it, and once `put` has returned it outlives a power cut. Names come from
`storage`; they are never paths of the user. A blob's name is `folder/file`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from bandviz.errors import BandvizError
from bandviz.text import LINE, door

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_A_FILE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_TEMPORARY: Final = ".tmp-"


class BlobStore(Protocol):
    """Named bytes in folders. `put` is durable when it returns, and all or nothing."""

    def put(self, name: str, data: bytes) -> None:
        """Store under `folder/file`; replaces what was there."""
        ...

    def get(self, name: str, size_max: int) -> bytes | None:
        """The first `size_max` bytes; None if there is no such regular file."""
        ...

    def exists(self, name: str) -> bool:
        """Whether a whole file stands under this name."""
        ...

    def delete_tree(self, folder: str) -> None:
        """Remove a folder at one stroke; nothing happens if there is none."""
        ...

    def delete(self, name: str) -> None:
        """Remove one file; nothing happens if there is none."""
        ...

    def folders(self) -> list[str]:
        """Names of all folders, sorted; a half-deleted one under the name that it had."""
        ...

    def in_memory(self) -> MemoryBlobs:
        """An independent copy in memory, whatever this store is."""
        ...

    def release(self) -> None:
        """Let others in."""
        ...


class MemoryBlobs:
    """Blobs in a dict."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def release(self) -> None:
        """Nobody else knows this one."""

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes."""
        self._blobs[name] = data

    def get(self, name: str, size_max: int) -> bytes | None:
        """The bytes themselves when they are no longer than `size_max`."""
        data = self._blobs.get(name)
        return None if data is None else data[:size_max]

    def exists(self, name: str) -> bool:
        """Whether there is such a blob."""
        return name in self._blobs

    def delete_tree(self, folder: str) -> None:
        """Forget all blobs of the folder."""
        for name in [name for name in self._blobs if name.startswith(f"{folder}/")]:
            del self._blobs[name]

    def delete(self, name: str) -> None:
        """Forget it."""
        self._blobs.pop(name, None)

    def folders(self) -> list[str]:
        """By the names of the blobs."""
        return sorted({name.partition("/")[0] for name in self._blobs})

    def in_memory(self) -> MemoryBlobs:
        """A copy that shares the bytes."""
        twin = MemoryBlobs()
        twin._blobs = self._blobs.copy()
        return twin


class _Held:
    """An opened folder, locked for as long as this object lives. Raises BlockingIOError."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __del__(self) -> None:
        os.close(self._descriptor)


class DiskBlobs:
    """Blobs as files below `root`. Every OSError comes out as a BandvizError of one line."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable_folders: set[str] = set()
        self._held: _Held | None = None
        with _explained("use", root):
            _make_folder(root)
            if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "the folder is not writable")

    def hold(self) -> None:
        """Keep others out for as long as this store lives. Raises BandvizError if one is in."""
        with _explained("use", self.root):
            try:
                self._held = _Held(os.open(self.root, _FOLDER))
            except BlockingIOError:
                raise BandvizError(
                    door(f"cannot use {self.root}: another run is using this folder", LINE),
                    "wait for its end, or name another folder",
                ) from None

    def release(self) -> None:
        """Let others in."""
        self._held = None

    def put(self, name: str, data: bytes) -> None:
        """Write the file atomically; make its folder first, durably."""
        folder, _, file = name.partition("/")
        with _explained("write", self.root / name), _opened(self.root) as root:
            if folder not in self._durable_folders:
                with suppress(FileExistsError):
                    os.mkdir(folder, 0o700, dir_fd=root)
                os.fsync(root)
                self._durable_folders.add(folder)
            with _opened(folder, root) as inside:
                write_atomically(inside, file, data)

    def get(self, name: str, size_max: int) -> bytes | None:
        """Read the file; links are not followed, and what is no regular file does not exist."""
        folder, _, file = name.partition("/")
        with _explained("read", self.root / name), _opened(self.root) as root:
            try:
                with _opened(folder, root) as inside:
                    descriptor = os.open(file, _READ, dir_fd=inside)
            except OSError as error:
                if error.errno in _NOT_A_FILE:
                    return None
                raise
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    return None
                with os.fdopen(descriptor, "rb", closefd=False) as opened:
                    return opened.read(min(size_max, status.st_size))
            finally:
                os.close(descriptor)

    def exists(self, name: str) -> bool:
        """Whether a regular file stands there."""
        return self.get(name, 0) is not None

    def delete_tree(self, folder: str) -> None:
        """Rename the folder away, durably, then empty it: no half-deleted folder is ever seen."""
        away = f"{_TEMPORARY}{folder}"
        with _explained("delete", self.root / folder), _opened(self.root) as root:
            self._durable_folders.discard(folder)
            _remove_folder(root, away)
            try:
                os.rename(folder, away, src_dir_fd=root, dst_dir_fd=root)
            except FileNotFoundError:
                return
            os.fsync(root)
            _remove_folder(root, away)

    def delete(self, name: str) -> None:
        """Remove the file; its folder stays."""
        folder, _, file = name.partition("/")
        explained = _explained("delete", self.root / name)
        with explained, suppress(FileNotFoundError), _opened(self.root / folder) as inside:
            os.unlink(file, dir_fd=inside)
            os.fsync(inside)

    def folders(self) -> list[str]:
        """Folders below the root; files beside them do not count."""
        with _explained("read", self.root), os.scandir(self.root) as found:
            return sorted({one.name.removeprefix(_TEMPORARY) for one in found if one.is_dir()})

    def in_memory(self) -> MemoryBlobs:
        """All whole files, read into memory."""
        twin = MemoryBlobs()
        with _explained("read", self.root):
            for path in sorted(self.root.glob("*/*")):
                temporary = any(part.startswith(_TEMPORARY) for part in path.parts[-2:])
                if path.is_file() and not path.is_symlink() and not temporary:
                    twin.put(f"{path.parent.name}/{path.name}", path.read_bytes())
        return twin


class PatientBlobs(DiskBlobs):
    """Blobs of a run with a journal: nothing is deleted before the journal says that it may be.

    Invariant: what a step deletes is there until `settle`, for a kill before that undoes the step.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._condemned: dict[str, None] = {}
        self._condemned_files: dict[str, None] = {}

    def put(self, name: str, data: bytes) -> None:
        """Write; a folder that begins anew is emptied first."""
        self._condemned_files.pop(name, None)
        folder = name.partition("/")[0]
        if folder in self._condemned:
            del self._condemned[folder]
            super().delete_tree(folder)
        super().put(name, data)

    def delete_tree(self, folder: str) -> None:
        """Remember to."""
        self._condemned[folder] = None

    def delete(self, name: str) -> None:
        """Remember to."""
        self._condemned_files[name] = None

    def settle(self) -> None:
        """Now. What cannot be deleted stays until the next process sweeps."""
        files, self._condemned_files = self._condemned_files, {}
        for name in files:
            with suppress(BandvizError):
                super().delete(name)
        condemned, self._condemned = self._condemned, {}
        for folder in condemned:
            with suppress(BandvizError):
                super().delete_tree(folder)


def write_atomically(folder: int, name: str, data: bytes) -> None:
    """Make `name` in the opened folder hold exactly `data`, durably: wholly or not at all.

    A failed fsync is never repeated on the same file: the kernel may have dropped the pages and
    would report success the second time. The next attempt writes a new file.
    """
    temporary = f"{_TEMPORARY}{name}"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    descriptor = os.open(temporary, _NEW_FILE, 0o600, dir_fd=folder)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def sync_folder(path: Path) -> None:
    """Make durable which names are in it."""
    with _opened(path) as folder:
        os.fsync(folder)


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    if path.parent != path:
        _make_folder(path.parent)
    if path.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    path.mkdir(mode=0o700)
    sync_folder(path.parent)


def _remove_folder(parent: int, name: str) -> None:
    with suppress(FileNotFoundError):
        with _opened(name, parent) as folder, os.scandir(folder) as files:
            for file in list(files):
                os.unlink(file.name, dir_fd=folder)
        os.rmdir(name, dir_fd=parent)


@contextmanager
def _opened(name: str | Path, parent: int | None = None) -> Iterator[int]:
    """A folder's descriptor. Only the user's own root may be a link."""
    flags = _FOLDER if parent is not None else _FOLDER & ~os.O_NOFOLLOW
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _explained(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BandvizError(
            door(f"cannot {action} {path}: {error.strerror or error}", LINE),
            "checkpoints need a folder with free space that you may write to",
        ) from error
