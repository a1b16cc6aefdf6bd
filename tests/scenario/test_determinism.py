"""Equal runs make equal bytes: in every process, at every level, with any storage, by any way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from bandviz.cli import run_cli
from bandviz.events import Level
from bandviz.model import selectors
from bandviz.model.run import Dirty, RunModel
from bandviz.report.headless import drive
from bandviz.scenario import catalog
from bandviz.scenario.build import load_plan, variants_of
from bandviz.session.opening import open_recording
from bandviz.session.run import Run
from bandviz.timeline.cursor import Cursor
from bandviz.timeline.timeline import Timeline
from bandviz.trace.digest import RunDigest
from bandviz.trace.reader import read_recording
from bandviz.world.blobs import MemoryBlobs

RUNS: Final = [(name, variant) for name in catalog.names() for variant in ("", *variants_of(name))]

RECORD_ALL: Final = """
import sys
from pathlib import Path
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.session.collector import calm
calm()
for number, run in enumerate(sys.argv[2:]):
    name, _, variant = run.partition(":")
    drive(load_plan(name, variant=variant), record=Path(sys.argv[1]) / f"{number}.bvt")
"""


def recorded_by_a_process(folder: Path, hash_seed: str) -> list[bytes]:
    """Recordings of all shipped runs, made in a process of its own."""
    folder.mkdir()
    runs = [f"{name}:{variant}" for name, variant in RUNS]
    subprocess.run(
        [sys.executable, "-c", RECORD_ALL, str(folder), *runs],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
    )
    return [(folder / f"{number}.bvt").read_bytes() for number in range(len(RUNS))]


def test_equal_seeds_make_equal_bytes_in_every_process(tmp_path: Path) -> None:
    seeds = ("0", "1", "random")
    one, *others = [recorded_by_a_process(tmp_path / seed, seed) for seed in seeds]
    for other in others:
        assert [a == b for a, b in zip(one, other, strict=True)] == [True] * len(RUNS), RUNS


@pytest.mark.parametrize(("name", "variant"), RUNS)
def test_another_seed_is_another_run_with_the_same_verdict(
    name: str, variant: str, tmp_path: Path
) -> None:
    found = []
    for seed in (1, 2):
        path = tmp_path / f"{seed}.bvt"
        result = drive(load_plan(name, variant=variant, seed=seed), record=path).result
        verdict = result["verdict"]
        found.append((verdict["holds"], verdict["state"], verdict["output"], verdict["lost"]))
    assert found[0] == found[1]
    assert (tmp_path / "1.bvt").read_bytes() != (tmp_path / "2.bvt").read_bytes()


def test_the_seed_moves_what_happens_not_only_what_is_declared() -> None:
    times = [drive(load_plan("kill-and-rewind", seed=seed)).result["time_ms"] for seed in range(4)]
    assert len(dict.fromkeys(times)) == 4


@pytest.mark.parametrize(("name", "variant"), RUNS)
def test_the_run_id_is_the_same_recorded_or_not(name: str, variant: str, tmp_path: Path) -> None:
    plan, path = load_plan(name, variant=variant), tmp_path / "run.bvt"
    run_id = drive(plan).result["run_id"]
    assert drive(plan, record=path).result["run_id"] == run_id
    assert read_recording(path).run_id == run_id


def run_id_at(level: Level, name: str, variant: str) -> str:
    digest = RunDigest()
    run = Run(load_plan(name, variant=variant), level=level)
    while run.ended is None:
        for entry in run.advance():
            digest.update(entry)
    return digest.hexdigest()


@pytest.mark.parametrize(("name", "variant"), RUNS)
def test_the_run_id_is_the_same_at_every_level(name: str, variant: str) -> None:
    ids = [run_id_at(level, name, variant) for level in Level]
    assert ids == [ids[0]] * len(Level)


# ---------------------------------------------------------------------------------- seek is scan


@cache
def timeline_of(name: str) -> Timeline:
    run = Run(load_plan(name))
    while run.ended is None:
        run.advance()
    return run.timeline


def seen(model: RunModel, inspected: bool) -> dict[str, Any]:
    """What every selector says; `inspected`: the dear ones, subtask by subtask, as well."""
    said: dict[str, Any] = {
        name: getattr(selectors, name)(model)
        for name in selectors.__all__
        if name not in ("channel_view", "subtask_view", "inspect")
    }
    if inspected:
        said["inspect"] = [selectors.inspect(model, name) for name in model.subtasks]
    return said


@pytest.mark.parametrize("name", ["kill-and-rewind", "one-barrier"])
def test_at_every_entry_a_seek_shows_what_a_scan_shows(name: str) -> None:
    timeline = timeline_of(name)
    scanned = RunModel()
    truth = [seen(scanned, inspected=False)]
    for index, entry in enumerate(timeline.entries(0, len(timeline)), start=1):
        scanned.apply(entry)
        truth.append(seen(scanned, inspected=index % 7 == 0))
    places = list(range(len(truth)))
    random.Random(4).shuffle(places)
    cursor = Cursor(timeline, RunModel, Dirty)
    for index in places:
        cursor.seek(index)
        assert seen(cursor.model, inspected=index % 7 == 0 and index > 0) == truth[index], index


def test_at_300_places_of_a_long_run_a_seek_shows_what_a_scan_shows() -> None:
    timeline = timeline_of("nyc-flights")
    chance = random.Random(8)
    places = chance.sample(range(len(timeline) + 1), 300)
    cursor = Cursor(timeline, RunModel, Dirty)
    found = {}
    for index in places:
        cursor.seek(index)
        found[index] = seen(cursor.model, inspected=index % 10 == 0)
    scanned, at = RunModel(), 0
    for index in sorted(places):
        for entry in timeline.entries(at, index):
            scanned.apply(entry)
        at = index
        assert found[index] == seen(scanned, inspected=index % 10 == 0), index


def test_every_selector_is_among_those_compared() -> None:
    one_by_one = {"channel_view", "subtask_view", "inspect"}
    assert set(seen(RunModel(), inspected=True)) == {*selectors.__all__} - one_by_one | {"inspect"}


# -------------------------------------------------------------------------------- storage, budget


def test_checkpoints_on_disk_have_the_bytes_that_memory_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_memory: dict[str, bytes] = {}
    monkeypatch.setattr(MemoryBlobs, "__init__", lambda self: setattr(self, "_blobs", in_memory))
    assert run_cli(["run", "kill-and-rewind", "--json"]) == 0
    memory = capsys.readouterr().out
    folder = tmp_path / "store"
    assert run_cli(["run", "kill-and-rewind", "--json", "--storage", str(folder)]) == 0
    assert capsys.readouterr().out == memory
    on_disk = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("chk-*/*")
    }
    assert on_disk == in_memory
    assert [name for name in on_disk if name.endswith("/_manifest")] != []


def test_a_used_up_budget_is_a_stuck_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "one-barrier", "--max-steps", "50"]) == 1
    assert "the budget of 50 steps is used up" in capsys.readouterr().out
    assert drive(load_plan("one-barrier", max_steps=50)).result["status"] == "stuck"


# ------------------------------------------------------------------------------------- processes

LONG: Final = """\
version: 1
name: long
title: A long one
topics: [{name: t, fields: [a], partitions: [{label: p, rows: [ROWS]}]}]
run: {checkpoint_interval_ms: 100}
pipeline:
  - {uid: in, kind: source, topic: t, every_ms: 10}
  - {uid: out, kind: sink, topic: o, contract: two_phase, inputs: [{from: in}]}
