"""Input of a run: rows that stand in the scenario, or in a CSV file beside it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from bandviz.functions.rows import Fields
from bandviz.graph.specs import PartitionData, TopicData
from bandviz.scenario.csv_file import Record, read_csv
from bandviz.scenario.files import FileProblem, read_text
from bandviz.scenario.findings import Problems, nearest, plain_finding
from bandviz.scenario.reader import Path as TreePath
from bandviz.scenario.schema import Available, Topic
from bandviz.text import NAME, door

CSV_BYTES_MAX: Final = 4 * 1024 * 1024
PARTITIONS_MAX: Final = 64


class Table(NamedTuple):
    """A topic before columns are picked: records by partition."""

    fields: Fields
    partitions: dict[str, list[Record]]


class BrokenRow(Exception):  # noqa: N818 - names the fact
    """A row that does not fit."""

    def __init__(self, record: Record, sentence: str) -> None:
        super().__init__(sentence)
        self.record = record
        self.sentence = sentence


def topic_data(
    topic: Topic, at: TreePath, folder: Path | None, problems: Problems
) -> TopicData | None:
    """Rows, event times and times of availability of one topic; None if something is wrong."""
    if (topic.file is None) == (topic.partitions is None):
        problems.add(at, "a topic has either partitions or a file")
        return None
    table = (
        _inline(topic, at, problems) if topic.file is None else _file(topic, at, folder, problems)
    )
    if table is None or not _columns_exist(topic, table.fields, at, problems):
        return None
    try:
        return _assemble(topic, table)
    except BrokenRow as broken:
        if topic.file is None:
            problems.add(broken.record.path, broken.sentence)
        else:
            file = str((folder or Path()) / topic.file)
            finding = plain_finding(file, broken.sentence, line=broken.record.line)
            problems.add_elsewhere((*at, "file"), finding)
        return None


def available_us(time_ms: int, start_ms: int, available: Available) -> int:
    """Virtual time from which a record can be read; `start_ms` is the first time of its topic."""
    return (time_ms - start_ms) * 1_000 // available.speedup


def _assemble(topic: Topic, table: Table) -> TopicData:
    kept = topic.fields or table.fields
    places = [table.fields.index(name) for name in kept]
    pacing = topic.available
    clocks: dict[str, list[int]] = {}
    if pacing is not None:
        clocks = {
            label: _rising(_times(table, records, pacing.field), records, pacing.field)
            for label, records in table.partitions.items()
        }
    start = min((time for clock in clocks.values() for time in clock), default=0)
    partitions = []
    for label, records in table.partitions.items():
        times = available = None
        if topic.event_time is not None:
            times = tuple(_times(table, records, topic.event_time))
        if pacing is not None:
            available = tuple(available_us(time, start, pacing) for time in clocks[label])
        rows = tuple(tuple(record.values[place] for place in places) for record in records)
        partitions.append(
            PartitionData(label=label, rows=rows, times_ms=times, available_us=available)
        )
    return TopicData(name=topic.name, fields=kept, partitions=tuple(partitions))


def _times(table: Table, records: list[Record], column: str) -> list[int]:
    place = table.fields.index(column)
    for record in records:
        value = record.values[place]
        if type(value) is not int or value < 0:
            raise BrokenRow(record, f"column '{column}': epoch milliseconds are expected")
    return [record.values[place] for record in records]


def _rising(times: list[int], records: list[Record], column: str) -> list[int]:
    for earlier, later, record in zip(times, times[1:], records[1:], strict=False):
        if later < earlier:
            raise BrokenRow(record, f"column '{column}': earlier than the row before it")
    return times


def _columns_exist(topic: Topic, fields: Fields, at: TreePath, problems: Problems) -> bool:
    wanted: list[tuple[str | None, TreePath]] = [
        (topic.partition_by, ("partition_by",)),
        (topic.event_time, ("event_time",)),
        (topic.available.field if topic.available else None, ("available", "field")),
    ]
    wanted += [(name, ("fields", index)) for index, name in enumerate(topic.fields or ())]
    if topic.available is not None and topic.available.field not in (topic.fields or fields):
        sentence = f"'{topic.available.field}' is not among `fields`"
        problems.add((*at, "available", "field"), sentence, "a recording has to hold it")
        return False
    missing = [(name, path) for name, path in wanted if name is not None and name not in fields]
    for name, path in missing:
        problems.add((*at, *path), f"no column '{name}'", nearest(name, fields))
    return not missing


def _inline(topic: Topic, at: TreePath, problems: Problems) -> Table | None:
    if topic.fields is None:
        problems.add(at, "a topic with partitions names its fields")
        return None
    if topic.partition_by is not None:
        problems.add((*at, "partition_by"), "only a file is parted by a column", key=True)
    if len(dict.fromkeys(topic.fields)) < len(topic.fields):
        problems.add((*at, "fields"), "two fields of the same name")
    table = Table(topic.fields, {})
    right = True
    for index, partition in enumerate(topic.partitions or ()):
        path = (*at, "partitions", index)
        records = table.partitions.setdefault(partition.label, [])
        if records:
            problems.add((*path, "label"), f"a second partition '{partition.label}'")
        for number, row in enumerate(partition.rows):
            values = row if isinstance(row, tuple) else (row,)
            records.append(Record(values, 0, (*path, "rows", number)))
            if len(values) != len(topic.fields):
                right = False
                problems.add(records[-1].path, f"{len(topic.fields)} values are expected")
    return table if right else None


def _file(topic: Topic, at: TreePath, folder: Path | None, problems: Problems) -> Table | None:
    name = topic.file or ""
    at = (*at, "file")
    try:
        path = _inside(folder, name)
        text = read_text(path, CSV_BYTES_MAX)
    except FileProblem as problem:
        problems.add(at, f"{name}: {problem.sentence}", problem.hint)
        return None
    fields, records, broken = read_csv(text, str(path))
    partitions = _parted(topic, fields, records)
    for label, part in partitions.items():
        if not label or door(label, NAME) != label:
            sentence = f"column '{topic.partition_by}': '{label}' cannot label a partition"
            broken.append(plain_finding(str(path), sentence, line=part[0].line))
            break
    if len(partitions) > PARTITIONS_MAX:
        broken.append(plain_finding(str(path), f"more than {PARTITIONS_MAX} partitions"))
    for finding in broken:
        problems.add_elsewhere(at, finding)
    return None if broken else Table(fields, dict(sorted(partitions.items())))


def _parted(topic: Topic, fields: Fields, records: list[Record]) -> dict[str, list[Record]]:
    """Records by label, each partition in the order of the file."""
    if topic.partition_by is None:
        return {topic.name: records}
    partitions: dict[str, list[Record]] = {}
    if topic.partition_by in fields:
        place = fields.index(topic.partition_by)
        for record in records:
            partitions.setdefault(str(record.values[place]), []).append(record)
    return partitions


def _inside(folder: Path | None, name: str) -> Path:
    """The data file's path. Raises FileProblem unless it is in the scenario's folder."""
    parts = PurePosixPath(name).parts
    hint = "name it relative to the scenario's folder"
    if folder is None or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise FileProblem("is outside the scenario's folder", hint)
    path = folder.joinpath(*parts)
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        inside = False
    if not inside:
        raise FileProblem("leads outside the scenario's folder", hint)
    return path
