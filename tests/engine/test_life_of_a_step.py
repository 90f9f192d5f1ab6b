"""The SQL that docs/architecture.md shows at each arrow of a step's life is what the engine executes there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tasks import context, execution, heart, outbox, runs
from tasks.contract import StepResult
from tasks.leases import Claimant, Lease
from tasks.models import Approval, OutboxMessage, Step, WorkerSession
from tasks.plans import chain
from tests.engine.cluster import ROOT
from tests.engine.conftest import drain, work

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ARROWS = dict(re.findall(r"^```sql arrow=(\w+)\n(.*?)^```$", PAGE, re.M | re.S))


class Executed:
    """What was executed at each arrow, on one line, without quotes and table names before columns."""

    def __init__(self) -> None:
        self.sql: dict[str, str] = {"renew": plain(heart._RENEW)}

    def at(self, arrow: str, move: Callable[[], Any]) -> Any:
        with CaptureQueriesContext(connection) as captured:
            result = move()
        self.sql[arrow] = " ; ".join(plain(query["sql"]) for query in captured.captured_queries)
        return result


def plain(sql: str) -> str:
    bare = re.sub(r"\b(tasks_\w+)\.(?=\w)", "", sql.replace('"', ""))
    return re.sub(r"\s+", " ", bare).strip()


@pytest.fixture
def executed(submit: Any, worker: WorkerSession, settings: Any) -> Executed:
    """Go along every arrow once."""
    settings.PREPARE = False  # else a statement is shown by the name of its plan
    found = Executed()

    def claim() -> Lease:
        lease = runs.start("agent.probe", worker=worker.pk, pid=os.getpid(), worker_name="t")
        assert lease is not None
        return lease

    run = found.at("submit", lambda: submit(chain(work("a"), work("b"))))
    lease = found.at("claim", claim)
    found.at("settle", lambda: runs.settle(lease, StepResult()))
    second = claim()
    found.at(
        "progress", lambda: context.AttemptContext(lease=second, project_id=run.project_id).progress(1, 2)
    )
    found.at("fail", lambda: runs.fail(second, kind="failed", message="told to"))
    Step.objects.filter(run=run, key="b").update(available_at=Now())
    found.at("promote", runs.promote_due)
    third = claim()
    found.at("release", lambda: runs.release(third))
    claim()
    Step.objects.filter(run=run, key="b").update(lost_at=Now())
    found.at("recover", runs.recover)
    found.at("cancel", lambda: runs.cancel(run.public_id, by="bob"))
    submit(work("caller", operation="caller", grow=1))
    calling = claim()
    found.at("call", lambda: execution.carry_out(calling))
    found.at("child", lambda: drain("agent.second"))
    drain()
    submit(work("asker", operation="ask"))
    asking = claim()
    found.at("ask", lambda: execution.carry_out(asking))
    question = Approval.objects.get().public_id
    found.at("decide", lambda: runs.decide(question, approved=True, by_user_id=None, by="bob"))
    drain()
    submit(work("x"))
    submit(work("y"))
    me = Claimant(worker=worker.pk, pid=os.getpid(), name="t")
    turn = [
        runs.Success(lease=one, result=StepResult()) for one in runs.start_several("agent.probe", me, most=2)
    ]
    found.at("turn", lambda: runs.settle_all(turn, then=me, most=2))
    OutboxMessage.objects.create(queue="agent.probe", priority=5, created_at=Now())
    found.at("ring", lambda: outbox.relay(older_than_seconds=0))
    return found


def test_page_shows_what_is_executed_at_each_arrow(executed: Executed) -> None:
    assert set(ARROWS) == set(executed.sql)
    missing = []
    for arrow, block in ARROWS.items():
        place, sql = 0, executed.sql[arrow]
        for part in (part for line in block.splitlines() for part in plain(line).split("…")):
            at = sql.find(part.strip(" ,"), place)
            if at < 0:
                missing.append((arrow, part.strip()))
            else:
                place = at + len(part.strip(" ,"))
    assert missing == []
