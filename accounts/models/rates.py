"""RateRule: how often something may be asked for. Operators edit the rows; `accounts.limits` applies them."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.limits import rules
from accounts.limits.rules import Action, Rule, Scope
from accounts.models.people import Project, User
from history.tracking import track

MOST_BURST = 1_000_000


@track(churn=("updated_at",))
class RateRule(models.Model):
    """A row limits how often something may be asked for. All rules that speak of a call must admit it."""

    name = models.SlugField(max_length=60, unique=True, help_text="Callers see it in headers and refusals.")
    scope = models.CharField(max_length=12, choices=Scope.choices, help_text="Whose bucket it is.")
    route = models.CharField(
        max_length=200,
        blank=True,
        validators=[rules.check_route],
        help_text="Only these requests: POST /api/v1/runs, /api/v1/runs/*/cancel, GET|HEAD /api/**, or WS for the"
        " opening of a socket. Empty: all.",
    )
    subject = models.CharField(
        max_length=200,
        blank=True,
        help_text="Only for this user (its name), address or network, project (team/slug) or API key (its prefix);"
        " then in place of the rules for everybody with the same scope and route. Empty: for everybody, each apart.",
    )
    rate = models.CharField(
        max_length=20,
        validators=[rules.check_rate],
        help_text="Units that come back per time: 600/m, 5/s, 100/10m.",
    )
    burst = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MOST_BURST)],
        help_text="Units that a full bucket holds: how many calls may come at once.",
    )
    cost = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_BURST)],
        help_text="Units that one call takes.",
    )
    action = models.CharField(max_length=8, choices=Action.choices, default=Action.REFUSE)
    dry_run = models.BooleanField(
        default=False, help_text="Count what it would refuse; refuse nothing and tell callers nothing."
    )
    enabled = models.BooleanField(default=True)
    note = models.TextField(blank=True, help_text="Why it is there.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["scope", "route", "subject", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="rate_rule_scope_is_known"),
            models.CheckConstraint(condition=Q(action__in=Action.values), name="rate_rule_action_is_known"),
            models.CheckConstraint(condition=Q(rate__regex=rules.RATE), name="rate_rule_rate_is_readable"),
            models.CheckConstraint(
                condition=Q(cost__gte=1, cost__lte=F("burst"), burst__lte=MOST_BURST),
                name="rate_rule_cost_fits_into_burst",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.rate}, burst {self.burst}"

    def clean(self) -> None:
        """Tell what does not fit together."""
        self.subject = self.subject.strip()
        self.route = " ".join(self.route.split())
        try:
            self.clean_fields()
        except ValidationError:
            return  # each is told by itself
        rules.check_whole(
            scope=self.scope,
            route=self.route,
            subject=self.subject,
            rate=self.rate,
            burst=self.burst,
            cost=self.cost,
        )
        self._check_subject()

    def as_rule(self) -> Rule:
        """Give the row as the engine reads it."""
        return Rule(
            pk=self.pk,
            name=self.name,
            scope=Scope(self.scope),
            route=self.route,
            subject=self.subject,
            rate=self.rate,
            burst=self.burst,
            cost=self.cost,
            action=Action(self.action),
            dry_run=self.dry_run,
        )

    def _check_subject(self) -> None:
        if not self.subject:
            return
        if self.scope in {Scope.USER, Scope.SOCKET, Scope.SOCKET_USER}:
            if not User.objects.filter(username=self.subject).exists():
                raise ValidationError({"subject": f"there is no user {self.subject!r}"})
        elif self.scope in {Scope.PROJECT, Scope.LLM}:
            team, _, slug = self.subject.partition("/")
            if not Project.objects.filter(team__slug=team, slug=slug).exists():
                raise ValidationError({"subject": f"there is no project {self.subject!r}; write team/slug"})
