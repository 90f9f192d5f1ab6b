"""The reference pages that are made from the code: settings, states, events, operations, the API.

Owns: what these pages say and how they look. Refuses to know files: `write_reference` writes and compares.
Invariant: the same code gives the same bytes, whatever the machine and its environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

import yaml
from drf_spectacular.renderers import OpenApiYamlRenderer

from agents import registry
from agents.base import Agent, Operation
from agents.quality import reference as wrench_toml
from agents.reporting import json_report
from api import asyncapi, schema
from tasks import events
from tasks.states import (
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    AttemptOutcome,
    EdgeCondition,
    RunState,
    StepState,
    satisfies,
)
from wrenchai_project.env import DECLARED, Declared

MADE_BY = "<!-- Made by `./wrench manage write_reference`; change the code, not this page. -->"

KINDS = {
    "text": "any text",
    "flag": "`1`, `true`, `yes`, `on` against `0`, `false`, `no`, `off`",
    "number": "a whole number within bounds",
    "choice": "one of the words that the meaning names",
    "list": "words separated by commas",
    "secrets": "secrets with their ids, `new-id:secret,old-id:secret`; the first is used, the others are still known",
    "folders": "absolute paths separated by `:`, as in `PATH`",
    "folder": "a path; a relative one counts from the working directory",
    "keys": "`id:secret`, several separated by commas; the first signs, all verify",
    "url": "a URL, `postgresql://user:password@host:5432/name`, `redis://:password@host:6379/0` or `smtp://user:password@host`",
}
RUN_MEANINGS: Mapping[RunState, str] = {
    RunState.ACCEPTED: "stored, and nobody has begun",
    RunState.RUNNING: "at least one attempt has begun",
    RunState.PAUSED: "no new attempt begins",
    RunState.SUCCEEDED: "every step is final, and no failure was left alone",
    RunState.FAILED: "a step is dead and no other step deals with its failure",
    RunState.CANCELLED: "somebody asked for its end",
}
STEP_MEANINGS: Mapping[StepState, str] = {
    StepState.PENDING: "waits for other steps",
    StepState.READY: "may be claimed by a worker",
    StepState.RUNNING: "one attempt holds its fence",
    StepState.WAITING_RETRY: "an attempt failed; the next comes after a delay",
    StepState.WAITING: "waits for an answer that it asked for",
    StepState.WAITING_APPROVAL: "waits for a person's yes",
    StepState.SUCCEEDED: "its result is stored",
    StepState.SKIPPED: "a step before it did not end as its edge demands",
    StepState.DEAD: "no attempt is left, or trying again cannot help",
    StepState.CANCELLED: "not done because the run was cancelled",
}
OUTCOME_MEANINGS: Mapping[AttemptOutcome, str] = {
    AttemptOutcome.SUCCEEDED: "its result was accepted",
    AttemptOutcome.FAILED: "the operation raised, or ran past its soft limit",
    AttemptOutcome.LOST: "its worker or child died, or the lease ran out",
    AttemptOutcome.RELEASED: "given back by a worker that shut down, or put off; spends no attempt",
    AttemptOutcome.CANCELLED: "stopped because the run was cancelled",
    AttemptOutcome.STALE: "its result came after the lease was lost and was thrown away",
}
JSON_WORDS = {
    "str": "text",
    "int": "whole number",
    "int | None": "whole number or null",
    "str | None": "text or null",
    "float": "number",
    "bool": "true or false",
    "JsonObject": "object",
    "tuple[str, ...]": "list of text",
}


def pages() -> dict[str, str]:
    """Make every page: path in the checkout -> content."""
    makers: Mapping[str, Callable[[], Iterator[str]]] = {
        "docs/reference/settings.md": _settings,
        "docs/reference/states.md": _states,
        "docs/reference/events.md": _events,
        "docs/reference/operations.md": _operations,
        "docs/reference/report_json.md": _report_json,
        "docs/reference/wrench_toml.md": _wrench_toml,
    }
    made = {path: "\n".join([MADE_BY, "", *make()]) + "\n" for path, make in makers.items()}
    return {
        **made,
        "docs/reference/openapi.yaml": _openapi(),
        "docs/reference/asyncapi.yaml": _yaml(asyncapi.document()),
        "agents/reporting/report.schema.json": json_report.schema_text(),
    }


def _wrench_toml() -> Iterator[str]:
    yield "# wrench.toml"
    yield ""
    yield "All settings of a project, version 1. A file with an unknown key or a wrong value is not used."
    yield "[Configure a project](../how_to/configure_a_project.md) shows how to use it."
    yield ""
    yield wrench_toml.page()


def _report_json() -> Iterator[str]:
    schema = json_report.json_schema()
    yield from (
        "# report.json",
        "",
        f"{schema['description']} [Read a report](../how_to/read_a_report.md) tells what it means.",
        "",
        "The same for programs is a JSON Schema (2020-12): "
        "[report.schema.json](../../agents/reporting/report.schema.json). Every field is always there; where it "
        "may be null, the type says so. `schema` goes up when a field changes its meaning or goes away. A field "
        "may be added without that: a program that checks reports takes the schema of the release that wrote "
        "them, and one that only reads them ignores what it does not know.",
        "",
        *_fields(schema),
    )
    for name, shape in sorted(schema["$defs"].items()):
        yield from ("", f"## {name}", "", str(shape.get("description", "")), "", *_fields(shape))


def _openapi() -> str:
    """Write the description of the newest version of the API as YAML."""
    renderer: Any = OpenApiYamlRenderer()  # drf-spectacular has no types here
    rendered: bytes = renderer.render(schema.document(schema.NEWEST))
    return f"# {MADE_BY[5:-4].strip()}\n{rendered.decode()}"


def _yaml(document: dict[str, Any]) -> str:
    dumped: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return f"# {MADE_BY[5:-4].strip()}\n{dumped}"


def _settings() -> Iterator[str]:
    yield from (
        "# Settings",
        "",
        "All settings come from the environment. A value that cannot be read is never guessed at: "
        "`./wrench manage check` names it with a hint, and web and workers refuse to start. With `DEBUG=0` "
        "the published default of `SECRET_KEY` is refused too.",
        "",
        "| kind | what it takes |",
        "|---|---|",
    )
    used = {one.kind for one in DECLARED.values()}
    yield from (f"| {kind} | {takes} |" for kind, takes in KINDS.items() if kind in used)
    yield from (
        "",
        "## What the project reads",
        "",
        "| name | kind | default | meaning |",
        "|---|---|---|---|",
    )
    yield from (_setting(one) for one in DECLARED.values())
    yield from (
        "",
        "## What the launcher reads",
        "",
        "| name | meaning |",
        "|---|---|",
        "| `WRENCH_STATE_DIR` | the same folder as above; `.wrench` in the checkout by default |",
        "| `WRENCH_PYTHON` | the Python that `./wrench` makes `.venv` with, if its own choice is not wanted |",
        "| `DATABASE_URL`, `REDIS_URL` | servers of yours; without them `./wrench` starts its own |",
    )


def _setting(one: Declared) -> str:
    default = f"`{one.default}`" if _is_literal(one) else one.default or "empty"
    return f"| `{one.name}` | {one.kind} | {default} | {_cell(one.meaning)} |"


def _is_literal(one: Declared) -> bool:
    return bool(one.default) and " " not in one.default


def _states() -> Iterator[str]:
    yield from (
        "# States",
        "",
        "The tables of `tasks/states.py` are the only copy: this page, the engine's checks and the triggers in "
        "the database are made from them. Nothing leaves a final state: trying again makes another attempt or "
        "another run.",
        "",
        "## Runs",
        "",
    )
    yield from _machine(RUN_TRANSITIONS, RUN_MEANINGS, first=RunState.ACCEPTED)
    yield from ("", "## Steps", "")
    yield from _machine(STEP_TRANSITIONS, STEP_MEANINGS, first=StepState.PENDING)
    yield from ("", "A step that waits for nothing is stored as `ready` at once.")
    yield from ("", "## Edges", "")
    yield from (
        "An edge says how the step before must have ended.",
        "",
        "| condition | lets start after |",
        "|---|---|",
    )
    for condition in EdgeCondition:
        ended = ", ".join(f"`{state.value}`" for state in StepState if satisfies(state, condition))
        yield f"| `{condition.value}` | {ended} |"
    yield from ("", "## Attempts", "", "| outcome | meaning |", "|---|---|")
    yield from (f"| `{outcome.value}` | {OUTCOME_MEANINGS[outcome]} |" for outcome in AttemptOutcome)


def _machine(
    moves: Mapping[Any, frozenset[Any]], meanings: Mapping[Any, str], *, first: StrEnum
) -> Iterator[str]:
    yield from ("```mermaid", "stateDiagram-v2", f"    [*] --> {first.value}")
    for state, following in moves.items():
        yield from (f"    {state.value} --> {other.value}" for other in sorted(following))
        if not following:
            yield f"    {state.value} --> [*]"
    yield from ("```", "", "| state | meaning | moves to |", "|---|---|---|")
    for state, following in moves.items():
        goes = ", ".join(f"`{other.value}`" for other in sorted(following)) or "final"
        yield f"| `{state.value}` | {meanings[state]} | {goes} |"


def _events() -> Iterator[str]:
    yield from (
        "# Events",
        "",
        "An event is an immutable fact of a run. Its `seq` counts from 1 without a gap, so a reader that knows "
        "the last number it saw misses nothing: `GET /api/v1/runs/<id>/events?after=<seq>`, or the same cursor "
        "by WebSocket. An event has `seq`, `type` (a kind below), `at` (ISO 8601, UTC) and `data`, in which "
        "`key` names the step that it is about.",
        "",
        "Events are removed when [retention](../operations/retention.md) says so, all of a run together. Who asks "
        "for removed ones is told: `removed_up_to` in the answer is the last number that is gone (0: none is), "
        "and by WebSocket a `reset` comes with the reason `older events were removed`.",
        "",
        "| kind | meaning | data |",
        "|---|---|---|",
    )
    for kind in {fact.kind: fact for fact in events.KINDS}.values():
        data = ", ".join(f"`{one.name}` {JSON_WORDS[str(one.type)]}" for one in fields(kind)) or "nothing"
        yield f"| `{kind.kind}` | {_cell(kind.about)} | {data} |"


def _operations() -> Iterator[str]:
    agents = registry.load(plugins=False).agents.values()
    yield from (
        "# Agents and their operations",
        "",
        "The agents that come with WrenchAI. A plugin brings more: "
        "[how to add an agent](../how_to/add_an_agent.md). Priorities, limits, timeouts and attempts are the "
        "agent's own; an administrator overrides them at `/admin/agents/agentconfig/`.",
        "",
        "| agent | queue | priority | operations |",
        "|---|---|---|---|",
    )
    for agent in agents:
        names = ", ".join(f"[{name}](#{_anchor(agent, name)})" for name in agent.operations()) or "none yet"
        yield f"| {agent.title} | `{agent.queue()}` | {agent.priority} | {names} |"
    yield from ("", "A priority of 0 is the most urgent, 9 the least.")
    shapes: dict[str, Mapping[str, Any]] = {}
    for agent in agents:
        yield from ("", f"## {agent.title}", "", agent.description)
        for described in agent.operations().values():
            yield from ("", f"### {agent.name}.{described.name}", "", *_operation(described, shapes))
    yield from ("", "## Shapes", "", "Objects that fields above are made of.")
    for name in sorted(shapes):
        yield from ("", f"### {name}", "", *_fields(shapes[name]))


def _anchor(agent: Agent, operation: str) -> str:
    """Name the heading of an operation as renderers of Markdown do: lower case, without the dot."""
    return f"{agent.name}{operation}".lower()


def _operation(described: Operation, shapes: dict[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"**{described.title}.**"
    manual = described.description.partition("\n")[2].strip()
    if manual:
        yield from ("", *manual.splitlines())
    yield ""
    yield (
        f"Soft limit {described.timeout_seconds} s, {described.attempts} attempts, outside effect "
        f"`{described.effect}`. {_facts(described)}"
    ).strip()
    for title, model in (("Input", described.input), ("Output", described.output)):
        schema = model.model_json_schema(mode="validation" if title == "Input" else "serialization")
        shapes.update(schema.get("$defs", {}))
        yield from ("", f"{title}:", "", *_fields(schema))
    if described.examples:
        yield from ("", "Goals that lead here:", "", *(f"- {goal}" for goal in described.examples))


def _facts(described: Operation) -> str:
    told = (("Needs", described.needs), ("Gives", described.gives), ("Only for", described.requires))
    text = " ".join(f"{word} {_listed(facts)}." for word, facts in told if facts)
    waived = f", unless {_listed(described.waived_by)} is given." if described.waived_by else ""
    return text.removesuffix(".") + waived if waived else text


def _listed(facts: Iterable[str]) -> str:
    return ", ".join(f"`{fact}`" for fact in sorted(facts))


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    """Describe an object's fields, or an enumeration's values."""
    if "enum" in schema:
        yield "One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + "."
        return
    required = set(schema.get("required", ()))
    yield from ("| field | type | meaning |", "|---|---|---|")
    for name, field in schema.get("properties", {}).items():
        meaning = _cell(str(field.get("description", "")))
        optional = "" if name in required else ", optional"
        yield f"| `{name}` | {_type(field)}{optional} | {meaning} |"


def _type(field: Mapping[str, Any]) -> str:
    """Say a JSON schema's type in a few words."""
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field or "oneOf" in field:
        return " or ".join(dict.fromkeys(_type(part) for part in field.get("anyOf") or field["oneOf"]))
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "anything")
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
        return f"object of {_type(field['additionalProperties'])}"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(kind, str(kind))


def _cell(text: str) -> str:
    """Make a text fit for a cell of a table."""
    return " ".join(text.replace("|", "\\|").split())
