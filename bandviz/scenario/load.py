"""A scenario file in memory: its text, its tree, and the document that the schema made of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bandviz.scenario.files import read_named
from bandviz.scenario.findings import SourceText
from bandviz.scenario.reader import BYTES_MAX, Node, read_tree
from bandviz.scenario.schema import Story
from bandviz.scenario.validation import validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Right in itself; whether its parts fit together is for `build` to say.

    `folder` is where data files are looked for; None for a scenario that came without one.
    """

    source: SourceText
    root: Node
    document: Story
    folder: Path | None

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.source.text.encode()).hexdigest()

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, in the order of the file."""
        return tuple(variant.name for variant in self.document.variants)


def load(path: Path) -> Scenario:
    """Read and check a file. Raises ScenarioError with all findings."""
    return parse(read_named(path, BYTES_MAX), name=str(path), folder=path.parent)


def parse(text: str, *, name: str, folder: Path | None = None) -> Scenario:
    """The same from text, such as that in a recording; `name` stands in the findings."""
    source = SourceText(name, text)
    root = read_tree(source)
    return Scenario(source=source, root=root, document=validate(root, source), folder=folder)
