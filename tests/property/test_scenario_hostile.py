"""Whatever the bytes are: a scenario, or one error of our own, soon, and nothing that escapes."""

from __future__ import annotations

import string
import time
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bandviz.errors import ScenarioError
from bandviz.scenario.build import build
from bandviz.scenario.catalog import folder
from bandviz.scenario.load import parse
from bandviz.scenario.reader import BYTES_MAX

BAD = Path(__file__).parent.parent / "data" / "bad-scenarios"
SEEDS = [
    path.read_text() for path in [*sorted(folder().glob("*.yaml")), *sorted(BAD.glob("*.yaml"))]
]
PIECES = [
    "", "\n", "  ", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "!!int ", "<<: ", "---\n",
    "%YAML 1.1\n", "? ", "| ", "> ", '"', "'", "\\", "#", "~", "null", "true", "-1", "0", "2.5",
    "99999999999999999999", "1e999", ".nan", "\t", "\0", "\x1b[2J", "\x9b", "\u202e", "\ud800",
    "\ufeff", "{clock}", "{", "count[0]", "count", "north", "hash", "key_by", "kind: union",
    "fn: split", "file: ../x", "a" * 300,
]  # fmt: skip


def refusal(text: str) -> str:
    """What is said against a scenario; nothing if it is right."""
    try:
        scenario = parse(text, name="hostile.yaml", folder=folder())
        for variant in ("", *scenario.variants):
            build(scenario, variant)
    except ScenarioError as error:
        return error.message
    return ""


def survives(text: str) -> None:
    began = time.process_time()
    message = refusal(text)
    assert time.process_time() - began < 5
    assert len(message) < 64 * 1024
    assert message == "" or message.startswith("hostile.yaml:") or ".csv:" in message
    assert all(line.isprintable() for line in message.split("\n"))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_scenario_with_pieces_put_in_or_cut_out(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.sampled_from([0, 0, 1, 2, 5, 40]))
        piece = data.draw(st.sampled_from(PIECES))
        text = text[:start] + piece + text[start + length :]
    survives(text)


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.sampled_from([*string.printable, "\0", "\x85", "\u2028", "é", "東"]), max_size=200)
)
@example('? "\\U00110000"')
@example("%YAML " + "9" * 5_000 + ".1\n---\n")
@example("[" * 10_000)
@example("{a: " * 5_000)
@example("- " * 20_000)
@example("? " * 20_000)
@example("a: " * 20_000)
@example("\n".join("[" for _ in range(50_000)))
@example('"' + "\\x41" * 60_000)
@example("a: |\n" + " x\n" * 60_000)
@example("#" * BYTES_MAX)
@example("version: 1\nname: [" + "x, " * 19_000 + "]")
@example("\n".join(f"unknown{number}: 1" for number in range(9_000)))
@example("version: 1\npipeline:\n" + "- {kind: x}\n" * 6_000)
def test_any_text(text: str) -> None:
    survives(text)


def test_a_pipeline_of_many_unions_is_refused_and_not_unrolled() -> None:
    """Each union doubles the paths to the sources; a naive fold would make 2**90 edges."""
    head = (
        "version: 1\nname: a\ntitle: A\n"
        "topics: [{name: t, fields: [a], partitions: [{label: p, rows: [1]}]}]\n"
        "pipeline:\n  - {uid: u0, kind: source, topic: t}\n"
    )
    lines = []
    for number in range(1, 90):
        before = f"u{number - 1}"
        key = f"{{uid: k{number}, kind: key_by, key: a, inputs: [{{from: {before}}}]}}"
        union = (
            f"{{uid: u{number}, kind: union, inputs: [{{from: {before}}}, {{from: k{number}}}]}}"
        )
        lines += [f"  - {key}", f"  - {union}"]
    sink = "  - {uid: out, kind: sink, topic: o, contract: append, inputs: [{from: u89}]}"
    survives(head + "\n".join([*lines, sink]))
