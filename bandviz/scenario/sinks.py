"""Sinks of a scenario: what their settings mean, and which of them do not go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bandviz.graph.sinks import writer_of
from bandviz.graph.specs import SinkContract, SinkSpec
from bandviz.scenario.findings import Problems
from bandviz.scenario.operators import Sink, key_columns
from bandviz.scenario.reader import Path
from bandviz.scenario.schema import Document

_WITH_BROKER: Final = ("two_phase", "transactional")
_BY_CHECKPOINT: Final = ("file", *_WITH_BROKER)
_OF_TRANSACTIONS: Final = ("transaction_timeout_ms", "ignore_failures_after_timeout", "fencing")


def spec_of(sink: Sink) -> SinkSpec:
    """What the engine gets to know."""
    return SinkSpec(
        topic=sink.topic,
        contract=SinkContract(sink.contract),
        transaction_timeout_us=sink.transaction_timeout_ms * 1_000,
        ignore_failures_after_timeout=sink.ignore_failures_after_timeout,
        fencing=sink.fencing and sink.contract in _WITH_BROKER,
        upsert_key=key_columns(sink.key) if sink.key is not None else (),
    )


def check_sinks(document: Document, problems: Problems) -> None:
    """Each has a topic of its own, and settings that its contract and the broker know."""
    inputs = [topic.name for topic in document.topics]
    names = [operator.uid for operator in document.pipeline]
    written: dict[str, str] = {}
    for index, operator in enumerate(document.pipeline):
        if not isinstance(operator, Sink):
            continue
        at: Path = ("pipeline", index)
        if operator.topic in inputs:
            problems.add((*at, "topic"), f"'{operator.topic}' is an input")
        if operator.topic in written:
            owner = written[operator.topic]
            problems.add((*at, "topic"), f"'{operator.topic}' belongs to '{owner}'")
        written[operator.topic] = operator.uid
        writer = writer_of(operator.uid)
        if operator.contract == "transactional" and writer in names:
            sentence = f"the writer of this sink would be called '{writer}', like another operator"
            problems.add((*at, "uid"), sentence)
        _check_settings(operator, document, at, problems)


def _check_settings(sink: Sink, document: Document, at: Path, problems: Problems) -> None:
    if sink.contract != "upsert":
        _refuse(("key",), sink, at, problems)
    elif sink.key is None:
        problems.add((*at, "contract"), "an upsert sink needs a key", "add `key:` with its columns")
    if sink.contract in _BY_CHECKPOINT and not document.run.checkpoint_interval_ms:
        sentence = f"a {sink.contract} sink shows nothing without checkpoints"
        hint = "set run.checkpoint_interval_ms, or contract: append"
        problems.add((*at, "contract"), sentence, hint)
    if sink.contract not in _WITH_BROKER:
        _refuse(_OF_TRANSACTIONS, sink, at, problems)
        return
    most = document.broker.transaction_max_timeout_ms
    if sink.transaction_timeout_ms > most:
        sentence = f"the broker allows time-outs of at most {most} ms"
        hint = "lower it, or raise broker.transaction_max_timeout_ms"
        problems.add((*at, "transaction_timeout_ms"), sentence, hint)
    if sink.contract != "two_phase":
        _refuse(("ignore_failures_after_timeout",), sink, at, problems)


def _refuse(names: Sequence[str], sink: Sink, at: Path, problems: Problems) -> None:
    for name in names:
        if name in sink.model_fields_set and getattr(sink, name) is not None:
            problems.add((*at, name), f"a sink with contract {sink.contract} has no {name}")
