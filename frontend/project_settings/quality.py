"""Which settings of quality are in force: the gate's conditions, and what `wrench.toml` changes, as last read."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from agents.quality.model import SettingsTold
from agents.quality.records import RunQuality
from agents.quality.standing import standing
from frontend.project_settings.frame import open_section


@require_safe
@login_required
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show what the gate asks for, and where that comes from."""
    desk = open_section(request, project, "quality")
    stands = standing(desk.project.pk)
    context = {
        "judged": stands.judged if stands else None,
        "gate": stands.gate if stands else None,
        "told": _settings(stands.judged) if stands else None,
    }
    return desk.show("frontend/settings/quality.html", context)


def _settings(row: RunQuality) -> SettingsTold:
    """Read which settings a run used. Empty for a run of a release that told it in another shape."""
    try:
        return SettingsTold.model_validate(row.whole.get("settings") or {})
    except ValidationError:
        return SettingsTold()
