"""With real processes: a run that a worker does is told by the scheduler; killed after sending it is told again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import Project
from monitoring.models import WebHookDelivery
from tests.api.cast import make_cast, probe, submit_steps
from tests.engine.cluster import Cluster, until
from tests.engine.conftest import purge_bells
from tests.monitoring.conftest import hurry, make_hook
from tests.monitoring.receiver import Receiver

pytestmark = pytest.mark.cluster

ALLOWED = {
    "WRENCH_MASTER_KEY": "a:" + base64.b64encode(b"a" * 32).decode(),
    "WRENCH_MASTER_KEY_FILE": "",
    "WRENCH_WEBHOOK_NETWORKS": "127.0.0.0/8",
    "WRENCH_WEBHOOK_HTTP": "1",
}


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_cast().project


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Iterator[Cluster]:
    purge_bells()
    with Cluster(tmp_path, **ALLOWED) as running:
        yield running


def test_run_is_told_from_its_acceptance_to_its_end(
    project: Project, cluster: Cluster, receiver: Receiver
) -> None:
    make_hook(project, receiver.url())
    for start in (cluster.relay, cluster.scheduler, cluster.worker):
        start()
    run = submit_steps(project, probe("a"))
    until(lambda: len(receiver.got) >= 3, within=60, what="three deliveries")
    told = {one.event: one.told["run"] for one in receiver.got}
    assert {event: (run_told["id"], run_told["state"]) for event, run_told in told.items()} == {
        "run.accepted": (str(run.public_id), "accepted"),
        "run.started": (str(run.public_id), "running"),
        "run.finished": (str(run.public_id), "succeeded"),
    }
    until(
        lambda: WebHookDelivery.objects.filter(state="delivered", attempts=1).count() == 3,
        within=30,
        what="recorded",
    )
    assert len(receiver.got) == 3


def test_scheduler_killed_between_sending_and_recording_sends_again_under_the_same_id(
    project: Project, cluster: Cluster, receiver: Receiver
) -> None:
    make_hook(project, receiver.url(), events=("run.accepted",))
    submit_steps(project, probe("a"))
    doomed = cluster.start("doomed", "manage.py", "scheduler", WRENCH_FAILPOINTS="webhook_sent:kill:1")
    until(lambda: doomed.poll() is not None, within=60, what="the scheduler is killed")
    row = WebHookDelivery.objects.get()
    assert (doomed.returncode, row.state, row.attempts, row.log, len(receiver.got)) == (
        -9,
        "waiting",
        1,
        [],
        1,
    )
    hurry()  # its claim would run out within a minute
    cluster.scheduler()
    until(lambda: WebHookDelivery.objects.get().state == "delivered", within=60, what="delivered")
    row.refresh_from_db()
    assert [one.delivery for one in receiver.got] == [str(row.public_id)] * 2
    assert receiver.got[0].body == receiver.got[1].body
    assert [(entry["number"], entry["status"]) for entry in row.log] == [(1, None), (2, 204)]
