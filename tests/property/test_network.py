"""Snapshots by markers on random graphs: what there is, is found, wherever channels keep the order.

The judge is asked, and beside it a sum over the engine's own accounts and channels.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bandviz.check import judge
from bandviz.engine.network import Network
from bandviz.events import Entry
from bandviz.events.checkpoint import CheckpointCompleted, InFlightPersisted
from bandviz.events.job import RunStatus
from bandviz.graph.execution import unroll
from bandviz.graph.network import Draw, SnapshotStart, Traffic
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import AccountSpec, JobEdge, JobGraph, JobVertex, Partitioner
from bandviz.ids import SubtaskId
from bandviz.text import SafeText

MS = 1_000
PLACES = st.integers(0, 5)
WAYS = st.lists(st.tuples(PLACES, PLACES, st.integers(0, 900)), max_size=12)


def network(
    balances: list[int],
    ways: list[tuple[int, int, int]],
    begins: list[int],
    seed: int,
    *,
    aligned: bool = False,
    fifo: bool = True,
) -> Network:
    """Accounts with channels (from, to, latency in ms); each of `begins` starts one snapshot."""
    vertices = tuple(
        JobVertex(uid=f"a{place}", spec=AccountSpec(balance=balance))
        for place, balance in enumerate(balances)
    )
    edges = tuple(
        JobEdge(
            upstream=f"a{a}",
            downstream=f"a{b}",
            partitioner=Partitioner.FORWARD,
            latency_us=latency_ms * MS,
            fifo=fifo,
        )
        for a, b, latency_ms in ways
    )
    snapshots = tuple(
        SnapshotStart(at_us=300 * MS * place, initiators=(SubtaskId(f"a{one}", 0),))
        for place, one in enumerate(begins, 1)
    )
    if aligned:
        sources = tuple(
            SubtaskId(vertex.uid, 0)
            for vertex in vertices
            if all(vertex.uid != edge.downstream for edge in edges)
        )
        snapshots = tuple(SnapshotStart(at_us=one.at_us, initiators=sources) for one in snapshots)
    traffic = Traffic(
        transfers=(),
        snapshots=snapshots,
        draw=Draw(count=40, interval_us=40 * MS, amount_max=9),
        aligned=aligned,
    )
    run = RunSettings(
        name="net",
        title=SafeText("net"),
        seed=seed,
        unaligned=not aligned,
        jitter_permille=900,
        reorder_us=100 * MS,
    )
    return Network(unroll(JobGraph(vertices=vertices, edges=edges)), run, traffic)


def ring_and(balances: list[int], ways: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """A way round all accounts, and others between them; each once."""
    count = len(balances)
    ring = [(place, (place + 1) % count, 100 * place + 50) for place in range(count)]
    chosen = {(a % count, b % count): (a % count, b % count, ms) for a, b, ms in [*ring, *ways]}
    return [way for (a, b), way in chosen.items() if a != b]


def without_cycle(
    balances: list[int], ways: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """From lower to higher numbers, every account but the first with a channel to it."""
    count = len(balances)
    chain = [(place, place + 1, 70) for place in range(count - 1)]
    chosen = {(a % count, b % count): (a % count, b % count, ms) for a, b, ms in [*chain, *ways]}
    return [way for (a, b), way in chosen.items() if a < b]


def driven(net: Network, picks: list[int]) -> list[Entry]:
    """The whole run, with other choices than the default where `picks` says so."""
    entries = net.start()
    there = _held(net)
    for step in range(10_000):
        if net.run is not None:
            return entries
        choices = net.choices()
        assert choices[0] == net.earliest()
        pick = picks[step % len(picks)] if picks else 0
        entries += net.step(choices[pick % len(choices)])
        assert _held(net) == there
    raise AssertionError("it does not end")


def _held(net: Network) -> int:
    channels = net._channels.values()
    on_the_way = sum(one.amount for each in channels for one in each.elements.values())
    return sum(one.balance for one in net._accounts.values()) + on_the_way


BALANCES = st.lists(st.integers(0, 50), min_size=2, max_size=5)
PICKS = st.lists(st.integers(0, 3), max_size=7)


@given(BALANCES, WAYS, st.lists(PLACES, min_size=1, max_size=3), st.integers(0, 2**32), PICKS)
@settings(max_examples=60, deadline=None)
def test_every_snapshot_adds_up_where_channels_keep_the_order(
    balances: list[int],
    ways: list[tuple[int, int, int]],
    begins: list[int],
    seed: int,
    picks: list[int],
) -> None:
    begins = [one % len(balances) for one in begins]
    net = network(balances, ring_and(balances, ways), begins, seed)
    twin = net.clone()
    entries = driven(net, picks)
    assert net.run is RunStatus.FINISHED
    assert judge(entries).holds is True
    completed = sum(isinstance(entry.event, CheckpointCompleted) for entry in entries)
    assert completed == len(begins)
    assert driven(twin, picks) == entries


@given(BALANCES, WAYS, st.integers(0, 2**32), PICKS)
@settings(max_examples=40, deadline=None)
def test_aligned_accounts_leave_nothing_in_channels(
    balances: list[int], ways: list[tuple[int, int, int]], seed: int, picks: list[int]
) -> None:
    ways = without_cycle(balances, ways)
    entries = driven(network(balances, ways, [0, 0], seed, aligned=True), picks)
    assert judge(entries).holds is True
    assert not any(isinstance(entry.event, InFlightPersisted) for entry in entries)


def test_without_order_snapshots_miss_money_and_have_it_twice_and_the_judge_says_where() -> None:
    balances, ways = [30, 20, 10, 40], [(0, 2, 500), (3, 1, 20)]
    words = []
    for seed in range(12):
        net = network(balances, ring_and(balances, ways), [0, 2], seed, fifo=False)
        verdict = judge(driven(net, []))
        words.append(verdict.output)
        broken = [one for one in verdict.violations if one.rule == "money_adds_up"]
        assert bool(broken) == (verdict.output != "exact") == (verdict.holds is False)
        for one in broken:
            assert " -> " in one.sentence
            assert "overt" in one.sentence
    assert set(words) >= {"duplicated", "both"}
