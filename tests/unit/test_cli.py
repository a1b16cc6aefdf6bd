"""Bad input on the command line: status 2, one clear sentence, its place, the nearest fix."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest

from bandviz.cli import cli, run_cli
from bandviz.report.interrupt import interrupt_between_moves
from bandviz.trace.frames import FRAME_HEAD_BYTES, OPENING_BYTES

ROOT: Final = Path(__file__).parent.parent.parent
BAD_FILES: Final = ROOT / "tests" / "data" / "bad-scenarios"
LONG: Final = 8_000
"""No complaint is longer than that."""


@pytest.fixture(autouse=True)
def _escapes_are_not_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Click takes escape sequences out of what does not go to a terminal: here it must not."""
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_arguments: False)


class Told(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs a command, and looks at what is forbidden to all of them."""

    def run(*arguments: str) -> Told:
        status = run_cli(arguments)
        out, err = capsys.readouterr()
        for text in (out, err):
            assert "\x1b" not in text
            assert "Traceback" not in text
            assert len(text) < LONG
        return Told(status, out, err)

    return run


Tell = Callable[..., Told]


def refused(told: Tell, *arguments: str) -> str:
    """What is said of bad input; `lint` says it where its findings go."""
    status, out, err = told(*arguments)
    assert status == 2
    assert out == "" or (arguments[0] == "lint" and err == "")
    return out + err


# ---------------------------------------------------------------------------------------- files


def noise(length: int) -> bytes:
    return random.Random(5).randbytes(length)


SCENARIO_FILES: Final[dict[str, tuple[bytes | None, str]]] = {
    "missing.yaml": (None, "missing.yaml: no such file\n"),
    "noise.yaml": (noise(1_000_000), "noise.yaml: is larger than 256 KiB\n"),
    "less.yaml": (noise(100_000), "less.yaml: not UTF-8 text (byte "),
    "empty.yaml": (b"", "empty.yaml:1:1: a scenario is a mapping (`name: value`)\n"),
    "list.yaml": (b"- 1\n", "list.yaml:1:1: a scenario is a mapping"),
    "deep.yaml": (b"[" * 9_000, "deep.yaml:1:"),
    "long.yaml": (b"a" * 200_000 + b": 1", "long.yaml:1:200001: not valid YAML: "),
}
"""Name: contents and what is said of them."""


@pytest.mark.parametrize("command", ["run", "check", "lint", "play"])
@pytest.mark.parametrize("name", SCENARIO_FILES)
def test_a_file_that_is_no_scenario(command: str, name: str, tmp_path: Path, told: Tell) -> None:
    content, sentence = SCENARIO_FILES[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert sentence in refused(told, command, str(path))


@pytest.mark.parametrize("command", ["run", "check", "lint", "play"])
@pytest.mark.parametrize("name", ["dir.yaml", "dir"])
def test_a_folder_is_no_scenario(command: str, name: str, tmp_path: Path, told: Tell) -> None:
    (tmp_path / name).mkdir()
    assert "is a directory, not a file" in refused(told, command, str(tmp_path / name))


RECORDING_FILES: Final[dict[str, tuple[bytes | None, str]]] = {
    "missing.bvt": (None, "missing.bvt: No such file or directory\n"),
    "noise.bvt": (noise(1_000_000), "noise.bvt: this is not a bandviz recording\n"),
    "empty.bvt": (b"", "empty.bvt: this is not a bandviz recording\n"),
    "text.bvt": (b"version: 1\n", "text.bvt: this is not a bandviz recording\n"),
    "head.bvt": (b"BVT1\1\0" + noise(300), "head.bvt: the header cannot be read: "),
    "newer.bvt": (b"BVT1\2\0" + noise(300), "newer.bvt: the recording has format 2, this bandviz"),
}


@pytest.mark.parametrize("command", ["check", "play"])
@pytest.mark.parametrize("name", RECORDING_FILES)
def test_a_file_that_is_no_recording(command: str, name: str, tmp_path: Path, told: Tell) -> None:
    content, sentence = RECORDING_FILES[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert sentence in refused(told, command, str(path))


@pytest.mark.parametrize("command", ["check", "play"])
def test_a_folder_is_no_recording(command: str, tmp_path: Path, told: Tell) -> None:
    (tmp_path / "dir.bvt").mkdir()
    assert "dir.bvt: not a regular file\n" in refused(told, command, str(tmp_path / "dir.bvt"))


@pytest.mark.parametrize("command", ["run", "lint"])
def test_a_recording_is_for_other_commands(command: str, told: Tell) -> None:
    said = refused(told, command, "run.bvt")
    assert said == "run.bvt is a recording, not a scenario\n  help: bandviz check run.bvt\n"


@pytest.mark.parametrize("command", ["run", "check", "lint", "play"])
def test_the_nearest_short_name_is_offered(command: str, told: Tell) -> None:
    said = refused(told, command, "kil-and-rewind")
    assert said.startswith("kil-and-rewind: no shipped scenario")
    assert "help: did you mean 'kill-and-rewind'?" in said


# ------------------------------------------------------------------------------------ scenarios

FOUND: Final = {
    "wrong-kind": r":\d+:\d+: .*agregate.*\n.*\n +\| +\^",
    "cycle": r":\d+:\d+: a cycle: \w+ -> \w+ -> \w+\n",
    "misspelt-field": r":10:44: unknown field 'paralelism'\n(.*\n){2}.*did you mean 'parallelism'",
    "duplicate-uid": r":\d+:\d+: a second operator '\w+'\n",
    "dangling": r":\d+:\d+: ",
    "unknown-operator": r":15:21: no operator 'vote'\n(.*\n){2}.*did you mean 'votes'\?",
    "missing-file": r":6:11: data/none.csv: no such file\n",
    "broken-rows": r"data/broken.csv:3: column 'weight': a whole number is expected, not 'x'",
    "unknown-names-in-the-script": r"is not an event\n(.*\n){2}.*did you mean '\w+'\?",
    "outside-file": r":\d+:\d+: ",
    "escapes": r":3:8: the character U\+001B is not allowed",
}
"""Scenario of tests/data/bad-scenarios: what its complaint looks like."""


@pytest.mark.parametrize("command", ["run", "check", "lint", "play"])
@pytest.mark.parametrize("name", FOUND)
def test_a_scenario_is_refused_with_place_line_and_fix(command: str, name: str, told: Tell) -> None:
    path = BAD_FILES / f"{name}.yaml"
    said = refused(told, command, str(path))
    assert re.search(FOUND[name], said), said
    assert said.startswith(str(BAD_FILES))
    if name != "broken-rows":  # those have their place in the data file
        assert re.search(r"^ +\d+ \| .*\n +\| +\^$", said, re.MULTILINE), "line and caret"


@pytest.mark.parametrize("path", sorted(BAD_FILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_bad_scenario_is_refused(path: Path, told: Tell) -> None:
    assert str(BAD_FILES) in refused(told, "check", str(path))


@pytest.mark.parametrize("command", ["run", "play"])
def test_the_nearest_variant_is_offered(command: str, told: Tell) -> None:
    said = refused(told, command, "kill-and-rewind", "--variant", "apend")
    assert "no variant 'apend'" in said
    assert "did you mean 'append'?" in said


# ----------------------------------------------------------------------------------- recordings


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A run of several frames."""
    path = tmp_path_factory.mktemp("recorded") / "run.bvt"
    assert run_cli(["run", "nyc-flights", "--record", str(path), "--json"]) == 0
    return path.read_bytes()


def cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def flipped(data: bytes) -> bytes:
    """One bit of the payload of the frame that lies at three quarters."""
    start = end = OPENING_BYTES
    while end < len(data) * 3 // 4:
        start = end
        end += FRAME_HEAD_BYTES + int.from_bytes(data[start : start + 4], "little")
    place = start + FRAME_HEAD_BYTES
    return data[:place] + bytes([data[place] ^ 8]) + data[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(cut, "the file is cut off in the middle of a frame"), (flipped, "a frame is damaged")],
)
def test_a_damaged_recording_opens_up_to_its_last_whole_frame(
    damage: Callable[[bytes], bytes], sentence: str, recording: bytes, tmp_path: Path, told: Tell
) -> None:
    path = tmp_path / "run.bvt"
    path.write_bytes(damage(recording))
    status, out, err = told("check", str(path))
    assert status == 2
    assert out.startswith("?     nyc-flights  seed 13")
    assert "undetermined: the run has not ended" in out
    assert "FAIL" not in out
    found = re.fullmatch(rf"(.*)run\.bvt: {sentence}; the first ([\d,]+) entries are good\n", err)
    assert found is not None
    assert int(found[2].replace(",", "")) > 1_000
    assert "the screen needs a terminal" in refused(told, "play", str(path))


