"""Finished runs done again: what is taken over, what is done, what is added anew."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from accounts.models import User
from agents.findings_store import findings_of_run
from agents.models import Finding
from tasks import artifacts, events, runs
from tasks.contract import StepResult
from tasks.errors import IdempotencyConflict, NothingToRetry, RunNotOver, StepNotFound
from tasks.leases import Lease
from tasks.models import Artifact, Attempt, Run, Step
from tasks.plans import After, Plan, PlannedStep, chain, ref
from tasks.runs import Rerun
from tasks.states import EdgeCondition
from tests.engine.cluster import assert_sound, effects
from tests.engine.conftest import drain, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_delay(settings) -> None:
    settings.RETRY_BASE_SECONDS = 0
    settings.RETRY_CAP_SECONDS = 0


def finish() -> None:
    """Work off everything, retries too."""
    while drain() or runs.promote_due():
        pass


def states(run: Run) -> dict[str, str]:
    return dict(Step.objects.filter(run=run).values_list("key", "state"))


def executed(run: Run) -> set[str]:
    return set(Attempt.objects.filter(step__run=run).values_list("step__key", flat=True))


def test_retry_takes_over_what_succeeded_and_does_the_rest(submit, worker, ledger, tmp_path) -> None:
    gone_wrong = work("b", after=(After(key="a"),), ledger=ledger, fail_times=3, note=ref("a", "note"))
    run = submit(
        work("a", ledger=ledger, note="hi"), gone_wrong, work("c", after=(After(key="b"),), ledger=ledger)
    )
    finish()
    run.refresh_from_db()
    assert (run.state, states(run)) == ("failed", {"a": "succeeded", "b": "dead", "c": "skipped"})
    preview = runs.preview_rerun(run.public_id)
    assert (preview.taken, [step.key for step in preview.redone], preview.anew) == (("a",), ["b", "c"], ())
    Step.objects.filter(run=run, key="b").update(input={"ledger": str(ledger), "note": ref("a", "note")})
    again, told = runs.retry(run.public_id, by="bob")
    assert (told, again.parent, again.open_steps, again.step_count) == (preview, run, 2, 3)
    finish()
    again.refresh_from_db()
    assert (again.state, executed(again)) == ("succeeded", {"b", "c"})
    assert effects(ledger) == ["a", "b", "c"]
    assert Step.objects.get(run=again, key="b").output["note"] == "hi"
    assert Step.objects.get(run=again, key="a").taken_from == Step.objects.get(run=run, key="a")
    assert_sound(run, again)
    kinds = [event.kind for event in events.since(again, 0)]
    assert kinds[:3] == ["run.accepted", "run.rerun", "step.taken_over"]
    run.refresh_from_db()
    assert run.state == "failed"


def test_rerun_from_a_step_does_what_waits_for_it_too(submit, worker) -> None:
    run = submit(chain(work("a"), work("b"), work("c")), work("aside"))
    finish()
    again, _ = runs.rerun_from(run.public_id, "b", by="bob")
    finish()
    again.refresh_from_db()
    assert (again.state, executed(again)) == ("succeeded", {"b", "c"})
    third, _ = runs.rerun_from(again.public_id, "c", by="bob")
    finish()
    assert executed(third) == {"c"}
    assert_sound(run, again, third)


def test_step_that_added_others_adds_them_anew(submit, worker) -> None:
    run = submit(chain(work("grow", operation="grow", grow=2), work("join")))
    finish()
    assert set(states(run)) == {"grow", "grow.0", "grow.1", "join"}
    preview = runs.preview_rerun(run.public_id, "grow")
    assert preview.anew == ("grow.0", "grow.1")
    again, _ = runs.rerun_from(run.public_id, "grow", by="bob")
    assert set(states(again)) == {"grow", "join"}
    finish()
    again.refresh_from_db()
    assert (again.state, executed(again)) == ("succeeded", {"grow", "grow.0", "grow.1", "join"})
    assert_sound(again)


def test_added_step_is_redone_alone_when_its_adder_is_taken_over(submit, worker) -> None:
    run = submit(chain(work("grow", operation="grow", grow=2), work("join")))
    finish()
    again, preview = runs.rerun_from(run.public_id, "grow.1", by="bob")
    assert preview.taken == ("grow", "grow.0")
    assert Step.objects.get(run=again, key="grow.1").added_by == Step.objects.get(run=again, key="grow")
    finish()
    again.refresh_from_db()
    assert (again.state, executed(again)) == ("succeeded", {"grow.1", "join"})


def test_step_called_in_a_run_before_is_its_callers_still(submit, worker) -> None:
    """In a rerun of a rerun the called step counted as one of the plan: it was done again alone, and its death failed
    the run."""
    run = submit(chain(work("a", operation="caller", grow=1), work("b")))
    while drain() or drain("agent.second"):
        pass
    again, _ = runs.rerun_from(run.public_id, "b", by="bob")
    finish()
    (child,) = states(again).keys() - {"a", "b"}
    assert_sound(again)
    preview = runs.preview_rerun(again.public_id, child)
    assert ([step.key for step in preview.redone], preview.taken, preview.anew) == (["a", "b"], (), (child,))
    third, _ = runs.rerun_from(again.public_id, "b", by="bob")
    assert runs.cancel(third.public_id, by="bob").state == "cancelled"
    assert runs.preview_rerun(third.public_id, child).anew == (child,)


def claim(worker) -> Lease:
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return lease


def behind_a_dead_call(submit, worker, condition: EdgeCondition) -> tuple[Run, str]:
    """A run of `a`, whose call died and which went on; of `b`, which added `w` behind the called step; and of `x`."""
    run = submit(work("b", priority=0), work("a", operation="caller", grow=1, note="fail, caught"), work("x"))
    b = claim(worker)
    while drain() or drain("agent.second"):
        pass
    (child,) = states(run).keys() - {"a", "b", "x"}
    runs.settle(b, StepResult(plan=Plan((work("w", after=(After(key=child, on=condition),)),))))
    finish()
    run.refresh_from_db()
    assert run.state == "succeeded"
    return run, child


def test_step_behind_a_dead_call_is_skipped_again(submit, worker) -> None:
    """Its edge was lost with the called step, which was not taken over: it was executed."""
    run, child = behind_a_dead_call(submit, worker, EdgeCondition.SUCCEEDED)
    ended = {"a": "succeeded", "b": "succeeded", child: "dead", "w": "skipped", "x": "succeeded"}
    for _ in range(2):
        run, preview = runs.rerun_from(run.public_id, "x", by="bob")
        assert (set(preview.taken), [s.key for s in preview.redone]) == ({"a", "b", child}, ["x"])
        finish()
        run.refresh_from_db()
        assert (run.state, executed(run), states(run)) == ("succeeded", {"x"}, ended)
        assert Step.objects.get(run=run, key=child).error["message"] == "told to fail"
        assert_sound(run)
    with pytest.raises(NothingToRetry, match="'w' would be skipped again"):
        runs.rerun_from(run.public_id, "w", by="bob")
    preview = runs.preview_rerun(run.public_id, child)
    assert ([s.key for s in preview.redone], preview.anew) == (["a", "w"], (child,))


def test_step_that_mends_a_dead_call_still_waits_for_it(submit, worker) -> None:
    run, child = behind_a_dead_call(submit, worker, EdgeCondition.FAILED)
    again, _ = runs.rerun_from(run.public_id, "w", by="bob")
    finish()
    again.refresh_from_db()
    assert (again.state, executed(again)) == ("succeeded", {"w"})
    assert list(Step.objects.get(run=again, key="w").edges_in.values_list("needs__key", flat=True)) == [child]
    assert_sound(again)


def mended(submit, worker) -> Run:
    """A run of `a`, which added `x`, which died; and of `b`, which added `m` that mends `x`, and `n`."""
    run = submit(work("a", priority=0), chain(work("b"), work("c")))
    a, b = claim(worker), claim(worker)
    runs.settle(a, StepResult(plan=Plan((work("x"),))))
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    runs.settle(b, StepResult(plan=Plan((mends_x(), work("n")))))
    finish()
    run.refresh_from_db()
    assert (run.state, states(run)["x"], states(run)["m"]) == ("succeeded", "dead", "succeeded")
    return run


def mends_x() -> PlannedStep:
    return work("m", after=(After(key="x", on=EdgeCondition.FAILED),))


def test_step_that_mends_what_is_added_anew_is_added_anew_after_it(submit, worker) -> None:
    """It was hung behind the adder, which succeeds: it was skipped, and the death that it mends failed the run."""
    run = mended(submit, worker)
    again, preview = runs.rerun_from(run.public_id, "a", by="bob")
    assert (preview.taken, [s.key for s in preview.redone]) == ((), ["a", "b", "c"])
    assert preview.anew == ("x", "m", "n")
    runs.settle(claim(worker), StepResult(plan=Plan((work("x"),))))
    assert states(again) == {"a": "succeeded", "x": "ready", "b": "pending", "c": "pending"}
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    runs.settle(claim(worker), StepResult(plan=Plan((mends_x(), work("n")))))
    finish()
    again.refresh_from_db()
    assert (again.state, states(again)["x"], states(again)["m"]) == ("succeeded", "dead", "succeeded")
    assert_sound(again)


def test_step_that_mends_is_done_again_alone_where_what_it_mends_is(submit, worker) -> None:
    run = mended(submit, worker)
    again, preview = runs.retry(run.public_id, by="bob")
    assert (preview.taken, [s.key for s in preview.redone]) == (("a", "b", "n"), ["c", "x", "m"])
    finish()
    again.refresh_from_db()
    assert (again.state, states(again)["x"], states(again)["m"]) == ("succeeded", "succeeded", "skipped")
    assert_sound(again)


def test_adders_that_hang_on_each_other_do_not_wait_for_each_other(submit, worker) -> None:
    """`b` called y and went on; `a` waited for y and added x; `b` added m, which mends x."""
    run = submit(work("b", priority=0), work("s"))
    b = claim(worker)
    mark = runs.Mark(name="call", occurrence=1, kind="call", digest="d")
    runs.suspend(b, runs.Call(mark=mark, child=work("y")))
    runs.settle(claim(worker), StepResult())
    b, s = claim(worker), claim(worker)
    assert (b.key, s.key) == ("b", "s")
    runs.settle(s, StepResult(plan=Plan((work("a", after=(After(key="y"),)),))))
    runs.settle(claim(worker), StepResult(plan=Plan((work("x"),))))
    runs.fail(claim(worker), kind="failed", message="told to", retriable=False)
    runs.settle(b, StepResult(plan=Plan((mends_x(),))))
    finish()
    again, preview = runs.rerun_from(run.public_id, "a", by="bob")
    assert ([step.key for step in preview.redone], preview.anew) == (["b", "a"], ("y", "x", "m"))
    assert states(again) == {"b": "ready", "a": "pending", "s": "succeeded"}


def test_effect_that_would_be_repeated_is_told_of_what_was_taken_over_too(submit, worker, ledger) -> None:
    run = submit(
        chain(work("a", operation="post"), work("b", operation="deed", ledger=ledger), work("c"), work("d"))
    )
    finish()
    again, _ = runs.rerun_from(run.public_id, "c", by="bob")
    finish()
    told = runs.preview_rerun(again.public_id, "a")
    assert [(step.key, step.repeats_effect) for step in told.redone] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", False),
    ]
    assert_sound(again)


@pytest.mark.parametrize("condition", [EdgeCondition.SUCCEEDED, EdgeCondition.ALWAYS])
def test_who_waits_for_what_is_added_anew_is_done_again_after_it(submit, worker, condition) -> None:
    """A step that another result had hung behind an added step was taken over, or began before it."""
    run = submit(work("a"), work("b"))
    leases = {}
    for _ in range(2):
        lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
        leases[lease.key] = lease
    runs.settle(leases["a"], StepResult(plan=Plan((work("x"),))))
    runs.settle(
        leases["b"], StepResult(plan=chain(work("w", after=(After(key="x", on=condition),)), work("z")))
    )
    finish()
    again, preview = runs.rerun_from(run.public_id, "a", by="bob")
    assert (preview.taken, [step.key for step in preview.redone]) == (("b",), ["a", "w", "z"])
    assert preview.anew == ("x",)
    assert states(again) == {"b": "succeeded", "a": "ready", "w": "pending", "z": "pending"}
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    runs.settle(lease, StepResult(plan=Plan((work("x"),))))
    assert states(again) == {"b": "succeeded", "a": "succeeded", "x": "ready", "w": "pending", "z": "pending"}
    finish()
    assert_sound(again)
    assert executed(again) == {"a", "x", "w", "z"}


def test_skip_that_still_stands_is_kept(submit, worker) -> None:
    mend = work("mend", after=(After(key="a", on=EdgeCondition.FAILED),))
    run = submit(work("a"), mend, work("z", after=(After(key="mend", on=EdgeCondition.ALWAYS),)), work("x"))
    finish()
    again, preview = runs.rerun_from(run.public_id, "x", by="bob")
    assert ([step.key for step in preview.redone], set(preview.taken)) == (["x"], {"a", "z"})
    finish()
    again.refresh_from_db()
    assert again.state == "succeeded"
    assert states(again) == {"a": "succeeded", "mend": "skipped", "z": "succeeded", "x": "succeeded"}
    assert executed(again) == {"x"}
    assert_sound(again)


def test_step_that_would_be_skipped_again_is_refused(submit, worker) -> None:
    """The new run was over before it began, which the database refuses: an internal error."""
    mend = work("mend", after=(After(key="a", on=EdgeCondition.FAILED),))
    run = submit(work("a"), mend, work("after", after=(After(key="mend"),)))
    finish()
    for key in ("mend", "after"):
        with pytest.raises(NothingToRetry, match=f"{key!r} would be skipped again"):
            runs.preview_rerun(run.public_id, key)
        with pytest.raises(NothingToRetry, match=f"{key!r} would be skipped again"):
            runs.rerun_from(run.public_id, key, by="bob")
    assert Run.objects.count() == 1


def test_artifacts_and_findings_come_along(submit, worker) -> None:
    run = submit(chain(work("say", operation="say"), work("b")))
    finish()
    old = Step.objects.get(run=run, key="say")
    Finding.objects.create(
        run=run, step=old, project=run.project, agent="probe", fingerprint="f" * 64, rule="r", title="t",
        message="m", severity="high", severity_weight=1, confidence="high", category="bug", path="a.py",
        line=1, end_line=1,
        evidence=[{"kind": "tool_trace", "tool": "x", "tool_version": "1", "rule": "r", "message": "m"}],
        created_at=run.created_at,
    )  # fmt: skip
    again, _ = runs.rerun_from(run.public_id, "b", by="bob")
    kept = Artifact.objects.get(run=again)
    assert (kept.name, kept.step.key) == ("note.txt", "say")
    with artifacts.open_blob(kept.digest) as blob:
        assert blob.read() == b"hello"
    assert len(findings_of_run(again.public_id)) == 1


def test_cancelled_run_is_done_from_where_it_stood(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    runs.settle(lease, StepResult())
    runs.cancel(run.public_id, by="bob")
    again, preview = runs.retry(run.public_id, by="bob")
    assert (preview.taken, [step.key for step in preview.redone]) == (("a",), ["b"])
    finish()
    assert_sound(again)


def test_what_does_not_fit_is_refused(submit, worker) -> None:
    run = submit(work("a"))
    with pytest.raises(RunNotOver, match="only a run that is over"):
        runs.retry(run.public_id, by="bob")
    finish()
    with pytest.raises(NothingToRetry, match="no step of run"):
        runs.retry(run.public_id, by="bob")
    with pytest.raises(StepNotFound, match="has no step 'nope'"):
        runs.rerun_from(run.public_id, "nope", by="bob")


def test_effect_that_would_be_repeated_is_told(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    finish()
    Step.objects.filter(run=run, key="b").update(effect="once")
    preview = runs.preview_rerun(run.public_id, "a")
    assert [(step.key, step.repeats_effect) for step in preview.redone] == [("a", False), ("b", True)]


def test_plan_only_holds_what_is_stored(submit, worker) -> None:
    run = submit(Plan((work("a"), work("b", after=(After(key="a"),)))))
    finish()
    again, _ = runs.rerun_from(run.public_id, "a", by="bob")
    assert set(states(again)) == {"a", "b"}


def test_rerun_belongs_to_who_asked_for_it(submit, worker) -> None:
    alice, bob = User.objects.create_user("alice"), User.objects.create_user("bob")
    run = submit(work("a"))
    Run.objects.filter(pk=run.pk).update(owner=alice)
    finish()
    assert runs.rerun_from(run.public_id, "a", by="bob", owner_id=bob.pk)[0].owner == bob
    assert runs.rerun_from(run.public_id, "a", by="a program")[0].owner == alice


def test_rerun_with_the_same_key_is_one_run(submit, worker) -> None:
    run = submit(chain(work("a"), work("b")))
    finish()
    name = run.public_id
    first = runs.rerun(name, "a", by="bob", idempotency_key="k")
    second = runs.rerun(name, "a", by="bob", idempotency_key="k")
    assert (first.created, second.created, second.run, second.preview) == (
        True,
        False,
        first.run,
        first.preview,
    )
    for other in ("b", None):
        with pytest.raises((IdempotencyConflict, NothingToRetry)):
            runs.rerun(name, other, by="bob", idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        submit(work("a"), idempotency_key="k")
    assert runs.rerun(name, "a", by="bob").run != first.run
    assert Run.objects.count() == 3


def test_rerun_asked_for_twice_at_once_is_one_run(submit, worker) -> None:
    run = submit(work("a"))
    finish()
    together = threading.Barrier(4)

    def again() -> Rerun:
        try:
            together.wait(10)
            return runs.rerun(run.public_id, "a", by="bob", idempotency_key="k")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        told = [waiting.result(30) for waiting in [pool.submit(again) for _ in range(4)]]
    assert len({one.run.pk for one in told}) == 1
    assert [one.created for one in told].count(True) == 1
    assert Run.objects.count() == 2
