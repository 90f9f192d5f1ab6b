"""Which runs fit a search: the filters that lists of runs know, wherever they are shown.

Refuses to know who may see a run, and how a list is paged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from tasks.models import Run, Step

COLUMNS: Mapping[str, str] = {
    "state": "state__in",
    "owner": "owner__username",
    "q": "goal__icontains",
    "priority": "priority",
    "parent": "parent__public_id",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
}
"""Which column each filter looks at; beside them `agent`: one that has a step in the run."""


def fitting(found: QuerySet[Run], wanted: Mapping[str, Any]) -> QuerySet[Run]:
    """Keep the runs that fit all filters of `wanted`; what is no filter here is passed over."""
    if "agent" in wanted:
        found = found.filter(Exists(Step.objects.filter(run=OuterRef("pk"), agent=wanted["agent"])))
    return found.filter(**{column: wanted[name] for name, column in COLUMNS.items() if name in wanted})
