"""The page of a new run: a form, and beside it what the run would do, before anything is stored.

GET  /runs/new            ?project=team/slug &goal= &target=: what the form begins with
POST /runs/new            starts the run; `act=preview` only shows its plan, `act=forget` lets go of an upload
POST /runs/new/preview    the plan alone, for the page to put in place while somebody types
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from accounts import access
from accounts.models import Project
from agents import previews, requests
from agents.catalog import current_registry
from agents.previews import Preview
from agents.superagent.selection import LeftOut
from agents.workspace.errors import WorkspaceError
from agents.workspace.targets import ArchiveTarget, GitTarget, PathTarget, parse_target
from frontend import uploads
from frontend.run_form import RunForm
from frontend.views import user_of
from tasks.errors import EngineError, IdempotencyConflict
from tasks.models import Run
from tasks.plans import PlannedStep

UNKNOWN = ArchiveTarget(digest="0" * 64, name="?")
"""Stands for the target as long as there is none: nothing is known of it, so steps are candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step that the run would have."""

    title: str
    agent: str
    reason: str
    seconds: float | None
    is_certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanShown:
    """What a run would do. `fault` or `hint` instead of everything else, if it cannot be told."""

    fault: str = ""
    hint: str = ""
    answer: str = ""
    note: str = ""
    steps: tuple[StepLine, ...] = ()
    seconds: float | None = None
    unknown_times: int = 0
    left_out: tuple[LeftOut, ...] = ()
    uncovered: tuple[LeftOut, ...] = ()


class NewRun(LoginRequiredMixin, View):
    """Start a run, seeing first what it would do."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and not _may_somewhere(request):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        begun = _initial(request)
        form = RunForm(user=user_of(request), initial=begun)
        return _page(request, form, plan=_plan(_as_sent(form, request)) if begun.get("goal") else None)

    def post(self, request: HttpRequest) -> HttpResponse:
        data, fault = uploads.keep(request, user_of(request))
        if request.POST.get("act") == "forget":
            data["digest"] = data["archive_name"] = ""
        form = RunForm(data, user=user_of(request))
        if fault:
            form.full_clean()
            form.errors.pop("target", None)  # the archive was meant
            form.add_error("archive", fault)
        if request.POST.get("act") in {"preview", "forget"}:
            return _page(request, form, plan=_plan(form))
        if not form.is_valid():
            return _page(request, form, plan=_plan(form), status=400)
        try:
            run, _created = requests.submit(
                form.request(),
                project_id=form.cleaned_data["project"].pk,
                owner_id=user_of(request).pk,
                idempotency_key=f"form-{form.cleaned_data['ticket']}",
                priority=form.cleaned_data["priority"],
            )
        except IdempotencyConflict:
            told = _(
                "This form has started a run before, and was changed since. Send it again to start another."
            )
            return self._again(request, form, told)
        except (EngineError, WorkspaceError) as error:
            return self._again(request, form, str(error))
        return redirect("frontend:run", run_id=run.public_id)

    def _again(self, request: HttpRequest, form: RunForm, told: str) -> HttpResponse:
        """Show the form with a fault of the whole, and let it count as a new one."""
        data = {**form.data.dict(), "ticket": str(uuid4())} if isinstance(form.data, QueryDict) else {}
        renewed = RunForm(data, user=user_of(request))
        renewed.add_error(None, told)
        return _page(request, renewed, status=400)