def test_a_recording_without_its_first_step_has_nothing_to_show(tmp_path: Path, told: Tell) -> None:
    path = tmp_path / "run.bvt"
    assert told("run", "one-barrier", "--record", str(path)).status == 0
    path.write_bytes(path.read_bytes()[:-100])
    for command in ("check", "play"):
        said = refused(told, command, str(path))
        assert said.startswith(f"{path}: nothing of the run is in it\n  help: the file is cut off")


def test_a_recording_has_its_own_variant_and_seed(tmp_path: Path, told: Tell) -> None:
    path = tmp_path / "run.bvt"
    assert told("run", "one-barrier", "--record", str(path)).status == 0
    for option in (("--seed", "4"), ("--variant", "append"), ("--zoo", "wrong-gate")):
        assert "has its own variant, seed and engine" in refused(told, "play", str(path), *option)


def test_only_a_recording_is_written_over(tmp_path: Path, told: Tell) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("dear to me")
    said = refused(told, "run", "one-barrier", "--record", str(path))
    assert said == f"{path}: a recording is named with .bvt\n  help: {path}.bvt\n"
    assert path.read_text() == "dear to me"
    for nowhere in (str(tmp_path / "no.bvt" / "where.bvt"), "\x1b[31m.bvt/no.bvt"):
        said = refused(told, "run", "one-barrier", "--record", nowhere)
        assert "No such file or directory" in said


