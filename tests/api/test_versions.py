"""How operations leave the API, and where its versions are described."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.describe import operation
from api.versions import NOTICE, deprecated
from tests.api.cast import Cast, api

SINCE, SUNSET = date(2027, 1, 10), date(2027, 9, 1)
TOLD = {
    "Deprecation": f"@{int(datetime(2027, 1, 10, tzinfo=UTC).timestamp())}",
    "Sunset": "Wed, 01 Sep 2027 00:00:00 GMT",
    "Link": '</api/v1/docs#versions>; rel="deprecation"; type="text/html", '
    '</api/v2/things>; rel="successor-version"',
}


class Things(APIView):
    """A resource of which one operation is leaving."""

    required_action = "agent.view"

    @deprecated(since=SINCE, sunset=SUNSET, successor="/api/v2/things")
    @operation("agents_old", returns=None, status=204)
    def get(self, request: Request) -> Response:
        """List things."""
        return Response(status=204)

    @operation("agents_new", returns=None, status=204)
    def post(self, request: Request) -> Response:
        """Make a thing."""
        return Response(status=204)


urlpatterns = [path("api/v1/things", Things.as_view()), path("", include("wrenchai_project.urls"))]


@pytest.fixture(autouse=True)
def _with_things(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def told(answer: object) -> dict[str, str]:
    headers: dict[str, str] = answer.headers  # type: ignore[attr-defined]  # a response
    return {name: headers[name] for name in TOLD if name in headers}


def test_every_answer_of_a_leaving_operation_says_so(cast: Cast) -> None:
    assert told(api(cast.bob).get("/api/v1/things")) == TOLD
    assert told(api(cast.bob).head("/api/v1/things")) == TOLD
    refused = Client().get("/api/v1/things")
    assert (refused.status_code, told(refused)) == (401, TOLD)


def test_other_operations_say_nothing(cast: Cast) -> None:
    assert told(api(cast.bob).post("/api/v1/things")) == {}
    assert told(api(cast.bob).get("/api/v1/agents")) == {}
    assert told(Client().get("/api/v1/no-such-thing")) == {}


def test_schema_marks_what_leaves() -> None:
    made = SchemaGenerator(patterns=urlpatterns[:1]).get_schema(request=None, public=True)
    verbs = made["paths"]["/api/v1/things"]
    assert verbs["get"]["deprecated"] is True
    assert "it may be gone from 2027-09-01 on. Use `/api/v2/things`." in verbs["get"]["description"]
    assert "deprecated" not in verbs["post"]


def test_people_get_half_a_year() -> None:
    with pytest.raises(ValueError, match="less than 180 days"):
        deprecated(since=SINCE, sunset=SINCE + NOTICE - timedelta(days=1))


@pytest.mark.parametrize("where", ["/api/v1/schema", "/api/schema/"])
def test_each_version_has_its_description(cast: Cast, where: str) -> None:
    answer = api(cast.vera).get(where)
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["info"]["version"] == "1"
    assert "/api/v1/runs" in answer.json()["paths"]
    again = api(cast.vera).get(where, HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get(where).status_code == 401


def test_unknown_version_is_not_there(cast: Cast) -> None:
    assert api(cast.vera).get("/api/v2/schema").status_code == 404
    assert api(cast.vera).get("/api/v2/runs").status_code == 404
