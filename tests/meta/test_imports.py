"""House rules on imports: the core runs without a terminal, and data never becomes markup."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import bandviz

PACKAGE: Final = Path(bandviz.__file__).parent
MARKUP: Final = ("from_markup", "[@click", "render_markup", "to_content(")

PROBE: Final = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"textual", "rich"}))
"""


def loaded_by(package: str) -> str:
    """Which of the terminal libraries a package and all its modules pull in."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, package], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "package", ["bandviz.engine", "bandviz.check", "bandviz.session", "bandviz.scenario"]
)
def test_the_core_loads_no_terminal_library(package: str) -> None:
    assert loaded_by(package) == ""


def test_the_probe_would_see_a_terminal_library() -> None:
    assert "textual" in loaded_by("textual.css")


def markup_calls(source: str) -> list[str]:
    """Calls and tags by which text would be parsed as markup."""
    return [call for call in MARKUP if call in source]


@pytest.mark.parametrize(
    "path",
    sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".tcss")),
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_no_text_is_parsed_as_markup(path: Path) -> None:
    assert markup_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source", ["Text.from_markup(name)", "Content.from_markup(name)", "f'[@click=quit]{name}[/]'"]
)
def test_the_checker_sees_markup(source: str) -> None:
    assert markup_calls(source) != []
