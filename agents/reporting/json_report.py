"""The report for programs: one JSON object, described in full by its `schema` number and by `report.schema.json`.

Owns: the shape. What is written and what the JSON Schema says are made from the same classes, so neither can have a
field that the other has not.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from agents.findings import Category, Confidence, Evidence, Severity
from agents.patches import FixData
from agents.quality.model import Quality
from agents.reporting import fixes
from agents.reporting.model import NotAnalysed, PlanStep, Report, ReportedFinding, Target, ToolRun, Written

SCHEMA: Final = 1  # goes up when a field changes its meaning or goes away, not when one is added
SCHEMA_FILE = Path(__file__).with_name("report.schema.json")

Count = Annotated[int, Field(ge=0)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SeverityCounts(_Shape):
    """How many findings of each severity."""

    critical: Count
    high: Count
    medium: Count
    low: Count
    info: Count


class Summary(_Shape):
    """The findings in figures."""

    findings: Count = Field(description="Those that are listed.")
    dismissed: Count = Field(description="Those that people have dismissed, which are not listed.")
    by_severity: SeverityCounts


class ListedFinding(_Shape):
    """A claim about the project, with what makes it checkable."""

    path: str = Field(description="Relative to the root of the target, with `/`.")
    line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    column: int = Field(ge=1)
    rule: str
    severity: Severity
    confidence: Confidence
    category: Category
    title: str
    message: str
    agent: str = Field(description="The agent that made the claim.")
    scope: str = Field(description="Qualified name of the enclosing function or class; empty if unknown.")
    fingerprint: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="The identity of the claim; it does not depend on line numbers.",
    )
    cwe: tuple[int, ...] = Field(description="Numbers of the Common Weakness Enumeration.")
    in_test_code: bool
    owner: str = Field(description="Owners of the path by CODEOWNERS, parted by blanks; empty for none.")
    is_new: bool | None = Field(description="Against what the run was compared with; null: with nothing.")
    evidence: tuple[Evidence, ...] = Field(min_length=1)


class Document(_Shape):
    """Everything that a run of WrenchAI has to tell, findings in the order in which to read them."""

    number: Literal[1] = Field(
        SCHEMA,
        serialization_alias="schema",
        description="Goes up when a field changes its meaning or goes away, not when one is added.",
    )
    run_id: UUID
    goal: str = Field(description="What was asked, in the words of who asked.")
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    verdict: str = Field(description="One sentence for the head of the report.")
    complete: bool = Field(description="Whether an empty list of findings means something.")
    answer: str = Field(description="What came of it, in a paragraph.")
    target: Target
    summary: Summary
    findings: tuple[ListedFinding, ...] = Field(
        description="In the order in which to read them: grave and sure first, and few of one rule at a time."
    )
    fixes: tuple[FixData, ...] = Field(description="Surest first; what was rejected is not among them.")
    tools: tuple[ToolRun, ...] = Field(description="What each tool looked at, and what it could not.")
    not_analysed: tuple[NotAnalysed, ...] = Field(description="What nobody looked at.")
    written: tuple[Written, ...]
    plan: tuple[PlanStep, ...]
    timings: dict[str, float] = Field(description="Seconds by name, such as `total` or `queue`.")
    quality: Quality | None = Field(description="Null: nothing was planned that could tell.")


def as_json(report: Report) -> bytes:
    """Give the report as UTF-8 JSON, findings in the order in which to read them."""
    return json.dumps(as_data(report), ensure_ascii=True, indent=2).encode() + b"\n"


def as_data(report: Report) -> dict[str, Any]:
    """Give the report as plain data, in the shape of `Document`."""
    document = Document(
        run_id=report.run_id,
        goal=report.goal,
        created_at=report.created_at.isoformat(),
        verdict=report.verdict,
        complete=report.is_complete,
        answer=report.answer,
        target=report.target,
        summary=Summary(
            findings=len(report.findings),
            dismissed=report.dismissed,
            by_severity=SeverityCounts(**{key.value: count for key, count in report.by_severity.items()}),
        ),
        findings=tuple(_finding(entry) for entry in report.ranked),
        fixes=tuple(fixes.shown(report.fixes)),
        tools=report.tool_runs,
        not_analysed=report.not_analysed,
        written=report.written,
        plan=report.plan_steps,
        timings=report.timings,
        quality=report.quality,
    )
    return document.model_dump(mode="json", by_alias=True)


def _finding(entry: ReportedFinding) -> ListedFinding:
    finding = entry.finding
    return ListedFinding(
        path=finding.path,
        line=finding.line,
        end_line=finding.end_line,
        column=finding.column,
        rule=finding.rule,
        severity=finding.severity,
        confidence=finding.confidence,
        category=finding.category,
        title=finding.title,
        message=finding.message,
        agent=entry.agent,
        scope=finding.scope,
        fingerprint=finding.fingerprint,
        cwe=finding.cwe,
        in_test_code=finding.in_test_code,
        owner=finding.owner,
        is_new=entry.newness,
        evidence=finding.evidence,
    )


class _Written(GenerateJsonSchema):
    """What is written, not what is read: every field is there, and none has a default or a made-up title."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of the report, as `report.schema.json` holds it."""
    made = Document.model_json_schema(mode="serialization", schema_generator=_Written)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:wrenchai:report:{SCHEMA}",
        "$comment": "Made by `./wrench manage write_reference`; change the code, not this file.",
        **made,
        "title": "WrenchAI report",
    }


def schema_text() -> str:
    """Give the content of `report.schema.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"
