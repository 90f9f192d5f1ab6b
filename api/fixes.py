"""Fixes that a run offers.

GET /api/v1/runs/<id>/fixes    worst finding first; ?label= (several times) &rule= &path= &limit= &cursor=

A fix is a unified diff for one finding, with what was seen of it. Nothing is ever applied: `fixes.patch` among the
run's artifacts holds all that hold together, for `git apply`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents.models import Fix
from agents.patches import Label, Outcome, Rung
from api.bodies import valid
from api.describe import Page, operation
from api.lists import AnyOf, ListQuery, ManyOf, asked, page_of
from api.lookup import find_run
from api.shapes import Moment, Uuid, moment

MAX_TEXT = 2_000


class RungShape(TypedDict):
    """What was seen on one rung."""

    rung: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in Rung]})]
    outcome: Annotated[str, Field(json_schema_extra={"enum": [one.value for one in Outcome]})]
    reason: str


class FixShape(TypedDict):
    """A fix for one finding."""

    run: Uuid
    fingerprint: Annotated[str, Field(description="of the finding that it mends")]
    rule: str
    path: str
    line: Annotated[int, Field(description="of the finding, from 1")]
    title: str
    mend: Annotated[str, Field(description="what made it: `ruff`, or the name of a codemod")]
    note: Annotated[str, Field(description="what changes for whoever takes it")]
    label: Annotated[
        str,
        Field(
            description="verified: tests ran; re-analysed: its finding was seen to be gone; rejected: do not take it",
            json_schema_extra={"enum": [one.value for one in Label]},
        ),
    ]
    diff: Annotated[str, Field(description="for `git apply` or `patch -p1`")]
    rungs: list[RungShape]
    at: Moment


class FixFilter(ListQuery):
    """The query of the list."""

    orderings = {"made": "pk"}
    newest_first = False

    label = ManyOf(  # type: ignore[assignment]  # DRF takes fields off the class, so none hides its own
        choices=[one.value for one in Label],
        required=False,
        help_text="so labelled; without: whatever the label",
    )
    rule = AnyOf(max_length=MAX_TEXT, required=False, help_text="for findings of one of these rules")
    path = serializers.CharField(
        max_length=300, required=False, trim_whitespace=False, help_text="in this file"
    )


EXAMPLE: FixShape = {
    "run": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a02",
    "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "rule": "S506",
    "path": "catalog/load.py",
    "line": 3,
    "title": "Load plain YAML only",
    "mend": "safe-yaml",
    "note": "Documents with tags of Python objects are refused now.",
    "label": "re-analysed",
    "diff": "diff --git a/catalog/load.py b/catalog/load.py\n--- a/catalog/load.py\n+++ b/catalog/load.py\n"
    "@@ -1,3 +1,3 @@\n import yaml\n \n-rows = yaml.load(text, Loader=yaml.Loader)\n+rows = yaml.safe_load(text)\n",
    "rungs": [
        {"rung": "applies", "outcome": "passed", "reason": "git apply made the files that were meant"},
        {"rung": "tests_pass", "outcome": "not_run", "reason": "no sandbox"},
    ],
    "at": "2026-11-25T09:30:00Z",
}


class RunFixesView(APIView):
    """What a run offers to mend."""

    required_action = "finding.view"

    @operation(
        "runs_fixes", query=FixFilter, returns=Page[FixShape], example={"results": [EXAMPLE], "next": None}
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the fixes that a run offers, in the order of their making: for the worst findings first.

        Rejected ones are among them, with the reason, unless `label` says otherwise.
        """
        run = find_run(request, self, run_id)
        wanted = valid(FixFilter(data=asked(request, FixFilter)))
        rows = Fix.objects.filter(run=run).select_related("run")
        if "label" in wanted:
            rows = rows.filter(label__in=wanted["label"])
        if "rule" in wanted:
            rows = rows.filter(rule__in=wanted["rule"])
        if "path" in wanted:
            rows = rows.filter(path=wanted["path"])
        page = page_of(request, FixFilter, rows, wanted)
        return Response({"results": fix_shapes(page.rows), "next": page.next})


def fix_shapes(rows: Iterable[Fix]) -> list[FixShape]:
    """Fixes in JSON; their runs must be there."""
    return [
        {
            "run": str(row.run.public_id),
            "fingerprint": row.fingerprint,
            "rule": row.rule,
            "path": row.path,
            "line": row.line,
            "title": row.title,
            "mend": row.mend,
            "note": row.note,
            "label": row.label,
            "diff": row.diff,
            "rungs": row.rungs,
            "at": moment(row.created_at),
        }
        for row in rows
    ]
