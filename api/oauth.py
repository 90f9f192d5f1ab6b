"""The forms of OAuth 2 for the token endpoints: how they are asked, and how they refuse (RFC 6749, RFC 7009).

Bodies are forms, as the standard says, or JSON, as the rest of this API. A refusal that OAuth knows has its form:

    400  {"error": "invalid_grant", "error_description": "..."}

Others (too many attempts, Redis away) stay the problems of the rest of the API. Knows no tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework import exceptions, serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from api import errors
from api.formats import BodyTooLarge, StrictJSONParser, check
from api.permissions import ActionPermission

MAX_FORM = 64 * 1024  # bytes; tokens and passwords are much shorter


class OAuthRefused(exceptions.APIException):
    """A refusal that OAuth 2 knows by a word."""

    status_code = 400

    def __init__(self, word: str, told: str) -> None:
        super().__init__(told)
        self.word = word


class FormParser(BaseParser):
    """Reads a form in which each name stands once, as OAuth 2 demands. Raises ParseError or BodyTooLarge."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        raw = stream.read(MAX_FORM + 1)
        if len(raw) > MAX_FORM:
            raise BodyTooLarge(f"the form has more than {MAX_FORM} bytes")
        try:
            form = QueryDict(raw.decode("utf-8"), encoding="utf-8")
        except UnicodeDecodeError as error:
            raise exceptions.ParseError("the form is no UTF-8") from error
        except SuspiciousOperation as error:  # more fields than settings allow
            raise exceptions.ParseError("the form has too many fields") from error
        if repeated := [name for name in form if len(form.getlist(name)) > 1]:
            raise exceptions.ParseError(f"{repeated[0][:40]} is given more than once")
        given = {str(name): str(value) for name, value in form.items()}
        check(given)
        return given


class TokenEndpoint(APIView):
    """What the token endpoints share: nobody is signed in there, nothing is kept by caches, refusals are OAuth's."""

    authentication_classes = ()
    permission_classes = [ActionPermission]
    parser_classes = [StrictJSONParser, FormParser]

    def get_exception_handler(self) -> Any:
        return _refuse

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        return response


def read(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Read a body. Fields that nobody knows are passed over, as the standard says. Raises OAuthRefused."""
    given = serializer(data=request.data)
    if not given.is_valid():
        field, told = next(iter(given.errors.items()))
        named = "" if field == "non_field_errors" else f"{field}: "
        raise OAuthRefused("invalid_request", f"{named}{told[0]}")
    return dict(given.validated_data)


def _refuse(error: Exception, context: Mapping[str, Any]) -> Response | None:
    if isinstance(error, exceptions.ParseError):
        error = OAuthRefused("invalid_request", str(error.detail))
    if not isinstance(error, OAuthRefused):
        return errors.handle(error, context)
    set_rollback()
    body = {"error": error.word, "error_description": _plain(str(error.detail))}
    return Response(body, status=error.status_code)


def _plain(text: str) -> str:
    """Keep to the characters that the standard allows in a description: ASCII without quotes and backslashes."""
    text = text.replace('"', "'").replace("\\", "/")
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:300]