class PlanPreview(LoginRequiredMixin, View):
    """What a run would do, as a part of the page."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if not _may_somewhere(request):
            raise PermissionDenied
        form = RunForm(request.POST, user=user_of(request))
        return render(request, "frontend/plan_preview.html", {"plan": _plan(form)})


def _page(
    request: HttpRequest, form: RunForm, *, plan: PlanShown | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "plan": plan or PlanShown(hint=_HINT), "examples": EXAMPLES}
    return render(request, "frontend/new_run.html", context, status=status)


_HINT = "goal"
EXAMPLES = (
    "Find security problems and bugs",
    "Check the dependencies for known vulnerabilities",
    "Write the API reference and an architecture map",
)
"""Goals to begin with, in the language that the planner reads."""


def _plan(form: RunForm) -> PlanShown:
    """Plan what a form asks for. Without a target: what its goal leads to."""
    form.is_valid()  # what is faulty is left out; faults that were added stay
    data = form.cleaned_data
    goal, project = data.get("goal"), data.get("project")
    if not goal or project is None:
        return PlanShown(hint=_HINT)
    if data.get("of") is None and (form.data.get("target") or form.data.get("digest")):
        return PlanShown(hint="target")
    wanted = requests.Request(goal=goal, target=data.get("of") or UNKNOWN, base=data.get("against"))
    try:
        made = previews.preview(wanted, project_id=project.pk)
    except (EngineError, WorkspaceError) as error:
        return PlanShown(fault=str(error))
    return _shown(made, has_target=data.get("of") is not None)


def _shown(made: Preview, *, has_target: bool) -> PlanShown:
    titles = {agent.name: agent.title for agent in current_registry().agents.values()}
    known = [made.estimates[step.key].seconds for step in made.plan]
    return PlanShown(
        answer=made.answer or "",
        note=_note(made, has_target=has_target),
        steps=tuple(_line(step, made, titles) for step in made.plan),
        seconds=made.seconds,
        unknown_times=known.count(None),
        left_out=made.left_out,
        uncovered=made.uncovered,
    )


def _note(made: Preview, *, has_target: bool) -> str:
    if made.complete and made.basis is None:
        return ""
    if made.basis is not None and made.basis.exact:
        return _("The archive was planned for before: the run will plan the same.")
    if made.basis is not None:
        at = f"{made.basis.planned_at:%Y-%m-%d %H:%M} UTC"
        return _("As the code was on %(at)s. The run fetches it again, and may plan other steps.") % {
            "at": at
        }
    if not has_target:
        return _("What your words lead to. Which of it fits is known when the code is.")
    return _(
        "This project has not looked at this code yet: which steps fit is found out first, by the run itself."
    )


def _line(step: PlannedStep, made: Preview, titles: dict[str, str]) -> StepLine:
    return StepLine(
        title=made.titles.get(step.key) or str(_FIXED.get((step.agent, step.operation), step.key)),
        agent=titles.get(step.agent, step.agent),
        reason=step.reason,
        seconds=made.estimates[step.key].seconds,
        is_certain=step.key not in made.candidates,
    )


_FIXED = {
    requests.PLANNER: gettext_lazy("Plan the work"),
    requests.REPORTER: gettext_lazy("Write the report"),
}


def offer(request: HttpRequest, project: Project) -> dict[str, Any]:
    """Give what a page of a project needs to offer a new run: whether the person may start one here, and where."""
    return {
        "may_submit": access.may(user_of(request), "run.submit", project),
        "new_run": f"{reverse('frontend:run-new')}?{urlencode({'project': f'{project.team.slug}/{project.slug}'})}",
    }


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Read what the address wants the form to begin with; what cannot be read is left out."""
    given: dict[str, Any] = {
        name: request.GET[name][:4096].replace("\0", "")
        for name in ("goal", "target", "ref")
        if name in request.GET
    }
    team, _slash, slug = request.GET.get("project", "").replace("\0", "").partition("/")
    found: Project | None = (
        access.projects_for(user_of(request), "run.submit").filter(team__slug=team, slug=slug).first()
    )
    if found is None:
        return given
    return ({} if "target" in given else _last_target(found)) | given | {"project": found}


def _last_target(project: Project) -> dict[str, str]:
    """Give what the project's newest run has looked at, to begin with; nothing if that was an archive."""
    newest = (
        Run.objects.filter(project=project).order_by("-pk").values_list("request__target", flat=True).first()
    )
    try:
        target = parse_target(newest)
    except WorkspaceError:
        return {}
    if isinstance(target, GitTarget):
        return {"target": target.url, "ref": target.ref or ""}
    return {"target": target.path} if isinstance(target, PathTarget) else {}


def _as_sent(form: RunForm, request: HttpRequest) -> RunForm:
    """Give the form as it would be if it were sent the way it begins, to plan what it asks for."""
    project = form.fields["project"].initial
    data = {**form.initial, "project": str(project.pk) if project else ""}
    return RunForm(data, user=user_of(request))


def _may_somewhere(request: HttpRequest) -> bool:
    return access.projects_for(user_of(request), "run.submit").exists()
