"""User, Team, Membership, Project, ProjectMembership: who there is, and what belongs to whom.

Refuses to know runs: those point here by foreign key. Which role allows what is said in `roles`, and asked
of `access`.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.bounds import Bounds
from accounts.roles import Role
from history.tracking import track

POWER = "power over the installation is given on purpose, on the person's own page"


@track(
    secret=("password",),
    churn=("last_login",),
    fixed={
        "is_active": "whoever was shut out is let in again on purpose, on the person's own page",
        "is_staff": POWER,
        "is_superuser": POWER,
    },
    unrestorable="a person is added anew, with a password of their own",
)
class User(AbstractUser):
    """A row is a person, or a program that signs in like one."""

    language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="of the pages; empty: as the browser asks",
    )
    bounds: Bounds | None = None  # no column: set on the person of a request that came with an API key

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="user_email_is_unique_unless_blank",
                violation_error_message="Another user has this e-mail address.",
            )
        ]


@track()
class Team(models.Model):
    """A row is a group of people who share projects."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


@track()
class Membership(models.Model):
    """A row says what a person is in a team, and so in all its projects."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["team", "-role", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="membership_once_per_team"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {Role(self.role).label}"


@track(project="id")
class Project(models.Model):
    """A row is a thing that runs work on: usually one repository."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["team", "slug"]
        constraints = [models.UniqueConstraint(fields=["team", "slug"], name="project_slug_once_per_team")]

    def __str__(self) -> str:
        return self.name


@track()
class ProjectMembership(models.Model):
    """A row says what a person is in one project, whatever the team says: more, less, or a guest."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="project_memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "-role", "user"]
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="project_membership_once_per_project"),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="project_membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}: {Role(self.role).label}"
