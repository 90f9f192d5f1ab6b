"""Archives that people give as the target of a run to come.

POST /api/v1/uploads?name=shop.tar.gz&project=default     the body is the archive itself
                                                          -> 201 {"digest", "size", "name", "target"}

The answer's `target` goes into `POST /api/v1/runs` as it is. Nothing is unpacked here: that is a step of the run,
with its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

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
    project = serializers.RegexField(PROJECT, default="default")


class UploadsView(APIView):
    """Give an archive to a project."""

    required_action = "upload.create"
    parser_classes = (StreamParser,)

    @extend_schema(
        operation_id="uploads_create",
        parameters=[UploadQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        """Store an archive (.tar, .tar.gz, .tar.bz2, .tar.xz or .zip) and give the target that names it."""
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
        target = {"kind": "archive", "digest": ref.digest, "name": name}
        return Response({"digest": ref.digest, "size": ref.size, "name": name, "target": target}, status=201)
