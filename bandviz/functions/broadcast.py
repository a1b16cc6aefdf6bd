"""Functions over two streams: rules that every subtask keeps, and records that meet them.

Source: Flink's BroadcastProcessFunction. The rules are a map, the same in every subtask once all
have seen the same rule rows in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from bandviz.functions.rows import Fields, Function, Key, Row, position


class BroadcastLogic(NamedTuple):
    """A bound broadcast function."""

    rule: Callable[[Row], tuple[Key, Any]]
    """(name, contents) of a rule row: it replaces the rule of the same name."""
    apply: Callable[[Mapping[Key, Any], Row], Sequence[Row]]
    """Rows that come out for a record, given the rules so far."""


class BroadcastFunction(Function):
    """What rules are made of, and what they do to a record."""

    __slots__ = ()

    def output_fields(self, fields: Fields) -> Fields:
        """Names of the columns it puts out for records of these fields."""
        return fields

    def bind(self, fields: Fields, rule_fields: Fields) -> BroadcastLogic:
        """The calls for records and rules of these fields."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchThresholds(BroadcastFunction):
    """A record comes out once for each rule whose threshold its number field reaches, in the order
    of the rules' names; the name is appended as column `rule`.

    `rule_name` and `rule_value` are columns of the rules.
    """

    fn: ClassVar[str] = "match_thresholds"
    field: str
    rule_name: str
    rule_value: str

    def output_fields(self, fields: Fields) -> Fields:
        """One column more."""
        return (*fields, "rule")

    def bind(self, fields: Fields, rule_fields: Fields) -> BroadcastLogic:
        """Compare by `>=`."""
        at = position(fields, self.field, self.fn)
        name = position(rule_fields, self.rule_name, self.fn)
        value = position(rule_fields, self.rule_value, self.fn)

        def apply(rules: Mapping[Key, Any], row: Row) -> Sequence[Row]:
            return [(*row, rule) for rule in sorted(rules) if row[at] >= rules[rule]]

        return BroadcastLogic(lambda row: (row[name], row[value]), apply)
