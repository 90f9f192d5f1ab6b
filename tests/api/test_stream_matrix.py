"""Who may follow what, and order what: the socket's part of the permission matrix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import Membership, User
from accounts.roles import Role
from tests.api.cast import Cast, submit_run, token
from tests.api.websocket import in_database, opened_with, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("planner", "closed_connections"),
]

TOPICS = ("run", "project", "user", "foreign run", "foreign project")
YES, NO = "subscribed", "error"
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "outsider": (NO, NO, YES, YES, YES),  # the foreign ones are their own
    "viewer": (YES, YES, YES, NO, NO),
    "developer": (YES, YES, YES, NO, NO),
    "maintainer": (YES, YES, YES, NO, NO),
    "owner": (YES, YES, YES, NO, NO),
    "staff": (YES, YES, YES, YES, YES),
    "superuser": (YES, YES, YES, YES, YES),
    "key:all": (YES, YES, YES, NO, NO),
    "key:bound": (YES, YES, NO, NO, NO),
    "key:elsewhere": (NO, NO, NO, NO, NO),
    "key:no scope": (NO, NO, NO, NO, NO),
}
MAY, SEES, BLIND = "ack", "forbidden", "not_found"
ORDERS: Mapping[str, str] = {
    "outsider": BLIND,
    "viewer": SEES,
    "developer": MAY,
    "maintainer": MAY,
    "owner": MAY,
    "staff": SEES,
    "superuser": MAY,
    "key:all": SEES,  # it reads only
    "key:bound": SEES,
    "key:elsewhere": SEES,
    "key:no scope": SEES,
}


def word_of(people: Cast, role: str) -> str:
    """Give what somebody of this role signs in with."""
    now = timezone.now()
    lasts = {"expires_at": now + timedelta(days=1), "now": now}
    if role == "key:all":
        return keys.create(people.bob, "k", scopes=["run.view"], projects=None, **lasts).text
    if role == "key:bound":
        return keys.create(people.bob, "k", scopes=["run.view"], projects=[people.project], **lasts).text
    if role == "key:elsewhere":
        Membership.objects.create(user=people.bob, team=people.other.team, role=Role.VIEWER)
        made = keys.create(people.bob, "k", scopes=["run.view"], projects=[people.other], **lasts)
        Membership.objects.filter(user=people.bob, team=people.other.team).delete()
        return made.text
    if role == "key:no scope":
        return keys.create(people.bob, "k", scopes=["approval.view"], projects=None, **lasts).text
    person = {
        "outsider": people.charlie,
        "viewer": people.vera,
        "developer": people.bob,
        "owner": people.alice,
    }
    if role in person:
        return token(person[role])
    made_user = User.objects.create_user(role, is_staff=role == "staff", is_superuser=role == "superuser")
    if role == "maintainer":
        Membership.objects.create(user=made_user, team=people.project.team, role=Role.MAINTAINER)
    return token(made_user)


@pytest.mark.parametrize("role", FOLLOWS)
def test_who_may_follow_what(people: Cast, role: str) -> None:
    raw = word_of(people, role)
    run, foreign = submit_run(people.project), submit_run(people.other)
    named = (
        f"run:{run.public_id}",
        "project:alice/shop",
        "user",
        f"run:{foreign.public_id}",
        "project:charlie/other",
    )

    async def scenario() -> None:
        found = []
        for topic in named:
            socket = await opened_with(raw)
            await socket.say(op="subscribe", topic=topic)
            found.append((await socket.hear())["op"])
            await socket.leave()
        assert dict(zip(TOPICS, found, strict=True)) == dict(zip(TOPICS, FOLLOWS[role], strict=True))

    run_async(scenario)


@pytest.mark.parametrize("role", ORDERS)
def test_who_may_order(people: Cast, role: str) -> None:
    raw = word_of(people, role)
    made = {op: submit_run(people.project) for op in ("cancel", "pause")}

    async def scenario() -> None:
        socket = await opened_with(raw)
        for op, run in made.items():
            await socket.say(op=op, run=str(run.public_id))
            told = await socket.hear()
            assert told.get("code", told["op"]) == ORDERS[role]
            await in_database(run.refresh_from_db)
            state = {"cancel": "cancelled", "pause": "paused"}[op] if ORDERS[role] == MAY else "accepted"
            assert run.state == state
        await socket.leave()

    run_async(scenario)
