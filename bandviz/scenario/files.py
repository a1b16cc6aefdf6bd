"""Reading a file that a person named: whatever is wrong with it is one clear sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bandviz.scenario.findings import RefusedScenario, plain_finding


class FileProblem(Exception):  # noqa: N818 - names the fact
    """Why a file cannot be read: a sentence without its name, and a hint."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def read_text(path: Path, bytes_max: int) -> str:
    """The whole of a regular UTF-8 file, without its byte order mark. Raises FileProblem.

    The size is looked at before anything is read, and a pipe or device is never waited for.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileProblem("no such file") from None
    except ValueError:
        raise FileProblem("not a file name") from None
    except OSError as error:
        raise FileProblem(f"cannot be opened: {error.strerror}") from None
    try:
        data = _read_regular(descriptor, bytes_max)
    except OSError as error:
        raise FileProblem(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(f"not UTF-8 text (byte {error.start})") from None


def read_named(path: Path, bytes_max: int) -> str:
    """`read_text`, with the file's name in front. Raises ScenarioError."""
    try:
        return read_text(path, bytes_max)
    except FileProblem as problem:
        finding = plain_finding(str(path), problem.sentence, problem.hint)
        raise RefusedScenario([finding]) from None


def _read_regular(descriptor: int, bytes_max: int) -> bytes:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise FileProblem("is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise FileProblem("is not a regular file")
    if status.st_size <= bytes_max:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(bytes_max + 1)
        if len(data) <= bytes_max:
            return data
    raise FileProblem(f"is larger than {bytes_max // 1024} KiB")
