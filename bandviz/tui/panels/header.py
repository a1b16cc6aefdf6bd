"""The rows at the top and the rules between regions: title, JobManager, MEMORY, DISK."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from bandviz.events.job import JobStatus, RunStatus
from bandviz.ids import CheckpointId
from bandviz.model.views import CheckpointView, JobView, TaskManagerView
from bandviz.model.words import many
from bandviz.session.words import zoo_line
from bandviz.tui.panels.typeset import first_fit, joined, text
from bandviz.tui.panels.words import Names, Words, clock, manager_tag
from bandviz.tui.spans import Line, Span, checkpoint_style


class Mode(Enum):
    """What the person is doing; the value is the word on the screen."""

    PAUSED = "LIVE, paused"
    PLAYING = "LIVE, playing"
    ENDED = "LIVE, run ended"
    RECORDING = "RECORDING"
    LOOKING_BACK = "LOOKING BACK"


_ROOMY = 4
"""A row of so many parts is for wide windows; where the head has no room, it has none either."""
_LOOKING_BACK_WORDS = (" (you look back, not the job)", ", not the job", "")


def title(
    story: str,
    part: int,
    parts: int,
    part_name: str,
    mode: Mode,
    clock_us: int,
    seed: int,
    width: int,
    speed: str = "",
) -> list[Line]:
    """Story and part, LIVE or LOOKING BACK, job clock, seed. `parts` 0: the story has no parts.

    `speed` is shown while playing, such as `x4`.
    """
    of = f"part {part} of {parts}" if parts else ""
    long = text(f"{story}  {of}: {part_name}" if parts else story, "title")
    middle = text(f"{story}  {of}" if parts else story, "title")
    short = text(f"{story} {part}/{parts}" if parts else story, "title")
    modes = _mode(mode, speed)
    time, seed_part = clock(clock_us), text(f"seed {seed}", "muted")
    job_clock = text(f"job clock {time}", "strong")
    candidates: list[list[Line]] = [[long, modes[0], job_clock, seed_part]]
    candidates += [[middle, modes[0], job_clock, seed_part]]
    candidates += [[short, each, text(time, "strong"), seed_part] for each in modes]
    candidates += [[short, modes[-1], text(time, "strong")], [modes[-1], text(time, "strong")]]
    return [first_fit(candidates, width, 8)]


def _mode(mode: Mode, speed: str) -> list[Line]:
    if mode is not Mode.LOOKING_BACK:
        word = f"{mode.value} {speed}".rstrip() if mode is Mode.PLAYING else mode.value
        return [text(word, "ok" if mode is Mode.PLAYING else "strong")]
    inverse = Span(mode.value, "looking_back")
    return [(inverse, Span(words, "text")) for words in _LOOKING_BACK_WORDS]


def rule(words: str, width: int) -> Line:
    """A line from edge to edge, with words near its left end if there are any."""
    head = f"── {words} " if words else ""
    return (Span(head.ljust(width, "─")[:width], "rule"),)


def memory_rule(job: JobView, width: int, managers: Sequence[TaskManagerView] = ()) -> Line:
    """The rule over what a crash wipes: says so, what it was filled from after a restore, and which
    process runs which slots, as far as there is room.
    """
    memory = _memory(job)
    slots = ", ".join(_slots(one, one.name) for one in managers)
    brief = ", ".join(_slots(one, manager_tag(one.name)) for one in managers)
    choices = [f"{memory}; {slots}", f"{memory}; {brief}"] if managers else []
    room = width - len("──  ")
    return rule(next((each for each in choices if len(each) <= room), memory), width)


def _memory(job: JobView) -> str:
    if job.is_network:
        return "ACCOUNTS AND CHANNELS: nobody stops for a snapshot"
    if job.status in (JobStatus.RESTARTING, JobStatus.FAILED):
        left = f" in part, {many(job.running_count, 'task')} run on" if job.running_count else ""
        return f"MEMORY: wiped{left}"
    if job.restored_from is None or job.restored_us is None or job.attempt <= 1:
        return "MEMORY: a crash wipes this"
    which = f"{many(job.restored_tasks, 'task')} " if job.restored_tasks else ""
    at = f"MEMORY: {which}built new at {clock(job.restored_us)}, "
    moved = f"; {many(job.moved_groups, 'key group')} moved" if job.moved_groups else ""
    state = f"filled from checkpoint {job.restored_from}" if job.restored_from else "empty"
    return at + state + moved


def _slots(manager: TaskManagerView, name: str) -> str:
    places = sorted({subtask.index for subtask in manager.subtasks})
    held = " ".join(f"[{place}]" for place in places) or "nothing"
    if manager.lost:
        return f"{name} LOST with {held}"
    return f"{name} runs {held}" if manager.running else f"{name} runs nothing"


def warning(zoo: str, width: int) -> Line:
    """Over everything, as long as the engine on the screen is a broken one."""
    return (Span(zoo_line(zoo)[:width].ljust(width), "failed"),)


def disk_rule(width: int, *, locked: bool = False) -> Line:
    """The rule over what survives."""
    more = "; the checkpoint storage takes NO WRITES" if locked else ""
    return rule(f"DISK: survives a crash{more}", width)


def jobmanager(job: JobView, names: Names, width: int, words: Words | None = None) -> list[Line]:
    """One row: the checkpoint in flight with its acknowledgements, or what the job is doing."""
    candidates = _job_candidates(job, names, (words or Words()).record)
    head = text("Network  " if job.is_network else "JobManager  ", "muted")
    rows: list[list[Line]] = []
    for parts in candidates:
        rows.append([joined(head, parts[0]), *parts[1:]])
        if len(parts) < _ROOMY and not job.leaderless:  # the head says who is dead
            rows.append(parts)
    return [first_fit(rows, width, 10)]


def _job_candidates(job: JobView, names: Names, record: str) -> list[list[Line]]:
    attempt = text(f"attempt {job.attempt}", "muted")
    told = _told(job, names, record, attempt)
    troubled = [(parts, each) for each in _troubles(job) for parts in told if each]
    return [*([*parts[:-1], *troubles, parts[-1]] for parts, troubles in troubled), *told]


def _troubles(job: JobView) -> list[list[Line]]:
    """What went wrong with checkpoints since the last good one, at length and in short."""
    long, short = [], []
    if job.failed_in_a_row:
        words = f"{job.failed_in_a_row} failed in a row"
        long.append(text(f"{words}, {job.tolerable_count} tolerated", "warn"))
        short.append(text(words, "warn"))
    if job.queued_count:
        long.append(text(f"{many(job.queued_count, 'request')} waiting"))
        short.append(text(f"{job.queued_count} waiting"))
    if job.refused_count:
        words = f"{many(job.refused_count, 'request')} refused"
        long.append(text(f"{words}: {job.refusal}", "warn"))
        short.append(text(words, "warn"))
    return [long, short]


def _told(job: JobView, names: Names, record: str, attempt: Line) -> list[list[Line]]:
    if job.run is RunStatus.STUCK:
        return [[text("run STUCK: no further move is possible", "warn"), attempt]]
    if job.status in (JobStatus.RESTARTING, JobStatus.FAILED):
        return _after_failure(job, names, attempt)
    if job.status is not JobStatus.FINISHED and job.in_progress is not None:
        return _in_flight(job.in_progress, job.also_in_progress, names)
    completed = _latest(job)
    if job.restored_from is not None and _still_recovers(job, job.restored_from):
        return _restored(job, record, attempt)
    job_part = text(f"job {job.status.value}", "ok")
    return [[job_part, completed, attempt], [job_part, _latest(job, short=True), attempt]]


def _still_recovers(job: JobView, start: int) -> bool:
    """Nothing newer is complete, or records are still read again.

    The latest completed checkpoint may be one that was refused, so its number alone does not tell.
    """
    return job.latest_completed <= start or job.reread_count < job.reread_total


def _latest(job: JobView, *, short: bool = False) -> Line:
    if not job.latest_completed:
        return text("no checkpoint complete yet")
    words = "latest ckpt" if short else "latest completed checkpoint:"
    return (Span(f"{words} "), _checkpoint(job.latest_completed))


def _checkpoint(checkpoint_id: int) -> Span:
    return Span(str(checkpoint_id), checkpoint_style(checkpoint_id))


def _after_failure(job: JobView, names: Names, attempt: Line) -> list[list[Line]]:
    spans: list[Span] = []
    if job.leaderless:
        spans = [Span("DEAD", "failed"), Span(", ")]
    elif job.too_many_failed:
        row = " in a row" if job.too_many_failed > 1 else ""
        spans = [Span(f"{many(job.too_many_failed, 'checkpoint')} FAILED{row}, ", "warn")]
    elif job.lost_managers:
        spans = [Span(", ".join(job.lost_managers)), Span(" "), Span("LOST", "failed"), Span(", ")]
    elif job.failed:
        spans = [Span(names(job.failed[0])), Span(" "), Span("FAILED", "failed"), Span(", ")]
    last = job.status is JobStatus.FAILED
    spans.append(Span("job FAILED, no restart left" if last else "job RESTARTING", "warn"))
    who = tuple(spans)
    out = [[who, _latest(job), attempt], [who, _latest(job, short=True), attempt]]
    if job.restart_due_us is not None:
        due = text(f"new attempt at {clock(job.restart_due_us)}")
        out.insert(0, [who, _latest(job), due, attempt])
    return [*out, [who, _latest(job, short=True)], [who]]


def _restored(job: JobView, record: str, attempt: Line) -> list[list[Line]]:
    start = job.restored_from or 0
    at = f" at {clock(job.restored_us)}" if job.restored_us is not None else ""
    running = Span(f"job {job.status.value}", "ok")
    if start:
        state: Line = (running, Span(", restored from checkpoint "), _checkpoint(start), Span(at))
        brief: Line = (running, Span(" from ckpt "), _checkpoint(start))
    else:
        state = (running, Span(f", restarted empty{at}"))
        brief = (running, Span(", began empty"))
    if not job.reread_total:
        return [[state, attempt], [brief, attempt]]
    all_of_it = job.reread_count >= job.reread_total
    share = f"all {job.reread_total}" if all_of_it else f"{job.reread_count} of {job.reread_total}"
    noun = record if job.reread_total == 1 else f"{record}s"
    reread = text(f"re-read {share} {noun}", "replay")
    return [[state, reread, attempt], [brief, reread, attempt], [brief, reread]]


def _in_flight(
    checkpoint: CheckpointView, older: Sequence[CheckpointId], names: Names
) -> list[list[Line]]:
    number = _checkpoint(checkpoint.checkpoint_id)
    also = [span for each in older for span in (Span(" and "), _checkpoint(each))]
    long: Line = (
        Span("checkpoint "), number, Span(f" triggered at {clock(checkpoint.trigger_us)}"), *also,
    )  # fmt: skip
    short: Line = (Span("ckpt "), number, *also)
    count = text(f"{len(checkpoint.acknowledged)} of {len(checkpoint.expected)}", "strong")
    by_name = _acks(checkpoint, names)
    missing = [names(each) for each in checkpoint.expected if each not in checkpoint.acknowledged]
    waits = text(f"waits for {_some(missing)}")
    return [
        [long, by_name, count],
        [short, by_name, count],
        [long, waits, count],
        [short, waits, count],
        [short, count],
    ]


def _acks(checkpoint: CheckpointView, names: Names) -> Line:
    spans = [Span("acks: ")]
    for place, subtask in enumerate(checkpoint.expected):
        arrived = subtask in checkpoint.acknowledged
        spans.append(Span(f"{', ' if place else ''}{names(subtask)} "))
        spans.append(Span("ok", "ok") if arrived else Span("..", "muted"))
    return tuple(spans)


def _some(names: Sequence[str], shown: int = 2) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
