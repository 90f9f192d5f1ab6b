"""A commit happens and its answer is lost: whoever asked must find out, and nothing may be done or stored twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from tasks import runs
from tasks.models import Approval, Attempt, JournalEntry, OutboxMessage, Run, Step
from tasks.outbox import relay
from tasks.plans import chain, group
from tasks.states import StepState
from tests.api.cast import Cast, api, make_cast
from tests.engine.cluster import Cluster, assert_sound, database_url, effects
from tests.engine.conftest import Submit, drain, work
from tests.engine.lost_answers import LosingPort

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def losing(transactional_db: None) -> Iterator[LosingPort]:
    """This process reaches PostgreSQL through a port that loses answers on demand."""
    direct = connection.settings_dict["PORT"]
    with LosingPort(int(direct)) as port:
        connection.close()
        connection.settings_dict["PORT"] = str(port.port)
        try:
            yield port
            assert port.all_lost()
        finally:
            connection.close()
            connection.settings_dict["PORT"] = direct


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return make_cast()


def recover_and_drain() -> list[str]:
    runs.recover()
    return drain()


def outcomes(run: Run) -> list[tuple[str, int, str]]:
    found = Attempt.objects.filter(step__run=run).order_by("step_id", "ordinal")
    return list(found.values_list("step__key", "ordinal", "outcome"))


def succeeded_once(run: Run) -> None:
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert_sound(run)


GOAL = {
    "goal": "Find security problems",
    "target": {"kind": "git", "url": "https://git.example.org/a/shop.git"},
}


def test_submit_is_sent_again_by_the_client_and_is_one_run(losing: LosingPort, cast: Cast) -> None:
    program, key = api(cast.bob), {"HTTP_IDEMPOTENCY_KEY": str(uuid.uuid4())}
    body = {"project": cast.project.slug, **GOAL}
    losing.lose("run.accepted")
    first = program.post("/api/v1/runs", body, format="json", **key)
    assert first.status_code == 503, first.content
    assert first["Retry-After"] == "5"
    connection.close()  # as at the end of a request
    second = program.post("/api/v1/runs", body, format="json", **key)
    assert second.status_code in {200, 201, 202}, second.content
    run = Run.objects.get()
    assert second.json()["id"] == str(run.public_id)
    assert OutboxMessage.objects.count() == 1  # nobody rang: whoever wrote it never heard of its commit
    assert relay(older_than_seconds=0) == 1


def test_claimed_step_is_given_back_and_done_once(
    losing: LosingPort, submit: Submit, worker: object, ledger: Path
) -> None:
    run = submit(work("a", ledger=ledger))
    losing.lose("step.started")
    assert drain() == []
    assert Step.objects.get().state == "ready"
    drain()
    succeeded_once(run)
    assert effects(ledger) == ["a"]
    assert outcomes(run) == [("a", 1, "released"), ("a", 2, "succeeded")]


def test_claimed_step_that_was_never_begun_asks_nobody_and_spends_nothing(
    losing: LosingPort, submit: Submit, worker: object, ledger: Path
) -> None:
    """Its effect must not happen twice; the child that claimed it knows that it did not happen at all."""
    run = submit(work("a", operation="post", ledger=ledger))
    losing.lose("step.started")
    drain()
    recover_and_drain()
    succeeded_once(run)
    assert effects(ledger) == ["a"]
    assert Step.objects.get().attempts_spent == 0


def test_settled_result_is_stored_once_and_the_fused_step_is_not_lost(
    losing: LosingPort, submit: Submit, worker: object, ledger: Path
) -> None:
    """The commit that was not answered ended `a` and began `b`, whose fence nobody ever heard."""
    run = submit(chain(work("a", ledger=ledger), work("b", ledger=ledger), work("c", ledger=ledger)))
    losing.lose("step.succeeded")
    drain()
    recover_and_drain()
    succeeded_once(run)
    assert effects(ledger) == ["a", "b", "c"]
    assert outcomes(run) == [
        *(("a", 1, "succeeded"), ("b", 1, "released")),
        *(("b", 2, "succeeded"), ("c", 1, "succeeded")),
    ]


def test_settled_result_that_adds_steps_adds_them_once(
    losing: LosingPort, submit: Submit, worker: object
) -> None:
    run = submit(chain(work("a", operation="grow", grow=3), work("end")))
    losing.lose("step.succeeded")
    drain()
    recover_and_drain()
    succeeded_once(run)
    assert sorted(Step.objects.values_list("key", flat=True)) == ["a", "a.0", "a.1", "a.2", "end"]
    assert set(Step.objects.values_list("attempts_made", flat=True)) <= {1, 2}


def test_last_result_ends_the_run_once(losing: LosingPort, submit: Submit, worker: object) -> None:
    run = submit(work("a"))
    losing.lose("step.succeeded")
    drain()
    succeeded_once(run)
    assert outcomes(run) == [("a", 1, "succeeded")]


def test_failed_attempt_is_counted_once(losing: LosingPort, submit: Submit, worker: object) -> None:
    submit(work("a", fail_times=3))
    losing.lose("step.retry")
    drain()
    step = Step.objects.get()
    assert (step.state, step.attempts_made, step.attempts_spent) == ("waiting_retry", 1, 1)
    assert [one.outcome for one in Attempt.objects.all()] == ["failed"]


def test_suspended_caller_calls_once(
    losing: LosingPort, submit: Submit, worker: object, ledger: Path
) -> None:
    run = submit(work("a", operation="caller", grow=2, ledger=ledger))
    losing.lose("step.suspended")
    drain()
    assert Step.objects.get(key="a").state == StepState.WAITING.value
    while drain("agent.second") + drain():
        pass
    succeeded_once(run)
    assert Step.objects.count() == 3
    assert JournalEntry.objects.count() == 2
    assert len(effects(ledger)) == 3


def test_asking_step_asks_once(losing: LosingPort, submit: Submit, worker: object) -> None:
    run = submit(work("a", operation="ask"))
    losing.lose("approval.asked")
    drain()
    approval = Approval.objects.get()
    runs.decide(approval.public_id, approved=True, by_user_id=None, by="Alice")
    drain()
    succeeded_once(run)


def test_answer_of_a_person_counts_once(losing: LosingPort, submit: Submit, worker: object) -> None:
    bob = User.objects.create_user("bob")
    run = submit(work("a", operation="ask"))
    drain()
    approval = Approval.objects.get()
    losing.lose("approval.decided")
    decided = runs.decide(approval.public_id, approved=True, by_user_id=bob.pk, by="Bob")
    assert (decided.decision, decided.decided_by) == ("approved", bob)
    drain()
    succeeded_once(run)
    assert run.events.filter(kind="approval.decided").count() == 1


def test_cancel_is_told_once(losing: LosingPort, submit: Submit) -> None:
    run = submit(group(work("a"), work("b")))
    losing.lose("run.cancel_requested")
    runs.cancel(run.public_id, by="Alice", reason="enough")
    run.refresh_from_db()
    assert (run.state, run.cancel_reason) == ("cancelled", "enough")
    assert_sound(run)
    assert run.events.filter(kind="run.cancel_requested").count() == 1


@pytest.mark.parametrize(
    ("fact", "order"),
    [
        ("run.paused", lambda run: runs.pause(run, by="Alice")),
        ("run.priority_changed", lambda run: runs.set_priority(run, 1, by="Alice")),
        ("run.resumed", lambda run: runs.resume(run, by="Alice")),
    ],
)
def test_order_of_a_person_is_carried_out_and_told_once(
    losing: LosingPort, submit: Submit, worker: object, fact: str, order: Callable[[uuid.UUID], Run]
) -> None:
    run = submit(work("a"))
    if fact == "run.resumed":
        runs.pause(run.public_id, by="Alice")
    losing.lose(fact)
    order(run.public_id)
    assert run.events.filter(kind=fact).count() == 1
    runs.resume(run.public_id, by="Alice")
    drain()
    succeeded_once(run)


@pytest.mark.parametrize(
    ("fact", "operation", "given", "line"),
    [
        ("step.retry", "work", {"fail_times": 1}, "failed, will be tried again"),
        ("step.retry", "later", {}, "postponed"),
        ("step.suspended", "ask", {}, "suspended, waits for an approval"),
    ],
)
def test_flower_is_told_the_end_that_was_stored(
    losing: LosingPort,
    submit: Submit,
    worker: object,
    fact: str,
    operation: str,
    given: dict[str, int],
    line: str,
) -> None:
    """`stale` means that a result was refused, which an operator would look into."""
    submit(work("a", operation=operation, **given))
    losing.lose(fact)
    (told,) = drain()
    assert told.endswith(f"step a attempt 1: {line}")


def test_deed_that_must_not_happen_twice_is_known_to_be_done(
    losing: LosingPort, submit: Submit, worker: object, ledger: Path
) -> None:
    """Its end is stored by a transaction that tells nothing: known by the column that it sets."""
    run = submit(work("a", operation="deed", ledger=ledger))
    losing.lose('"done_at" = ')
    drain()
    succeeded_once(run)
    assert effects(ledger) == ["a"]
    assert outcomes(run) == [("a", 1, "succeeded")]


def test_order_of_a_person_that_is_not_repeatable_says_so(losing: LosingPort, submit: Submit) -> None:
    """Without an idempotency key nobody can tell whether the run was accepted: the caller hears the error."""
    losing.lose("run.accepted")
    with pytest.raises(OperationalError):
        submit(work("a"))
    connection.close()
    assert Run.objects.count() == 1


@pytest.mark.cluster
def test_worker_that_loses_answers_all_the_time(
    cluster: Cluster, submit: Submit, ledger: Path, project: object
) -> None:
    """Real workers; each third result's answer is lost. None is missing, none is stored or done twice."""
    direct = int(connection.settings_dict["PORT"])
    with LosingPort(direct) as port:
        through = database_url().replace(f":{direct}/", f":{port.port}/")
        cluster.relay()
        cluster.scheduler()
        cluster.worker(slots=2, DATABASE_URL=through)
        lines = [
            chain(*(work(f"s{line}.{n}", ledger=ledger, seconds=0.02) for n in range(5))) for line in range(6)
        ]
        port.lose("step.started", *["step.succeeded"] * 10)  # no step can lose all of its three attempts
        run = submit(group(*lines))
        cluster.wait_for(run, within=90)
        succeeded_once(run)
        assert len(port.lost) == 11
    ended = [key for key, _, outcome in outcomes(run) if outcome == "succeeded"]
    assert sorted(ended) == sorted(f"s{line}.{n}" for line in range(6) for n in range(5))
    assert {outcome for _, _, outcome in outcomes(run)} <= {"succeeded", "released"}
    assert sorted(effects(ledger)) == sorted(ended)  # what was lost had been claimed and not begun
