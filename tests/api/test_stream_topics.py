"""The WebSocket: news of a project and of a person, which say that something has changed, to whom it may concern."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis import Redis

from accounts import invitations, keys
from accounts.models import Invitation, Membership, Project, ProjectMembership, Team
from accounts.roles import Role
from agents import triage
from agents.findings import Verdict
from agents.models import TrackedFinding
from api import following, hub
from tasks import hints, runs
from tests.agents.found import claim, find
from tests.api.cast import Cast, ask, submit_run
from tests.api.websocket import Frame, Socket, in_database, opened, opened_with, run_async

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("closed_connections"),
]


async def following_topic(people_socket: Socket, topic: str) -> Socket:
    await people_socket.say(op="subscribe", topic=topic, id="s")
    told = await people_socket.hear()
    assert told == {"op": "subscribed", "topic": topic, "from": 0, "head": 0, "id": "s"}
    return people_socket


async def news(socket: Socket, type: str) -> Frame:
    """Wait for news of this type; others are passed over."""
    while True:
        frame = await socket.hear()
        if frame["op"] == "news" and frame["type"] == type:
            return frame


@pytest.mark.usefixtures("planner")
@pytest.mark.parametrize("named", ["shop", "alice/shop", "id"])
def test_project_hears_of_its_runs(people: Cast, named: str) -> None:
    topic = f"project:{people.project.pk if named == 'id' else named}"

    async def scenario() -> None:
        socket = await following_topic(await opened(people.vera), topic)
        foreign = await following_topic(await opened(people.charlie), "project:other")
        run = await in_database(submit_run, people.project)
        assert await news(socket, "run.accepted") == {
            "op": "news",
            "topic": topic,
            "type": "run.accepted",
            "data": {"run": str(run.public_id)},
        }
        await in_database(lambda: runs.cancel(run.public_id, by="bob", reason=""))
        assert (await news(socket, "run.finished"))["data"] == {
            "run": str(run.public_id),
            "state": "cancelled",
        }
        await foreign.say(op="ping")
        assert (await foreign.hear())["op"] == "pong"  # nothing of the other project came before
        for one in (socket, foreign):
            await one.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_person_hears_of_own_runs_only(people: Cast) -> None:
    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "user")
        await in_database(submit_run, people.project, people.alice)
        mine = await in_database(submit_run, people.project, people.bob)
        heard = await news(socket, "run.accepted")
        assert heard["data"] == {"run": str(mine.public_id)}
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("worker")
def test_question_reaches_whoever_may_answer_and_nobody_else(people: Cast) -> None:
    async def scenario() -> None:
        alice = await following_topic(await opened(people.alice), "user")
        charlie = await following_topic(await opened(people.charlie), "user")
        asked = await in_database(ask, people.project)
        told = await news(alice, "approval.asked")
        run_id = await in_database(lambda: str(asked.run.public_id))
        assert told["data"] == {"run": run_id, "approval": str(asked.public_id)}
        await in_database(
            lambda: runs.decide(
                asked.public_id, approved=True, by_user_id=people.alice.pk, by="alice", comment=""
            )
        )
        assert (await news(alice, "approval.decided"))["data"]["decision"] == "approved"
        await charlie.say(op="ping")
        assert (await charlie.hear())["op"] == "pong"
        for one in (alice, charlie):
            await one.leave()

    run_async(scenario)


@pytest.mark.parametrize("topic", ["project:nonsense", "project:alice/shop", "project:-1", "project:9" * 9])
def test_project_that_is_not_seen_is_unknown(people: Cast, topic: str) -> None:
    async def scenario() -> None:
        socket = await opened(people.charlie)
        await socket.say(op="subscribe", topic=topic)
        assert (await socket.hear())["code"] == "unknown_topic"
        assert await socket.closed() == 4404

    run_async(scenario)


def test_lost_project_ends_the_socket(people: Cast) -> None:
    async def scenario() -> None:
        socket = await following_topic(await opened(people.vera), "project:alice/shop")
        await in_database(lambda: Membership.objects.get(user=people.vera).delete())
        assert await socket.closed() == 4403

    run_async(scenario)


def test_person_and_project_hear_of_a_changed_role(people: Cast) -> None:
    async def scenario() -> None:
        bob = await following_topic(await opened(people.bob), "user")
        alice = await following_topic(await opened(people.alice), "project:alice/shop")
        given = {"user": people.bob, "project": people.project, "role": Role.MAINTAINER}
        await in_database(lambda: ProjectMembership.objects.create(**given))
        assert (await news(bob, "role.changed"))["data"] == {"project": "alice/shop"}
        assert (await news(alice, "member.changed"))["data"] == {"user": "bob"}
        for one in (alice, bob):
            await one.leave()

    run_async(scenario)


def test_key_bound_to_a_project_hears_no_news_of_its_owner(people: Cast) -> None:
    now = timezone.now()
    minted = keys.create(
        people.bob,
        "watcher",
        scopes=["run.view"],
        projects=[people.project],
        expires_at=now + timedelta(days=1),
        now=now,
    )

    async def scenario() -> None:
        socket = await following_topic(await opened_with(minted.text), "project:alice/shop")
        await socket.say(op="subscribe", topic="user")
        assert (await socket.hear())["code"] == "unknown_topic"
        assert await socket.closed() == 4404

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_person_hears_on_when_their_rights_were_looked_at_again(people: Cast) -> None:
    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "user")
        (listener,) = hub.hub().listeners
        await listener.recheck()
        mine = await in_database(submit_run, people.project, people.bob)
        assert (await news(socket, "run.accepted"))["data"] == {"run": str(mine.public_id)}
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_topic_that_names_another_project_by_now_is_heard_of_that_one_only(people: Cast) -> None:
    topic = f"project:{people.project.pk}"

    def make_own() -> Project:
        team = Team.objects.create(name="Bob's", slug="bobs")
        Membership.objects.create(user=people.bob, team=team, role=Role.OWNER)
        return Project.objects.create(team=team, name="Own", slug=str(people.project.pk))

    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), topic)
        own = await in_database(make_own)
        await following_topic(socket, topic)
        await in_database(lambda: Membership.objects.get(user=people.bob, team=people.project.team).delete())
        await in_database(submit_run, people.project)
        mine = await in_database(submit_run, own)
        assert (await news(socket, "run.accepted"))["data"] == {"run": str(mine.public_id)}
        await socket.leave()

    run_async(scenario)


@pytest.mark.usefixtures("planner")
def test_unsubscribed_news_is_silent(people: Cast) -> None:
    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "project:alice/shop")
        await following_topic(socket, "user")
        await socket.say(op="unsubscribe", topic="project:alice/shop")
        mine = await in_database(submit_run, people.project, people.bob)
        heard = await socket.hear()
        assert (heard["topic"], heard["data"]["run"]) == ("user", str(mine.public_id))
        await socket.leave()

    run_async(scenario)


def test_lost_message_of_redis_is_told_by_a_reset(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Echoes are numbered: one that does not come back tells that others may not have, either."""
    monkeypatch.setattr(hub, "LOOK_SECONDS", 0.05)

    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "user")
        with monkeypatch.context() as deaf:
            deaf.setattr(hub.Hub, "_echo", lambda self, number: None)
            one, sent = hub.hub(), hub.hub()._sent
            while one._sent < sent + 2:
                await socket.say(op="ping")
                assert (await socket.hear())["op"] == "pong"
        told = await socket.hear()
        assert told == {"op": "reset", "topic": "user", "reason": following.MISSED, "head": 0}
        await socket.leave()

    run_async(scenario)


