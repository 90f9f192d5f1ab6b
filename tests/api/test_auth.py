"""Tokens: obtained, renewed, counted; and what ends them."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.api.cast import PASSWORD, Cast, api


def obtain(name: str, password: str) -> tuple[int, dict[str, str]]:
    answer = APIClient().post("/api/v1/token", {"username": name, "password": password})
    return answer.status_code, answer.json()


def test_token_opens_the_api_and_is_renewed(cast: Cast) -> None:
    status, pair = obtain("bob", PASSWORD)
    assert status == 200
    client = APIClient()
    access = client.post("/api/v1/token/refresh", {"refresh": pair["refresh"]}).json()["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/api/v1/runs").status_code == 200


def test_wrong_password_is_401_and_counted(cast: Cast) -> None:
    for _ in range(10):
        assert obtain("bob", "wrong")[0] == 401
    status, told = obtain("BOB", PASSWORD)
    assert (status, told["type"]) == (429, "urn:wrenchai:problem:too-many-attempts")
    assert obtain("alice", PASSWORD)[0] == 200


@pytest.mark.parametrize("how", ["password", "inactive", "deleted"])
def test_token_ends_with_password_activity_and_user(cast: Cast, how: str) -> None:
    pair = obtain("bob", PASSWORD)[1]
    client = api(cast.bob)
    if how == "deleted":
        cast.bob.delete()
    else:
        cast.bob.is_active = how != "inactive"
        if how == "password":
            cast.bob.set_password("quite another password")
        cast.bob.save()
    assert client.get("/api/v1/runs").status_code == 401
    assert APIClient().post("/api/v1/token/refresh", {"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, [], {"username": ["a"]}, {"username": "x", "password": "y" * 100_000}, {"refresh": 5}]
)
@pytest.mark.parametrize("path", ["/api/v1/token", "/api/v1/token/refresh"])
def test_bad_body_is_4xx(db: None, path: str, body: object) -> None:
    answer = APIClient(raise_request_exception=False).post(path, body)
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"
