"""SIGKILL at random moments: `python -m bench.kills --count 200`.

Each run lives in real processes with `--storage`; each is killed at a moment that nobody chose,
and another one goes on with `--restore`, until the run has ended. After every kill an outside
reader looks at the folder. Held against the run:
- what a reader ever saw is at the beginning of what a reader sees later: in the journal, and in the
  database and the result files, which show nothing that the journal does not tell;
- a checkpoint that was told complete can be read, file by file;
- the verdict over all processes is exact.
A failing run leaves its folder behind; its seed makes the same job and the same moments again, as
far as the machine plays along.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from bandviz.events.values import pack
from bandviz.model.views import CheckpointStatus
from bandviz.session.remains import with_status
from bandviz.session.result import ResultFold, fold
from bandviz.session.store import JOURNAL
from bandviz.trace.reader import read_recording
from bandviz.world.blobs import DiskBlobs
from bandviz.world.readable import DATABASE, FILES
from bandviz.world.storage import MANIFEST, CheckpointFiles

NAME = "killed"
RECORDS = 1_500
KEYS = 40
LOOK_S = 0.002
SPREAD_S = 0.2


def scenario(seed: int, records: int = RECORDS) -> str:
    """Two logs, a keyed count, three sinks, many checkpoints, and a crash of its own."""
    rows = [f"k{(place * place + seed) % KEYS}" for place in range(records)]
    north, south = ", ".join(rows[::2]), ", ".join(rows[1::2])
    return f"""\
version: 1
name: {NAME}
title: Killed
summary: A job to be killed from outside.
seed: {seed}
confluent: true
run: {{checkpoint_interval_ms: 1500, retained_checkpoints: {1 + seed % 3}, jitter_percent: 20}}
costs: {{rpc_ms: 10, upload_ms: 200}}
topics:
  - name: log
    fields: [key]
    partitions: [{{label: north, rows: [{north}]}}, {{label: south, rows: [{south}]}}]
pipeline:
  - {{uid: read, kind: source, topic: log, every_ms: 20, parallelism: 2}}
  - uid: count
    kind: aggregate
    key: key
    parallelism: 2
    aggregates: [{{fn: count, as: times}}]
    cost_ms: 1
    inputs: [{{from: read, partitioner: hash, latency_ms: 30}}]
  - uid: out
    kind: sink
    topic: out
    contract: two_phase
    inputs: [{{from: count, latency_ms: 30}}]
  - {{uid: board, kind: sink, topic: board, contract: upsert, key: key, inputs: [{{from: count}}]}}
  - {{uid: book, kind: sink, topic: book, contract: file, inputs: [{{from: count}}]}}
faults:
  - {{on: CheckpointCompleted, checkpoint: 4, after_ms: 700, kill: "count[1]"}}
