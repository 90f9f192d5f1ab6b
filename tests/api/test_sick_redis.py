"""A run is accepted while Redis is frozen: nobody's browser waits for it."""

from __future__ import annotations

import time

import pytest

from tasks.models import OutboxMessage, Run
from tests.api.cast import GOAL, TARGET, Cast, api
from tests.engine.test_publishing import frozen_redis, needs_embedded

pytestmark = pytest.mark.usefixtures("planner")


@needs_embedded
@pytest.mark.django_db(transaction=True)
def test_submit_answers_while_redis_is_frozen(cast: Cast) -> None:
    client, body = api(cast.bob), {"goal": GOAL, "target": TARGET, "project": "shop"}
    with frozen_redis():
        began = time.monotonic()
        answer = client.post("/api/v1/runs", body)
        assert time.monotonic() - began < 4
        assert answer.status_code == 201
    assert Run.objects.get().state == "accepted"
    assert OutboxMessage.objects.count() == 1
