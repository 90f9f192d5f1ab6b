"""Bytes that a run made, given to people without letting those bytes act.

    GET  /api/v1/runs/<id>/artifacts          the newest of each name; ?limit= &cursor=
    GET  /api/v1/runs/<id>/artifacts/<name>   Range, If-Range and If-None-Match are heeded; ?download
    HEAD the same, without the bytes

What a repository or an agent wrote is never trusted: HTML is shown in a sandbox without scripts and without an
origin (a run's report may run its search, named by its digest, and has no origin either), a few plain types are shown
as they are, everything else is offered for download. Whose bytes are a report is recorded by the audit chain: see
`accounts.roles.AUDITED_ACTIONS`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import FileResponse, Http404, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.roles import AUDITED_ACTIONS
from agents.reporting.showing import SANDBOX, SEARCHED, SHOWN_AS
from agents.requests import REPORTER
from api import etags, examples, shapes
from api.bodies import StrictSerializer, valid
from api.describe import Page, operation
from api.lists import ListQuery, asked, page_of
from api.lookup import find_run
from api.shapes import ArtifactShape
from tasks import artifacts
from tasks.errors import ArtifactMissing
from tasks.models import Artifact, Run

CHUNK_BYTES = 64 * 1024
RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))\Z", re.ASCII)
"""One range of bytes (RFC 9110, section 14.1.2). Several at once are answered with the whole, as the RFC allows."""


class RangeNotSatisfiable(APIException):
    """The artifact has no such bytes."""

    status_code = 416
    default_code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"the artifact has {size:,} bytes, and none in this range")
        self.headers = {"Content-Range": f"bytes */{size}"}


class ArtifactFilter(ListQuery):
    """The query of the list."""

    orderings = {"name": "name"}
    newest_first = False


class LookFilter(StrictSerializer):
    """The query of one artifact."""

    download = serializers.CharField(
        required=False, allow_blank=True, help_text="offer it to be saved, even if a browser could show it"
    )


class BlobResponse(FileResponse):
    """A file in chunks, also under ASGI, where Django's own would read all of it into memory first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self)
        while chunk := await sync_to_async(lambda: next(chunks, b""))():
            yield chunk


class Part:
    """Some bytes of an open file: as many as are left, from where it stands."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.left = file, length

    def read(self, size: int = -1) -> bytes:
        found = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(found)
        return found

    def close(self) -> None:
        self.file.close()


class ArtifactsView(APIView):
    """List what a run made."""

    required_action = "artifact.view"

    @operation(
        "artifacts_list",
        query=ArtifactFilter,
        returns=Page[ArtifactShape],
        example={"results": [examples.ARTIFACT], "next": None},
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the artifacts of a run by name. Where steps used a name again, the newest is listed."""
        wanted = valid(ArtifactFilter(data=asked(request, ArtifactFilter)))
        run = find_run(request, self, run_id)
        page = page_of(request, ArtifactFilter, shapes.latest_artifacts(run), wanted)
        return Response({"results": [shapes.artifact(row, run) for row in page.rows], "next": page.next})


class ArtifactView(APIView):
    """Download an artifact of a run, or look at it."""

    required_action = "artifact.view"

    @operation(
        "artifacts_read",
        query=LookFilter,
        returns=bytes,
        media_type="*/*",
        ranges=True,
    )
    def get(self, request: Request, run_id: UUID, name: str) -> HttpResponseBase:
        """Download an artifact, or look at it. Its ETag names its bytes: If-None-Match with it gets a 304.

        One range of bytes may be asked for (`Range: bytes=0-1023`, `bytes=1024-`, `bytes=-100`), with `If-Range` only
        if they are still the same. The type is one that a browser may show safely, else `application/octet-stream`.
        """
        valid(LookFilter(data=request.query_params.dict()))
        run = find_run(request, self, run_id)
        return send(request, run, _find(run, name), download="download" in request.query_params)


def send(
    request: Request, run: Run, row: Artifact, *, download: bool = False, shown_as: str | None = None
) -> HttpResponseBase:
    """Answer with an artifact's bytes, or those that Range names, as a stream.

    `shown_as` is the media type that a browser is told, if another than the harmless one for the artifact's own.
    Raises RangeNotSatisfiable, Http404 if retention has removed them.
    """
    tag = f'"{row.digest}"'
    if etags.is_held(request, tag):
        return HttpResponseNotModified(headers={"ETag": tag})
    part = _part(request, row.size, tag)
    shown_as = shown_as or SHOWN_AS.get(row.media_type.split(";")[0].strip().lower())
    kind = "attachment" if shown_as is None or download else "inline"
    if request.method == "HEAD":
        return _dressed(HttpResponse(), row, part, kind=kind, shown_as=shown_as)
    try:
        blob = artifacts.open_blob(row.digest)
    except ArtifactMissing as error:
        raise Http404(str(error)) from error
    try:
        _record(run, row)
        blob.seek(part.start if part else 0)
    except BaseException:
        blob.close()
        raise
    response = BlobResponse(Part(blob, len(part) if part else row.size))
    response.block_size = CHUNK_BYTES
    return _dressed(response, row, part, kind=kind, shown_as=shown_as)


def _part(request: Request, size: int, tag: str) -> range | None:
    """Give the bytes that Range names; None if all are wanted, or it is no range that is understood here."""
    found = RANGE.match(request.headers.get("Range", "")) if request.method == "GET" else None
    if found is None or request.headers.get("If-Range", tag) != tag:
        return None
    begin, end, suffix = (None if part is None else int(part) for part in found.groups())
    if begin is None:
        wanted = range(max(size - (suffix or 0), 0), size)
    elif end is not None and end < begin:
        return None
    else:
        wanted = range(begin, size if end is None else min(end + 1, size))
    if not wanted:
        raise RangeNotSatisfiable(size)
    return wanted


def _dressed(
    response: HttpResponse | BlobResponse,
    row: Artifact,
    part: range | None,
    *,
    kind: str,
    shown_as: str | None,
) -> HttpResponseBase:
    """Add what a browser must know to show this harmlessly, or not at all."""
    headers: Mapping[str, str] = {
        "Content-Type": shown_as or "application/octet-stream",
        "Content-Disposition": content_disposition_header(kind == "attachment", _safe(row.name)) or kind,
        "Content-Length": str(row.size if part is None else len(part)),
        "Content-Security-Policy": SEARCHED if _is_report(row) and row.name == "report.html" else SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "ETag": f'"{row.digest}"',
    }
    for name, value in headers.items():
        response[name] = value
    if part is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{row.size}"
    return response


def _record(run: Run, row: Artifact) -> None:
    """Record that somebody takes a report out, by whichever door."""
    if "report.view" in AUDITED_ACTIONS and _is_report(row):
        audit.record(
            audit.Act.REPORT_EXPORTED,
            subject=f"run:{run.public_id}",
            project_id=run.project_id,
            details={"artifact": row.name},
        )


def _is_report(row: Artifact) -> bool:
    """Tell whether it is a form of its run's report, and not only called like one."""
    return (row.step.agent, row.step.operation) == REPORTER


def _find(run: Run, name: str) -> Artifact:
    found = Artifact.objects.filter(run=run, name=name).select_related("step").order_by("-pk")
    row = None if "\0" in name else found.first()
    if row is None:
        raise Http404(f"this run has no artifact {name[:200]!r}")
    return row


def _safe(name: str) -> str:
    """Keep the last part of a name, without anything that could break out of a header."""
    return "".join(c for c in PurePosixPath(name).name if c.isprintable() and c not in '"\\') or "artifact"
