"""Tokens: obtained, renewed, given back, counted; what ends them, and what forged and stolen ones are worth."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as project
from django.core.cache import caches
from django.db import connections
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken as PlainToken
from structlog.testing import capture_logs

from accounts import sessions, tokens
from accounts.models import DeviceSession, RefreshToken, User
from tests.api.cast import PASSWORD, Cast, api, browser, make_cast, token
from wrenchai_project import settings as file_of_settings

TOKEN, REFRESH, REVOKE = "/api/v1/token", "/api/v1/token/refresh", "/api/v1/token/revoke"

Body = dict[str, Any]


def obtain(name: str, password: str, **more: Any) -> tuple[int, Body]:
    answer = APIClient().post(TOKEN, {"username": name, "password": password, **more})
    return answer.status_code, answer.json()


def pair_of(user: User) -> Body:
    status, body = obtain(user.username, PASSWORD)
    assert status == 200, body
    return body


def refresh(raw: str) -> tuple[int, Body]:
    answer = APIClient().post(REFRESH, {"refresh_token": raw})
    return answer.status_code, answer.json()


def opens(access: str) -> bool:
    answer = APIClient().get("/api/v1/runs", HTTP_AUTHORIZATION=f"Bearer {access}")
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


def claims(raw: str) -> Body:
    return jwt.decode(raw, options={"verify_signature": False})


def test_pair_has_the_form_of_oauth_and_opens_the_api(cast: Cast) -> None:
    answer = APIClient().post(TOKEN, {"username": "bob", "password": PASSWORD}, HTTP_USER_AGENT="probe/1")
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "api")
    assert answer["Cache-Control"] == "no-store"
    assert opens(body["access_token"])
    row = DeviceSession.objects.get(user=cast.bob)
    assert (row.kind, row.user_agent, row.ip) == ("program", "probe/1", "127.0.0.1")
    told = claims(body["access_token"])
    assert (told["sid"], told["sub"], told["iss"], told["aud"]) == (
        str(row.public_id),
        str(cast.bob.pk),
        "wrenchai",
        "wrenchai",
    )
    assert not opens(body["refresh_token"])


def test_forms_are_read_as_the_standard_says(cast: Cast) -> None:
    client = APIClient()
    kind = "application/x-www-form-urlencoded"
    grant = "grant_type=password&username=bob&scope=api&client_id=ignored&password=" + PASSWORD.replace(
        " ", "+"
    )
    first = client.post(TOKEN, grant, content_type=kind)
    assert first.status_code == 200, first.content
    again = f"grant_type=refresh_token&refresh_token={first.json()['refresh_token']}"
    second = client.post(TOKEN, again, content_type=kind)
    assert second.status_code == 200
    assert opens(second.json()["access_token"])
    twice = client.post(TOKEN, grant + "&username=alice", content_type=kind)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"password": "wrong"}, "invalid_grant"),
        ({"username": "nobody"}, "invalid_grant"),
        ({"username": ""}, "invalid_request"),
        ({"password": None}, "invalid_request"),
        ({"password": "y" * 5000}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "api admin"}, "invalid_scope"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": ["password"]}, "unsupported_grant_type"),
    ],
)
def test_refusals_are_those_of_oauth(cast: Cast, changes: Body, word: str) -> None:
    answer = APIClient().post(TOKEN, {"username": "bob", "password": PASSWORD, **changes})
    assert (answer.status_code, answer.json()["error"]) == (400, word)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer["Cache-Control"] == "no-store"
    assert not DeviceSession.objects.exists()


def test_wrong_password_and_unknown_name_are_told_alike(cast: Cast) -> None:
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    told = [obtain(*pair) for pair in (("bob", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD))]
    assert told[0] == told[1] == told[2]


def test_guesses_are_counted_and_then_refused(cast: Cast, one_window: None) -> None:
    for _ in range(10):
        assert obtain("bob", "wrong")[0] == 400
    status, told = obtain("BOB", PASSWORD)
    assert (status, told["type"]) == (429, "urn:wrenchai:problem:too-many-attempts")
    assert obtain("alice", PASSWORD)[0] == 200


def test_what_else_is_sent_changes_nothing(cast: Cast) -> None:
    """Mass assignment: neither the person nor the session can be written to from here."""
    other = DeviceSession.objects.create(
        user=cast.alice, kind="browser", expires_at=timezone.now() + timedelta(days=1)
    )
    more = {
        "is_staff": True,
        "is_superuser": True,
        "user": cast.alice.pk,
        "user_id": cast.alice.pk,
        "sub": str(cast.alice.pk),
        "sid": str(other.public_id),
        "kind": "browser",
        "expires_at": "2099-01-01T00:00:00Z",
        "expires_in": 10**9,
    }
    body = obtain("bob", PASSWORD, **more)[1]
    told = claims(body["access_token"])
    cast.bob.refresh_from_db()
    assert (cast.bob.is_staff, cast.bob.is_superuser) == (False, False)
    assert told["sub"] == str(cast.bob.pk)
    assert told["sid"] != str(other.public_id)
    assert told["exp"] - told["iat"] == 600
    row = DeviceSession.objects.get(user=cast.bob)
    assert (row.kind, row.expires_at < timezone.now() + timedelta(days=8)) == ("program", True)


# --- Renewal, replay, and the race of two --------------------------------------------------------------------


def test_refresh_token_is_used_up_and_gives_the_next(cast: Cast) -> None:
    first = pair_of(cast.bob)
    status, second = refresh(first["refresh_token"])
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert opens(second["access_token"])
    assert opens(first["access_token"])
    assert claims(second["access_token"])["sid"] == claims(first["access_token"])["sid"]
    assert refresh(second["refresh_token"])[0] == 200


def test_same_token_within_the_grace_gives_the_same_successor(cast: Cast) -> None:
    first = pair_of(cast.bob)
    _, second = refresh(first["refresh_token"])
    status, again = refresh(first["refresh_token"])
    assert status == 200
    assert again["refresh_token"] == second["refresh_token"]
    assert opens(again["access_token"])
    assert RefreshToken.objects.count() == 2


def test_replay_after_the_successor_was_used_revokes_the_family(cast: Cast) -> None:
    """Even within the grace: who has used the successor no longer needs the first."""
    first = pair_of(cast.bob)
    _, second = refresh(first["refresh_token"])
    _, third = refresh(second["refresh_token"])
    other = pair_of(cast.bob)
    with capture_logs() as logs:
        status, told = refresh(first["refresh_token"])
    assert (status, told["error"]) == (400, "invalid_grant")
    assert "used before" in told["error_description"]
    assert [line["log_level"] for line in logs if line["event"] == "refresh_replayed"] == ["warning"]
    assert not any(opens(pair["access_token"]) for pair in (first, second, third))
    assert refresh(third["refresh_token"])[0] == 400
    row = DeviceSession.objects.get(public_id=claims(first["access_token"])["sid"])
    assert row.revoked_because == "replay"
    assert opens(other["access_token"])  # the other device's session goes on


def test_replay_after_the_grace_revokes_the_family(cast: Cast) -> None:
    first = pair_of(cast.bob)
    _, second = refresh(first["refresh_token"])
    RefreshToken.objects.exclude(used_at=None).update(
        used_at=timezone.now() - tokens.GRACE - timedelta(seconds=1)
    )
    assert refresh(first["refresh_token"])[0] == 400
    assert not opens(second["access_token"])
    assert refresh(second["refresh_token"])[0] == 400


def test_used_token_whose_row_was_forgotten_counts_as_a_replay(cast: Cast) -> None:
    first = pair_of(cast.bob)
    _, second = refresh(first["refresh_token"])
    RefreshToken.objects.exclude(used_at=None).delete()
    assert refresh(first["refresh_token"])[0] == 400
    assert not opens(second["access_token"])


def _close_caches() -> None:
    """Close what this thread has opened: left to the garbage, sockets end in some later test, which fails of it."""
    for one in caches.all(initialized_only=True):
        for pool in one._cache._pools.values():  # Django closes none of them
            pool.disconnect()


def _at_once(count: int, call: Callable[[], tuple[int, Body]]) -> list[tuple[int, Body]]:
    together, told = threading.Barrier(count), list[tuple[int, Body]]()

    def go() -> None:
        together.wait(20)
        told.append(call())
        connections.close_all()
        _close_caches()

    threads = [threading.Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return told


@pytest.mark.django_db(transaction=True)
def test_four_at_once_get_the_same_pair_and_the_chain_does_not_fork() -> None:
    first = pair_of(make_cast().bob)
    told = _at_once(4, lambda: refresh(first["refresh_token"]))
    assert [status for status, _ in told] == [200] * 4
    assert len({body["refresh_token"] for _, body in told}) == 1
    assert RefreshToken.objects.filter(used_at=None).count() == 1
    assert RefreshToken.objects.count() == 2
    assert refresh(told[0][1]["refresh_token"])[0] == 200


@pytest.mark.django_db(transaction=True)
def test_refresh_that_races_with_its_sessions_end_loses() -> None:
    """Whoever comes first: afterwards nothing of the session works."""
    bob = make_cast().bob
    for _ in range(3):
        first = pair_of(bob)

        def sign_out(raw: str = first["refresh_token"]) -> tuple[int, Body]:
            return APIClient().post(REVOKE, {"token": raw}).status_code, {}

        calls = iter([sign_out, lambda raw=first["refresh_token"]: refresh(raw)])
        told = _at_once(2, lambda calls=calls: next(calls)())
        pairs = [body for status, body in told if status == 200 and body]
        assert not any(opens(pair["access_token"]) for pair in [first, *pairs])
        assert not any(refresh(pair["refresh_token"])[0] == 200 for pair in [first, *pairs])


def test_session_of_a_program_has_a_last_day(cast: Cast, settings: Any) -> None:
    settings.PROGRAM_SESSION_LIFETIME = timedelta(days=2)
    pair = pair_of(cast.bob)
    row = DeviceSession.objects.get(user=cast.bob)
    last = row.created_at + timedelta(days=2)
    assert row.expires_at == last
    assert claims(pair["refresh_token"])["exp"] == int(last.timestamp())
    DeviceSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not opens(pair["access_token"])
    assert refresh(pair["refresh_token"])[0] == 400


def test_expired_rows_of_a_chain_are_forgotten(cast: Cast) -> None:
    first = pair_of(cast.bob)
    _, second = refresh(first["refresh_token"])
    RefreshToken.objects.exclude(used_at=None).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refresh(second["refresh_token"])[0] == 200
    assert RefreshToken.objects.count() == 2


# --- What ends tokens ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["password", "inactive", "deleted", "password by SQL", "inactive by SQL"])
def test_token_ends_with_password_activity_and_user(cast: Cast, how: str) -> None:
    pair, client, rows = pair_of(cast.bob), api(cast.bob), User.objects.filter(pk=cast.bob.pk)
    if how == "deleted":
        cast.bob.delete()
    elif how == "password by SQL":
        rows.update(password="!")
    elif how == "inactive by SQL":
        rows.update(is_active=False)
    else:
        cast.bob.is_active = how != "inactive"
        if how == "password":
            cast.bob.set_password("quite another password")
        cast.bob.save()
    assert client.get("/api/v1/runs").status_code == 401
    assert refresh(pair["refresh_token"])[0] == 400


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_session(cast: Cast, which: str) -> None:
    pair, other = pair_of(cast.bob), pair_of(cast.bob)
    answer = APIClient().post(REVOKE, {"token": pair[which], "token_type_hint": "nonsense"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert not opens(pair["access_token"])
    assert refresh(pair["refresh_token"])[0] == 400
    assert opens(other["access_token"])


@pytest.mark.parametrize("raw", ["nonsense", "a.b.c", "ü", "x" * 4000])
def test_revoking_nonsense_is_answered_the_same(cast: Cast, raw: str) -> None:
    assert APIClient().post(REVOKE, {"token": raw}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, [], None, {"username": ["a"]}, {"username": "x", "password": "y" * 100_000}, {"refresh_token": 5}],
)
@pytest.mark.parametrize("path", [TOKEN, REFRESH, REVOKE])
def test_bad_body_is_4xx(db: None, path: str, body: object) -> None:
    answer = APIClient(raise_request_exception=False).post(path, body)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_request", "invalid_grant"}


@pytest.mark.parametrize(
    "raw", [b"username=%00&password=x", b"\xff=1", b"a=1&" * 2000, b"x=" + b"y" * 70_000]
)
def test_bad_form_is_4xx(db: None, raw: bytes) -> None:
    client = APIClient(raise_request_exception=False)
    answer = client.generic("POST", TOKEN, raw, "application/x-www-form-urlencoded")
    assert answer.status_code in {400, 413}


# --- Forged tokens -------------------------------------------------------------------------------------------


def forge(good: str, *, key: str | None = None, algorithm: str = "HS256", **changes: Any) -> str:
    """The same token with other claims, signed anew. `kid` names the key that is claimed."""
    ring = tokens.key_ring()
    headers = {"kid": changes.pop("kid", ring.key_id)}
    payload = {name: value for name, value in (claims(good) | changes).items() if value is not None}
    secret = ring.keys[ring.key_id] if key is None else key
    return jwt.encode(payload, secret, algorithm=algorithm, headers=headers)


def test_forgers_control_the_harness(cast: Cast) -> None:
    """What `forge` makes with nothing changed is accepted: so each refusal below is for its change."""
    assert opens(forge(token(cast.bob)))


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "none", "key": ""},
        {"algorithm": "HS512"},
        {"algorithm": "HS384"},
        {"key": "x" * 64},
        {"kid": "other"},
        {"kid": "../../dev/null"},
        {"kid": ""},
        {"iss": "another"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"jti": None},
        {"sub": None},
        {"sub": "0 OR 1=1"},
        {"sub": "²"},
        {"sub": "9" * 40},
        {"sid": None},
        {"sid": "x"},
        {"sid": {"a": 1}},
        {"sid": "00000000-0000-0000-0000-000000000000"},
        {"token_type": "refresh"},
        {"token_type": None},
        {"hash_password": None},
        {"hash_password": "0" * 32},
        {"scope": None},
        {"scope": "admin"},
        {"nbf": 9_999_999_999},
    ],
    ids=str,
)
def test_forged_token_opens_nothing(cast: Cast, changes: Body) -> None:
    assert not opens(forge(token(cast.bob), **changes))


def test_token_of_another_person_in_my_session_opens_nothing(cast: Cast) -> None:
    mine, victim = token(cast.charlie), token(cast.alice)
    assert not opens(forge(mine, sub=str(cast.alice.pk)))
    assert not opens(forge(mine, sid=claims(victim)["sid"]))


def test_token_without_a_session_opens_nothing(cast: Cast) -> None:
    """As simplejwt itself makes it, signed with SECRET_KEY: the confusion of two keys."""
    assert not opens(str(PlainToken.for_user(cast.bob)))
    assert not opens(forge(token(cast.bob), key=project.SECRET_KEY))


def test_public_key_as_a_secret_opens_nothing(cast: Cast) -> None:
    """Algorithm confusion: RS256 in the header, or a key in PEM form as the HMAC secret."""
    head, body, signature = token(cast.bob).split(".")
    rs256 = jwt.utils.base64url_encode(b'{"alg":"RS256","typ":"JWT","kid":"derived"}').decode()
    assert not opens(f"{rs256}.{body}.{signature}")
    assert not opens(f"{head}.{body}.")
    assert not opens(f"{head}.{body}")


def test_keys_rotate_without_signing_anybody_out(cast: Cast, settings: Any) -> None:
    old, new = "o" * 32, "n" * 32
    settings.TOKEN_KEYS = {"old": old}
    before = pair_of(cast.bob)
    assert jwt.get_unverified_header(before["access_token"])["kid"] == "old"
    settings.TOKEN_KEYS = {"new": new, "old": old}
    assert opens(before["access_token"])
    _, after = refresh(before["refresh_token"])
    assert jwt.get_unverified_header(after["access_token"])["kid"] == "new"
    settings.TOKEN_KEYS = {"new": new}
    assert opens(after["access_token"])
    assert not opens(before["access_token"])
    assert not opens(forge(after["access_token"], key=new, kid="old"))


# --- What is noted of a session ------------------------------------------------------------------------------


def test_last_seen_is_written_once_a_minute(cast: Cast) -> None:
    client = api(cast.bob)
    long_ago = timezone.now() - timedelta(minutes=5)
    client.get("/api/v1/agents", HTTP_USER_AGENT="quick/1")
    assert DeviceSession.objects.get().user_agent == ""
    DeviceSession.objects.update(last_seen_at=long_ago)
    client.get("/api/v1/agents", HTTP_USER_AGENT="probe/2\x07", REMOTE_ADDR="192.0.2.7")
    row = DeviceSession.objects.get()
    assert (row.user_agent, row.ip, row.last_seen_at > long_ago) == ("probe/2", "192.0.2.7", True)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"HTTP_FORWARDED": "for=203.0.113.9"},
        {"HTTP_X_REAL_IP": "203.0.113.9"},
    ],
)
def test_address_is_not_taken_from_what_anybody_can_send(cast: Cast, headers: Mapping[str, str]) -> None:
    APIClient().post(TOKEN, {"username": "bob", "password": PASSWORD}, **headers)
    assert DeviceSession.objects.get().ip == "127.0.0.1"


@pytest.mark.parametrize("address", ["", "<script>", "unix:", "localhost", "1.2.3.4, 5.6.7.8"])
def test_what_is_no_address_is_not_kept(address: str) -> None:
    assert sessions.device_of(RequestFactory().get("/", REMOTE_ADDR=address)).ip is None


def test_knowing_who_asks_costs_one_query_by_token_and_two_by_cookie(
    cast: Cast, steady_rules: None, django_assert_num_queries: Any
) -> None:
    program, web = api(cast.bob), browser(cast.bob)
    program.get("/api/v1/sessions")  # the rules of the rate limits are read by who comes first
    for client, queries in ((program, 1 + 1), (web, 2 + 1)):  # and one for the list itself
        with django_assert_num_queries(queries):
            assert client.get("/api/v1/sessions").status_code == 200


def test_no_token_is_stored(cast: Cast) -> None:
    pair = pair_of(cast.bob)
    kept = str(list(RefreshToken.objects.values())) + str(list(DeviceSession.objects.values()))
    for raw in (pair["refresh_token"], claims(pair["refresh_token"])["jti"], pair["access_token"]):
        assert raw not in kept


def test_sessions_long_over_are_forgotten_at_the_next_sign_in(cast: Cast) -> None:
    pair_of(cast.bob)
    DeviceSession.objects.update(expires_at=datetime.now(UTC) - sessions.REMEMBERED - timedelta(days=1))
    pair_of(cast.bob)
    assert DeviceSession.objects.count() == 1


def test_argon2_hashes_passwords(cast: Cast, settings: Any) -> None:
    settings.PASSWORD_HASHERS = file_of_settings.PASSWORD_HASHERS  # the tests' own are quick ones
    cast.bob.set_password(PASSWORD)
    cast.bob.save()
    assert cast.bob.password.startswith("argon2$argon2id$")
    assert obtain("bob", PASSWORD)[0] == 200
