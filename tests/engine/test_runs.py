from __future__ import annotations

import uuid

import pytest
from django.db import connection

from tasks import execution, runs
from tasks.models import Event, Run, Step, WorkerSession
from tasks.states import StepState
from tests.engine.conftest import work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(monkeypatch, transactional_db):
    from django.db.models.functions import Now
    from django.utils import timezone
    import datetime, os
    now = timezone.now()
    session = WorkerSession.objects.create(id=uuid.uuid4(), hostname="t", pid=os.getpid(), queues=["agent.probe"], slots=1, started_at=now, heartbeat_at=now, lease_until=now + datetime.timedelta(hours=1))
    monkeypatch.setenv(execution.SESSION_VARIABLE, str(session.pk))
    return session


def test_one_step(submit, worker):
    run = submit(work("a", note="hi"))
    print(execution.run_next("agent.probe"))
    run.refresh_from_db()
    print([(e.seq, e.kind, e.data) for e in Event.objects.order_by("seq")])
    assert run.state == "succeeded"
