"""The description of the API: complete, valid, and with examples that are true to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.schema import VERSIONS, document
from api.tags import METHODS, TAGS

NOT_YET = frozenset[str]()
"""Operations whose description is being written. It only shrinks."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return document("v1")


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for verbs in schema["paths"].values():
        for verb, told in verbs.items():
            if verb in METHODS:
                yield told["operationId"], told


def responses(schema: dict[str, Any], told: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The answers of an operation; what it refers to is put in."""
    for code, one in told["responses"].items():
        name = one.get("$ref", "").rpartition("/")[2]
        yield int(code), schema["components"]["responses"][name] if name else one


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The components, with objects that take no other fields than those that are described."""
    components = copy.deepcopy(schema["components"])
    for shape in components["schemas"].values():
        if "properties" in shape:
            shape.setdefault("additionalProperties", False)
    return components  # type: ignore[no-any-return]  # a part of what drf-spectacular gives


@pytest.mark.parametrize("version", VERSIONS)
def test_document_is_valid_openapi(version: str) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document(version)).iter_errors()] == []


def test_every_operation_has_a_description_an_example_and_its_errors(schema: dict[str, Any]) -> None:
    lacking = []
    for name, told in operations(schema):
        if not told.get("description") or not told.get("summary"):
            lacking.append(f"{name}: no description")
        answers = list(responses(schema, told))
        for code, one in answers:
            shown = [
                content.get("examples") for kind, content in one.get("content", {}).items() if "json" in kind
            ]
            if not all(shown) or not (shown or one.get("content") or code in {200, 202, 204}):
                lacking.append(f"{name}: no example of {code}")
            if code >= 400 and not one["description"]:
                lacking.append(f"{name}: {code} is not explained")
        if not any(code >= 400 for code, _ in answers) and not name.startswith("health_"):
            lacking.append(f"{name}: no errors")
        asked = told.get("requestBody", {}).get("content", {}).get("application/json")
        if asked is not None and not asked.get("examples"):
            lacking.append(f"{name}: no example of the body")
    assert {one for one in lacking if one.partition(":")[0] not in NOT_YET} == set()
    assert {one.partition(":")[0] for one in lacking} == NOT_YET, "take what is described off NOT_YET"


def test_examples_are_true_to_what_they_exemplify(schema: dict[str, Any]) -> None:
    components, untrue = strict(schema), []
    for name, told in operations(schema):
        bodies = [("the body", told.get("requestBody", {}))]
        bodies += [(str(code), one) for code, one in responses(schema, told)]
        for where, body in bodies:
            for content in body.get("content", {}).values():
                judge = Draft202012Validator({**content.get("schema", {}), "components": components})
                for example in content.get("examples", {}).values():
                    untrue += [
                        f"{name}, {where}: {error.json_path} {error.message}"
                        for error in judge.iter_errors(example["value"])
                    ]
    assert untrue == []


def test_every_parameter_says_what_it_is(schema: dict[str, Any]) -> None:
    silent = {
        f"{name} {parameter['name']}"
        for name, told in operations(schema)
        for parameter in told.get("parameters", [])
        if not parameter.get("description") and parameter["in"] != "path" and name not in NOT_YET
    }
    assert silent == set()


def test_every_tag_is_explained(schema: dict[str, Any]) -> None:
    used = {tag for _, told in operations(schema) for tag in told["tags"]}
    assert used - set(TAGS) == set(), "say in api/tags.py what the resource is"
    assert {tag["name"]: tag["description"] for tag in schema["tags"]} == {name: TAGS[name] for name in used}


def test_problems_are_problem_documents(schema: dict[str, Any]) -> None:
    other_forms = {
        ("token_obtain", 400),
        ("token_refresh", 400),
        ("token_revoke", 400),
        ("health_ready", 503),
    }
    for name, told in operations(schema):
        for code, one in responses(schema, told):
            if code >= 400 and (name, code) not in other_forms:
                assert set(one["content"]) == {"application/problem+json"}, f"{name} {code}"
                assert one["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


def test_rate_limits_are_told_wherever_they_hold(schema: dict[str, Any]) -> None:
    for path, verbs in schema["paths"].items():
        for verb, told in verbs.items():
            if verb in METHODS:
                assert ("429" in told["responses"]) == path.startswith("/api/"), f"{verb} {path}"


def test_ways_of_signing_in_are_described(schema: dict[str, Any]) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert {name: one["type"] for name, one in schemes.items()} == {
        "apiKey": "http",
        "token": "http",
        "session": "apiKey",
    }
    assert all(one["description"] for one in schemes.values())
    open_ones = {name for name, told in operations(schema) if not told.get("security")}
    assert open_ones == {"token_obtain", "token_refresh", "token_revoke", "health_live", "health_ready"}


def test_run_list_is_described_by_what_it_answers(schema: dict[str, Any]) -> None:
    told = schema["paths"]["/api/v1/runs"]["get"]
    page = told["responses"]["200"]["content"]["application/json"]
    assert page["schema"]["properties"]["results"]["items"] == {"$ref": "#/components/schemas/RunLine"}
    assert set(page["examples"]["Example"]["value"]) == {"results", "next"}
    assert {"goal", "state"} <= set(schema["components"]["schemas"]["RunLine"]["required"])
    assert "developer" in schema["paths"]["/api/v1/runs"]["post"]["description"]
