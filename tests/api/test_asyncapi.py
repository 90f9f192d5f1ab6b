"""The description of the live connections is complete. `Socket.hear` holds real frames to it."""

from __future__ import annotations

import json
import uuid
from dataclasses import fields
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from api import asyncapi, frames, orders, said
from tasks import events
from tests.api.websocket import promised

RUN = "run:0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11"
SOME = {
    "topic": RUN,
    "run": str(uuid.uuid4()),
    "approval": str(uuid.uuid4()),
    "seq": 3,
    "after": 2,
    "batch": True,
    "coalesce": False,
    "id": "x",
    "reason": "because",
    "comment": "yes",
    "text": "hello",
}


def event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    at = "2026-11-25T09:30:00Z"
    return {"op": "event", "topic": RUN, "seq": 1, "type": kind, "at": at, "data": data}


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()
    wanted = {part["$ref"] for part in _parts(document) if "$ref" in part}
    assert wanted
    for ref in wanted:
        found: Any = document
        for word in ref.removeprefix("#/").split("/"):
            found = found[word]


def test_every_schema_is_one() -> None:
    for schema in asyncapi.document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("shape", said.CLIENT, ids=lambda shape: shape.__name__)
def test_what_a_client_may_say_is_read(shape: Any) -> None:
    """With all fields that the description has, and with only those that it asks for."""
    told = asyncapi.document()["components"]["schemas"][shape.__name__]
    whole = {name: SOME.get(name, told["properties"][name].get("const")) for name in told["properties"]}
    for frame in (whole, {name: whole[name] for name in told["required"]}):
        assert promised(frame, said.CLIENT) == frame
        assert type(frames.read(json.dumps(frame))).__name__ in {shape.__name__, "Order"}


def test_every_order_is_described() -> None:
    names = {shape.__name__.lower() for shape in said.CLIENT}
    assert frames.ORDERS.keys() <= names
    assert orders._VIEWS.keys() | {"message"} == frames.ORDERS.keys()


def test_every_kind_of_event_has_its_data() -> None:
    validator = _validator("Event")
    for kind in events.KINDS:
        refused = list(validator.iter_errors(event(kind.kind, {"no such": 1})))
        assert bool(refused) == bool(fields(kind)), kind
    with pytest.raises(ValidationError):
        validator.validate(event("step.exploded", {}))
    validator.validate(event("step.ready", {"key": "a"}))


def _validator(name: str) -> Draft202012Validator:
    schemas = asyncapi.document()["components"]["schemas"]
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


def _parts(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _parts(part)
