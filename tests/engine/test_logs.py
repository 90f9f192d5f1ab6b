"""The log of a run: each line once, in the order in which it was told, whatever crashed meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tasks import events, logs, runs, stint
from tasks.context import AttemptContext
from tasks.contract import StepResult
from tasks.logs import Place
from tasks.models import LogChunk, Run, Step, WorkerSession
from tasks.plans import group
from tests.engine.conftest import Submit, work


def texts(lines: logs.Lines) -> list[str]:
    return [line.text for line in lines.lines]


def every(run: Run, *, most: int, **which: Any) -> list[str]:
    """Read all pages."""
    run.refresh_from_db()
    seen, after, caught_up = [], Place(), False
    while not caught_up:
        page = logs.read(run, after, most=most, **which)
        assert len(page.lines) <= most
        assert page.after != after or page.caught_up, "no page leads to itself"
        seen += texts(page)
        after, caught_up = logs.place_of(str(page.after)) or Place(), page.caught_up
    return seen


def backwards(run: Run, *, most: int, **which: Any) -> list[str]:
    """Read all pages from the end."""
    run.refresh_from_db()
    seen, before, more = [], Place(seq=run.last_seq), True
    while more:
        page = logs.read_back(run, before, most=most, **which)
        assert len(page.lines) <= most
        assert page.before != before or not page.more, "no page leads to itself"
        seen = [line.text for line in page.lines] + seen
        before, more = logs.place_of(str(page.before)) or Place(), page.more
    return seen


def attempt(worker: WorkerSession) -> AttemptContext:
    lease = runs.start("agent.probe", worker=worker.pk, pid=1, worker_name="t")
    assert lease is not None
    return AttemptContext(lease=lease, project_id=1)


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_lines_come_once_and_in_order(
    submit: Submit, worker: WorkerSession, operation: Any, most: int
) -> None:
    def says(context: Any) -> StepResult:
        for n in range(5):
            context.log(f"{n}\nand more", level="warning" if n == 2 else "info")
        context.log("")
        context.flush()
        context.log("last")
        return StepResult()

    run = submit(work("a"))
    operation(says)
    stint.run_next("agent.probe")
    said = [part for n in range(5) for part in (str(n), "and more")] + ["", "last"]
    assert every(run, most=most) == said
    assert every(run, most=most, least="warning") == ["2", "and more"]
    assert every(run, most=most, least="error") == []
    assert every(run, most=most, text="MORE") == ["and more"] * 5
    assert backwards(run, most=most) == said
    assert backwards(run, most=most, least="warning") == ["2", "and more"]
    assert backwards(run, most=most, text="and m", least="warning") == ["and more"]
    assert backwards(run, most=most, text="_") == []
    end = logs.read(Run.objects.get(), Place(), most=1000)
    assert (end.caught_up, end.over, {line.attempt for line in end.lines}) == (True, True, {1})


def test_chunk_with_a_smaller_id_that_is_committed_later_is_not_missed(
    submit: Submit, worker: WorkerSession
) -> None:
    """Ids say nothing about the order of commits: here that of the later chunk is the smaller one."""
    run = submit(group(work("a"), work("b")))
    first, second = attempt(worker), attempt(worker)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('tasks_logchunk', 'id'), 1000)")
    second.log("from the second")
    run.refresh_from_db()
    page = logs.read(run, Place())
    assert texts(page) == ["from the second"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('tasks_logchunk', 'id'), 10)")
    first.log("from the first")
    run.refresh_from_db()
    assert texts(logs.read(run, page.after)) == ["from the first"]
    assert LogChunk.objects.order_by("pk").values_list("text", flat=True)[0] == "from the first"


@pytest.mark.parametrize("most", [1, 4, 1000])
@pytest.mark.parametrize("at_once", [1, 3, 200])
def test_log_of_several_steps_reads_the_same_from_either_end_and_from_each_line(
    submit: Submit, worker: WorkerSession, most: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many tellings and chunks come at once, and wherever a page ends."""
    run = submit(group(work("a"), work("b")))
    both = [attempt(worker), attempt(worker)]
    for n in range(9):
        both[n % 2].log(f"{n}\n{n} \x1b[31mer\x1b[0mror", level="error" if n == 4 else "info")
        if n % 3:
            both[n % 2].flush()
    for context in both:
        context.log("x" * 9000)
        context.flush()
    run.refresh_from_db()
    lines = logs.read(run, Place()).lines
    for number, line in enumerate(lines):
        back, forth = logs.read_back(run, line.place, most=3), logs.read(run, line.place, most=2)
        assert [*back.lines, *forth.lines] == lines[max(0, number - 3) : number + 2]
    monkeypatch.setattr(logs, "TELLINGS_AT_ONCE", at_once)
    monkeypatch.setattr(logs, "CHUNKS_AT_ONCE", at_once)
    whole = every(run, most=most)
    assert (len(whole), len(set(whole))) == (20, 19)
    assert backwards(run, most=most) == whole
    found = [text for text in whole if "ror" in text]
    assert every(run, most=most, text="Error") == backwards(run, most=most, text="Error") == found
    assert len(found) == 9
    errors = ["4", "4 \x1b[31mer\x1b[0mror"]
    assert every(run, most=most, least="error") == backwards(run, most=most, least="error") == errors


