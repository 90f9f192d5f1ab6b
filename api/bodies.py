"""What requests bring, read strictly: bodies, queries and the header Idempotency-Key.

Invariant: what is not known is named in a problem 400, never dropped silently.
"""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

NEW_SLUG = r"^[a-z0-9][-a-z0-9]{0,59}\Z"
"""How a team or project may be named from now on: two that differ in case only would be mistaken for each other."""
KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")


class StrictSerializer(serializers.Serializer[Any]):
    """Names a field that it does not know, instead of dropping it silently."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {
                    str(name)[:100]: [f"there is no such field; the fields are {known}"]
                    for name in unknown[:20]
                }
            )
        return super().to_internal_value(data)


class OneLine(serializers.CharField):
    """A text of one line: without control characters, or those that turn the direction of writing."""

    default_error_messages = {"unprintable": "a control or formatting character is in it; leave it out"}

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not text.isprintable():
            self.fail("unprintable")
        return text


class Lines(serializers.CharField):
    """A text that people read, of several lines; what `OneLine` refuses is refused here, too."""

    default_error_messages = OneLine.default_error_messages

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if not re.sub(r"[\n\r\t]", "", text).isprintable():
            self.fail("unprintable")
        return text


def valid(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """Give what a serializer accepts. Raises ValidationError naming each fault."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def idempotency_key(request: Request) -> str | None:
    """Read the header Idempotency-Key. Raises ValidationError for what is no key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.match(key):
        raise serializers.ValidationError(
            {"Idempotency-Key": ["a key is 1 to 200 printable ASCII characters without blanks"]}
        )
    return str(key)