beats:
"""
BEAT: Final = "  - {id: b%d, on: CheckpointCompleted, checkpoint: %d, headline: told, text: %s}\n"


def test_control_c_keeps_a_recording_that_opens(tmp_path: Path) -> None:
    """The run tells more than a pipe holds, so that it cannot end before somebody reads."""
    scenario, path = tmp_path / "long.yaml", tmp_path / "run.bvt"
    beats = "".join(BEAT % (number, number, "word " * 119) for number in range(1, 191))
    scenario.write_text(LONG.replace("ROWS", ", ".join(["1"] * 2_000)) + beats)
    process = subprocess.Popen(
        [sys.executable, "-m", "bandviz", "run", str(scenario), "--record", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "told" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate()
    assert process.returncode == 130
    assert complaints == f"interrupted; the recording up to here is kept in {path}\n"
    opened = open_recording(path)
    assert opened.timeline is not None
    assert "the recording was broken off" in opened.note
    count, last_step = len(opened.timeline), opened.timeline.last_step
    whole = Run(load_plan(str(scenario)))
    while whole.timeline.last_step <= last_step:
        whole.advance()
    kept = list(opened.timeline.entries(0, count))
    assert kept == list(whole.timeline.entries(0, count))
    assert whole.timeline.index_of_step(last_step + 1) == count, "whole moves only"


LOADED: Final = """
import sys
from bandviz.cli import run_cli
status = run_cli(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


def loaded_by(arguments: Sequence[str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--version"], {"textual", "networkx", "pydantic", "msgpack", "yaml"}),
        (["run", "one-barrier"], {"textual"}),
        (["check", "one-barrier"], {"textual"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_loads_only_what_it_needs(arguments: list[str], absent: set[str]) -> None:
    assert loaded_by(arguments) & absent == set()


def test_the_probe_sees_what_is_loaded() -> None:
    assert {"pydantic", "networkx"} <= loaded_by(["lint", "one-barrier"])


def raising(found: list[int]) -> Callable[[str], None]:
    """Says nothing, but stops a run at its first beat."""

    def say(line: str) -> None:
        found.append(len(line))
        raise KeyboardInterrupt

    return say


def test_an_exception_on_the_way_leaves_a_recording_too(tmp_path: Path) -> None:
    path, lines = tmp_path / "run.bvt", list[int]()
    with pytest.raises(KeyboardInterrupt):
        drive(load_plan("one-barrier"), raising(lines), record=path)
    assert len(lines) == 1
    assert read_recording(path).torn != ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
