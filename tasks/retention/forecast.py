"""What a round would delete now: counted by the same rules, deleting nothing."""

from __future__ import annotations

from collections import Counter

from django.db.models import CASCADE, Model, Q, QuerySet

from history import retention as history_retention
from tasks.models import Artifact, Event, LogChunk, Run, Upload
from tasks.retention import files, hidden, rows
from tasks.retention.policies import (
    due_runs,
    due_uploads,
    live_runs,
    named_by,
    runs_live_reruns_come_from,
    runs_that_keep_artifacts,
)


def forecast() -> dict[str, int]:
    """Count what is due, by model, with files and bytes. A round that takes longer may find more."""
    named = named_by(live_runs())
    going = hidden.hidden_runs().values("pk")  # with all they have
    due = Q(run__in=due_runs("keep_artifacts_days")) & ~Q(digest__in=named)
    artifacts = Artifact.objects.filter(due | Q(run__in=going))
    kept = Artifact.objects.exclude(pk__in=artifacts)
    runs = due_runs("keep_runs_days").exclude(pk__in=runs_live_reruns_come_from())
    runs = Run.every.filter(Q(pk__in=runs.exclude(pk__in=kept.values("run"))) | Q(pk__in=going))
    uploads = due_uploads().exclude(digest__in=named | named_by(runs_that_keep_artifacts()))
    kept_uploads = Upload.objects.exclude(pk__in=uploads)

    def still_named(digests: set[str]) -> set[str]:
        left = kept.filter(digest__in=digests).values_list("digest", flat=True)
        return {*left, *kept_uploads.filter(digest__in=digests).values_list("digest", flat=True)}

    counts = Counter({Run._meta.label: runs.count()})
    _count_below(runs, counts)
    told = due_runs("keep_events_days").values("pk")
    events = Event.objects.filter(Q(run__in=told) | Q(run__in=going))
    logs = LogChunk.objects.filter(Q(step__run__in=told) | Q(step__run__in=going))
    for queryset in (artifacts, events, logs, uploads):
        counts[queryset.model._meta.label] = queryset.count()
    for own, _ in rows.own_rows():
        counts[own.model._meta.label] = own.count()
    counts["partitions"] = len(rows.due_days())
    counts.update(history_retention.due())
    return {what: many for what, many in (counts + Counter(files.count_files(still_named))).items() if many}


def _count_below(parents: QuerySet[Model], counts: Counter[str]) -> None:
    """Count what goes by cascade, each model by the first way that leads to it."""
    for relation in parents.model._meta.related_objects:
        child = relation.related_model
        label = child._meta.label
        if relation.on_delete is CASCADE and label not in counts:
            below = child._base_manager.filter(**{f"{relation.field.name}__in": parents})
            counts[label] = below.count()
            _count_below(below, counts)