"""


@dataclass(slots=True)
class Tally:
    """What a campaign met. `found`: what a kill had left behind, and how often."""

    kills: int = 0
    runs: int = 0
    seconds: float = 0.0
    found: Counter[str] = field(default_factory=Counter)


class Failed(Exception):  # noqa: N818 - names the fact
    """The claim does not hold for this run."""


class Killing:
    """One run over as many processes as it takes."""

    def __init__(self, folder: Path, seed: int, records: int, tally: Tally) -> None:
        self._folder = folder
        self._store = folder / "store"
        self._file = folder / f"{NAME}.yaml"
        self._file.write_text(scenario(seed, records))
        self._records = records
        self._random = random.Random(seed)
        self._tally = tally
        self._seen: list[bytes] = []
        self._seen_outside: list[bytes] = []
        self._seen_files: dict[str, list[bytes]] = {}

    def to_the_end(self, journal_bytes: int, kills_max: int) -> None:
        """Kill at most so often, each process before it has written so much. Raises Failed."""
        for kills in range(kills_max + 1):
            spare = kills == kills_max
            out = self._live(None if spare else self._random.randrange(journal_bytes // 2))
            if out is not None:
                self._judge(json.loads(out))
                return
            self._tally.kills += 1
            self._look()
        raise AssertionError("the last process is not killed")

    def _live(self, room_bytes: int | None) -> bytes | None:
        """What the process had to say, or None if it was killed: some time after its journal had
        grown by so much, for time alone says nothing about how far a process is.
        """
        begun = (self._store / JOURNAL).exists()
        if not begun:
            shutil.rmtree(self._store, ignore_errors=True)
        where = "--restore" if begun else "--storage"
        process = subprocess.Popen(
            [sys.executable, "-m", "bandviz", "run", self._file, "--json", where, self._store],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        full = math.inf if room_bytes is None else self.journal_bytes() + room_bytes
        wait_s, is_full = LOOK_S, False
        while True:
            try:
                out, err = process.communicate(timeout=wait_s)
                break
            except subprocess.TimeoutExpired:
                if is_full:
                    process.kill()
                    process.communicate()
                    return None
                is_full = self.journal_bytes() >= full
                wait_s = self._random.uniform(0, SPREAD_S) if is_full else LOOK_S
        if process.returncode:
            raise Failed(f"status {process.returncode}: {err.decode()[-500:]}")
        return out

    def journal_bytes(self) -> int:
        """How large it is now."""
        journal = self._store / JOURNAL
        return journal.stat().st_size if journal.exists() else 0

    def _look(self) -> None:
        """What an outside reader finds after a kill."""
        found = self._tally.found
        if not (self._store / JOURNAL).exists():
            found["no journal yet"] += 1
            return
        journal = read_recording(self._store / JOURNAL)
        folded = fold(journal.settled().entries())
        self._require_kept(_rows(folded))
        self._look_outside(folded)
        files = CheckpointFiles(DiskBlobs(self._store))
        completed = with_status(folded.model, CheckpointStatus.COMPLETE)
        for checkpoint_id in completed[-1:]:
            for handle in files.manifest(checkpoint_id, NAME):
                files.read(checkpoint_id, handle)
        found["nothing complete"] += not completed
        found["half a batch"] += journal.marks[-1].end < (self._store / JOURNAL).stat().st_size
        found["half a file"] += any(self._store.glob("*/.tmp-*"))
        known = {f"chk-{number:06d}" for number in completed}
        for folder in self._store.glob("chk-*"):
            whole = (folder / MANIFEST).exists()
            found["files without a manifest"] += not whole
            found["a manifest that the journal does not know"] += whole and folder.name not in known

    def _require_kept(self, rows: list[bytes]) -> None:
        if rows[: len(self._seen)] != self._seen:
            raise Failed("what a reader had seen is not there any more")
        self._seen = rows

    def _look_outside(self, folded: ResultFold) -> None:
        """What a person finds in the database and in the folder of result files."""
        shown = self._select("out")
        told, told_files = _rows(folded), Counter(_rows(folded, "book"))
        if shown[: len(self._seen_outside)] != self._seen_outside or told[: len(shown)] != shown:
            raise Failed("the database shows other rows than were told")
        final = {
            path.name: [
                pack(tuple(json.loads(line).values())) for line in path.read_text().splitlines()
            ]
            for path in self._store.glob(f"{FILES}/part-*")
            if not path.suffix
        }
        if any(final.get(name) != rows for name, rows in self._seen_files.items()):
            raise Failed("a final result file is not what it was")
        if not Counter(chain.from_iterable(final.values())) <= told_files:
            raise Failed("final result files hold rows that were not told")
        self._tally.found["readers behind the journal"] += len(shown) < len(told)
        self._seen_outside, self._seen_files = shown, final

    def _select(self, name: str) -> list[bytes]:
        """All rows of a table or view."""
        path = self._store / DATABASE
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as database:
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [name])
            found = database.execute(f"SELECT * FROM {name}") if known.fetchone() else ()
            return [pack(row) for row in found]

    def _judge(self, result: dict[str, Any]) -> None:
        self._tally.runs += 1
        folded = fold(read_recording(self._store / JOURNAL).entries())
        self._require_kept(_rows(folded))
        self._look_outside(folded)
        ended = {
            "out": self._seen_outside,
            "board": self._select("board"),
            "book": [*chain.from_iterable(self._seen_files.values())],
        }
        for sink, rows in ended.items():
            if sorted(rows) != sorted(_rows(folded, sink)):
                raise Failed(f"in the end a reader of {sink} sees something else than was told")
        verdict = result["verdict"]
        if (
            verdict["holds"] is not True
            or result["outputs"]["out"]["visible_count"] != self._records
        ):
            raise Failed(f"{verdict}")


def _rows(folded: ResultFold, sink: str = "out") -> list[bytes]:
    """Public rows, in order."""
    shown = folded.result()["outputs"].get(sink, {"visible": []})
    return [pack(row) for row in shown["visible"]]


def campaign(count: int, seed: int, *, kills_a_run: int = 5, records: int = RECORDS) -> Tally:
    """At least so many kills. Raises Failed, with the seed in the message."""
    tally, start = Tally(), time.perf_counter()
    journal_bytes = 0
    while tally.kills < count:
        folder = Path(tempfile.mkdtemp(prefix="bandviz-kills-"))
        try:
            run = Killing(folder, seed, records, tally)
            if not journal_bytes:
                journal_bytes = _measured(seed, records)
            run.to_the_end(journal_bytes, min(kills_a_run, count - tally.kills))
        except Exception as error:
            raise Failed(f"seed {seed}, folder {folder}: {error}") from error
        shutil.rmtree(folder)
        seed += 1
    tally.seconds = time.perf_counter() - start
    return tally


def _measured(seed: int, records: int) -> int:
    """How large the journal gets if the process is left alone."""
    folder = Path(tempfile.mkdtemp(prefix="bandviz-kills-"))
    run = Killing(folder, seed, records, Tally())
    run.to_the_end(0, 0)
    size = run.journal_bytes()
    shutil.rmtree(folder)
    return size


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill runs on disk at random moments.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills-a-run", type=int, default=5)
    asked = parser.parse_args()
    try:
        tally = campaign(asked.count, asked.seed, kills_a_run=asked.kills_a_run)
    except Failed as failure:
        print(f"FAILED {failure}")
        return 1
    print(
        f"{tally.kills} kills in {tally.runs} runs, {tally.seconds:.0f} s: all exact, nothing lost"
    )
    for what, times in tally.found.most_common():
        print(f"  {times:4}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