def test_news_that_pile_up_become_a_reset(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MAX_NEWS", 5)

    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "user")
        (listener,) = hub.hub().listeners
        for n in range(9):  # before the writer has a turn
            message = {"news": "run.started", "data": {"run": str(n)}}
            listener.tell_news("user", hub.news_frame("user", message))
        heard = [await socket.hear() for _ in range(6)]
        assert [frame["data"]["run"] for frame in heard[:5]] == ["0", "1", "2", "3", "4"]
        assert heard[5]["op"] == "reset"
        await socket.leave()

    run_async(scenario)


def test_invitation_and_judged_findings_are_told(people: Cast) -> None:
    async def scenario() -> None:
        charlie = await following_topic(await opened(people.charlie), "user")
        vera = await following_topic(await opened(people.vera), "project:alice/shop")
        sent = await in_database(_invite, people)
        told = await news(charlie, "invitation.changed")
        assert told["data"] == {"invitation": str(sent.public_id), "outcome": ""}
        await in_database(_dismiss, people)
        assert (await news(vera, "findings.judged"))["data"] == {"verdict": "dismiss"}
        for one in (charlie, vera):
            await one.leave()

    run_async(scenario)


def _invite(people: Cast) -> Invitation:
    sent = invitations.invite(
        people.project, Role.VIEWER, user=people.charlie, by=people.alice, lasts=timedelta(days=1)
    )
    return sent.row


def _dismiss(people: Cast) -> None:
    find(people.project, claim())
    with transaction.atomic():
        rows = triage.lock(TrackedFinding.objects.values_list("pk", flat=True))
        triage.decide(rows, Verdict.DISMISS, reason="no", until=None, by=people.alice)


def test_subscriptions_survive_a_redis_that_cut_us_off(people: Cast) -> None:
    """Whoever hears news is told that some may be lost, and hints come again."""

    async def scenario() -> None:
        socket = await following_topic(await opened(people.bob), "user")
        redis = Redis.from_url(settings.REDIS_URL)
        await in_database(lambda: redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub"))
        assert (await socket.hear())["op"] == "reset"
        await in_database(lambda: hints.tell_user(people.bob.pk, "role.changed"))
        assert (await news(socket, "role.changed"))["topic"] == "user"
        await socket.leave()

    run_async(scenario)


def test_every_kind_of_news_that_is_told_is_described() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        hints.tell_user(1, "nonsense")