# ------------------------------------------------------------------------- scripts and checks

SMALL: Final = """\
version: 1
name: small
title: A small one
confluent: true
topics: [{name: t, file: data.csv, partition_by: box}]
run: {checkpoint_interval_ms: 200, restart: {delay_ms: 5000}}
pipeline:
  - {uid: in, kind: source, topic: t, every_ms: 100}
  - {uid: out, kind: sink, topic: o, contract: two_phase, inputs: [{from: in}]}
"""
DATA: Final = "animal,box\n" + "cats,north\n" * 8


def small(folder: Path, more: str, data: str = DATA) -> str:
    (folder / "data.csv").write_text(data)
    (folder / "small.yaml").write_text(SMALL + more)
    return str(folder / "small.yaml")


TOO_LATE: Final = "{on: CheckpointCompleted, checkpoint: 1, after_ms: 900000, kill: 'out[0]'}"
KILL: Final = "{on: CheckpointCompleted, checkpoint: 1, kill: 'in[0]'}"
AGAIN: Final = "{on: CheckpointCompleted, checkpoint: 1, after_ms: 100, kill: 'out[0]'}"
NEVER: Final = "{on: CheckpointCompleted, checkpoint: 99, kill: 'out[0]'}"


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        (NEVER, "fault 'kill out[0]' never came"),
        (TOO_LATE, "fault 'kill out[0]' came due after the end"),
        (f"{KILL}, {AGAIN}", "fault 'kill out[0]' was not possible"),
    ],
)
def test_a_script_that_waits_in_vain_leaves_its_checks_undetermined(
    faults: str, sentence: str, tmp_path: Path, told: Tell
) -> None:
    path = small(tmp_path, f"checks: [{{status: finished}}]\nfaults: [{faults}]\n")
    status, out, _ = told("check", path)
    assert (status, out.splitlines()[0].strip()) == (2, sentence)


def test_no_checks_are_no_answer(tmp_path: Path, told: Tell) -> None:
    status, out, _ = told("check", small(tmp_path, ""))
    assert status == 2
    assert out.splitlines()[-1].strip() == "nothing was evaluated: the scenario has no checks"


def test_a_failed_check_says_what_was_found(tmp_path: Path, told: Tell) -> None:
    path = small(tmp_path, "checks: [{restarts: 3}, {status: finished}]\n")
    status, out, _ = told("check", path, "one-barrier")
    assert status == 1
    assert out.splitlines()[:2] == [
        "FAIL  small  seed 0  2 checks",
        "      FAIL  restarts: 0, expected 3",
    ]
    assert "pass  one-barrier" in out, "the next one is checked all the same"


# ------------------------------------------------------------------------------------- escapes

ESCAPES: Final = ("\x1b[31mred", "\x1b]0;title\x07.yaml", "two\nlines.yaml", "\x1b.bvt", "\udcff")


