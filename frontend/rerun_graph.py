"""What a rerun would do, as a drawing of the old run's plan: taken over, done again, added anew, skipped again."""

from __future__ import annotations

from django.utils.translation import gettext

from frontend.rows import StepRow
from frontend.run_graph import Graph, edges_of, plan_graph
from tasks.models import Run, Step
from tasks.runs.sorting import RerunPreview
from tasks.states import StepState


def preview_graph(run: Run, preview: RerunPreview) -> Graph:
    """Draw it. Alike steps are drawn as one where there are many, as on the page of the run."""
    redone = {step.key for step in preview.redone}
    taken, anew = set(preview.taken), set(preview.anew)
    shown = []
    for step in Step.objects.filter(run=run).only("key", "agent", "operation", "added_by_id").order_by("pk"):
        if step.key in redone:
            state, word = StepState.READY, gettext("done again")
        elif step.key in taken:
            state, word = StepState.SUCCEEDED, gettext("taken over")
        elif step.key in anew:
            state, word = StepState.PENDING, gettext("added anew")
        else:
            state, word = StepState.SKIPPED, gettext("skipped again")
        fate = Step(
            pk=step.pk, key=step.key, agent=step.agent, operation=step.operation, state=state.value,
            added_by_id=step.added_by_id,
        )  # fmt: skip
        shown.append(
            StepRow(step=fate, agent=word, seconds=None, since=None, done=0, total=0, message="", error="")
        )
    return plan_graph(shown, edges_of(run))
