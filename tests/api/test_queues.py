"""Agents, queues and workers: how much there is to do, for everybody; whose it is, for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from accounts import keys
from accounts.models import User
from agents.catalog import current_registry
from tasks import runs
from tasks.models import Queue, Step, WorkerSession
from tests.agents.found import begin
from tests.api.cast import GOAL, Cast, api, probe, submit_steps, token

PROBE = "/api/v1/queues/agent.probe"


@pytest.fixture
def root(cast: Cast) -> User:
    return User.objects.create_user("root", is_staff=True)


def load(person: User) -> dict[str, Any]:
    told: dict[str, Any] = api(person).get(PROBE).json()
    return told


def counts(person: User) -> dict[str, int]:
    return {name: load(person)[name] for name in ("depth", "held", "delayed", "running")}


def test_queue_is_told_with_what_waits_and_who_serves_it(cast: Cast) -> None:
    begin(cast.project)  # one runs, on a live worker with one slot
    submit_steps(cast.project, probe("a"), probe("b", after="a"))
    waits = submit_steps(cast.project, probe("a"))
    Step.objects.filter(run=waits).update(available_at=timezone.now() - timedelta(seconds=90))
    told = load(cast.vera)
    assert 90 <= told.pop("oldest_wait_seconds") < 120
    assert told == {
        "name": "agent.probe",
        "agent": "probe",
        "state": "open",
        "paused_at": None,
        "priority": 5,
        "limit": None,
        "depth": 2,
        "held": 0,
        "delayed": 0,
        "running": 1,
        "workers": 1,
        "slots": 1,
    }


def test_what_waits_is_told_by_why_it_waits(cast: Cast) -> None:
    assert load(cast.vera)["oldest_wait_seconds"] is None
    paused = submit_steps(cast.project, probe("a"), probe("b"))
    later = submit_steps(cast.project, probe("a"))
    submit_steps(cast.project, probe("a"))
    runs.pause(paused.public_id, by="bob")
    Step.objects.filter(run=later).update(available_at=timezone.now() + timedelta(hours=1))
    assert counts(cast.vera) == {"depth": 1, "held": 2, "delayed": 1, "running": 0}
    _, lease = begin(cast.project)
    runs.fail(lease, kind="failed", message="told to", retriable=True)
    assert counts(cast.vera)["delayed"] == 2
    runs.resume(paused.public_id, by="bob")
    assert counts(cast.vera)["held"] == 0


def test_worker_that_is_gone_serves_nothing(cast: Cast) -> None:
    begin(cast.project)
    WorkerSession.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    told = load(cast.vera)
    assert (told["workers"], told["slots"], told["running"]) == (0, 0, 1)


def test_list_has_every_queue_in_pages(cast: Cast) -> None:
    client = api(cast.charlie)
    names = sorted(Queue.objects.values_list("name", flat=True))
    page = client.get("/api/v1/queues?limit=2").json()
    seen = [one["name"] for one in page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        seen += [one["name"] for one in page["results"]]
    assert seen == names
    backwards = client.get("/api/v1/queues?ordering=-name").json()["results"]
    assert [one["name"] for one in backwards] == names[::-1]


def test_staff_pause_and_resume(cast: Cast, root: User) -> None:
    submit_steps(cast.project, probe("a"))
    client = api(root)
    paused = client.post(f"{PROBE}/pause", {}).json()
    assert (paused["state"], paused["depth"], paused["paused_at"] is not None) == ("paused", 1, True)
    assert client.post(f"{PROBE}/pause", {}).json()["paused_at"] == paused["paused_at"]
    now = timezone.now()
    worker = WorkerSession.objects.create(
        hostname="t", pid=1, queues=["agent.probe"], slots=1, started_at=now, heartbeat_at=now,
        lease_until=now + timedelta(hours=1),
    )  # fmt: skip
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is None
    assert client.get("/api/v1/agents/probe").json()["availability"] == "paused"
    for _ in range(2):
        resumed = client.post(f"{PROBE}/resume", {}).json()
        assert (resumed["state"], resumed["paused_at"]) == ("open", None)
    assert runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t") is not None


def test_disabled_agent_is_told(cast: Cast) -> None:
    Queue.objects.filter(name="agent.probe").update(enabled=False)
    assert load(cast.vera)["state"] == "disabled"
    assert api(cast.vera).get("/api/v1/agents/probe").json()["availability"] == "disabled"


@pytest.mark.parametrize("person", ["alice", "bob", "vera", "charlie", ""])
def test_only_staff_hold_queues_and_see_workers(cast: Cast, person: str) -> None:
    client = api(getattr(cast, person) if person else None)
    look, act = (200, 403) if person else (401, 401)
    for path in ("/api/v1/queues", PROBE, "/api/v1/agents", "/api/v1/agents/probe"):
        assert client.get(path).status_code == look
    assert client.get("/api/v1/workers").status_code == act
    for verb in ("pause", "resume"):
        assert client.post(f"{PROBE}/{verb}", {}).status_code == act
    assert not Queue.objects.exclude(paused_at=None).exists()


def test_staffs_key_that_is_bound_to_projects_does_not_hold_queues(cast: Cast, root: User) -> None:
    now = timezone.now()
    made = keys.create(
        User.objects.create_user("boss", is_staff=True, is_superuser=True), "k",
        scopes=["queue.manage", "worker.view"], projects=[cast.project], expires_at=now + timedelta(days=1), now=now,
    )  # fmt: skip
    client = Client(headers={"Authorization": f"Bearer {made.text}"})
    assert client.post(f"{PROBE}/pause", {}, content_type="application/json").status_code == 403
    assert client.get("/api/v1/workers").status_code == 403


def test_nobodys_work_is_named_to_others(cast: Cast) -> None:
    run, _ = begin(cast.project)
    submit_steps(cast.project, probe("canary-step"))
    for path in ("/api/v1/queues", PROBE, "/api/v1/agents", "/api/v1/agents/probe"):
        text = api(cast.charlie).get(path).content.decode()
        for secret in (str(run.public_id), "canary-step", GOAL, "shop", "alice", "hostname"):
            assert secret not in text, (path, secret)


def test_staff_see_what_each_worker_does(cast: Cast, root: User) -> None:
    run, lease = begin(cast.project)
    session = WorkerSession.objects.get()
    step = Step.objects.get(run=run, key="look")
    told = api(root).get("/api/v1/workers").json()

    def z(moment: Any) -> str:
        return str(moment.isoformat().replace("+00:00", "Z"))

    assert told == {
        "results": [
            {
                "id": str(session.pk),
                "hostname": "test",
                "pid": 1,
                "state": "alive",
                "queues": ["agent.probe"],
                "slots": 1,
                "started_at": z(session.started_at),
                "heartbeat_at": z(session.heartbeat_at),
                "stopped_at": None,
                "running": [
                    {
                        "run": str(run.public_id),
                        "project": "alice/shop",
                        "step": "look",
                        "agent": "probe",
                        "operation": "work",
                        "attempt": lease.attempt,
                        "started_at": z(step.started_at),
                    }
                ],
            }
        ],
        "next": None,
    }


def test_workers_are_listed_by_state_and_in_pages(cast: Cast, root: User) -> None:
    now = timezone.now()
    past, ahead = now - timedelta(hours=1), now + timedelta(hours=1)
    for name, more in (
        ("alive", {"lease_until": ahead}),
        ("stopping", {"lease_until": ahead, "stopping_at": now}),
        ("lost", {"lease_until": past}),
        ("stopped", {"lease_until": past, "stopping_at": past, "stopped_at": past}),
    ):
        WorkerSession.objects.create(
            hostname=name, pid=1, queues=[], slots=1, started_at=now, heartbeat_at=now, **more
        )
    client = api(root)
    listed = client.get("/api/v1/workers").json()["results"]
    assert {one["hostname"]: one["state"] for one in listed} == {"alive": "alive", "stopping": "stopping"}
    path, seen = "/api/v1/workers?state=lost,stopped&state=alive&limit=1", []
    while path:
        page = client.get(path).json()
        seen += [(one["hostname"], one["state"]) for one in page["results"]]
        path = page["next"]
    assert sorted(seen) == [("alive", "alive"), ("lost", "lost"), ("stopped", "stopped")]
    assert client.get("/api/v1/workers?state=dead").status_code == 400


def test_agent_is_told_with_sound_schemas(cast: Cast) -> None:
    client = api(cast.vera)
    listed = client.get("/api/v1/agents").json()["agents"]
    assert [one["name"] for one in listed] == list(current_registry().agents)
    for line in listed:
        told = client.get(f"/api/v1/agents/{line['name']}").json()
        assert {**told, "operations": None} == {
            **line, "operations": None, "limit": None, "timeout_seconds": None, "max_attempts": None,
        }  # fmt: skip
        for one, whole in zip(line["operations"], told["operations"], strict=True):
            assert {name: whole[name] for name in one} == one
            for schema in ("input_schema", "output_schema"):
                Draft202012Validator.check_schema(whole[schema])
    work = client.get("/api/v1/agents/probe").json()["operations"][0]
    Draft202012Validator(work["input_schema"]).validate({"note": "x", "seconds": 1.5})
    assert not Draft202012Validator(work["input_schema"]).is_valid({"surprise": 1})


@pytest.mark.parametrize(
    "name",
    ["nope", "%00", "a%2Fb", "x" * 5000, "é", "6f1c2a54-0d0b-4c55-9d5e-0b8f2f6f7a10", "agent.probe%0A"],
)
def test_agent_or_queue_that_is_none_is_404(cast: Cast, root: User, name: str) -> None:
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token(root)}"})
    answers = [client.get(f"/api/v1/{kind}/{name}") for kind in ("agents", "queues")]
    answers += [
        client.post(f"/api/v1/queues/{name}/{verb}", {}, content_type="application/json")
        for verb in ("pause", "resume")
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}


@pytest.mark.parametrize("body", [{"reason": "x"}, [], "x"])
def test_pause_takes_no_body_that_says_something(cast: Cast, root: User, body: Any) -> None:
    assert api(root).post(f"{PROBE}/pause", body, format="json").status_code == 400
    assert not Queue.objects.exclude(paused_at=None).exists()
