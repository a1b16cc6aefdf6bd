"""What a person finds beside the journal: a database to query, and files to read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from bandviz.errors import BandvizError
from bandviz.functions.rows import Fields, Row
from bandviz.graph.specs import JobGraph, JobVertex, SinkContract, SinkSpec
from bandviz.ids import TransactionId
from bandviz.ports import WrittenRows
from bandviz.report.headless import drive
from bandviz.scenario.build import load_plan
from bandviz.session.run import header_of
from bandviz.session.store import Store
from bandviz.world.broker import MemoryBroker, TransactionState
from bandviz.world.files import MemoryFiles
from bandviz.world.readable import DATABASE, FILES, Outside, Readable
from bandviz.world.tables import MemoryTables
from bench import kills
from tests.restoring import restored

ROW = ("name", "count")


def sinks(*specs: tuple[str, SinkContract], fields: Fields = ROW) -> JobGraph:
    """A job of nothing but sinks, each with its topic."""
    vertices = [
        JobVertex(
            uid=topic,
            fields=fields,
            spec=SinkSpec(topic=topic, contract=contract, upsert_key=fields[:1]),
        )
        for topic, contract in specs
    ]
    return JobGraph(vertices=tuple(vertices), edges=())


def world() -> Outside:
    return Outside(MemoryBroker(()), MemoryTables(), MemoryFiles())


def written(*rows: Row) -> WrittenRows:
    return WrittenRows(rows, None)


def query(root: Path, statement: str) -> list[Row]:
    """As any tool does, while the run has the file open."""
    with closing(sqlite3.connect(root / DATABASE)) as database:
        return database.execute(statement).fetchall()


# ------------------------------------------------------------------------------- the database


def test_the_view_of_a_topic_is_what_a_reader_of_committed_rows_sees(tmp_path: Path) -> None:
    """Whatever becomes of three transactions, with a row outside of any behind each."""
    outside = world()
    broker = outside.broker
    fates = {f"t{n}": each for n, each in enumerate(product(TransactionState, repeat=3))}
    readable = Readable(tmp_path, sinks(*((each, SinkContract.APPEND) for each in fates)), outside)
    open_: dict[str, list[TransactionId]] = {topic: [] for topic in fates}
    for topic, keys in open_.items():
        for number in range(3):
            keys.append(broker.begin(topic, broker.join(topic)))
            broker.write(keys[-1], topic, written(("in", number), ("in", number)))
            broker.append(topic, written(("out", number)))
    readable.show()
    assert query(tmp_path, "SELECT * FROM t7") == []
    decide = {
        TransactionState.OPEN: lambda _: None,
        TransactionState.PRE_COMMITTED: broker.pre_commit,
        TransactionState.COMMITTED: broker.commit,
        TransactionState.ABORTED: broker.abort,
        TransactionState.EXPIRED: broker.lose,
    }
    for topic, keys in open_.items():
        for key, fate in zip(keys, fates[topic], strict=True):
            decide[fate](key)
    readable.show()
    for topic, what in fates.items():
        found = query(tmp_path, f"SELECT * FROM {topic}")
        assert found == list(broker.visible(topic).rows), what
        logged = query(tmp_path, f'SELECT name, count FROM {topic}_log ORDER BY "offset"')
        assert logged == list(broker.visible(topic, committed_only=False).rows)
    readable.close()


def test_a_table_follows_its_keys_without_being_written_anew(tmp_path: Path) -> None:
    outside = world()
    readable = Readable(tmp_path, sinks(("board", SinkContract.UPSERT)), outside)
    readable.show()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as reader:
        for count in range(3):
            rows: Sequence[Row] = [("b", count), (None, count), ("a", count)]
            outside.tables.upsert("board", [row[:1] for row in rows], rows)
            readable.show()
            assert reader.execute("SELECT * FROM board ORDER BY rowid").fetchall() == rows
        outside.tables.upsert("board", [("a",)], [("a", 9)])
        (changed,) = [write.rows for write in readable._database._shown[1].news()]
        assert list(changed) == [(2, "a", 9)]
    readable.close()


@pytest.mark.parametrize("value", [True, -(2**63), 2**63, 1.5, "a\"b'c\0d", "", (1, ("x", None))])
def test_values_come_out_as_they_went_in_or_as_json(tmp_path: Path, value: Any) -> None:
    outside = world()
    outside.broker.append("t", written((value, 1, 2, 3)))
    graph = sinks(("t", SinkContract.APPEND), fields=("a", "A", 'od"d', "a "))
    readable = Readable(tmp_path, graph, outside)
    readable.show()
    ((shown, *rest),) = query(tmp_path, "SELECT * FROM t")
    assert shown == value or json.loads(shown) == json.loads(json.dumps(value))
    assert rest == [1, 2, 3]
    readable.close()


def test_names_that_sqlite_takes_for_one_or_for_its_own_are_told_apart(tmp_path: Path) -> None:
    topics = ("out", "OUT", "out_log", "transactions", "sqlite_master", "select")
    outside = world()
    for topic in topics:
        outside.broker.append(topic, written((topic, 1)))
    graph = sinks(*((topic, SinkContract.APPEND) for topic in topics))
    readable = Readable(tmp_path, graph, outside)
    readable.show()
    for topic, name in zip(topics, ("out", "_OUT", "out_log", "transactions", "_sqlite_master",
                                    "select"), strict=True):  # fmt: skip
        assert query(tmp_path, f'SELECT name FROM "{name}"') == [(topic,)]
    readable.close()


# ------------------------------------------------------------------------------- the files


def test_files_have_the_names_and_the_rows_that_the_world_has(tmp_path: Path) -> None:
    outside = world()
    files = outside.files
    readable = Readable(tmp_path, sinks(("book", SinkContract.FILE)), outside)

    def found() -> dict[str, list[Row]]:
        readable.show()
        lines = {each.name: each.read_text().splitlines() for each in (tmp_path / FILES).iterdir()}
        return {
            name: [tuple(json.loads(line).values()) for line in each]
            for name, each in lines.items()
        }

    numbers = count()

    def begun(*rows: Row) -> TransactionId:
        key = files.begin("book[0]", 1, 0, 0, next(numbers))
        for row in rows:
            files.write(key, "book", written(row))
        return key

    first = begun(("a", 1))
    assert found() == {"part-book[0]-0.inprogress.0": [("a", 1)]}
    files.write(first, "book", written(("b", 1), ("b", 2)))
    files.pre_commit(first)
    second, third = begun(), begun(("c", 1))
    assert found() == {
        "part-book[0]-0.pending.0": [("a", 1), ("b", 1), ("b", 2)],
        "part-book[0]-1.inprogress.1": [],
        "part-book[0]-2.inprogress.2": [("c", 1)],
    }
    files.commit(first)
    files.abort(second)
    files.pre_commit(third)
    files.commit(third)
    assert found() == {
        "part-book[0]-0": [("a", 1), ("b", 1), ("b", 2)],
        "part-book[0]-2": [("c", 1)],
    }
    assert sorted(found()) == sorted(files.names())
    readable.close()


# ------------------------------------------------------------------------------- of a whole run


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of a run with three durable sinks, and its result."""
    root = tmp_path_factory.mktemp("told")
    file = root / f"{kills.NAME}.yaml"
    file.write_text(kills.scenario(3, records=400))
    plan = load_plan(str(file))
    result = drive(plan, store=Store.create(root / "store", header_of(plan))).result
    return root / "store", result["outputs"]


