"""From chosen operations and a profile to a plan.

    chosen -> those that the repository gives reason for -> what they need, found backwards -> inputs -> plan

Owns: fitness, chaining by `needs` and `gives`, inputs, reasons. Refuses to know what a goal is.
Invariant: a plan made here has an input for every required field; what cannot be fed is left out and named.

`requires` means: of each kind of fact, one of those named ("language:python", "language:go": one is enough). An
operation that is given one of the inputs `waived_by` works on that, and not on the repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agents.base import Operation
from agents.reporting.model import plural
from agents.superagent.profile import Language, Profile
from agents.superagent.selection import Choice, LeftOut
from agents.workspace import Snapshot
from tasks.plans import After, JsonObject, Plan, PlannedStep, chord, group, ref
from tasks.states import EdgeCondition

GIVEN = frozenset({"snapshot", "base", "profile", "goal", "sarif"})
"""What planning itself gives, so that no step must."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """What will be done, with a reason each, and what will not."""

    choices: list[Choice] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    steps: list[PlannedStep] = field(default_factory=list)
    unfit: dict[str, str] = field(
        default_factory=dict
    )  # chosen operation -> what the repository lacks for it


def draft(
    chosen: Iterable[Choice],
    offer: Mapping[str, tuple[str, Operation]],
    *,
    profile: Profile,
    snapshot: Snapshot,
    goal: str,
    more: Mapping[str, list[Any]] | None = None,
) -> Draft:
    """Turn chosen operations into steps, adding those that they need. `more`: values for input fields by name."""
    made = Draft()
    fitting: dict[str, Choice] = {}
    for choice in chosen:
        lacking = missing_facts(choice.operation, profile, given=more or {})
        if lacking:
            made.unfit[choice.key] = f"the repository has no {lacking}"
            made.left_out.append(LeftOut(what=choice.operation.title, why=made.unfit[choice.key]))
        else:
            fitting[choice.key] = choice
    providers = _providers(offer, profile)
    for choice in list(fitting.values()):
        _add_needed(choice, fitting, providers, made)
    known = {**_known(profile, snapshot, goal), **(more or {})}
    for choice in _in_order(fitting):
        _add_step(choice, fitting, known, profile, made)
    return made


def whole(steps: Iterable[PlannedStep], report: PlannedStep) -> Plan:
    """Put the report behind all steps, whatever becomes of them."""
    analysis = group(*steps)
    if not len(analysis):
        return Plan((report,))
    behind_all = {step.key for step in analysis} - set(analysis.sinks())
    extra = tuple(After(key=key, on=EdgeCondition.ALWAYS) for key in sorted(behind_all))
    plan = chord(analysis, report, on=EdgeCondition.ALWAYS)
    last = plan.steps[-1]
    return Plan((*plan.steps[:-1], PlannedStep(
        key=last.key, agent=last.agent, operation=last.operation, input=last.input, after=last.after + extra,
        reason=last.reason,
    )))  # fmt: skip


def missing_facts(operation: Operation, profile: Profile, *, given: Collection[str] = ()) -> str:
    """Name what the repository lacks for an operation; "" if nothing. `given`: inputs that are known otherwise."""
    if operation.waived_by.intersection(given):
        return ""
    lacking = []
    for kind, facts in groupby(sorted(operation.requires), key=lambda fact: fact.partition(":")[0]):
        wanted = list(facts)
        if not profile.facts.intersection(wanted):
            names = " or ".join(fact.partition(":")[2] or fact for fact in wanted)
            lacking.append(names.capitalize() if kind == "language" else f"{kind} of the kind {names}")
    return " and no ".join(lacking)


def uncovered(profile: Profile, choices: Iterable[Choice]) -> list[LeftOut]:
    """Name the languages that no chosen operation was made for, with their size."""
    special = {
        fact for choice in choices for fact in choice.operation.requires if fact.startswith("language:")
    }
    general = [choice.operation for choice in choices if not _languages(choice.operation)]
    spoken = {
        language.name
        for language in profile.languages
        for operation in general
        if _speaks_of(operation, language)
    }
    titles = ", ".join(operation.name for operation in general)
    why = f"no chosen analysis knows this language; only those for any text read it ({titles})" if titles else (
        "no chosen analysis knows this language"
    )  # fmt: skip
    return [
        LeftOut(what=f"{plural(language.lines, 'line')} of {language.title}", why=why)
        for language in profile.languages
        if f"language:{language.name}" not in special and language.name not in spoken
    ]


def _languages(operation: Operation) -> set[str]:
    return {fact for fact in operation.requires if fact.startswith("language:")}


def _speaks_of(operation: Operation, language: Language) -> bool:
    """An operation for several languages names them in its manual."""
    named = operation.description.replace(",", " ").replace(".", " ").split()
    return language.title in named


def _providers(
    offer: Mapping[str, tuple[str, Operation]], profile: Profile
) -> dict[str, list[tuple[str, str, Operation]]]:
    """Who can give what, among those that the repository fits; plain ones (with fewer needs) first."""
    found: dict[str, list[tuple[str, str, Operation]]] = {}
    for key, (agent, operation) in offer.items():
        if not missing_facts(operation, profile):
            for given in operation.gives:
                found.setdefault(given, []).append((key, agent, operation))
    for rivals in found.values():
        rivals.sort(key=lambda rival: (len(rival[2].needs), rival[0]))
    return found


def _add_needed(
    choice: Choice,
    fitting: dict[str, Choice],
    providers: Mapping[str, list[tuple[str, str, Operation]]],
    made: Draft,
    path: tuple[str, ...] = (),
) -> bool:
    """Bring in what a choice needs, backwards. Takes the choice out again if it cannot be fed."""
    for need in sorted(choice.operation.needs - GIVEN):
        if any(need in other.operation.gives for other in fitting.values() if other.key != choice.key):
            continue
        if not _provide(need, choice, fitting, providers, made, path):
            fitting.pop(choice.key, None)
            made.left_out.append(
                LeftOut(what=choice.operation.title, why=f"it needs {need!r}, which no operation gives here")
            )
            return False
    return True


def _provide(
    need: str,
    choice: Choice,
    fitting: dict[str, Choice],
    providers: Mapping[str, list[tuple[str, str, Operation]]],
    made: Draft,
    path: tuple[str, ...],
) -> bool:
    for key, agent, operation in providers.get(need, ()):
        if key in path or key == choice.key:
            continue
        added = Choice(agent=agent, operation=operation, why=f"{choice.operation.title} needs its {need}")
        fitting[key] = added
        if _add_needed(added, fitting, providers, made, (*path, choice.key)):
            return True
    return False


def _in_order(fitting: Mapping[str, Choice]) -> list[Choice]:
    """Put those that give before those that need. A cycle cannot be fed and comes last."""
    waiting = dict(fitting)
    ordered: list[Choice] = []
    while waiting:
        to_come = {given for choice in waiting.values() for given in choice.operation.gives}
        ready = [
            c
            for c in waiting.values()
            if not (c.operation.needs - GIVEN) & (to_come - c.operation.gives) and not _waits(c, waiting)
        ]
        for choice in ready or list(waiting.values()):
            ordered.append(waiting.pop(choice.key))
    return ordered


def _waits(choice: Choice, waiting: Mapping[str, Choice]) -> bool:
    """Tell whether others that it follows are still to come; of two that follow each other neither waits."""
    return any(
        choice.operation.follows & other.operation.gives and not other.operation.follows
        for key, other in waiting.items()
        if key != choice.key
    )


def _known(profile: Profile, snapshot: Snapshot, goal: str) -> dict[str, list[Any]]:
    """Values for input fields by name, each in the shapes that a field may want."""
    short = snapshot.model_dump(mode="json", exclude={"skipped"})
    return {
        "snapshot": [snapshot.digest, short, snapshot.model_dump(mode="json")],
        "digest": [snapshot.digest],
        "revision": [snapshot.revision],
        "profile": [profile.model_dump(mode="json")],
        "languages": [[language.name for language in profile.languages]],
        "goal": [goal],
    }


def _add_step(
    choice: Choice,
    fitting: Mapping[str, Choice],
    known: Mapping[str, list[Any]],
    profile: Profile,
    made: Draft,
) -> None:
    earlier = {step.key for step in made.steps}
    givers = {
        given: other.key
        for other in fitting.values()
        for given in other.operation.gives
        if other.key in earlier
    }
    built = _input(choice.operation, known, givers)
    if isinstance(built, str):
        made.left_out.append(LeftOut(what=choice.operation.title, why=built))
        return
    after = tuple(
        After(key=givers[need]) for need in sorted(choice.operation.needs - GIVEN) if need in givers
    )
    before = {edge.key for edge in after}
    after += tuple(
        After(key=step.key, on=EdgeCondition.ALWAYS)
        for step in made.steps
        if step.key not in before and fitting[step.key].operation.gives & choice.operation.follows
    )
    reason = reason_of(choice, profile, built)
    made.choices.append(choice)
    made.steps.append(
        PlannedStep(
            key=choice.key,
            agent=choice.agent,
            operation=choice.operation.name,
            input=built,
            after=after,
            reason=reason,
        )
    )


def _input(
    operation: Operation, known: Mapping[str, list[Any]], givers: Mapping[str, str]
) -> JsonObject | str:
    """Fill an operation's input, or tell which field cannot be filled."""
    built: JsonObject = {}
    for name, about in operation.input.model_fields.items():
        if name in givers and name in operation.needs:
            built[name] = ref(givers[name])
            continue
        value = next(_fitting_values(known.get(name, ()), about.annotation, about.metadata), None)
        if value is not None:
            built[name] = value
        elif about.is_required() and name == "base":
            return "it compares with a base, and this run names none: submit it with `base`"
        elif about.is_required() and name == "sarif":
            return "it reads results of other tools, and this run brings none: submit it with `sarif`"
        elif about.is_required():
            return f"its input {name!r} cannot be known from the goal and the repository"
    return built


def _fitting_values(candidates: Iterable[Any], annotation: Any, metadata: list[Any]) -> Iterator[Any]:
    del metadata  # the catalog checks the whole input; here the shape is enough
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    for candidate in candidates:
        try:
            adapter.validate_python(candidate)
        except ValidationError:
            continue
        yield candidate


def reason_of(choice: Choice, profile: Profile, input: JsonObject) -> str:
    """Say in plain words why a step is there: "1,204 lines of Python; the goal names 'bugs'"."""
    if elsewhere := sorted(choice.operation.waived_by & set(input)):
        return f"{elsewhere[0]} {input[elsewhere[0]]}; {choice.why}"
    named = {fact.partition(":")[2] for fact in _languages(choice.operation)}
    spoken = [language for language in profile.languages if language.name in named]
    if spoken:
        subject = " and ".join(f"{plural(language.lines, 'line')} of {language.title}" for language in spoken)
    else:
        subject = f"{plural(profile.files, 'file')}, {plural(profile.lines, 'line')}"
    return f"{subject}; {choice.why}"
