"""Archives that people give as the target of a run to come.

POST /api/v1/uploads?name=shop.tar.gz&project=default     the body is the archive itself
                                                          -> 201 {"digest", "size", "name", "target"}

The answer's `target` goes into `POST /api/v1/runs` as it is. Nothing is unpacked here: that is a step of the run,
with its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Annotated, Any, BinaryIO, cast

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from pydantic import Field
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import TypedDict

from api.describe import operation
from api.formats import BodyTooLarge
from api.lookup import PROJECT, find_project
from tasks import artifacts
from tasks.errors import UploadTooLarge

NAME = r"^[^\x00-\x1f\x7f/\\]{1,255}$"


class StreamParser(BaseParser):
    """Hands the body on as a stream, whatever is in it."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return stream


class UploadQuery(serializers.Serializer[Any]):
    """The query of an upload."""

    name = serializers.RegexField(NAME, help_text="the file's name, without a path")
    project = serializers.RegexField(
        PROJECT, default="default", help_text="slug, or team/slug where slugs repeat"
    )


class ArchiveTarget(TypedDict):
    """The `target` of a run that works on an upload."""

    kind: Annotated[str, Field(json_schema_extra={"enum": ["archive"]})]
    digest: str
    name: str


class Upload(TypedDict):
    """An archive that was stored."""

    digest: Annotated[str, Field(description="SHA-256, in hexadecimal")]
    size: Annotated[int, Field(description="bytes")]
    name: str
    target: ArchiveTarget


_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_UPLOAD = {
    "digest": _DIGEST,
    "size": 48_120,
    "name": "shop.tar.gz",
    "target": {"kind": "archive", "digest": _DIGEST, "name": "shop.tar.gz"},
}


class UploadsView(APIView):
    """Give an archive to a project."""

    required_action = "upload.create"
    parser_classes = (StreamParser,)

    @operation(
        "uploads_create",
        query=UploadQuery,
        body={"application/octet-stream": OpenApiTypes.BINARY},
        returns=Upload,
        example=_UPLOAD,
        status=201,
    )
    def post(self, request: Request) -> Response:
        """Store an archive and give the target that names it.

        The body is the archive itself: .tar, .tar.gz, .tar.bz2, .tar.xz or .zip. Send `target` of the answer as the
        target of `POST /api/v1/runs`. Nothing is unpacked here.
        """
        query = UploadQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        name = query.validated_data["name"]
        project = find_project(request, query.validated_data["project"])
        self.check_object_permissions(request, project)
        if not hasattr(request.data, "read"):  # REST framework reads no stream where there are no bytes
            raise serializers.ValidationError({"body": ["the body is empty; send the archive itself"]})
        try:
            ref = artifacts.put_upload(
                name,
                cast("BinaryIO", request.data),
                project_id=project.pk,
                owner_id=request.user.pk,
                most_bytes=settings.UPLOAD_BYTES,
            )
        except UploadTooLarge as error:
            raise BodyTooLarge(str(error)) from error
        target: ArchiveTarget = {"kind": "archive", "digest": ref.digest, "name": name}
        body: Upload = {"digest": ref.digest, "size": ref.size, "name": name, "target": target}
        return Response(body, status=201)
