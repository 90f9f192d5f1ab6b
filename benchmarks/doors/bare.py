"""The same reads as anybody would write them with Django REST framework: generic views, serializers, a cursor."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import path
from rest_framework import generics, pagination, serializers

from tasks.models import Artifact, Event, Run, Step


class Lines(serializers.ModelSerializer[Run]):
    """The fields of a run in a list."""

    id = serializers.UUIDField(source="public_id")
    project = serializers.CharField(source="project.slug")
    owner = serializers.CharField(source="owner.username", default=None)
    open_approvals = serializers.IntegerField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id", "state", "goal", "project", "owner", "priority", "created_at", "paused_at", "started_at",
            "finished_at", "failure", "url", "open_approvals",
        ]  # fmt: skip

    def get_url(self, run: Run) -> str:
        return f"/runs/{run.public_id}"


class StepLines(serializers.ModelSerializer[Step]):
    """The fields of a step."""

    attempts = serializers.IntegerField(source="attempts_made")
    after = serializers.SerializerMethodField()

    class Meta:
        model = Step
        fields = [
            "key", "agent", "operation", "state", "reason", "summary", "progress", "attempts", "max_attempts",
            "error", "after",
        ]  # fmt: skip

    def get_after(self, step: Step) -> list[str]:
        return [edge.needs.key for edge in step.edges_in.all()]


class ArtifactLines(serializers.ModelSerializer[Artifact]):
    """The fields of an artifact."""

    class Meta:
        model = Artifact
        fields = ["name", "size", "sha256", "media_type"]


class Whole(Lines):
    """A run with its steps and artifacts."""

    steps = StepLines(many=True)
    artifacts = ArtifactLines(many=True)

    class Meta(Lines.Meta):
        fields = [*Lines.Meta.fields, "last_seq", "steps", "artifacts"]


class Facts(serializers.ModelSerializer[Event]):
    """An event of a run."""

    type = serializers.CharField(source="kind")

    class Meta:
        model = Event
        fields = ["seq", "type", "at", "data"]


class Newest(pagination.CursorPagination):
    """Fifty, newest first."""

    page_size = 50
    page_size_query_param = "limit"
    ordering = "-pk"


class Runs(generics.ListAPIView[Run]):
    """The runs of the teams that the caller is in."""

    serializer_class = Lines
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Run]:
        return seen_by(self.request.user)


class OneRun(generics.RetrieveAPIView[Run]):
    """One of them, with its steps and artifacts."""

    serializer_class = Whole
    lookup_field = "public_id"

    def get_queryset(self) -> QuerySet[Run]:
        return seen_by(self.request.user).prefetch_related("steps__edges_in__needs", "artifacts")


class RunEvents(generics.ListAPIView[Event]):
    """The first events of one of them."""

    serializer_class = Facts

    def get_queryset(self) -> QuerySet[Event]:
        run = generics.get_object_or_404(seen_by(self.request.user), public_id=self.kwargs["public_id"])
        after = int(self.request.query_params.get("after", 0))
        # the day is the partition that the run's events are in: the product asks for it, too
        return Event.objects.filter(run_id=run.pk, run_day=run.created_at.date(), seq__gt=after).order_by(
            "seq"
        )[:100]


def seen_by(user: Any) -> QuerySet[Run]:
    """The runs that somebody may see, by one join."""
    return (
        Run.objects.filter(project__team__memberships__user=user)
        .select_related("project", "owner")
        .annotate(open_approvals=Count("approvals", filter=Q(approvals__decision="")))
    )


urlpatterns = [
    path("api/v1/runs", Runs.as_view()),
    path("api/v1/runs/<uuid:public_id>", OneRun.as_view()),
    path("api/v1/runs/<uuid:public_id>/events", RunEvents.as_view()),
]
