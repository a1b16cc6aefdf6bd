"""The script of a scenario: faults, beats, questions and checks, resolved against its graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bandviz.engine.faults import ON_SUBTASKS, POISON, RAISE_ONCE, ZOMBIE
from bandviz.graph.sinks import writer_of
from bandviz.graph.specs import (
    AccountSpec,
    AggregateSpec,
    JobGraph,
    SinkSpec,
    SourceSpec,
    TopicData,
    WindowSpec,
    WriterSpec,
)
from bandviz.ids import SubtaskId
from bandviz.scenario import schema
from bandviz.scenario.findings import Problems, nearest
from bandviz.scenario.patterns import Pattern, PatternError, compile_pattern, matchable
from bandviz.scenario.plan import Beat, Question, ScriptedFault
from bandviz.scenario.reader import Path
from bandviz.scenario.templates import Argument, Placeholder, Template, TemplateError, parse

VERDICT = "verdict"
"""`on: verdict` is the end of the run."""
NO_MANAGERS = "set run.task_managers"


class Script:
    """Resolves the parts one by one; whatever names nothing is reported with its place."""

    def __init__(
        self,
        graph: JobGraph,
        topics: Sequence[TopicData],
        task_managers: Sequence[str],
        problems: Problems,
    ) -> None:
        self._problems = problems
        self._task_managers = task_managers
        self._subtasks = {
            str(SubtaskId(vertex.uid, index)): SubtaskId(vertex.uid, index)
            for vertex in graph.vertices
            for index in range(vertex.parallelism)
        }
        self._vertices = {vertex.uid: vertex for vertex in graph.vertices}
        self._partitions = {topic.name: len(topic.partitions) for topic in topics}
        labels = [part.label for topic in topics for part in topic.partitions]
        self._known = {
            Argument.UID: tuple(self._vertices),
            Argument.SINK: tuple(self._of_kind(SinkSpec)),
            Argument.LABEL: tuple(dict.fromkeys(labels)),
        }

    def faults(self, declared: Sequence[schema.Fault]) -> tuple[ScriptedFault, ...]:
        """In the order of the file."""
        faults = []
        for index, fault in enumerate(declared):
            at: Path = ("faults", index)
            targets = {name: getattr(fault, name) for name in schema.FAULTS}
            given = {name: target for name, target in targets.items() if target is not None}
            if len(given) != 1:
                sentence = "a fault does exactly one thing"
                self._problems.add(at, sentence, nearest("", schema.FAULTS))
            for name in ON_SUBTASKS:
                victim = self._subtask(targets[name], (*at, name))
                self._fits(name, victim, (*at, name))
            if fault.lose is not None and self._task_managers:
                self._name(fault.lose, self._task_managers, "TaskManager", (*at, "lose"))
            elif fault.lose is not None:
                self._problems.add((*at, "lose"), "no TaskManagers are declared", NO_MANAGERS)
            if fault.rescale is not None:
                self._rescaling(fault.rescale, (*at, "rescale"))
                given["rescale"] = ",".join(f"{uid}={to}" for uid, to in fault.rescale.items())
            pattern = self._pattern(fault, at, tuple(targets))
            for name, target in given.items():
                if pattern is not None:
                    named = "" if target is True else str(target)
                    faults.append(ScriptedFault(pattern=pattern, name=name, target=named))
        return tuple(faults)

    def _fits(self, fault: str, victim: SubtaskId | None, at: Path) -> None:
        """Poison is for user logic, a zombie is somebody who writes."""
        vertex = self._vertices.get(victim.vertex) if victim is not None else None
        if vertex is None:
            return
        writes = isinstance(vertex.spec, (SinkSpec, WriterSpec))
        if fault in (POISON, RAISE_ONCE) and (writes or isinstance(vertex.spec, SourceSpec)):
            self._problems.add(
                at, f"'{victim}' has no user logic", "name a task between source and sink"
            )
        if fault == ZOMBIE and writer_of(vertex.uid) in self._vertices:
            hint = f"name '{writer_of(vertex.uid)}[{victim.index}]'" if victim else ""
            self._problems.add(at, f"'{victim}' commits, and writes nothing itself", hint)
        elif fault == ZOMBIE and not writes:
            self._problems.add(
                at, f"'{victim}' writes nothing to the outside", "name a subtask of a sink"
            )

    def _rescaling(self, wanted: Mapping[str, int], at: Path) -> None:
        """From now on the file may speak of any subtask that there could be in a variant."""
        for uid, parallelism in wanted.items():
            self._name(uid, tuple(self._vertices), "operator", (*at, uid))
            most = self._vertices[uid].max_parallelism if uid in self._vertices else parallelism
            if parallelism > most:
                self._problems.add(
                    (*at, uid),
                    f"{uid} has {most} key groups and cannot run with parallelism {parallelism}",
                    "its max_parallelism is fixed at the first run",
                )
            later = (SubtaskId(uid, index) for index in range(most))
            self._subtasks.update({str(subtask): subtask for subtask in later})

    def beats(
        self, declared: Sequence[schema.Beat], parts: int, variants: Sequence[str], variant: str
    ) -> tuple[Beat, ...]:
        """Those of this variant, in the order of the file."""
        self._unique("beats", [beat.id for beat in declared])
        beats = []
        for index, beat in enumerate(declared):
            at: Path = ("beats", index)
            known = (schema.BASE, *variants)
            for name in beat.told_in():
                if name not in known:
                    sentence = f"no variant '{name}'"
                    self._problems.add((*at, "only"), sentence, nearest(name, known))
            if parts and beat.part > parts:
                self._problems.add((*at, "part"), f"the last part is {parts}")
            pattern = self._pattern(beat, at, tuple(schema.Beat.model_fields))
            headline = self._template(beat.headline, (*at, "headline"))
            text = self._template(beat.text, (*at, "text"))
            brief = self._template(beat.brief, (*at, "brief"))
            given = self._given(beat.given, (*at, "given"))
            band = self._template(beat.band, (*at, "band"))
            victim = self._subtask(beat.victim, (*at, "victim"))
            told_in = beat.told_in()
            here = not told_in or (variant or schema.BASE) in told_in
            if pattern is not None and here:
                beats.append(
                    Beat(
                        id=beat.id,
                        part=beat.part,
                        pattern=pattern,
                        given=given,
                        headline=headline,
                        text=text,
                        brief=brief,
                        band=band,
                        victim=victim,
                    )
                )
        return tuple(beats)

    def _given(
        self, declared: Mapping[str, object], at: Path
    ) -> tuple[tuple[Placeholder, str], ...]:
        """Facts by name, with the text that each has to read."""
        found = []
        for name, value in declared.items():
            parts = self._template(f"{{{name}}}", (*at, name)).parts
            if parts and isinstance(parts[0], Placeholder):
                found.append((parts[0], str(value)))
        return tuple(found)

    def questions(
        self, declared: Sequence[schema.Question], ids: Sequence[str], shown: Iterable[Beat]
    ) -> tuple[Question, ...]:
        """Those whose two beats are shown in this variant; `ids` are all beats of the file."""
        self._unique("questions", [question.id for question in declared])
        here = [beat.id for beat in shown]
        questions = []
        for index, item in enumerate(declared):
            at: Path = ("questions", index)
            for field, beat in (("beat", item.beat), ("reveal", item.reveal)):
                if beat not in ids:
                    self._problems.add((*at, field), f"no beat '{beat}'", nearest(beat, ids))
            options = enumerate(item.options)
            question = Question(
                id=item.id,
                beat=item.beat,
                ask=self._template(item.ask, (*at, "ask")),
                options=tuple(self._template(text, (*at, "options", n)) for n, text in options),
                key=self._template(item.key, (*at, "key")),
                reveal=item.reveal,
                right=self._template(item.right, (*at, "right")),
                wrong=self._template(item.wrong, (*at, "wrong")),
            )
            if item.beat in here and item.reveal in here:
                questions.append(question)
        return tuple(questions)

    def check_checks(self, declared: Sequence[schema.Check], at: Path) -> None:
        """Whether each check is one, and names what is there."""
        for index, check in enumerate(declared):
            path = (*at, index)
            kinds = check.kinds()
            if len(kinds) != 1:
                sentence = "a check has exactly one expectation"
                self._problems.add(path, sentence, nearest("", schema.Check.model_fields))
            if check.rewound is not None:
                self._check_rewound(check.rewound, (*path, "rewound"))
            if check.visible is not None:
                sinks = self._known[Argument.SINK]
                self._name(check.visible.sink, sinks, "sink", (*path, "visible", "sink"))
            if check.state is not None:
                subtask = self._subtask(check.state.subtask, (*path, "state", "subtask"))
                keyed = self._of_kind((AccountSpec, AggregateSpec, WindowSpec))
                if subtask is not None and subtask.vertex not in keyed:
                    sentence = f"'{subtask}' has no keyed state"
                    self._problems.add((*path, "state", "subtask"), sentence)

    def _check_rewound(self, check: schema.RewoundCheck, at: Path) -> None:
        sources = self._of_kind(SourceSpec)
        if self._name(check.source, sources, "source", (*at, "source")):
            spec = self._vertices[check.source].spec
            count = self._partitions[spec.topic] if isinstance(spec, SourceSpec) else 0
            if check.partition >= count:
                sentence = f"'{check.source}' has {count} partitions, counted from 0"
                self._problems.add((*at, "partition"), sentence)

    def _of_kind(self, kinds: type | tuple[type, ...]) -> list[str]:
        return [uid for uid, vertex in self._vertices.items() if isinstance(vertex.spec, kinds)]

    def _name(self, name: str, known: Sequence[str], noun: str, at: Path) -> bool:
        if name not in known:
            self._problems.add(at, f"no {noun} '{name}'", nearest(name, known))
        return name in known

    def _unique(self, section: str, ids: Sequence[str]) -> None:
        seen: dict[str, None] = {}
        for index, name in enumerate(ids):
            if name in seen:
                self._problems.add((section, index, "id"), f"a second '{name}'")
            seen[name] = None

    def _subtask(self, text: str | None, at: Path) -> SubtaskId | None:
        if text is None:
            return None
        if text not in self._subtasks:
            self._problems.add(at, f"no subtask '{text}'", nearest(text, self._subtasks))
            return None
        return self._subtasks[text]

    def _template(self, text: str, at: Path) -> Template:
        try:
            return parse(text, self._known)
        except TemplateError as error:
            self._problems.add(at, error.sentence, error.hint)
            return Template()

    def _pattern(self, when: schema.When, at: Path, own: Sequence[str]) -> Pattern | None:
        on = "RunEnded" if when.on == VERDICT else when.on
        equals: Mapping[str, object] = when.equals()
        try:
            pattern = compile_pattern(on, equals, nth=when.nth, after_us=when.after_ms * 1_000)
        except PatternError as error:
            hint = error.hint
            if error.field in equals and error.field not in matchable(on):
                # A misspelt field of the beat itself lands here too: it looks like the event's.
                hint = nearest(error.field, (*matchable(on), *own))
            self._problems.add((*at, error.field), error.sentence, hint, key=error.field != "on")
            return None
        for key in equals:
            value = dict(pattern.equals).get(key)
            if isinstance(value, SubtaskId):
                self._subtask(str(value), (*at, key))
        return pattern
