"""A list of findings as a file: CSV for spreadsheets, JSON for programs. The address chooses, as that of the list.

Read and sent a page at a time, in the list's order: 100,000 findings are never in memory, and no transaction is
open while a slow reader takes them. Texts of repositories act in no spreadsheet (`accounts.spreadsheets`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import access, audit, spreadsheets
from accounts.audit import Act
from accounts.models import Project
from agents.finding_lists import narrow
from agents.models import TrackedFinding, TrackedFindings
from frontend.finding_query import View, read
from frontend.findings import PAGE, run_of
from frontend.lists import beyond, by
from frontend.views import error, user_of
from tasks.models import Run

AT_ONCE = 1_000  # findings
COLUMNS = (
    "id", "project", "severity", "confidence", "status", "until", "category", "rule", "title", "message", "path",
    "line", "end_line", "agent", "owner", "first_seen_at", "last_seen_at", "fixed_at", "fingerprint",
)  # fmt: skip
TYPES = {"csv": spreadsheets.CONTENT_TYPE, "json": "application/json"}


class Streamed(StreamingHttpResponse):
    """Texts, one after the other; under ASGI, too, where Django would first read all of them."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        texts = iter(self)
        while (text := await sync_to_async(lambda: next(texts, None))()) is not None:
            yield text


@PAGE.door()
def of_project(request: HttpRequest, project: Project) -> HttpResponseBase:
    """Give the findings of a project that the address chooses."""
    return _answer(request, TrackedFinding.objects.with_status().filter(project=project), project)


@require_safe
@login_required
def of_all(request: HttpRequest) -> HttpResponseBase:
    """Give the findings that the address chooses, of all projects that you see."""
    seen = access.projects_for(user_of(request), "finding.view")
    return _answer(request, TrackedFinding.objects.with_status().filter(project__in=seen), None)


def _answer(request: HttpRequest, rows: TrackedFindings, project: Project | None) -> HttpResponseBase:
    wanted, view = request.GET.get("format", ""), read(request.GET)
    if wanted not in TYPES:
        return error(request, 400)
    run = run_of(request, view, project)
    if request.method == "GET":
        with transaction.atomic():
            audit.record(
                Act.FINDINGS_EXPORTED,
                subject=f"project:{project.pk}" if project else "findings",
                project_id=project.pk if project else None,
                details={"format": wanted, "chosen": [f"{name}={value}" for name, value in view.pairs]},
            )
    found = _rows(rows.select_related("project__team"), view, run)
    answer = Streamed(_as_csv(found) if wanted == "csv" else _as_json(found), content_type=TYPES[wanted])
    name = f"findings-{project.slug if project else 'all'}-{timezone.now():%Y-%m-%d}.{wanted}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _rows(rows: TrackedFindings, view: View, run: Run | None) -> Iterator[list[dict[str, Any]]]:
    """Give the rows of a list, a page at a time."""
    order = by(view.column, backwards=view.backwards)
    rest = asked = narrow(rows, view.wanted, run=run).order_by(*order)
    while page := list(rest[:AT_ONCE]):
        yield [_fields(row) for row in page]
        last = (getattr(page[-1], view.column), page[-1].pk)
        rest = asked.filter(beyond(view.column, last, backwards=view.backwards))


def _fields(row: TrackedFinding) -> dict[str, Any]:
    given = {name: getattr(row, name) for name in COLUMNS if name not in {"id", "project", "status"}}
    times = {
        name: at.isoformat().replace("+00:00", "Z") for name, at in given.items() if hasattr(at, "isoformat")
    }
    project = f"{row.project.team.slug}/{row.project.slug}"
    told = {"id": str(row.public_id), "project": project, "status": row.status_now, **given, **times}
    return {name: told[name] for name in COLUMNS}


def _as_csv(pages: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Write CSV (RFC 4180)."""
    yield spreadsheets.lines([COLUMNS])
    for page in pages:
        yield spreadsheets.lines([row[name] for name in COLUMNS] for row in page)


def _as_json(pages: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    """Write one object whose list is as long as the file."""
    yield '{"findings": ['
    is_first = True
    for page in pages:
        text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in page)
        yield text if is_first else f",\n{text}"
        is_first = False
    yield "]}\n"


urlpatterns = [path("projects/<project:project>/findings/export", of_project, name="findings-export")]
