"""How a project stands, from what its runs have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Project, Team
from agents.models import RunQuality
from agents.quality.model import Dimension, Rating
from agents.quality.standing import Letters, letters, standing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(team=Team.objects.create(slug="a", name="A"), slug="shop", name="Shop")


def said(project: Project, day: int, rated: str | None = "ABC", **changes: Any) -> RunQuality:
    """What a run said on a day; without letters: nothing was rated."""
    given = rated or (None, None, None)
    whole = {"gate": {"state": "passed", "why": ""}, "ratings": {}, "debt": {}}
    return RunQuality.objects.create(
        run=uuid4(), project=project, at=NOW + timedelta(days=day), revision="r", operations=[], whole=whole,
        **{
            "is_default_branch": True, "gate": "passed", "debt_minutes": day, "code_lines": 100,
            **dict(zip((one.value for one in Dimension), given, strict=True)), **changes,
        },
    )  # fmt: skip


def test_project_of_which_nothing_was_told_stands_nowhere(project: Project) -> None:
    assert standing(project.pk) is None
    assert letters([project.pk]) == {}


def test_each_letter_is_the_last_that_was_said_of_it(project: Project) -> None:
    said(project, 1, "CBC")
    said(project, 2, "BBB", maintainability=None)
    said(project, 3, None, gate="baseline", code_lines=None)
    stands = standing(project.pk)
    assert stands is not None
    assert {one.dimension: (one.letter, one.before, len(one.letters)) for one in stands.courses} == {
        Dimension.SECURITY: (Rating.B, Rating.C, 2),
        Dimension.RELIABILITY: (Rating.B, None, 2),
        Dimension.MAINTAINABILITY: (Rating.C, None, 1),
    }
    assert (stands.judged.at.day, stands.measured.at.day, stands.debt.at.day) == (22, 22, 21)
    assert letters([project.pk])[project.pk] == Letters(
        gate="passed",
        ratings=(
            (Dimension.SECURITY, "B"),
            (Dimension.RELIABILITY, "B"),
            (Dimension.MAINTAINABILITY, "C"),
        ),
    )


def test_branches_count_only_where_the_default_branch_has_said_nothing(project: Project) -> None:
    branch = said(project, 5, "EEE", is_default_branch=False, gate="failed")
    stands = standing(project.pk)
    assert stands is not None
    assert stands.judged == branch
    assert letters([project.pk])[project.pk].gate == "failed"
    main = said(project, 1, "AAA")
    stands = standing(project.pk)
    assert stands is not None
    assert stands.judged == main
    assert [letter for _, letter in letters([project.pk])[project.pk].ratings] == ["A", "A", "A"]


def test_projects_do_not_mix(project: Project) -> None:
    other = Project.objects.create(team=project.team, slug="other", name="Other")
    said(other, 1, "EEE")
    assert standing(project.pk) is None
    assert list(letters([project.pk, other.pk])) == [other.pk]
