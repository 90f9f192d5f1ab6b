"""A project's documentation: which there is, from which run and revision, and what writes what is missing.

Refuses to know how bytes are shown: `document_files`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.models import Project
from agents.requests import PLANNER
from frontend import document_files
from frontend.navigation import ProjectPage, place
from frontend.security import FRAMING
from frontend.views import user_of
from tasks.models import Artifact, Step

PAGE = ProjectPage(
    name="documentation",
    route="frontend:project-documents",
    title=_("Documentation"),
    action="artifact.view",
)
AGENT = "documentation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of document: the names of its artifacts, the one to show first, and a goal that has it written."""

    name: str
    title: Promise
    about: Promise
    names: tuple[str, ...]
    goal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of a project. `artifact` is None if nobody has written it yet."""

    kind: Kind
    artifact: Artifact | None
    revision: str
    write: str  # address of the page that has it written


KINDS: tuple[Kind, ...] = (
    Kind(
        name="reference",
        title=_("API reference"),
        about=_("What can be imported, with signatures, types and errors"),
        names=("api_reference.zip", "api_reference.html", "api_reference.md"),
        goal="Write the API reference",
    ),
    Kind(
        name="architecture",
        title=_("Architecture"),
        about=_("Parts, what depends on what, layers, entry points"),
        names=("architecture_map.html", "architecture_map.md"),
        goal="Draw an architecture map",
    ),
    Kind(
        name="data-model",
        title=_("Data model"),
        about=_("Tables, fields, keys and relations"),
        names=("data_model.html", "data_model.md"),
        goal="Draw the data model",
    ),
    Kind(
        name="http-api",
        title=_("HTTP API"),
        about=_("Routes, parameters and answers"),
        names=("http_api.html", "http_api.md"),
        goal="List the HTTP routes",
    ),
    Kind(
        name="changelog",
        title=_("Changelog"),
        about=_("What changed since the last release"),
        names=("changelog.md",),
        goal="Write a changelog",
    ),
    Kind(
        name="docstrings",
        title=_("Docstrings"),
        about=_("What has a docstring, and which contradict the code"),
        names=("docstrings.md",),
        goal="Check the docstrings",
    ),
)


@PAGE.door()
def page(request: HttpRequest, project: Project, kind: str = "") -> HttpResponse:
    """Show a document of a project, in a frame in which nothing can act, beside the list of all kinds."""
    listed = documents(project)
    chosen = _chosen(listed, kind)
    context = {
        **place(project, PAGE),
        "documents": listed,
        "chosen": chosen,
        "may_submit": access.may(user_of(request), "run.submit", project),
        "frame": document_files.address(request, chosen.artifact) if chosen and chosen.artifact else "",
        "download": _download(chosen.artifact) if chosen and chosen.artifact else "",
    }
    answer = render(request, "frontend/documents.html", context)
    answer.headers["Content-Security-Policy"] = FRAMING
    return answer


def documents(project: Project) -> list[Document]:
    """Give every kind of document, with the newest artifact of it; in two queries."""
    newest = _newest(project)
    revisions = _revisions(artifact.run_id for artifact in newest.values())
    return [_document(project, kind, newest, revisions) for kind in KINDS]


def _newest(project: Project) -> dict[str, Artifact]:
    names = [name for kind in KINDS for name in kind.names]
    found = Artifact.objects.filter(
        run__project=project, run__hidden_at=None, step__agent=AGENT, name__in=names
    ).select_related("run", "step")
    return {row.name: row for row in found.order_by("name", "-pk").distinct("name")}


def _revisions(run_pks: Iterable[int]) -> dict[int, str]:
    """Tell which revision each run has looked at, as its planning step found it."""
    agent, operation = PLANNER
    steps = Step.objects.filter(run__in=set(run_pks), agent=agent, operation=operation)
    rows = steps.values_list("run_id", "output__snapshot__revision")
    return {run: str(revision) for run, revision in rows if revision}


def _document(
    project: Project, kind: Kind, newest: dict[str, Artifact], revisions: dict[int, str]
) -> Document:
    """Of several forms the best counts, if the newest run that wrote any of them wrote it."""
    forms = [newest[name] for name in kind.names if name in newest]
    latest = max((one.run_id for one in forms), default=None)
    artifact = next((one for one in forms if one.run_id == latest), None)
    query = urlencode({"project": f"{project.team.slug}/{project.slug}", "goal": _goal(kind, artifact)})
    return Document(
        kind=kind,
        artifact=artifact,
        revision=revisions.get(artifact.run_id, "") if artifact else "",
        write=f"{reverse('frontend:run-new')}?{query}",
    )


def _goal(kind: Kind, artifact: Artifact | None) -> str:
    """What writes it, or writes it anew: of a live database by the words that named it."""
    return artifact.run.goal if artifact is not None and artifact.step.input.get("database") else kind.goal


def _chosen(listed: list[Document], kind: str) -> Document | None:
    """Give the document that an address names, else the first that there is. Raises Http404 for an unknown kind."""
    if not kind:
        return next((one for one in listed if one.artifact), None)
    found = next((one for one in listed if one.kind.name == kind), None)
    if found is None:
        raise Http404(f"there is no kind of document {kind!r}")
    return found


def _download(artifact: Artifact) -> str:
    return f"{reverse('api:run', args=[artifact.run.public_id])}/artifacts/{artifact.name}?download"


urlpatterns = [
    path("projects/<project:project>/documentation", page, name="project-documents"),
    path("projects/<project:project>/documentation/<slug:kind>", page, name="project-document"),
]
