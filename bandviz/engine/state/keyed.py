"""Keyed state: five kinds of state over one backend with a current key.

An operator sets `backend.current_key` before it handles a record; every state then means the entry
of that key. What is held is immutable, or (lists and maps) copied at the first write after a
barrier: so freezing all of it costs one copy of a dict, and nothing later leaks into a snapshot.
Hot paths may work on `table` directly, with immutable values, and name the keys they wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, Protocol, TypeVar

from bandviz.engine.state.descriptors import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    TtlUpdate,
    ValueStateDescriptor,
)
from bandviz.engine.state.frozen import GONE, FrozenTable, frozen
from bandviz.errors import require
from bandviz.functions.rows import FunctionError, Key


class Surroundings(Protocol):
    """An operator's context, as far as keyed state asks it."""

    now_us: int
    tracks_changes: bool
    wants_whole: bool


class _NoKey:
    """No record is being handled."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _NoKey:
        return self


NO_KEY: Final = _NoKey()


class KeyedState:
    """The entries of one state by key. Raises FunctionError when there is no current key.

    Shape: `table[key]` is the value, a list, or a dict; with a time to live each value, element or
    map value is `(value, last_renewed_us)`. `written`: keys, in the order of writing, since the
    last barrier.
    """

    def __init__(self, descriptor: StateDescriptor, backend: KeyedStateBackend) -> None:
        self.name = descriptor.name
        self.table: dict[Key, Any] = {}
        self.written: dict[Key, None] = {}
        self._keeps_account = False
        self._backend = backend
        ttl = descriptor.ttl
        self._ttl_us = ttl.ttl_ms * 1000 if ttl is not None else 0
        self._renews = ttl is not None and ttl.update is TtlUpdate.ON_READ_AND_WRITE

    def clear(self) -> None:
        """Forget the entry of the current key."""
        key = self._key()
        if self.table.pop(key, None) is not None:
            self.written[key] = None

    def freeze(self) -> FrozenTable:
        """The entries as they stand now; whoever writes on copies first."""
        table, written, self.written = self.table, self.written, {}
        context = self._backend.context
        if not context.tracks_changes:
            return FrozenTable(table.copy(), self._backend.max_parallelism)
        changes = {key: table.get(key, GONE) for key in written} if self._keeps_account else {}
        self._keeps_account = True  # nobody builds on what was before an attempt's first snapshot
        return frozen(table, self._backend.max_parallelism, changes, whole=context.wants_whole)

    def restore(self, rows: Iterable[tuple[Key, Any]]) -> None:
        """Exactly these entries."""
        self.table = {key: self._thaw(value) for key, value in rows}
        self.written = {}

    def _thaw(self, value: Any) -> Any:
        """The entry of a snapshot in the form in which `table` holds it."""
        return value

    def _key(self) -> Key:
        key = self._backend.current_key
        if key is NO_KEY:
            raise FunctionError(f"state {self.name!r} is used without a current key")
        return key

    def _store(self, value: Any) -> None:
        key = self._key()
        self.table[key] = self._stamped(value)
        self.written[key] = None

    def _stamped(self, value: Any) -> Any:
        return (value, self._backend.context.now_us) if self._ttl_us else value

    def _alive(self, stored: Any) -> bool:
        """Expired entries are never returned."""
        return not self._ttl_us or self._backend.context.now_us < stored[1] + self._ttl_us

    def _plain(self, stored: Any) -> Any:
        return stored[0] if self._ttl_us else stored

    def _value(self) -> Any:
        """The live value of the current key, renewed if reading renews; None without one."""
        stored = self.table.get(self._key())
        if stored is None:
            return None
        if not self._alive(stored):
            self.clear()
            return None
        if self._renews:
            self._store(stored[0])
        return self._plain(stored)


class ValueState(KeyedState):
    """One value per key."""

    def value(self) -> Any:
        """The value, or None."""
        return self._value()

    def update(self, value: Any) -> None:
        """Replace the value; None clears it."""
        if value is None:
            self.clear()
        else:
            self._store(value)


class ReducingState(KeyedState):
    """One value per key, folded from what is added."""

    def __init__(self, descriptor: ReducingStateDescriptor, backend: KeyedStateBackend) -> None:
        super().__init__(descriptor, backend)
        self._reduce: Callable[[Any, Any], Any] = descriptor.reduce

    def get(self) -> Any:
        """The folded value, or None."""
        return self._value()

    def add(self, value: Any) -> None:
        """Fold in."""
        old = self._value()
        self._store(value if old is None else self._reduce(old, value))


class AggregatingState(KeyedState):
    """One accumulator per key, read through the function's result."""

    def __init__(self, descriptor: AggregatingStateDescriptor, backend: KeyedStateBackend) -> None:
        super().__init__(descriptor, backend)
        self._function = descriptor.function
        self._fold = descriptor.function.bind(descriptor.fields)

    def get(self) -> Any:
        """The result of what was added, or None."""
        accumulator = self._value()
        return None if accumulator is None else self._function.result(accumulator)

    def add(self, row: tuple[Any, ...]) -> None:
        """Fold a row in."""
        old = self._value()
        self._store(self._fold(self._function.initial if old is None else old, row))


