"""Draining a worker: it begins nothing new, and what it does goes on to its end. Then whoever drained it may end it.

The row says so first: a worker whose row has `stopping_at` is given no step. Then it is told to take no more bells,
which others would answer sooner; if that message is lost, the bells that it takes are rung again by the sweep.
There is no way back but a restart: the worker that comes then is another session.
"""

from __future__ import annotations

import structlog
from django.db.models.functions import Now

from tasks import broker
from tasks.errors import BrokerUnreachable, ControlRefused
from tasks.models import WorkerSession

log = structlog.get_logger(__name__)


def drain(session: WorkerSession, *, by: str) -> None:
    """Let a worker begin nothing new. Raises ControlRefused for one that is no longer there, or ends already."""
    live = WorkerSession.objects.filter(pk=session.pk, stopped_at=None, lease_until__gt=Now())
    if not live.filter(stopping_at=None).update(stopping_at=Now()):
        told = "it is drained, or ends already" if live.exists() else "it is no longer there"
        raise ControlRefused(f"worker {session.hostname} was not drained: {told}")
    log.warning("worker_drained", worker=str(session.pk), hostname=session.hostname, by=by)
    try:
        broker.stop_serving(session.hostname, session.queues)
    except BrokerUnreachable as error:
        log.warning("worker_not_told_of_draining", worker=str(session.pk), reason=str(error))
