"""Settings of one run, as the engine reads them: plain numbers, checked where a file is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bandviz.graph.specs import Shared


class CheckpointingMode(Enum):
    """What a checkpoint promises about each record's effect on state (Flink's enum)."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class StateBackend(Enum):
    """What a checkpoint stores of keyed state (named after Flink's backends)."""

    HEAP = "heap"
    """All of it, each time."""
    CHANGELOG = "changelog"
    """A base now and then, and in between only what changed since an older checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRestart(Shared):
    """The first failure ends the job. Flink's default without checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDelay(Shared):
    """So many restarts, each after the same delay."""

    attempts: int = 1
    delay_us: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRate(Shared):
    """Restarts as long as no more than `failures_max` failures fall into one interval."""

    failures_max: int = 1
    interval_us: int = 60_000_000
    delay_us: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialDelay(Shared):
    """Endless restarts after growing delays. Flink's default with checkpoints.

    `reset_us`: after so long without a failure the delay is the initial one again.
    """

    initial_us: int = 1_000_000
    multiplier_percent: int = 150
    max_us: int = 60_000_000
    jitter_permille: int = 100
    reset_us: int = 3_600_000_000


RestartStrategy = NoRestart | FixedDelay | FailureRate | ExponentialDelay


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings(Shared):
    """What a scenario and its variant say about the run as a whole.

    `checkpoint_interval_us` 0: no periodic checkpoints. `min_pause_us`: least time between the end
    of one checkpoint and the next trigger. `tolerable_failed_checkpoints`: more counted failures in
    a row restart the job. `high_availability`: the list of completed checkpoints and the counter of
    ids survive the coordinator. `retained`: completed checkpoints kept in storage. With the backend
    `changelog` every `materialize_every`th checkpoint is a base.
    `task_managers`, `slots_each`: processes and their slots, enough for the highest parallelism; 0:
    none are declared, and every subtask fails alone.
    `chaining`: operators joined by a forward edge run in one task.
    `restart`: whether and when the job comes back after a failure. `takeover_us`: after so long a
    new coordinator leads, when one has died. `unaligned`: barriers overtake, at once or when an
    aligned one is older than `aligned_timeout_us`.
    `rescale_us`: so long the job stands still when it is rescaled. `allow_non_restored`: a restore
    may drop state of an operator that the job does not have.
    `lineage`: records carry ids, so that the judge can count by provenance; throughput runs do
    without. The recording level does not decide it, or it would change the run.
    Costs are simulated: `rpc_us` a message between coordinator and subtask takes, `notification_us`
    that a checkpoint is complete so much longer, `sync_us` the synchronous part of a snapshot,
    `upload_us` and `upload_us_per_kib` the asynchronous part.
    `jitter_permille`: the seed spreads costs by up to so much; `reorder_us`: moves so near to the
    earliest are open to choice.
    """

    name: str
    title: str = ""
    variant: str = ""
    seed: int = 0
    confluent: bool = False
    mode: CheckpointingMode = CheckpointingMode.EXACTLY_ONCE
    unaligned: bool = False
    aligned_timeout_us: int = 0
    checkpoint_interval_us: int = 0
    first_checkpoint_us: int = 0
    checkpoint_timeout_us: int = 600_000_000
    min_pause_us: int = 0
    max_concurrent_checkpoints: int = 1
    max_queued_checkpoints: int = 1_000
    tolerable_failed_checkpoints: int = 0
    checkpoints_after_tasks_finish: bool = True
    high_availability: bool = True
    retained: int = 3
    state_backend: StateBackend = StateBackend.HEAP
    materialize_every: int = 10
    restart: RestartStrategy = ExponentialDelay()
    takeover_us: int = 1_000_000
    rescale_us: int = 1_000_000
    allow_non_restored: bool = False
    task_managers: int = 0
    slots_each: int = 0
    chaining: bool = False
    buffer_records: int = 1
    lineage: bool = True
    jitter_permille: int = 0
    reorder_us: int = 0
    rpc_us: int = 0
    notification_us: int = 0
    sync_us: int = 0
    upload_us: int = 0
    upload_us_per_kib: int = 0
    max_steps: int = 1_000_000