def test_lines_that_a_killed_worker_did_not_tell_of_are_read_with_its_end(
    submit: Submit, worker: WorkerSession
) -> None:
    run = submit(work("a"))
    context = attempt(worker)
    context.log("told")
    context.log("stored " + "x" * 9000)  # more than a chunk, within 250 ms: stored and not told
    context.log("y" * 9000)
    run.refresh_from_db()
    assert texts(logs.read(run, Place())) == ["told"]
    page = logs.read(run, Place())
    Step.objects.update(lost_at=run.created_at)
    runs.recover()
    run.refresh_from_db()
    assert [event.kind for event in events.since(run, page.after.seq)] == ["step.lost", "step.ready"]
    rest = logs.read(run, page.after, most=1)
    assert (texts(rest)[0][:6], rest.caught_up) == ("stored", False)
    following = logs.read(run, rest.after)
    assert ([text[0] for text in texts(following)], following.caught_up) == (["y"], True)
    again = attempt(worker)
    again.log("second try")
    run.refresh_from_db()
    more = logs.read(run, following.after)
    assert [(line.text, line.attempt) for line in more.lines] == [("second try", 2)]
    again.log("z" * 9000)
    Step.objects.update(lost_at=run.created_at)
    runs.recover()
    runs.cancel(run.public_id, by="x")  # a second end of the same attempt tells of nothing new
    assert [text[:6] for text in every(run, most=1)] == ["told", "stored", "yyyyyy", "second", "zzzzzz"]
    assert [text[:6] for text in every(run, most=100)] == ["told", "stored", "yyyyyy", "second", "zzzzzz"]


def test_one_step_is_read_alone(submit: Submit, worker: WorkerSession, operation: Any) -> None:
    def says(context: Any) -> StepResult:
        context.log(f"I am {context.lease.key}")
        return StepResult()

    run = submit(group(work("a"), work("b")))
    operation(says)
    stint.run_next("agent.probe")
    stint.run_next("agent.probe")
    which = Step.objects.get(key="b").pk
    assert every(run, most=10, step_pk=which) == ["I am b"]
    assert sorted(every(run, most=10)) == ["I am a", "I am b"]


def test_a_page_of_long_lines_ends_early(
    submit: Submit, worker: WorkerSession, operation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(context: Any) -> StepResult:
        for n in range(20):
            context.log(f"{n} " + "x" * 9000)
        return StepResult()

    run = submit(work("a"))
    operation(says)
    stint.run_next("agent.probe")
    monkeypatch.setattr(logs, "MOST_CHARACTERS", 30_000)
    run.refresh_from_db()
    page = logs.read(run, Place(), least="debug")
    assert (len(page.lines), page.caught_up) == (4, False)
    assert [text.split()[0] for text in every(run, most=1000)] == [str(n) for n in range(20)]


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1.", "1.2", "1.2.", "1.2.3.4", "١", "9" * 19, "1.2.3\n", " 1"]
)
def test_text_that_is_no_place_is_told(text: str) -> None:
    assert logs.place_of(text) is None


@pytest.mark.parametrize(
    "place", [Place(), Place(seq=7), Place(seq=7, chunk=1), Place(seq=7, chunk=3, line=9)]
)
def test_place_is_read_as_it_was_written(place: Place) -> None:
    assert logs.place_of(str(place)) == place
