"""What would happen to a request, and how things stand now: for the admin's page. Charges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from accounts.limits import engine, shared
from accounts.limits.addresses import UNKNOWN
from accounts.limits.buckets import MICRO
from accounts.limits.calls import Call
from accounts.limits.engine import Verdict
from accounts.limits.rules import METHODS, Kind
from accounts.models import Project, RateRule, User

SHOWN = 20
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A bucket in use. `used` is in percent, `full_in` in seconds."""

    rule: str
    owner: str
    used: int
    full_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How often a rule refused, or would have without its dry run or mere warning."""

    rule: RateRule
    refused_today: int
    refused_week: int
    over_today: int
    over_week: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How things stand. `fault` says why nothing is known of Redis; `missed` is what this process did without it."""

    counted: Sequence[Counted] = ()
    busiest: Sequence[Busy] = ()
    away: Mapping[str, int]
    missed: Mapping[str, int]
    fault: str = ""


class TrialForm(forms.Form):
    """A request as the rules see it."""

    kind = forms.ChoiceField(choices=[(kind.value, kind.value) for kind in Kind], initial=Kind.REQUEST.value)
    method = forms.ChoiceField(choices=[(name, name) for name in sorted(METHODS)], initial="GET")
    path = forms.CharField(max_length=500, initial="/api/v1/runs")
    address = forms.GenericIPAddressField(required=False, help_text="Where it comes from.")
    user = forms.CharField(max_length=150, required=False, help_text="The user's name; empty: nobody.")
    project = forms.CharField(max_length=121, required=False, help_text="team/slug")
    key = forms.CharField(max_length=100, required=False, help_text="The prefix of an API key.")
    socket = forms.CharField(max_length=200, required=False, help_text="For messages: a socket's name.")

    def clean_user(self) -> User | None:
        name = self.cleaned_data["user"]
        found = User.objects.filter(username=name).first() if name else None
        if name and found is None:
            raise forms.ValidationError(f"there is no user {name!r}")
        return found

    def clean_project(self) -> Project | None:
        name = self.cleaned_data["project"]
        team, _, slug = name.partition("/")
        found = Project.objects.filter(team__slug=team, slug=slug).first() if name else None
        if name and found is None:
            raise forms.ValidationError(f"there is no project {name!r}; write team/slug")
        return found


def tried(wanted: Mapping[str, Any]) -> Verdict | None:
    """Tell what would happen now to what a valid form describes. None: Redis does not answer."""
    user: User | None = wanted["user"]
    project: Project | None = wanted["project"]
    call = Call(
        kind=Kind(wanted["kind"]),
        method=wanted["method"],
        path=wanted["path"],
        address=wanted["address"] or UNKNOWN,
        user_id=user.pk if user else None,
        user_name=user.get_username() if user else "",
        key=wanted["key"],
        project_id=project.pk if project else None,
        project_name=f"{project.team.slug}/{project.slug}" if project else "",
        socket=wanted["socket"],
    )
    try:
        return engine.look(call)
    except shared.RedisAway:
        return None


def now() -> Now:
    """Tell how full the fullest buckets are, and what each rule has refused."""
    missed = shared.circuit.counted()
    try:
        today, week, used = shared.counts(), shared.counts(WEEK), shared.busiest()
    except shared.RedisAway as error:
        return Now(away={}, missed=missed, fault=str(error))
    rules = {rule.pk: rule for rule in RateRule.objects.all()}
    return Now(
        counted=[
            Counted(
                rule=rule,
                refused_today=today.get(f"{rule.name}:refused", 0),
                refused_week=week.get(f"{rule.name}:refused", 0),
                over_today=today.get(f"{rule.name}:over", 0),
                over_week=week.get(f"{rule.name}:over", 0),
            )
            for rule in rules.values()
        ],
        busiest=_busiest(rules, used),
        away={name.partition(":")[2]: count for name, count in week.items() if name.startswith("away:")},
        missed=missed,
    )


def _busiest(rules: Mapping[int, RateRule], used: Sequence[tuple[str, int]]) -> list[Busy]:
    found: list[Busy] = []
    for key, micros in used:
        pk, _, owner = key.partition(":")
        rule = rules.get(int(pk)) if pk.isdigit() else None
        if rule is not None:
            share = min(100, round(100 * micros / (rule.as_rule().interval * rule.burst)))
            found.append(Busy(rule=rule.name, owner=owner, used=share, full_in=micros / MICRO))
    found.sort(key=lambda busy: (-busy.used, busy.rule, busy.owner))
    return [_named(busy) for busy in found[:SHOWN]]


def _named(busy: Busy) -> Busy:
    """Put the name of a user or project in the place of its number."""
    kind, _, number = busy.owner.partition("-")
    name: str | None = None
    if kind == "user" and number.isdigit():
        name = User.objects.values_list("username", flat=True).filter(pk=int(number)).first()
    elif kind == "project" and number.isdigit():
        row = Project.objects.values_list("team__slug", "slug").filter(pk=int(number)).first()
        name = "/".join(row) if row else None
    owner = f"{kind} {name}" if name else busy.owner
    return Busy(rule=busy.rule, owner=owner, used=busy.used, full_in=busy.full_in)
