"""Bytes that a run made, given to people without letting those bytes act.

    GET /api/v1/runs/<id>/artifacts/<name>

What a repository or an agent wrote is never trusted: HTML is shown in a sandbox without scripts and without an
origin, a few plain types are shown as they are, everything else is offered for download.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import FileResponse, Http404, HttpResponseNotModified
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from api.lookup import find_run
from tasks import artifacts
from tasks.errors import ArtifactMissing
from tasks.models import Artifact

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
CHUNK_BYTES = 64 * 1024
SHOWN_AS = {
    "text/html": "text/html; charset=utf-8",
    "text/plain": "text/plain; charset=utf-8",
    "text/markdown": "text/plain; charset=utf-8",
    "text/x-diff": "text/plain; charset=utf-8",
    "application/json": "application/json",
    "application/sarif+json": "application/json",
    "image/png": "image/png",
}
"""Media types that a browser may show, and the type that it is told."""


class BlobResponse(FileResponse):
    """A file in chunks, also under ASGI, where Django's own would read all of it into memory first."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self)
        while chunk := await sync_to_async(lambda: next(chunks, b""))():
            yield chunk


class ArtifactView(APIView):
    """Download an artifact of a run, or look at it."""

    required_action = "artifact.view"

    @extend_schema(operation_id="artifacts_read", responses=OpenApiTypes.BINARY)
    def get(self, request: Request, run_id: UUID, name: str) -> HttpResponseBase:
        row = _find(find_run(request, self, run_id).pk, name)
        tag = f'"{row.digest}"'
        if request.headers.get("If-None-Match") == tag:
            return HttpResponseNotModified(headers={"ETag": tag})
        try:
            blob = artifacts.open_blob(row.digest)
        except ArtifactMissing as error:
            raise Http404(str(error)) from error
        shown_as = SHOWN_AS.get(row.media_type.split(";")[0].strip().lower())
        response = BlobResponse(
            blob,
            as_attachment=shown_as is None or "download" in request.query_params,
            filename=_safe(row.name),
            content_type=shown_as or "application/octet-stream",
        )
        response.block_size = CHUNK_BYTES
        response["Content-Length"] = str(row.size)
        response["Content-Security-Policy"] = SANDBOX
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "private, no-cache"
        response["ETag"] = tag
        return response


def _find(run_pk: int, name: str) -> Artifact:
    row = None if "\0" in name else Artifact.objects.filter(run_id=run_pk, name=name).order_by("-pk").first()
    if row is None:
        raise Http404(f"this run has no artifact {name!r}")
    return row


def _safe(name: str) -> str:
    """Keep the last part of a name, without anything that could break out of a header."""
    return "".join(c for c in PurePosixPath(name).name if c.isprintable() and c not in '"\\') or "artifact"
