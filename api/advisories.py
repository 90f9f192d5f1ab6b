"""Advisories: what was imported of known vulnerabilities, which dependencies are compared with.

GET /api/v1/advisories/sources   by ecosystem: how many, how new, from which file

Everybody who is signed in may see how old the database is; importing is the operator's, by `./wrench advisories`.
"""

from __future__ import annotations

from typing import Annotated

from django.conf import settings
from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents.advisories.models import AdvisorySource
from api.bodies import valid
from api.describe import Page, operation
from api.lists import ListQuery, page_of
from api.shapes import Moment, moment


class AdvisorySourceShape(TypedDict):
    """What was imported for an ecosystem."""

    ecosystem: Annotated[str, Field(description="as OSV names it, such as PyPI or npm")]
    records: Annotated[int, Field(description="advisories of it in the file; withdrawn ones are left out")]
    newest: Annotated[Moment, Field(description="when the newest of them was last changed")]
    imported_at: Moment
    file: str
    digest: Annotated[str, Field(description="SHA-256 of the file, in hex")]
    is_stale: Annotated[bool, Field(description="older than WRENCH_ADVISORIES_STALE_DAYS: reports warn")]


class AdvisorySourceFilter(ListQuery):
    """The query of the list."""

    orderings = {"ecosystem": "ecosystem"}
    newest_first = False


EXAMPLE: AdvisorySourceShape = {
    "ecosystem": "PyPI",
    "records": 18204,
    "newest": "2026-11-20T10:00:00Z",
    "imported_at": "2026-11-21T06:00:00Z",
    "file": "all.zip",
    "digest": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
    "is_stale": False,
}


class AdvisorySourcesView(APIView):
    """How old the database of known vulnerabilities is."""

    required_action = "advisory.view"

    @operation(
        "advisories_sources",
        query=AdvisorySourceFilter,
        returns=Page[AdvisorySourceShape],
        example={"results": [EXAMPLE], "next": None},
    )
    def get(self, request: Request) -> Response:
        """List the ecosystems whose dependencies are audited, with the age of their advisories."""
        wanted = valid(AdvisorySourceFilter(data=request.query_params.dict()))
        page = page_of(request, AdvisorySourceFilter, AdvisorySource.objects.all(), wanted)
        return Response({"results": [_shape(row) for row in page.rows], "next": page.next})


def _shape(row: AdvisorySource) -> AdvisorySourceShape:
    age = timezone.now() - min(row.newest, row.imported_at)
    return {
        "ecosystem": row.ecosystem,
        "records": row.records,
        "newest": moment(row.newest),
        "imported_at": moment(row.imported_at),
        "file": row.file,
        "digest": row.digest,
        "is_stale": age.days > settings.ADVISORIES_STALE_DAYS,
    }
