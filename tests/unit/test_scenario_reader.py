"""Files and YAML: what is read, what is refused, and that it is always one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bandviz.errors import ScenarioError
from bandviz.scenario.findings import Mark, SourceText
from bandviz.scenario.load import load
from bandviz.scenario.reader import Node, locate, plain, read_tree


def read(text: str) -> Node:
    return read_tree(SourceText("a.yaml", text))


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    return caught.value.message


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("true", True), ("False", False),
        ("~", None), ("", None), ("null", None), ("7", 7), ("-7", -7), ("0x1F", 31), ("0o17", 15),
        ("010", 10), ("1:30", "1:30"), ("2013-02-08", "2013-02-08"), ("1_000", "1_000"),
        ("9223372036854775807", 2**63 - 1), ("1.5", 1.5), ("1e3", 1000.0), ("'7'", "7"),
        ('"true"', "true"), ("=", "="), ("0b1", "0b1"), ("[a, [1, {b: 2}]]", ("a", (1, {"b": 2}))),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(written: str, value: object) -> None:
    found = plain(read(f"a: {written}"))["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1:1: a scenario is a mapping"),
        ("- a", "1:1: a scenario is a mapping"),
        ("a: &x 1", "1:4: anchors"),
        ("a: *x", "1:4: aliases"),
        ("a: !!python/object:os.system x", "1:4: tags"),
        ("a: !x 1", "1:4: tags"),
        ("! a: 1", "tags"),
        ("<<: {a: 1}", "1:1: merge keys"),
        ("%YAML 1.1\n---\na: 1", "directives"),
        ("%TAG ! x\n---\na: 1", "directives"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a' (first in line 1)"),
        ("1: a", "1:1: a key has to be text"),
        ("? [a]\n: b", "a key has to be text"),
        ("null: a", "1:1: a key has to be text"),
        ("a: .inf", "1:4: a number has to be finite"),
        ("a: -.INF", "finite"),
        ("a: .nan", "finite"),
        ("a: 1e999", "finite"),
        ("a: 9223372036854775808", "1:4: a whole number has to fit in 64 bits"),
        ("a: " + "9" * 5_000, "64 bits"),
        ("a: 0x" + "f" * 5_000, "64 bits"),
        ('a: "\\ud800"', "1:4: the character U+D800"),
        ('a: "\\x1b[2J"', "the character U+001B"),
        ('a: "\\x9b"', "the character U+009B"),
        ('a: "\\0"', "the character U+0000"),
        ("a: b\x1b[2J", "1:5: the character U+001B"),
        ("a: 1\nb: \x00", "2:4: the character U+0000"),
        ('a: "\\UFFFFFFFF"', "stands for nothing"),
        ("a: [1, 2", "not valid YAML"),
        ("a: b: c", "not valid YAML"),
        ("a:\n\t- b", "not valid YAML"),
        ("@", "not valid YAML"),
        ("a: " + "[" * 24 + "]" * 24, "nested deeper than 24 levels"),
        ("[" * 100_000, "nested deeper than 24 levels"),
        ("a:\n" + "- 1\n" * 20_000, "more than 20000 values"),
        ("\n".join("&a [*a]" for _ in range(3_000)), "anchors"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_refused_with_place_and_reason(text: str, says: str) -> None:
    assert says in refusal(text)


def test_a_quoted_key_is_never_a_merge() -> None:
    assert plain(read('"<<": 1')) == {"<<": 1}


def test_all_that_can_be_read_past_is_reported_at_once() -> None:
    message = refusal("a: &x 1\nb: *x\nb: !t 2\n")
    assert [line.split(": ")[0] for line in message.splitlines() if line.startswith("a.yaml")] == [
        "a.yaml:1:4", "a.yaml:2:4", "a.yaml:3:4", "a.yaml:3:1",
    ]  # fmt: skip


def test_nodes_know_their_places() -> None:
    root = read("run:\n  restart: {attempts: 3}\nlist:\n- a\n-   b\n")
    assert locate(root, ("run", "restart", "attempts")) == Mark(1, 22)
    assert locate(root, ("run", "restart", "attempts"), key=True) == Mark(1, 12)
    assert locate(root, ("list", 1)) == Mark(4, 4)
    assert locate(root, ("run", "an alternative", "restart", "gone")) == Mark(1, 11)


def test_an_excerpt_is_safe_bounded_and_its_caret_counts_cells() -> None:
    wide = refusal("a: [東京, &x 1]").splitlines()
    assert wide[2].index("^") == wide[1].index("&")
    long = refusal("a: [" + "x, " * 200 + "&x 1]").splitlines()
    assert all(len(line) < 120 for line in long)
    assert long[1][long[2].index("^")] == "&"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe" * 500_000, "is larger than 256 KiB"),
        (b"name: \xff", "not UTF-8 text (byte 6)"),
        (b"a" * (256 * 1024 + 1), "is larger than 256 KiB"),
        (bytes(range(256)) * 400, "not UTF-8 text"),
        (b"", "a scenario is a mapping"),
        (b"\0" * 1000, "the character U+0000"),
    ],
    ids=["noise", "latin", "large", "all bytes", "empty", "zeros"],
)
def test_noise_is_one_error(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert says in caught.value.message
    assert caught.value.message.startswith(str(path))


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    locked = tmp_path / "locked"
    locked.touch(mode=0)
    cases = {
        "none.yaml": "no such file",
        ".": "is a directory, not a file",
        "pipe": "is not a regular file",
        "a\0b": "not a file name",
        "locked/x": "cannot be opened",
        "x" * 5_000: "cannot be opened",
    }
    for name, says in cases.items():
        with pytest.raises(ScenarioError) as caught:
            load(tmp_path / name)
        assert says in caught.value.message
        assert len(caught.value.message.splitlines()) == 1


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert "'version'" not in caught.value.message
    assert "'name' is missing" in caught.value.message
