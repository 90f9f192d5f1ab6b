"""The page of a step: how it was tried, what it was given and gave, and what it said.

/runs/<id>/steps/<key>           ?q= lines that have it, ?at=<spot> around a line, ?before= ?after= page by page
/runs/<id>/steps/<key>/lines     the same lines alone, for the page's script
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from agents.models import Finding
from frontend import rows
from frontend.log_lines import LogRow, asked_for, said_rows
from frontend.views import find_run, user_of
from tasks import step_log
from tasks.models import Approval, Artifact, Attempt, JournalEntry, Run, Step, StepDependency
from tasks.states import RunState, StepState
from tasks.step_log import Said, Spot, spot_of

LINES = 500  # of a page
AROUND = 100  # lines before the one that is pointed at
ATTEMPTS_SHOWN = 50
JOURNAL_SHOWN = 100
JSON_SHOWN = 20_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A part of a step's log. `older` and `newer` are where to read on, empty if there is nothing.

    `next` is where what comes later is read on from.
    """

    rows: list[LogRow]
    older: str
    newer: str
    next: str
    search: str
    is_end: bool  # nothing is newer now, and what comes belongs below
    cut: bool  # more fits the search than is shown


@require_safe
@login_required
def step_page(request: HttpRequest, run_id: UUID, key: str) -> HttpResponse:
    """One step, as it is now; the page's script keeps it so."""
    run, step = _find(request, run_id, key)
    context = {**_parts(request, run, step), "log": _log(request, run, step), "head": run.last_seq}
    return render(request, "frontend/step.html", context)


@require_safe
@login_required
def step_parts(request: HttpRequest, run_id: UUID, key: str) -> HttpResponse:
    """The changing parts of a step's page, but for its log."""
    run, step = _find(request, run_id, key)
    return render(request, "frontend/step_parts.html", _parts(request, run, step))


@require_safe
@login_required
def step_lines(request: HttpRequest, run_id: UUID, key: str) -> HttpResponse:
    """Lines of a step's log alone."""
    run, step = _find(request, run_id, key)
    return render(
        request, "frontend/log_lines.html", {"log": _log(request, run, step), "run": run, "step": step}
    )


def _find(request: HttpRequest, run_id: UUID, key: str) -> tuple[Run, Step]:
    run = find_run(request, run_id)
    found = Step.objects.select_related("added_by", "taken_from__run").filter(
        run=run, key=key.replace("\0", "")
    )
    step = found.first()
    if step is None:
        raise Http404
    return run, step


def _parts(request: HttpRequest, run: Run, step: Step) -> dict[str, Any]:
    row = rows.step_row(step)
    around = StepDependency.objects.select_related("needs", "step").order_by("pk")
    attempts = list(
        Attempt.objects.filter(step=step).select_related("worker").order_by("-ordinal")[:ATTEMPTS_SHOWN]
    )
    user = user_of(request)
    return {
        "run": run,
        "step": step,
        "item": row,
        "is_final": StepState(step.state).is_final,
        "may_rerun": RunState(run.state).is_final and access.may(user, "run.rerun", run.project),
        "needs": [edge.needs for edge in around.filter(step=step)[:ATTEMPTS_SHOWN]],
        "behind": [edge.step for edge in around.filter(needs=step)[:ATTEMPTS_SHOWN]],
        "attempts": [
            {
                "attempt": one,
                "seconds": rows.seconds(one.started_at, one.ended_at),
                "error": rows.error_text(one.error),
            }
            for one in reversed(attempts)
        ],
        "given": _json(step.input),
        "gave": _json(step.output),
        "findings": Finding.objects.filter(step=step).count(),
        "artifacts": rows.artifact_rows(run, Artifact.objects.filter(step=step)),
        "journal": list(
            JournalEntry.objects.filter(step=step)
            .select_related("child")
            .defer("value")
            .order_by("pk")[:JOURNAL_SHOWN]
        ),
        "approvals": list(Approval.objects.filter(step=step).order_by("pk")[:JOURNAL_SHOWN]),
    }


def _log(request: HttpRequest, run: Run, step: Step) -> Log:
    search = asked_for(request.GET.get("q", ""))
    spots = {name: spot_of(request.GET.get(name, "")) for name in ("at", "before", "after")}
    older = newer = False
    lines: list[Said]
    if search:
        found = step_log.search(step.pk, search, most=LINES)
        lines, cut = found.lines, found.more
    else:
        lines, older, newer = _lines(step.pk, **spots)
        cut = False
    return Log(
        rows=said_rows(lines, lambda line: _since(line, step), search=search),
        older=str(lines[0].spot) if older and lines else "",
        newer=str(lines[-1].spot) if newer and lines else "",
        next=str(lines[-1].spot if lines else spots["after"] or Spot(0, 0, 0)),
        search=search,
        is_end=not search and not newer,
        cut=cut,
    )


def _lines(
    step_pk: int, *, at: Spot | None, before: Spot | None, after: Spot | None
) -> tuple[list[Said], bool, bool]:
    """Give lines, whether there are older ones, and whether there are newer ones."""
    if at is not None:
        back = step_log.before(step_pk, at, most=AROUND)
        first = at._replace(line=at.line - 1) if at.line else Spot(at.attempt, at.chunk - 1, 10**9)
        forth = step_log.after(step_pk, first, most=LINES - AROUND)
        return back.lines + forth.lines, back.more, forth.more
    if after is not None:
        forth = step_log.after(step_pk, after, most=LINES)
        return forth.lines, True, forth.more
    back = step_log.before(step_pk, before, most=LINES)
    return back.lines, back.more, before is not None


def _since(line: Said, step: Step) -> float:
    return (line.at - (step.started_at or step.created_at)).total_seconds()


def _json(value: object) -> str:
    """Write a step's input or output for people. Empty for nothing."""
    return json.dumps(value, indent=2, ensure_ascii=False)[:JSON_SHOWN] if value else ""
