"""Is this process alive, and can it work?

GET /livez     200 as long as the process answers; asks nothing else
GET /readyz    200 if PostgreSQL and Redis answer and the tables are there, else 503 naming what is not
"""

from __future__ import annotations

from typing import Annotated

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from pydantic import Field
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api.describe import operation
from wrenchai_project.redis_client import client

TIMEOUT_SECONDS = 2


class Alive(TypedDict):
    """The process answers."""

    status: Annotated[str, Field(json_schema_extra={"enum": ["alive"]})]


class Readiness(TypedDict):
    """Whether the process can work, and with which servers."""

    status: Annotated[str, Field(json_schema_extra={"enum": ["ready", "not ready"]})]
    servers: Annotated[dict[str, str], Field(description="server -> `ok`, `unreachable` or `not migrated`")]


class LiveView(APIView):
    """Tell that the process answers."""

    required_action = "health.view"
    authentication_classes = ()

    @operation("health_live", returns=Alive, example={"status": "alive"})
    def get(self, request: Request) -> Response:
        """Tell that the process answers. It asks nothing else."""
        body: Alive = {"status": "alive"}
        return Response(body)


class ReadyView(APIView):
    """Tell whether the servers behind this process answer."""

    required_action = "health.view"
    authentication_classes = ()

    @operation(
        "health_ready",
        returns=Readiness,
        example={"status": "ready", "servers": {"postgresql": "ok", "redis": "ok"}},
        also={503: "A server does not answer, or its tables are not those of this release."},
    )
    def get(self, request: Request) -> Response:
        """Tell whether PostgreSQL and Redis answer and the tables are there."""
        servers = {"postgresql": _database(), "redis": "ok" if _redis_answers() else "unreachable"}
        ready = set(servers.values()) == {"ok"}
        body: Readiness = {
            "status": "ready" if ready else "not ready",
            "servers": servers,
        }
        return Response(body, status=200 if ready else 503)


_is_migrated = False  # once seen: tables do not go away again


def _database() -> str:
    """Tell how PostgreSQL is: ok, unreachable, or not migrated up to this release."""
    global _is_migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated:
            executor = MigrationExecutor(connection)
            _is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unreachable"
    return "ok" if _is_migrated else "not migrated"


def _redis_answers() -> bool:
    redis = client(settings.REDIS_URL, timeout_seconds=TIMEOUT_SECONDS)
    try:
        return bool(redis.ping())
    except RedisError:
        return False
    finally:
        redis.close()