@pytest.mark.parametrize("command", ["run", "check", "lint", "play"])
@pytest.mark.parametrize("name", ESCAPES, ids=ascii)
def test_names_never_reach_the_terminal_raw(command: str, name: str, told: Tell) -> None:
    assert refused(told, command, name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["\x1b[31m"],
        ["--\x1b[31m"],
        ["run", "one-barrier", "\x1b[31m"],
        ["run", "one-barrier", "--\x1b[31m"],
        ["run", "one-barrier", "--seed", "\x1b[31m"],
        ["run", "one-barrier", "--variant", "\x1b[31m"],
        ["run", "one-barrier", "--record", "\x1b[31m"],
        ["run", "one-barrier", "--storage", "/dev/null/\x1b[31m"],
        ["run"],
        ["run", "one-barrier", "--max-steps", "0"],
        ["run", "one-barrier", "--seed", "-1"],
    ],
    ids=ascii,
)
def test_arguments_that_do_not_fit_are_one_sentence_and_a_hint(
    arguments: list[str], told: Tell
) -> None:
    said = refused(told, *arguments)
    assert len(said.splitlines()) == 2
    assert "help: " in said


def test_escapes_in_data_are_shown_as_pictures(tmp_path: Path, told: Tell) -> None:
    more = "checks: [{visible: {sink: out, tally: {dogs: 1}}}]\n"
    more += 'beats: [{id: end, on: verdict, headline: "{tally.out}", text: "{winner.out}"}]\n'
    path = small(tmp_path, more, "animal,box\n" + "\x1b[31mcats,north\n" * 3)
    status, out, _ = told("run", path)
    assert status == 0
    assert "␛[31mcats" in out
    assert told("check", path).status == 1
    assert told("run", path, "--json").out.count("\\u001b[31mcats") >= 3


# ----------------------------------------------------------------------------------- processes


def process(*arguments: str, stdout: int = subprocess.PIPE, **variables: str) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "bandviz", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **variables},
        check=False,
    )
    return Told(done.returncode, (done.stdout or b"").decode(), done.stderr.decode())


@pytest.mark.parametrize("arguments", [["play", "one-barrier"], []], ids=["play", "home"])
def test_without_a_terminal_the_screen_says_what_to_use(arguments: list[str], told: Tell) -> None:
    assert process(*arguments) == (
        2, "",
        "the screen needs a terminal\n"
        "  help: without one use: bandviz run SCENARIO, or bandviz check SCENARIO\n",
    )  # fmt: skip


def test_the_status_of_a_process_is_that_of_the_command() -> None:
    assert process("run", "missing.yaml") == (2, "", "missing.yaml: no such file\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_is_one_sentence() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        told = process("schema", stdout=full)
    finally:
        os.close(full)
    assert told == (2, "", "cannot write: No space left on device\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        told = process("schema", stdout=writing)
    finally:
        os.close(writing)
    assert told == (1, "", "")


def test_a_terminal_of_few_characters_gets_what_it_can_show(tmp_path: Path) -> None:
    more = 'beats: [{id: end, on: verdict, headline: "{tally.out}"}]\n'
    path = small(tmp_path, more, "animal,box\nкот,north\n")
    told = process("run", path, PYTHONIOENCODING="latin-1")
    assert (told.status, told.err) == (0, "")
    assert "\\u043a\\u043e\\u0442 1" in told.out


@pytest.mark.parametrize("presses", [1, 2])
def test_control_c_waits_for_the_end_of_a_move_and_the_second_does_not(presses: int) -> None:
    reached = []

    def move_by_move() -> None:
        with interrupt_between_moves() as raise_if_interrupted:
            raise_if_interrupted()
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
                reached.append("inside the move")
            raise_if_interrupted()
            reached.append("the next move")

    with pytest.raises(KeyboardInterrupt):
        move_by_move()
    assert reached == ["inside the move"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --------------------------------------------------------------------------------- documentation


def test_the_documentation_names_every_command_and_option() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    assert isinstance(cli, click.Group)
    assert [name for name in cli.commands if f"bandviz {name}" not in text] == []
    options = [
        option
        for command in (cli, *cli.commands.values())
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("-")
    ]
    assert [option for option in options if f"`{option}" not in text] == []
    named = re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE)
    assert [name for name in named if name not in options] == []
