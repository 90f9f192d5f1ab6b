"""How bodies are read and written: JSON, and only JSON that can be stored.

Invariant: what passes here holds no NUL, no lone surrogate, no infinite number, and is at most MAX_DEPTH deep, so
that no later layer (pydantic, PostgreSQL's jsonb) can fail on it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

MAX_DEPTH = 64
MAX_ACCEPT = 2_000  # characters of the header that are looked at
QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")  # RFC 9110, section 12.4.2


class BodyTooLarge(APIException):
    """The body has more bytes than a request may have."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"


class StrictJSONParser(BaseParser):
    """Reads a JSON body. Raises ParseError or BodyTooLarge; no input makes it raise anything else."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(f"the body has more than {limit} bytes")
        return loads(raw)


class JsonOnlyNegotiation(BaseContentNegotiation):
    """Answers in JSON whatever the Accept header says: a browser that looks at a URL is answered too."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        kind = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, str(first.media_type)


def preferred(accept: str, offered: Iterable[str]) -> str | None:
    """Give the media type of those offered that an Accept header likes best; the first offered of equals.

    None: it names none of them, or names nothing in particular (`*/*`).
    """
    wanted = {kind: quality for kind, quality in map(_quality, accept[:MAX_ACCEPT].split(",")) if quality > 0}
    fitting = [kind for kind in offered if kind in wanted]
    return max(fitting, key=lambda kind: wanted[kind], default=None)


def _quality(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return kind, float(value) if QUALITY.match(value.strip()) else 0.0
    return kind, 1.0


def loads(raw: bytes | str) -> Any:
    """Read JSON that can be stored. Raises ParseError telling what is wrong."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except ParseError:
        raise
    except UnicodeDecodeError as error:
        raise ParseError(f"the body is no UTF-8: byte {error.start} cannot be read") from error
    except RecursionError as error:
        raise ParseError(f"the JSON is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # JSONDecodeError, and whole numbers of more than 4,300 digits
        raise ParseError(f"the body is no JSON: {error}") from error
    check(value)
    return value


def check(value: Any) -> None:
    """Let pass what can be stored. Raises ParseError.

    It walks without recursion, so that depth is a number to compare and not a crash.
    """
    todo: list[tuple[Any, int]] = [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise ParseError(f"the JSON is nested deeper than {MAX_DEPTH} levels")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            todo.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            todo.extend((part, depth + 1) for part in item)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ParseError("a text holds the NUL character, which cannot be stored; leave it out")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError(
            "a text holds half of a surrogate pair, which is no character; leave it out"
        ) from error


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ParseError(f"the number {literal[:40]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is no JSON")
