"""Links that show a run to whoever has them, without an account.

GET    /api/v1/runs/<id>/shares         those that show it now, newest first; ?limit= &cursor=
POST   /api/v1/runs/<id>/shares         {"expires_in_days"?, "note"?, "logs"?, "files"?} -> 201 with "address"
                                        (shown once; header Idempotency-Key honoured)
DELETE /api/v1/runs/<id>/shares/<id>    let one show nothing any more, at once

`frontend.shared` is what they show; rights and records are those of the page (`agents.run_links`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid5

from django.http import Http404
from pydantic import Field
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from agents import run_links
from api.bodies import OneLine, StrictSerializer, idempotency_key, valid
from api.describe import Page, operation
from api.identity import person
from api.lists import ListQuery, asked, page_of
from api.lookup import find_run
from api.shapes import Moment, Uuid, moment
from tasks import sharing
from tasks.models import RunShare
from tasks.sharing import Terms


class ShareConflict(APIException):
    """The run has as many open links as there may be."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "too-many-shares"


class ShareOrder(StrictSerializer):
    """The body that makes a link."""

    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=sharing.LONGEST.days, default=run_links.DEFAULT_DAYS
    )
    note = OneLine(
        max_length=run_links.MAX_NOTE,
        required=False,
        allow_blank=True,
        default="",
        help_text="for whom; read by you and your team",
    )
    logs = serializers.BooleanField(default=False, help_text="show what all steps said, word for word")
    files = serializers.BooleanField(default=True, help_text="show the forms of the run's report")


class ShareFilter(ListQuery):
    """The query of the list."""


class ShareShape(TypedDict):
    """A link that shows a run, without its address."""

    id: Uuid
    note: str
    logs: Annotated[bool, Field(description="it shows what all steps said")]
    files: Annotated[bool, Field(description="it shows the forms of the run's report")]
    created_by: Annotated[str, Field(description="it shows the run as long as they may share it")]
    created_at: Moment
    expires_at: Moment


class MadeShareShape(ShareShape):
    """A new link. Nobody is shown the address again."""

    address: Annotated[str, Field(description="whoever has it sees the run, live and read-only")]


_SENDS: dict[str, Any] = {"expires_in_days": 7, "note": "for the auditor", "logs": False, "files": True}
_SHARE = {
    "id": "0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a50",
    "note": _SENDS["note"],
    "logs": False,
    "files": True,
    "created_by": "bob",
    "created_at": "2026-11-25T09:00:00Z",
    "expires_at": "2026-12-02T09:00:00Z",
}


class RunSharesView(APIView):
    """List the links of a run, or make one."""

    required_action = "run.share"

    @operation(
        "runs_shares",
        query=ShareFilter,
        returns=Page[ShareShape],
        example={"results": [_SHARE], "next": None},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the links that show this run now, newest first. None of their addresses is shown again."""
        wanted = valid(ShareFilter(data=asked(request, ShareFilter)))
        run = find_run(request, self, run_id)
        page = page_of(request, ShareFilter, sharing.open_links(run), wanted)
        return Response({"results": [_shape(row) for row in page.rows], "next": page.next})

    @operation(
        "runs_share",
        body=ShareOrder,
        sends=_SENDS,
        returns=MadeShareShape,
        example={**_SHARE, "address": "https://wrench.example.org/shared/<token>"},
        status=201,
        errors={409: f"The run has {sharing.MOST_OPEN} open links, the most there may be."},
        idempotent=True,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Make a link that shows this run to whoever has it, live and read-only, until it expires or is revoked.

        `address` is in this answer and in no list. The same Idempotency-Key again gives the same link and address.
        """
        order, key = valid(ShareOrder(data=request.data)), idempotency_key(request)
        run = find_run(request, self, run_id)
        by = person(request)
        terms = Terms(
            lasts=timedelta(days=order["expires_in_days"]),
            note=order["note"],
            with_logs=order["logs"],
            with_files=order["files"],
        )
        ticket = None if key is None else uuid5(run.public_id, f"share {by.pk} {key}")
        try:
            row, token = run_links.make(run, by, terms, ticket=ticket)
        except sharing.SharingRefused as refused:
            raise ShareConflict(str(refused)) from refused
        made: MadeShareShape = {**_shape(row), "address": run_links.address_of(token)}
        return Response(made, status=201, headers={"Cache-Control": "no-store"})


class RunShareView(APIView):
    """End a link."""

    required_action = "run.share"

    @operation("runs_unshare", status=204)
    def delete(self, request: Request, run_id: UUID, share_id: UUID) -> Response:
        """Let a link show nothing any more, at once: open pages stop, too. Twice is as good as once."""
        run = find_run(request, self, run_id)
        row = RunShare.objects.filter(run=run, public_id=share_id).first()
        if row is None:
            raise Http404(f"this run has no link {share_id}")
        run_links.end(row, run, person(request))
        return Response(status=204)


def _shape(row: RunShare) -> ShareShape:
    return {
        "id": str(row.public_id),
        "note": row.note,
        "logs": row.with_logs,
        "files": row.with_files,
        "created_by": row.created_by.get_username() if row.created_by else "",
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
    }
