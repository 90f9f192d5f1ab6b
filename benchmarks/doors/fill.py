"""Fill the database that both servers read, and give tokens. Run as a program in either server's environment."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import django

PEOPLE = "bench"
ORDER = {"goal": "Look", "target": {"kind": "git", "url": "https://git.example.org/a.git"}}


def main() -> None:
    """`fill N`: store N runs and print the ids of two; `token`, `bare-token`: print a bearer token."""
    django.setup()
    what = sys.argv[1]
    if what == "fill":
        print(json.dumps(fill(int(sys.argv[2]))))
    elif what == "token":
        print(_token())
    else:
        print(_bare_token())


def fill(count: int) -> dict[str, str]:
    """Store runs of six steps in five projects of one team, and a person who develops in it."""
    from datetime import UTC, datetime

    from accounts.models import Membership, Project, RateRule, Team, User
    from accounts.roles import Role
    from tasks import partitions, runs
    from tasks.plans import After, Plan, PlannedStep

    partitions.ensure(datetime.now(UTC).date())
    RateRule.objects.update(burst=1_000_000, rate="10000/s")  # the cost of an answer, not of a refusal
    user = User.objects.create_user(PEOPLE)
    team = Team.objects.create(name=PEOPLE, slug=PEOPLE)
    Membership.objects.create(user=user, team=team, role=Role.DEVELOPER)
    projects = [Project.objects.create(team=team, name=f"p{n}", slug=f"p{n}") for n in range(5)]
    steps = [PlannedStep(key="plan", agent="super", operation="plan", input=ORDER)]
    steps += [
        PlannedStep(key=f"s{n}", agent="super", operation="plan", input=ORDER, after=(After(key="plan"),))
        for n in range(5)
    ]
    made = [
        runs.submit(
            Plan(tuple(steps)),
            project_id=projects[n % 5].pk,
            owner_id=user.pk,
            goal=f"Look at number {n}",
            request=ORDER,
        )[0]
        for n in range(count)
    ]
    return {"run": str(made[count // 2].public_id), "project": f"{PEOPLE}/p0"}


def _token() -> str:
    from accounts import sessions, tokens
    from accounts.models import SessionKind, User

    user = User.objects.get(username=PEOPLE)
    session = sessions.begin(user, SessionKind.PROGRAM, sessions.Device(), lasts=timedelta(days=1))
    return str(tokens.access_token(session))


def _bare_token() -> str:
    from rest_framework_simplejwt.tokens import AccessToken

    from accounts.models import User

    return str(AccessToken.for_user(User.objects.get(username=PEOPLE)))


if __name__ == "__main__":
    main()
