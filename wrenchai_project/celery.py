"""The Celery application: its messages are doorbells, its settings keep them so.

A bell carries a queue's name and nothing else. PostgreSQL knows what there is to do; losing, repeating or
reordering bells costs latency only (ADR-0002).
"""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")

from django.conf import settings

from wrenchai_project.redis_client import sentinel_options

PATIENCE_SECONDS = 3  # a frozen Redis must not stop a worker's main loop until it seems frozen itself

watched = settings.REDIS_SENTINELS
app = Celery("wrenchai")
app.conf.update(
    broker_url=watched.celery_url() if watched else settings.REDIS_URL,
    broker_use_ssl=watched.celery_tls() if watched else False,  # a plain URL says it by its scheme
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker outlives any outage of Redis
    broker_transport_options={
        "priority_steps": list(range(10)),
        "queue_order_strategy": "priority",
        "sep": ":",
        "global_keyprefix": "wrench:",
        "socket_timeout": PATIENCE_SECONDS,
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "max_retries": 1,  # a publisher does not wait for Redis: the outbox keeps the bell
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.4,
        **(
            {
                "master_name": watched.master,
                "sentinel_kwargs": sentinel_options(watched, timeout_seconds=PATIENCE_SECONDS / 3),
            }
            if watched
            else {}
        ),
    },
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=False,  # an acknowledged bell may be lost: the sweep rings again
    task_default_priority=5,  # an unset priority would land in the most urgent bucket
    task_send_sent_event=True,  # else Flower shows neither queue nor routing key
    worker_send_task_events=True,
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=settings.MAX_TASKS_PER_CHILD,
    worker_max_memory_per_child=settings.MAX_CHILD_MEMORY_MB * 1024,  # KiB
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_consumer="tasks.worker:SteadyConsumer",
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    # Celery closes Django's connections before and after each task unless it may use them for so many: a bell would
    # cost a new process of PostgreSQL and its password check. `tasks.celery_tasks` looks after them instead.
    CELERY_DB_REUSE_MAX=settings.MAX_TASKS_PER_CHILD + 1,
    event_queue_prefix="wrench-events",
    control_exchange="wrench-control",
)
app.set_default()  # threads of the web process publish by it too
app.autodiscover_tasks(["tasks"], related_name="celery_tasks")


@setup_logging.connect
def keep_django_logging(**kwargs: object) -> None:
    """Leave the log as settings.LOGGING made it; Celery would put its own handlers on."""