def seen(root: Path) -> dict[str, list[list[Any]]]:
    """What a person finds there."""
    final = [path for path in sorted((root / FILES).iterdir()) if not path.suffix]
    lines = [json.loads(line) for path in final for line in path.read_text().splitlines()]
    return {
        "out": [list(row) for row in query(root, "SELECT * FROM out")],
        "board": sorted(list(row) for row in query(root, "SELECT * FROM board")),
        "book": sorted(list(line.values()) for line in lines),
    }


def test_in_the_end_a_person_finds_what_the_verdict_is_about(
    told: tuple[Path, dict[str, Any]],
) -> None:
    root, outputs = told
    visible = {sink: each["visible"] for sink, each in outputs.items()}
    assert len(visible["out"]) == len(visible["book"]) == 400
    assert seen(root) == {
        sink: rows if sink == "out" else sorted(rows) for sink, rows in visible.items()
    }


def test_what_was_altered_lost_or_left_by_half_is_made_right_by_the_next_process(
    told: tuple[Path, dict[str, Any]],
) -> None:
    root, _ = told
    before = seen(root)
    names = sorted(path.name for path in (root / FILES).iterdir())
    with closing(sqlite3.connect(root / DATABASE)) as database, database:
        database.execute("DELETE FROM out_log")
        database.execute("DROP TABLE board")
        database.execute("CREATE TABLE mine (a)")
        database.execute("CREATE VIEW board AS SELECT * FROM mine")
    first, second = (root / FILES / name for name in names[:2])
    second.write_bytes(first.read_bytes()[:-3])
    first.rename(first.with_name(f"{first.name}.inprogress"))
    restored(root)
    assert seen(root) == before
    assert sorted(path.name for path in (root / FILES).iterdir()) == names
    (root / DATABASE).unlink()
    restored(root)
    assert seen(root) == before


# ------------------------------------------------------------------------------- refusals


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database, and long enough for SQLite to see it" * 20)


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [(garbage, "delete it: it is made again"), (a_folder, "has to be yours to write")],
)
def test_a_database_that_cannot_be_written_is_named_with_a_fix(
    tmp_path: Path, damage: Any, words: str
) -> None:
    damage(tmp_path / DATABASE)
    readable = Readable(tmp_path, sinks(), world())
    with pytest.raises(BandvizError, match=words) as caught:
        readable.show()
    assert str(tmp_path / DATABASE) in caught.value.message
    readable.close()


def test_somebody_who_writes_to_it_is_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    outside = world()
    readable = Readable(tmp_path, sinks(("board", SinkContract.UPSERT)), outside)
    readable.show()
    with closing(sqlite3.connect(tmp_path / DATABASE)) as other:
        other.execute("BEGIN IMMEDIATE")
        outside.tables.upsert("board", [("a",)], [("a", 1)])
        with pytest.raises(BandvizError, match="end the program that writes to it"):
            readable.show()
    readable.close()
