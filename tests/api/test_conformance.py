"""The API does what its description says, whoever asks and whatever is sent: schemathesis over the schema, per role.

Requests are made from the description: valid ones, wrong ones, at most EXAMPLES of each per operation and role, the
same ones in every run. Each answer is held to the description: never a 5xx, and status, content type and shape are
those that it tells. Paths name what is there (`world.PARAMETERS`), and each operation also gets the request that
`world.BODIES` has for it, so that the run proves something: an operation that nobody got an answer from but "who are
you", "you may not" and "there is none" fails.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pytest_django import Settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.schema import document
from tests.api.test_matrix import quiet
from tests.api.world import BODIES, QUERIES, RAW, Route, World, make_world, routes

EXAMPLES = 3
WALKS = 12
ROLES = ("anonymous", "developer", "owner", "staff")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HANDLER = WSGIHandler()
STREAMS = frozenset({"GET /api/v1/runs/{run_id}/stream", "GET /api/v1/runs/{run_id}/report"})
"""Bytes that schemathesis reads as objects, for events and JSON have a form of their own."""
NO_ANSWER = {401, 403, 404}
"""What says nothing of an operation."""


def described(world: World) -> Any:
    """Give the schema of schemathesis, with paths that lead to what is there."""
    told = copy.deepcopy(document("v1"))
    for path, verbs in told["paths"].items():
        for verb, operation in verbs.items():
            route = route_of(path)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    known = values_of(route, verb.upper(), world)[parameter["name"]]
                    parameter["schema"] = {"type": "string", "enum": [known]}
    schema = schemathesis.openapi.from_dict(told)
    schema.app = serve
    return schema


def serve(environ: Any, start_response: Any) -> list[bytes]:
    """Our application; what it streams is read and closed, as a server does."""
    answer = HANDLER(environ, start_response)
    try:
        return list(answer)
    finally:
        answer.close()


def route_of(path: str) -> Route:
    return next(route for route in routes() if route.described == path)


def values_of(route: Route, method: str, world: World) -> dict[str, str]:
    return route.values(method, world.ours)


def judge(case: Case[Any], role: str, world: World) -> tuple[int, list[str]]:
    """Send a request as a role, take back what it did, and tell how it was answered and what is wrong with that."""
    credentials = world.programs[role]._credentials  # type: ignore[attr-defined]  # where APIClient keeps them
    headers = {"Authorization": credentials["HTTP_AUTHORIZATION"]} if credentials else {}
    with transaction.atomic():
        answer = case.call(headers=headers)
        transaction.set_rollback(True)
    try:
        excluded = [response_schema_conformance] if case.operation.label in STREAMS else []
        case.validate_response(answer, checks=CHECKS, excluded_checks=excluded, headers=headers)
    except FailureGroup as group:
        return answer.status_code, [tell(case, role, answer.status_code, one) for one in group.exceptions]
    except Failure as failure:
        return answer.status_code, [tell(case, role, answer.status_code, failure)]
    return answer.status_code, []


def tell(case: Case[Any], role: str, status: int, failure: BaseException) -> str:
    what = " ".join(str(failure).split())[:300]
    return f"{case.operation.label} as {role}: {status} {what}; sent {str(case.query)[:200]} {str(case.body)[:200]}"


def true_cases(operation: Any, world: World) -> Iterator[Case[Any]]:
    """Give the request that the matrix has for an operation."""
    name = f"{operation.method.upper()} {route_of(operation.path).pattern}"
    path = values_of(route_of(operation.path), operation.method.upper(), world)
    query = (
        dict(part.split("=", 1) for part in QUERIES[name](world.ours)[1:].split("&"))
        if name in QUERIES
        else {}
    )
    if name in RAW:
        yield operation.Case(
            path_parameters=path, query=query, body=b"bytes", media_type="application/octet-stream"
        )
    elif operation.body:
        body = BODIES[name](world.ours) if name in BODIES else {}
        yield operation.Case(path_parameters=path, query=query, body=body, media_type="application/json")
    else:
        yield operation.Case(path_parameters=path, query=query)


def made_cases(operation: Any, mode: GenerationMode, wrong: list[str], role: str, world: World) -> set[int]:
    """Send what hypothesis makes of the description. Gives the statuses."""
    seen: set[int] = set()

    @seed(1)
    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: Any) -> None:
        status, found = judge(data.draw(operation.as_strategy(generation_mode=mode)), role, world)
        seen.add(status)
        wrong.extend(found)

    with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
        run()
    return seen


def statuses_of(operation: Any, wrong: list[str], world: World) -> set[int]:
    """Try an operation as every role; adds what is wrong. Gives the statuses."""
    statuses: set[int] = set()
    for role in ROLES:
        for case in true_cases(operation, world):
            status, found = judge(case, role, world)
            statuses.add(status)
            wrong += found
        if role != "anonymous":
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                statuses |= made_cases(operation, mode, wrong, role, world)
    return statuses


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """A request that begins or ends would close the connection that its savepoint is in.

    Inside only: Django's test client connects these signals again with each request of its own.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.timeout(600)
def test_answers_are_those_that_are_described(worker: None, settings: Settings) -> None:
    quiet(settings)
    world = make_world()
    schema = described(world)
    wrong: list[str] = []
    answered: dict[str, set[int]] = {}
    with connected():
        for result in schema.get_all_operations():
            operation = result.ok()
            answered[operation.label] = statuses_of(operation, wrong, world)
    assert not wrong, f"{len(wrong)} answers:\n" + "\n".join(sorted(set(wrong))[:200])
    assert {label for label, statuses in answered.items() if statuses <= NO_ANSWER} == set()


def machine(schema: Any, role: str, world: World) -> Any:
    """Give a state machine that goes from what one operation answers to those that take it: made, read, deleted."""
    credentials: dict[str, str] = world.programs[role]._credentials
    inferred: Any = schema.as_state_machine()

    class Walk(inferred):  # type: ignore[misc]  # made at run time
        """A scenario in a transaction that is taken back."""

        def setup(self) -> None:
            self.kept = transaction.atomic()
            self.kept.__enter__()
            with (
                connection.cursor() as cursor
            ):  # making a request up takes longer than our sessions may be silent
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.kept.__exit__(None, None, None)

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": {"Authorization": credentials["HTTP_AUTHORIZATION"]}}

        def validate_response(self, response: Any, case: Case[Any], *args: Any, **kwargs: Any) -> None:
            excluded = [response_schema_conformance] if case.operation.label in STREAMS else []
            case.validate_response(response, checks=CHECKS, excluded_checks=excluded)
            walked.append((case.operation.label, response.status_code))

    walked: list[tuple[str, int]] = []
    Walk.walked = walked
    return Walk


@pytest.mark.timeout(600)
def test_walks_from_answer_to_answer_break_nothing(worker: None, settings: Settings) -> None:
    quiet(settings)
    world = make_world()
    schema = described(world)
    for role in ("developer", "owner", "staff"):
        walk = machine(schema, role, world)
        with connected():
            walk.run(
                settings=hypothesis_settings(
                    max_examples=WALKS,
                    stateful_step_count=6,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
            )
        assert any(status < 300 for _, status in walk.walked), f"{role} got nowhere"
