"""Rows that a request names, found only if the caller may see them.

Invariant: what a person does not see is not there (404), whatever else the request wants of it.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import access, members
from accounts.models import Project, Team, User
from tasks.models import Run

PROJECT = r"^[-a-zA-Z0-9_]{1,60}(/[-a-zA-Z0-9_]{1,60})?$"
"""How a project is named in queries and bodies: its slug, or team/slug where slugs repeat."""


def find_run(request: Request, view: APIView, run_id: UUID) -> Run:
    """Give a run that the caller may use for the view's action. Raises Http404, PermissionDenied."""
    run = Run.objects.select_related("project__team", "owner", "parent").filter(public_id=run_id).first()
    if run is None or not access.may(request.user, "run.view", run.project):
        raise Http404(f"there is no run {run_id}")
    view.check_object_permissions(request, run.project)
    return run


def find_team(request: Request, view: APIView, slug: str) -> Team:
    """Give the team of a path. Raises Http404, PermissionDenied."""
    team = access.teams_for(request.user, "team.view").filter(slug=slug).first()
    if team is None:
        raise Http404(f"there is no team {slug} that you may see")
    view.check_object_permissions(request, team)
    return team


def held_team(request: Request, view: APIView, slug: str) -> Team:
    """Give the same, locked until the transaction ends, by a role that is looked at after that."""
    found = find_team(request, view, slug)
    team = Team.objects.select_for_update(no_key=True).filter(pk=found.pk, slug=slug).first()
    if team is None:
        raise Http404(f"there is no team {slug} any more")
    view.check_object_permissions(request, team)
    return team


def held_project(request: Request, view: APIView, name: str) -> Project:
    """Give the project of a path, locked with its team until the transaction ends, as `held_team` does."""
    found = project_in_path(request, view, name)
    try:
        project = members.hold_project(found)
    except (Team.DoesNotExist, Project.DoesNotExist) as error:
        raise Http404(f"there is no project {name} any more") from error
    if f"{project.team.slug}/{project.slug}" != name:
        raise Http404(f"there is no project {name} any more")
    view.check_object_permissions(request, project)
    return project


def find_person(people: QuerySet[User], username: str) -> User:
    """Give the one of these people that a path names. Raises Http404."""
    found = None if "\0" in username else people.filter(username=username).first()
    if found is None:
        raise Http404(f"there is nobody of that name here: {username!r}")
    return found


def find_project(request: Request, name: str) -> Project:
    """Give the visible project of a slug or team/slug. Raises ValidationError when none or several fit."""
    team, _, slug = name.rpartition("/")
    found = access.visible_projects(request.user).filter(slug=slug).select_related("team")
    if team:
        found = found.filter(team__slug=team)
    fitting = list(found[:20])
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise serializers.ValidationError({"project": [f"there is no project {name!r} that you may see"]})
    choices = ", ".join(f"{project.team.slug}/{project.slug}" for project in fitting)
    raise serializers.ValidationError(
        {"project": [f"several projects are named {name!r}; say which: {choices}"]}
    )


def project_in_path(request: Request, view: APIView, name: str) -> Project:
    """Give the project of a path, named as team/slug. Raises Http404, PermissionDenied."""
    team, _, slug = name.partition("/")
    found = access.visible_projects(request.user).select_related("team")
    project = found.filter(team__slug=team, slug=slug).first()
    if project is None:
        raise Http404(f"there is no project {name} that you may see")
    view.check_object_permissions(request, project)
    return project
