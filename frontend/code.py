"""The code view: a project's tree as a run looked at it, with heat, and files with their findings in the gutter."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path as route
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Project
from agents import heat, sources
from agents.reporting.links import line_url
from agents.reporting.visible import one_line
from agents.sources import Source
from agents.workspace.errors import WorkspaceError
from agents.workspace.limits import human_bytes, shown_path
from agents.workspace.reading import MAX_BYTES, Entry, Shelf
from frontend import code_rows
from frontend.navigation import ProjectPage, place
from tasks.errors import ArtifactMissing

PAGE = ProjectPage(name="code", route="frontend:code", title=gettext_lazy("Code"), action="artifact.view")


@PAGE.door()
def page(request: HttpRequest, project: Project, path: str = "") -> HttpResponse:
    """A folder or a file of the tree that `run` looked at, else of the one that was looked at last."""
    context: dict[str, Any] = place(project, PAGE)
    address: str = context["project_path"]
    if not sources.are_shown():
        return render(request, "frontend/code.html", context | {"why": "off"})
    tree, run = _tree(request, project)
    if tree is None:
        return render(request, "frontend/code.html", context | {"why": "none"})
    try:
        shelf = tree.shelf()
    except (ArtifactMissing, WorkspaceError):
        return render(request, "frontend/code.html", context | {"why": "gone"})
    path = path.strip("/")
    context |= {
        "tree": tree,
        "run": run,
        "revision": one_line(tree.revision)[:19],
        "crumbs": code_rows.crumbs(address, path, run),
        "name": one_line(path.rpartition("/")[2]),
    }
    entry = shelf.find(path)
    if entry is not None:
        return _file(request, context, tree, shelf, entry)
    folder = shelf.folder(path)
    if folder is None:
        raise Http404(f"the tree has no {shown_path(path)}")
    prefix = f"{path}/" if path else ""
    listed = code_rows.listed(
        address,
        prefix,
        folder,
        heat.below(project.pk, prefix),
        heat.hotspots(tree),
        run,
        request.GET.get("from", ""),
    )
    return render(request, "frontend/code.html", context | {"listed": listed})


def _tree(request: HttpRequest, project: Project) -> tuple[Source | None, UUID | None]:
    """Give the tree, and the run if the address names it. Raises Http404 for a run of another project."""
    asked = request.GET.get("run", "")
    if not asked:
        return sources.latest(project.pk), None
    try:
        run = UUID(asked)
    except ValueError as error:
        raise Http404("this names no run") from error
    tree = sources.source_of_run(run)
    if tree is not None and tree.project_id != project.pk:
        raise Http404("the run is another project's")
    return tree, run


def _file(
    request: HttpRequest, context: dict[str, Any], tree: Source, shelf: Shelf, entry: Entry
) -> HttpResponse:
    context |= {"size": human_bytes(entry.size), "path": one_line(entry.path), "full_path": entry.path}
    if entry.link is not None:
        told = _("A symbolic link to %(where)s. Links are shown, not followed.")
        return render(
            request, "frontend/code_file.html", context | {"why": told % {"where": one_line(entry.link)}}
        )
    try:
        content = shelf.read(entry)
    except ArtifactMissing:
        return render(request, "frontend/code.html", context | {"why": "gone"})
    lines = sources.text_of(content)
    if lines is None:
        told = _("A binary file of %(size)s; there is nothing to read in it.") % {"size": context["size"]}
        return render(request, "frontend/code_file.html", context | {"why": told})
    marks = heat.marks(tree, entry.path, lines)
    window = code_rows.window(request.GET.get("line", ""), len(lines))
    shown = sources.shown_lines(
        lines, window.first, window.last, sources.secret_lines(tree, entry.path, lines)
    )
    spot = heat.hotspots(tree).get(entry.path)
    context |= {
        "lines": code_rows.listing(shown, entry.path, window, marks.placed),
        "marks": code_rows.mark_rows(marks.placed),
        "away": marks.away,
        "window": window,
        "count": len(lines),
        "is_cut": entry.size > MAX_BYTES,
        "spot": spot,
        "forge_url": line_url(tree.web, tree.revision, entry.path, window.line or 1),
    }
    return render(request, "frontend/code_file.html", context)


urlpatterns = [
    route("projects/<project:project>/code", page, name="code"),
    route("projects/<project:project>/code/<path:path>", page, name="code-path"),
]
