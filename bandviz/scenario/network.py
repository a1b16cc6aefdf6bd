"""The second form of a scenario: accounts, channels, transfers, snapshots; cycles are allowed.

What a job's graph refuses, a cycle, is refused here only for `aligned`: on a ring everyone would
wait for a marker that nobody can send yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from bandviz.graph.network import Draw, SnapshotStart, Traffic, Transfer
from bandviz.graph.settings import RunSettings
from bandviz.graph.specs import AccountSpec, JobEdge, JobGraph, JobVertex, Partitioner
from bandviz.graph.topology import GraphCycle, topological_order
from bandviz.ids import ChannelId, SubtaskId
from bandviz.scenario.findings import Problems, nearest
from bandviz.scenario.schema import NetworkDocument
from bandviz.text import door


def network(document: NetworkDocument, problems: Problems) -> tuple[JobGraph, Traffic]:
    """The graph and all that moves in it. Raises ScenarioError with all that does not fit."""
    _unique("processes", "uid", [one.uid for one in document.processes], problems)
    _unique("channels", "name", [one.name for one in document.channels], problems)
    _check_channels(document, problems)
    _check_transfers(document, problems)
    if not problems.count:
        _check_snapshots(document, problems)
    if problems.count:
        raise problems.refusal()
    vertices = tuple(
        JobVertex(uid=one.uid, spec=AccountSpec(balance=one.balance), fields=("amount",))
        for one in document.processes
    )
    edges = tuple(
        JobEdge(
            upstream=one.source,
            downstream=one.to,
            partitioner=Partitioner.FORWARD,
            latency_us=one.latency_ms * 1_000,
            fifo=one.fifo,
        )
        for one in document.channels
    )
    return JobGraph(vertices=vertices, edges=edges), _traffic(document)


def network_settings(document: NetworkDocument, variant: str) -> RunSettings:
    """A marker lets data before it be recorded, as an unaligned barrier does."""
    return RunSettings(
        name=document.name,
        title=door(document.title),
        variant=variant,
        seed=document.seed,
        unaligned=not document.aligned,
        jitter_permille=document.run.jitter_percent * 10,
        reorder_us=document.run.reorder_ms * 1_000,
        max_steps=document.run.max_steps,
    )


def _unique(section: str, field: str, names: Sequence[str], problems: Problems) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            problems.add((section, index, field), f"a second '{name}'")


def _check_channels(document: NetworkDocument, problems: Problems) -> None:
    """They join two accounts, and no two of them the same way."""
    uids = [one.uid for one in document.processes]
    ways = [(one.source, one.to) for one in document.channels]
    for index, way in enumerate(document.channels):
        at = ("channels", index)
        for field, uid in (("from", way.source), ("to", way.to)):
            if uid not in uids:
                problems.add((*at, field), f"no process '{uid}'", nearest(uid, uids))
        if way.source == way.to:
            problems.add((*at, "to"), f"'{way.to}' would send to itself")
        if ways[index] in ways[:index]:
            problems.add(at, f"a second channel from '{way.source}' to '{way.to}'")
        if document.aligned and not way.fifo:
            sentence = "aligned needs channels that keep the order"
            problems.add((*at, "fifo"), sentence, "leave `aligned` out")


def _check_transfers(document: NetworkDocument, problems: Problems) -> None:
    names = [one.name for one in document.channels]
    for index, one in enumerate(document.transfers):
        if one.channel not in names:
            hint = nearest(one.channel, names)
            problems.add(("transfers", index, "channel"), f"no channel '{one.channel}'", hint)


def _check_snapshots(document: NetworkDocument, problems: Problems) -> None:
    """A marker comes to everybody; with `aligned`, to everybody from each side."""
    before: dict[str, list[str]] = {one.uid: [] for one in document.processes}
    for way in document.channels:
        before[way.to].append(way.source)
    if document.aligned:
        try:
            topological_order(before)
        except GraphCycle as cycle:
            sentence = f"on the cycle {cycle} everyone would wait for the marker of the one before"
            problems.add(("aligned",), sentence, "leave `aligned` out: markers need no order")
            return
    first = [uid for uid, senders in before.items() if not senders]
    for index, snapshot in enumerate(document.snapshots):
        at = ("snapshots", index, "by")
        reached = list(dict.fromkeys(snapshot.initiators()))
        unknown = [uid for uid in reached if uid not in before]
        for uid in unknown:
            problems.add(at, f"no process '{uid}'", nearest(uid, before))
        if document.aligned and not unknown and sorted(reached) != sorted(first):
            sentence = "an aligned snapshot begins where no channel leads to"
            problems.add(at, sentence, f"by: [{', '.join(first)}]")
        for uid in reached:  # grows while it is walked
            reached += [
                way.to for way in document.channels if way.source == uid and way.to not in reached
            ]
        missed = [uid for uid in before if uid not in reached]
        if missed and not unknown and not document.aligned:
            problems.add(at, f"no marker would ever come to '{missed[0]}'", "let it begin as well")


def _traffic(document: NetworkDocument) -> Traffic:
    names, draw = [one.name for one in document.channels], document.draw
    return Traffic(
        transfers=tuple(
            Transfer(
                at_us=one.at_ms * 1_000,
                channel=ChannelId(names.index(one.channel)),
                amount=one.amount,
                latency_us=None if one.latency_ms is None else one.latency_ms * 1_000,
            )
            for one in document.transfers
        ),
        snapshots=tuple(
            SnapshotStart(
                at_us=one.at_ms * 1_000,
                initiators=tuple(SubtaskId(uid, 0) for uid in dict.fromkeys(one.initiators())),
            )
            for one in document.snapshots
        ),
        draw=Draw(count=draw.count, interval_us=draw.every_ms * 1_000, amount_max=draw.most)
        if draw is not None
        else None,
        aligned=document.aligned,
    )
