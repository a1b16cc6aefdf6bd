"""House rule: what decides a run reads no clock, no chance and no accident of memory.

The checker reads source text, so that each rule can be seen refusing a bad line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import bandviz

PACKAGE: Final = Path(bandviz.__file__).parent
DETERMINISTIC: Final = (
    "engine", "model", "events", "check", "graph", "functions", "world", "trace",
)  # fmt: skip

CHANCE: Final = frozenset(
    {"random", "time", "datetime", "threading", "asyncio", "secrets", "uuid", "os.urandom"}
)
ADDRESSES: Final = frozenset({"hash", "id"})
CODE_LOADERS: Final = frozenset({"pickle", "marshal", "shelve"})
CODE_CALLS: Final = frozenset({"eval", "exec"})
YAML_LOADERS: Final = frozenset(
    {f"yaml.{kind}load{all_}" for kind in ("", "unsafe_", "full_") for all_ in ("", "_all")}
)
SETS: Final = frozenset({"set", "frozenset"})
ORDERED: Final = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map"})


def chance(source: str) -> list[str]:
    """What in a deterministic module could differ between two runs."""
    tree = ast.parse(source)
    found = [name for name in used_names(tree) if is_within(name, CHANCE)]
    found += [name for name in called_names(tree) if name in ADDRESSES]
    return [*found, *("order of a set" for expression in iterated(tree) if is_set(expression))]


def code_from_data(source: str) -> list[str]:
    """What could turn data into code; banned everywhere."""
    tree = ast.parse(source)
    names = [*used_names(tree)]
    found = [name for name in names if is_within(name, CODE_LOADERS) or name in YAML_LOADERS]
    return found + [name for name in called_names(tree) if name in CODE_CALLS]


def is_within(name: str, banned: frozenset[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in banned)


def used_names(tree: ast.AST) -> Iterator[str]:
    """Imported modules and names, and dotted attributes, as they are written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.startswith(("os.", "yaml.")):
                yield name


def called_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def iterated(tree: ast.AST) -> Iterator[ast.expr]:
    """Expressions whose order of elements is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            yield node.iter
        elif isinstance(node, ast.Starred):
            yield node.value
        elif isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in ORDERED:
                    yield from node.args
                case ast.Attribute(attr="join"):
                    yield from node.args


def is_set(expression: ast.expr) -> bool:
    if isinstance(expression, ast.Call):
        return isinstance(expression.func, ast.Name) and expression.func.id in SETS
    return isinstance(expression, ast.Set | ast.SetComp)


def modules(*packages: str) -> list[Path]:
    return sorted(path for name in packages for path in (PACKAGE / name).rglob("*.py"))


def short(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", modules(*DETERMINISTIC), ids=short)
def test_what_decides_a_run_reads_no_chance(path: Path) -> None:
    assert chance(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", modules("."), ids=short)
def test_data_never_becomes_code(path: Path) -> None:
    assert code_from_data(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "import time as clock",
        "import os, datetime",
        "from datetime import timedelta",
        "from time import monotonic",
        "def f():\n    import threading",
        "import asyncio.events",
        "import secrets",
        "from uuid import uuid4",
        "from os import urandom",
        "import os\nos.urandom(8)",
        "x = hash('a') % 7",
        "x = id(self)",
        "for a in {1, 2}: pass",
        "for a in set(b): pass",
        "x = [a for a in frozenset(b)]",
        "x = {a: 1 for a in {c for c in b}}",
        "x = list({1, 2})",
        "x = (*set(b),)",
        "x = ','.join({'a', 'b'})",
    ],
)
def test_the_checker_sees_chance(source: str) -> None:
    assert chance(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from marshal import loads",
        "import shelve",
        "eval('1')",
        "exec(text)",
        "import yaml\nyaml.load(text)",
        "from yaml import unsafe_load",
        "import yaml\nyaml.full_load_all(text)",
    ],
)
def test_the_checker_sees_code_from_data(source: str) -> None:
    assert code_from_data(source) != []


@pytest.mark.parametrize(
    "source",
    [
        "from bandviz.engine.time import watermarks",
        "from .time import watermarks",
        "import os\nos.fsync(3)",
        "x = sorted({1, 2})",
        "x = 1 in {1, 2}",
        "time_us = subtask.id + record_hash(record)",
        "for a in sorted(set(b)): pass",
        "import yaml\nyaml.parse(text)",
        "self.eval(1)",
    ],
)
def test_the_checker_lets_ordinary_lines_pass(source: str) -> None:
    assert chance(source) == []
    assert code_from_data(source) == []
