"""The report for programs: it is what its JSON Schema says, whatever the run; and the schema lets no other pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from agents.findings import Evidence, Hop, Severity
from agents.patches import Label
from agents.quality import model as q
from agents.reporting import Report, Written, write_all
from agents.reporting.json_report import SCHEMA, SCHEMA_FILE
from tests.agents.reporting.reports import RUN, finding, mean_report, partial, report, tool
from tests.agents.reporting.test_fixes import fix

REPORT_SCHEMA = json.loads(SCHEMA_FILE.read_text())
MAPS = {
    "Complexity.distribution", "Document.timings", "Evidence.fingerprints", "Measures.languages",
    "Quality.ratings", "ToolRun.languages", "ToolRun.lost", "ToolRun.skipped_by_reason",
}  # fmt: skip
"""The objects whose keys come from what was looked at."""


def _quality() -> q.Quality:
    breach = q.Breach(fingerprint="0" * 64, rule="S608", severity="high", path="shop/search.py", line=12)
    place = q.Place(path="shop/search.py", first=1, last=9)
    return q.Quality(
        gate=q.Gate(
            state=q.GateState.FAILED,
            why="one condition failed",
            conditions=(
                q.Condition(key="new_high", title="New high findings", state=q.ConditionState.FAILED, figure=1.0,
                          breaches=(breach,), breach_count=1),
            ),
            baseline_run=RUN,
        ),
        ratings={q.Dimension.SECURITY: q.Rated(rating=q.Rating.D, why="one high"), q.Dimension.RELIABILITY:
                 q.Rated(rating=None, why="lint did not run")},
        debt=q.Debt(minutes=10, development_minutes=None, ratio_percent=0.5),
        measures=q.Measures(
            product=q.Lines(files=1, code=9), languages={"Python": 9},
            duplication=q.Duplication(blocks=(q.Block(lines=9, tokens=80, here=place, there=place),)),
            new_code=q.NewCode(lines=None, why="first run"), complexity=q.Complexity(distribution={"1-5": 3}),
            documentation=q.Documentation(percent=None),
            hotspots=(q.Hotspot(path="shop/search.py", commits=3, complexity=4, score=12),),
        ),
        settings=q.SettingsTold(faults=("unknown key",)),
    )  # fmt: skip


def _whole() -> Report:
    """A report that has something in every field."""
    path = Evidence(
        kind="taint_path", tool="wrench-taint", tool_version="1", rule="taint-sql", message="reaches",
        hops=(Hop(path="shop/views.py", line=3, variable="q", what="a query parameter"),),
        fingerprints={"primaryLocationLineHash": "ab:1"},
    )  # fmt: skip
    claimed = finding()
    data = claimed.finding.model_copy(
        update={"evidence": (path,), "owner": "@team", "is_new": True, "in_test_code": True}
    )
    return report(
        findings=(claimed.model_copy(update={"finding": data}), finding(severity=Severity.INFO, line=99)),
        dismissed=2,
        tool_runs=(partial(), tool(languages={"Python": 4}, cpu_seconds=0.1)),
        written=(Written(title="Map", summary="3 modules", files=("map.svg",)),),
        quality=_quality(),
        fixes=(fix(Label.REANALYSED), fix(Label.PARSES_ONLY), fix(Label.REJECTED)),
    )


REPORTS = {
    "ordinary": report(),
    "empty": report(findings=(), tool_runs=(), plan_steps=(), not_analysed=(), timings={}, answer=""),
    "whole": _whole(),
    "hostile": mean_report(),
}


def told(of: Report) -> dict[str, Any]:
    """The JSON form of a report, valid by its schema."""
    data: dict[str, Any] = json.loads(write_all(of)["report.json"])
    jsonschema.Draft202012Validator(
        REPORT_SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(data)
    return data


def _objects(node: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every object that the schema describes, with its place in it."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield at, node
        for key, value in node.items():
            yield from _objects(value, (*at, key))
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value, at)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_what_the_schema_says(name: str) -> None:
    data = told(REPORTS[name])
    assert (data["schema"], data["run_id"]) == (SCHEMA, str(RUN))


def test_schema_is_one_of_2020_12_with_a_name_that_has_its_number() -> None:
    jsonschema.Draft202012Validator.check_schema(REPORT_SCHEMA)
    assert REPORT_SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert REPORT_SCHEMA["$id"] == f"urn:wrenchai:report:{SCHEMA}"
    assert REPORT_SCHEMA["properties"]["schema"]["const"] == SCHEMA


def test_objects_of_ours_have_all_their_fields_and_no_other() -> None:
    maps = set()
    for at, shape in _objects(REPORT_SCHEMA):
        if "properties" in shape:
            assert shape["additionalProperties"] is False, at
            assert sorted(shape["required"]) == sorted(shape["properties"]), at
        else:
            owner = at[1] if at[0] == "$defs" else "Document"
            maps.add(f"{owner}.{at[-1]}")
    assert maps == MAPS


def _places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every object of a report that is no map, with its place."""
    if isinstance(data, dict):
        if not at or at[-1] not in {name.partition(".")[2] for name in MAPS}:
            yield at, data
        for key, value in data.items():
            yield from _places(value, (*at, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _places(value, (*at, number))


def _found(data: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        data = data[key]
    return data


def test_schema_refuses_a_field_more_and_a_field_less_anywhere() -> None:
    whole = told(REPORTS["whole"])
    places = [at for at, _ in _places(whole)]
    assert len(places) > 30
    validator = jsonschema.Draft202012Validator(REPORT_SCHEMA)
    for at in places:
        more = copy.deepcopy(whole)
        _found(more, at)["surprise"] = 1
        assert not validator.is_valid(more), at
        for key in _found(whole, at):
            less = copy.deepcopy(whole)
            del _found(less, at)[key]
            assert not validator.is_valid(less), (at, key)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("schema",), 2),
        (("run_id",), None),
        (("complete",), "yes"),
        (("findings", 0, "line"), 0),
        (("findings", 0, "severity"), "terrible"),
        (("findings", 0, "fingerprint"), "ab"),
        (("findings", 0, "evidence"), []),
        (("summary", "by_severity", "high"), -1),
        (("tools", 0, "state"), "fine"),
        (("quality", "gate", "state"), "open"),
        (("fixes", 0, "label"), "surely"),
    ],
)
def test_schema_refuses_a_value_that_no_report_has(at: tuple[Any, ...], value: object) -> None:
    data = told(REPORTS["whole"])
    _found(data, at[:-1])[at[-1]] = value
    assert not jsonschema.Draft202012Validator(REPORT_SCHEMA).is_valid(data)
