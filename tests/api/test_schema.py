"""The description of the API: complete, and kept by what the API answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, verbs in schema["paths"].items():
        for verb, told in verbs.items():
            if verb in METHODS:
                yield f"{verb.upper()} {path}", told


def test_run_list_is_described_by_what_it_answers(schema: dict[str, Any]) -> None:
    told = schema["paths"]["/api/v1/runs"]["get"]
    page = told["responses"]["200"]["content"]["application/json"]
    assert page["schema"]["properties"]["results"]["items"] == {"$ref": "#/components/schemas/RunLine"}
    assert set(page["examples"]["Example"]["value"]) == {"results", "next"}
    assert {"goal", "state"} <= set(schema["components"]["schemas"]["RunLine"]["required"])
    assert "developer" in schema["paths"]["/api/v1/runs"]["post"]["description"]


def test_every_operation_tells_its_common_errors(schema: dict[str, Any]) -> None:
    for name, told in operations(schema):
        assert "429" in told["responses"], name
        problems = [one for code, one in told["responses"].items() if code >= "400"]
        assert all(set(one["content"]) == {"application/problem+json"} for one in problems), name
