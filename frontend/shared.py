"""A run as whoever has a link to it sees it: without an account, without control, and nothing but this run.

    /shared/<token>                  plan, timeline, steps, events, result, and what the link shows besides
    /shared/<token>/parts            its changing parts, for the page's script
    /shared/<token>/log              the log of all its steps, by a link that shows it; /log/lines for the script
    /shared/<token>/files/<name>     a form of its report, by a link that shows files

The page is live by the stream, which the same token opens for this run's topic alone. Nothing here reads or sets a
cookie, may be kept, indexed, or tell its address to others. A link that is over is a 410, which whoever never had
it cannot tell from none: they get a 404, and are slowed down (ADR-0047).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts import attempts, audit
from accounts.roles import AUDITED_ACTIONS
from agents import run_links
from agents.reporting.showing import SANDBOX, SEARCHED, SHOWN_AS
from frontend import rows, run_log, run_parts
from frontend.rows import ArtifactRow
from tasks import artifacts
from tasks.errors import ArtifactMissing
from tasks.models import Artifact, RunShare

log = structlog.get_logger(__name__)

MAX_BYTES = 32 << 20  # of a file: reports are smaller

Page = Callable[..., HttpResponse]


def _by_link(page: Callable[..., HttpResponse | None]) -> Page:
    """Give a page the link of its token. What it does not show, or shows no more, is said instead."""

    @wraps(page)
    def shown(request: HttpRequest, token: str, **more: str) -> HttpResponse:
        try:
            row = run_links.look(token)
        except run_links.LinkOver:
            return _dressed(render(request, "frontend/shared_over.html", {"status": 410}, status=410))
        answer = None if row is None else page(request, row, token, **more)
        if answer is None:
            answer = _nothing(request, is_guess=row is None)
        return _dressed(answer)

    return require_safe(shown)


@_by_link
def shared_page(request: HttpRequest, row: RunShare, token: str) -> HttpResponse:
    """Show a run to whoever has a link."""
    context = _parts(request, row, token)
    context["events"] = rows.event_rows(row.run, with_logs=row.with_logs, shared=True)
    return render(request, "frontend/shared.html", context)


@_by_link
def shared_parts(request: HttpRequest, row: RunShare, token: str) -> HttpResponse:
    """The changing parts of that page, for its script to put in place."""
    return render(request, "frontend/shared_parts.html", _parts(request, row, token))


@_by_link
def shared_log(request: HttpRequest, row: RunShare, token: str) -> HttpResponse | None:
    """The log of all steps, if the link shows it."""
    return _log(request, row, token, "frontend/shared_log.html")


@_by_link
def shared_lines(request: HttpRequest, row: RunShare, token: str) -> HttpResponse | None:
    """Lines of that log alone."""
    return _log(request, row, token, run_log.LINES_ALONE)


@_by_link
def shared_file(request: HttpRequest, row: RunShare, token: str, name: str) -> HttpResponse | None:
    """A form of the run's report, if the link shows files; in a sandbox, like everywhere."""
    found = next((one for one in run_links.files_of(row) if one.name == name), None)
    if found is None or found.size > MAX_BYTES:
        return None
    try:
        with artifacts.open_blob(found.digest) as blob:
            content = blob.read()
    except ArtifactMissing:
        return None
    _record(row, found)
    shown_as = SHOWN_AS.get(found.media_type.split(";")[0].strip().lower())
    saved = shown_as is None or "download" in request.GET
    answer = HttpResponse(content, content_type=shown_as or "application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(saved, found.name) or "inline"
    answer["Content-Security-Policy"] = SEARCHED if found.name == "report.html" else SANDBOX
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _parts(request: HttpRequest, row: RunShare, token: str) -> dict[str, Any]:
    at = reverse("frontend:shared", args=[token])
    whole = request.GET.get("graph") == "whole"
    return {
        **run_parts.shown(row.run, whole=whole, steps_at=f"{at}#step-"),
        "share": row,
        "token": token,
        "shared": True,
        "query": request.GET.urlencode(),
        "artifacts": [_file(one, at) for one in run_links.files_of(row)],
        "log_at": f"{at}/log" if row.with_logs else "",
    }


def _file(row: Artifact, at: str) -> ArtifactRow:
    return ArtifactRow(artifact=row, url=f"{at}/files/{quote(row.name)}")


def _log(request: HttpRequest, row: RunShare, token: str, template: str) -> HttpResponse | None:
    if not row.with_logs:
        return None
    at = reverse("frontend:shared", args=[token])
    links = {
        "steps_at": f"{at}#step-",
        "lines_at": f"{at}/log/lines",
        "back": at,
        "share": row,
        "token": token,
    }
    parts = run_log.log_parts(row.run, request.GET, alone=template == run_log.LINES_ALONE)
    return render(request, template, {**parts, **links, "shared": True})


def _record(row: RunShare, file: Artifact) -> None:
    """Record that somebody takes a report out, as the API does."""
    if "report.view" in AUDITED_ACTIONS:
        audit.record(
            audit.Act.REPORT_EXPORTED,
            subject=f"run:{row.run.public_id}",
            project_id=row.run.project_id,
            details={"artifact": file.name, "share": str(row.public_id)},
        )


def _nothing(request: HttpRequest, *, is_guess: bool) -> HttpResponse:
    """Say that there is nothing; who guesses is slowed down."""
    try:
        if is_guess:
            attempts.count(request, group="shared")
    except attempts.TooManyAttempts as refused:
        answer = render(request, "frontend/shared_over.html", {"status": 429}, status=429)
        answer["Retry-After"] = str(refused.retry_after)
        return answer
    return render(request, "frontend/shared_over.html", {"status": 404}, status=404)


def _dressed(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    answer["Referrer-Policy"] = "no-referrer"  # the address is the key
    answer["X-Robots-Tag"] = "noindex"
    if answer.status_code >= 400:  # Django would write the path, and so the token, into the log
        log.info("shared_link_refused", status=answer.status_code)
        answer._has_been_logged = True  # type: ignore[attr-defined]  # read by django.utils.log
    return answer
