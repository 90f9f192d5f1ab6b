"""Is this process alive, and can it work?

GET /livez     200 as long as the process answers; asks nothing else
GET /readyz    200 if PostgreSQL and Redis answer, else 503 naming the one that does not
"""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wrenchai_project.redis_client import client

TIMEOUT_SECONDS = 2


class LiveView(APIView):
    """Tell that the process answers."""

    required_action = "health.view"
    authentication_classes = ()

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response({"status": "alive"})


class ReadyView(APIView):
    """Tell whether the servers behind this process answer."""

    required_action = "health.view"
    authentication_classes = ()

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        servers = {"postgresql": _database_answers(), "redis": _redis_answers()}
        ready = all(servers.values())
        body = {
            "status": "ready" if ready else "not ready",
            "servers": {name: "ok" if answers else "unreachable" for name, answers in servers.items()},
        }
        return Response(body, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    redis = client(settings.REDIS_URL, timeout_seconds=TIMEOUT_SECONDS)
    try:
        return bool(redis.ping())
    except RedisError:
        return False
    finally:
        redis.close()
