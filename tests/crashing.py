"""A model of what a power cut leaves on a disk, fed by the system calls of the real writers.

`Recorder` stands in for the `os` module and notes each call that changes files while it really
happens. `crash_states` then says, for every prefix of these calls, what may be found afterwards: a
change of a folder counts for sure once the folder was synced, data once the file was; whatever was
not may be there or not, data also by half or as zeros.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

Image = dict[str, bytes | None]
"""Path below the root -> contents; None is a folder."""

SUBSETS_MAX: Final = 3
"""So many of the newest unsynced changes of folders are taken or left one by one."""


class Call(NamedTuple):
    """`what` of create, write, truncate, sync, sync folder, rename, unlink, mkdir, rmdir, told."""

    what: str
    path: str
    at: int = 0
    data: bytes = b""
    to: str = ""


class Recorder:
    """The os module, which notes what it does below `root`."""

    def __init__(self, root: Path) -> None:
        self.calls: list[Call] = []
        self._root = root
        self._paths: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _path(self, path: Any, dir_fd: int | None) -> str:
        folder = self._paths[dir_fd] if dir_fd is not None else ""
        if dir_fd is None:
            return Path(path).relative_to(self._root).as_posix() if path != self._root else "."
        return Path(folder, path).as_posix()

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = self._path(path, dir_fd)
        fresh = flags & os.O_CREAT and not os.path.lexists(self._root / name)
        descriptor = os.open(path, flags, mode, dir_fd=dir_fd)
        self._paths[descriptor] = name
        if fresh:
            self.calls.append(Call("create", name))
        elif flags & os.O_TRUNC:
            self.calls.append(Call("truncate", name))
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        self.calls.append(Call("write", self._paths[descriptor], at, bytes(data)))
        return os.write(descriptor, data)

    def pwrite(self, descriptor: int, data: bytes, at: int) -> int:
        self.calls.append(Call("write", self._paths[descriptor], at, data))
        return os.pwrite(descriptor, data, at)

    def fsync(self, descriptor: int) -> None:
        path = self._paths[descriptor]
        folder = (self._root / path).is_dir()  # the model needs no real sync
        self.calls.append(Call("sync folder" if folder else "sync", path))

    def rename(
        self, source: Any, target: Any, *, src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
    ) -> None:  # fmt: skip
        old, new = self._path(source, src_dir_fd), self._path(target, dst_dir_fd)
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        for descriptor, path in self._paths.items():
            if path == old or path.startswith(f"{old}/"):
                self._paths[descriptor] = new + path[len(old) :]
        self.calls.append(Call("rename", old, to=new))

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        os.unlink(path, dir_fd=dir_fd)
        self.calls.append(Call("unlink", self._path(path, dir_fd)))

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        os.mkdir(path, mode, dir_fd=dir_fd)
        self.calls.append(Call("mkdir", self._path(path, dir_fd)))

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        os.rmdir(path, dir_fd=dir_fd)
        self.calls.append(Call("rmdir", self._path(path, dir_fd)))

    def fdopen(self, descriptor: int, mode: str, **named: Any) -> Any:
        file = os.fdopen(descriptor, mode, **named)
        return file if mode == "rb" else _File(file, self)


class _File:
    """A file object whose writes are noted."""

    def __init__(self, file: Any, recorder: Recorder) -> None:
        self._file = file
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        return self._recorder.write(self._file.fileno(), data)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass(slots=True)
class _Inode:
    """Contents that are durable, and changes since."""

    durable: bytes = b""
    pending: list[Call] = field(default_factory=list)

    def contents(self, kind: str) -> bytes:
        """With the pending data: old, half, new or zeros."""
        if kind == "old":
            return self.durable
        calls = self.pending
        if kind == "half" and calls:
            last = calls[-1]
            calls = [*calls[:-1], last._replace(data=last.data[: len(last.data) // 2])]
        if kind == "zeros":
            calls = [call._replace(data=bytes(len(call.data))) for call in calls]
        data = self.durable
        for call in calls:
            data = b"" if call.what == "truncate" else _overwritten(data, call.at, call.data)
        return data


KINDS: Final = ("old", "half", "new", "zeros")
Tree = dict[str, _Inode | None]
Change = tuple[Call, _Inode | None]
"""A change of a folder, and the file that it is about."""


def crash_states(calls: Sequence[Call]) -> Iterator[tuple[int, Image]]:
    """(how many calls were made, what may be found then); what comes twice in a row comes once."""
    now: Tree = {}
    durable: Tree = {}
    pending: list[Change] = []
    for number, call in enumerate(calls, 1):
        inode = _Inode() if call.what == "create" else now.get(call.path)
        if call.what in ("write", "truncate"):
            assert inode is not None
            inode.pending.append(call)
        elif call.what == "sync":
            assert inode is not None
            inode.durable, inode.pending = inode.contents("new"), []
        elif call.what == "sync folder":
            for change in [one for one in pending if call.path in _folders_of(one[0])]:
                pending.remove(change)
                _apply(durable, change)
        elif call.what != "told":
            pending.append((call, inode))
            _apply(now, (call, inode))
        seen: list[Image] = []
        for image in _images(durable, pending):
            if image not in seen:
                seen.append(image)
                yield number, image


def _folders_of(call: Call) -> list[str]:
    return [_parent(path) for path in (call.path, call.to) if path]


def _parent(path: str) -> str:
    return Path(path).parent.as_posix()


def _apply(tree: Tree, change: Change) -> None:
    call, inode = change
    if call.what in ("create", "mkdir"):
        tree[call.path] = inode
    elif call.what in ("unlink", "rmdir"):
        tree.pop(call.path, None)
    else:
        for path in [path for path in tree if path == call.path or _is_below(path, call.path)]:
            tree[call.to + path[len(call.path) :]] = tree.pop(path)
        if inode is not None:
            tree[call.to] = inode


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _images(durable: Tree, pending: Sequence[Change]) -> Iterator[Image]:
    loose = min(len(pending), SUBSETS_MAX)
    sure, unsure = pending[: len(pending) - loose], pending[len(pending) - loose :]
    for taken in product((False, True), repeat=loose):
        tree = durable.copy()
        for change in [*sure, *(one for one, there in zip(unsure, taken, strict=True) if there)]:
            _apply(tree, change)
        there = {
            path: inode
            for path, inode in tree.items()
            if _parent(path) == "." or _parent(path) in tree
        }
        loose_files = [path for path, inode in there.items() if inode is not None and inode.pending]
        mixtures = [dict.fromkeys(loose_files, kind) for kind in KINDS]
        mixtures += [{path: "new"} for path in loose_files]
        for kinds in mixtures:
            yield {
                path: None if inode is None else inode.contents(kinds.get(path, "old"))
                for path, inode in there.items()
            }


def _overwritten(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at].ljust(at, b"\0") + new + data[at + len(new) :]


def lay_out(image: Image, root: Path) -> None:
    """Make it real."""
    root.mkdir()
    for path, contents in sorted(image.items()):
        if contents is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(contents)