class _ContainerState(KeyedState):
    """A list or dict per key, copied at the first write after a barrier."""

    _kind: ClassVar[type[list[Any]] | type[dict[Any, Any]]]

    def _thaw(self, value: Any) -> Any:
        return self._kind(value)

    def _held(self) -> Any:
        """What there is, to be read only."""
        return self.table.get(self._key())

    def _own(self) -> Any:
        """What there is, to be written to."""
        key = self._key()
        held = self.table.get(key)
        if held is None or key not in self.written:
            held = self.table[key] = self._kind() if held is None else held.copy()
            self.written[key] = None
        return held


class ListState(_ContainerState):
    """A list per key."""

    _kind = list

    def get(self) -> tuple[Any, ...]:
        """The live elements, oldest first."""
        held = self._held()
        if held is None:
            return ()
        if self._ttl_us:
            live = [stored for stored in held if self._alive(stored)]
            if self._renews:
                live = [self._stamped(stored[0]) for stored in live]
            if live != held:
                self._replace(live)
            held = live
        return tuple([self._plain(stored) for stored in held])

    def add(self, value: Any) -> None:
        """Append."""
        self._own().append(self._stamped(value))

    def update(self, values: Iterable[Any]) -> None:
        """Replace all elements."""
        self._replace([self._stamped(value) for value in values])

    def _replace(self, stored: list[Any]) -> None:
        if not stored:
            self.clear()
            return
        self.table[self._key()] = stored
        self.written[self._key()] = None


class MapState(_ContainerState):
    """A map per key. Iteration is in the order of first insertion."""

    _kind = dict

    def get(self, name: Any) -> Any:
        """The value under a map key, or None."""
        held = self._held()
        stored = held.get(name) if held else None
        if stored is None:
            return None
        if not self._alive(stored):
            self.remove(name)
            return None
        if self._renews:
            self.put(name, stored[0])
        return self._plain(stored)

    def contains(self, name: Any) -> bool:
        """Whether a live value stands under the map key."""
        return self.get(name) is not None

    def put(self, name: Any, value: Any) -> None:
        """Set one entry; `value` is not None."""
        self._own()[name] = self._stamped(value)

    def remove(self, name: Any) -> None:
        """Drop one entry."""
        held = self._held()
        if held is not None and name in held:
            own = self._own()
            del own[name]
            if not own:
                self.clear()

    def items(self) -> tuple[tuple[Any, Any], ...]:
        """The live entries."""
        found = [(name, self.get(name)) for name in tuple(self._held() or ())]
        return tuple([(name, value) for name, value in found if value is not None])

    def is_empty(self) -> bool:
        """Whether no live entry is there."""
        return not self.items()


class Section(Protocol):
    """State by key, in whatever shape it is held: a section of the operator's snapshot."""

    name: str

    def freeze(self) -> FrozenTable:
        """The entries as they stand now."""

    def restore(self, rows: Iterable[tuple[Key, Any]]) -> None:
        """Exactly these entries."""


S = TypeVar("S", bound=Section)


class KeyedStateBackend:
    """All keyed states of one operator, and the key that they speak of."""

    def __init__(self, context: Surroundings, max_parallelism: int) -> None:
        self.context = context
        self.max_parallelism = max_parallelism
        self.current_key: Key = NO_KEY
        self._states: dict[str, Section] = {}

    def value_state(self, descriptor: ValueStateDescriptor) -> ValueState:
        """Declare a state; a name can be declared once."""
        return self.declare(ValueState(descriptor, self))

    def list_state(self, descriptor: ListStateDescriptor) -> ListState:
        """Declare a state."""
        return self.declare(ListState(descriptor, self))

    def map_state(self, descriptor: MapStateDescriptor) -> MapState:
        """Declare a state."""
        return self.declare(MapState(descriptor, self))

    def reducing_state(self, descriptor: ReducingStateDescriptor) -> ReducingState:
        """Declare a state."""
        return self.declare(ReducingState(descriptor, self))

    def aggregating_state(self, descriptor: AggregatingStateDescriptor) -> AggregatingState:
        """Declare a state."""
        return self.declare(AggregatingState(descriptor, self))

    def declare(self, state: S) -> S:
        """A state of this backend; the operator brings one of its own shape."""
        require(state.name not in self._states, "a state is declared once", state.name)
        self._states[state.name] = state
        return state

    def snapshot(self) -> dict[str, FrozenTable]:
        """All states as they stand at the barrier, by name: sections of the operator's snapshot."""
        return {name: state.freeze() for name, state in self._states.items()}

    def restore(self, sections: dict[str, Any]) -> None:
        """Entries by name of state; a state without a section starts empty."""
        self.current_key = NO_KEY
        for name, state in self._states.items():
            state.restore(sections.get(name, ()))
