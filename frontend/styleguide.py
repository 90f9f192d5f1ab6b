"""The style page: each part that pages are put together from, in every state that it has."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.findings import Severity
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
    }
    return render(request, "frontend/styleguide.html", context)
