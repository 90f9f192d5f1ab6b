"""The style page: each part that pages are put together from, in every state that it has."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from agents.findings import Severity
from frontend.navigation import SideLink
from frontend.rows import StepRow
from frontend.run_graph import Edge, plan_graph
from tasks.models import Step
from tasks.states import RunState, StepState


@require_safe
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """Show the parts. States and severities are those that there are, so that none can be forgotten."""
    states = dict.fromkeys([state.value for state in (*RunState, *StepState)])
    context = {
        "states": [*states, "approved", "rejected", "withdrawn", "expired"],
        "severities": [severity.value for severity in Severity],
        "grades": "ABCDE",
        "graph": plan_graph(*_example()),
        "side": [
            SideLink(href="#s-side", title=_("First"), is_here=True),
            SideLink(href="#s-side", title=_("Second"), is_here=False),
        ],
    }
    return render(request, "frontend/styleguide.html", context)


def _example() -> tuple[list[StepRow], list[Edge]]:
    """Make a plan that has a step in each state, between a first and a last one."""
    states = list(StepState)
    rows = [
        StepRow(
            step=Step(pk=pk, key=f"agent.{state}", agent="agent", operation=state.value, state=state.value),
            agent="Agent",
            seconds=float(pk) if state.is_final else None,
            since=None,
            done=0,
            total=0,
            message="",
            error="",
        )
        for pk, state in enumerate(states, start=1)
    ]
    middle = range(2, len(states))
    return rows, [edge for pk in middle for edge in ((1, pk, "succeeded"), (pk, len(states), "always"))]
