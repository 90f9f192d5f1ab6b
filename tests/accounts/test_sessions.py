"""Sessions of browsers: what begins, follows and ends them; Redis and PostgreSQL beneath."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import sessions
from accounts.models import DeviceSession, EndedBecause, User
from accounts.session_store import SessionStore
from accounts.signals import role_lost
from tests.api.cast import PASSWORD, Cast, browser
from tests.engine.test_publishing import frozen_redis, needs_embedded


def signed_in(client: Client) -> bool:
    answer = client.get("/")
    assert answer.status_code in {200, 302}
    return answer.status_code == 200


def only(user: User) -> DeviceSession:
    return DeviceSession.objects.get(user=user)


def test_signing_in_begins_a_session_and_signing_out_ends_it(cast: Cast) -> None:
    client = Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    client.post("/login/", {"username": "bob", "password": PASSWORD})
    row = only(cast.bob)
    assert (row.kind, row.ip, "Firefox" in row.user_agent) == ("browser", "127.0.0.1", True)
    assert row.expires_at > timezone.now() + timedelta(days=13)
    assert signed_in(client)
    client.post("/logout/")
    assert only(cast.bob).revoked_because == "signed_out"
    assert not signed_in(client)


def test_cookie_kept_after_signing_out_is_nobodys(cast: Cast) -> None:
    """Even if its session is put back, as a cache that missed the end would."""
    client = browser(cast.bob)
    name = project.SESSION_COOKIE_NAME
    cookie = client.cookies[name].value
    kept = dict(SessionStore(cookie).load())
    client.post("/logout/")
    stale = SessionStore(cookie)
    stale.update(kept)
    stale.save(must_create=True)
    client.cookies[name] = cookie
    assert not signed_in(client)
    assert not Session.objects.filter(session_key=cookie).exists()


@pytest.mark.parametrize(
    "how", ["revoked", "everywhere", "password", "inactive", "expired", "password by SQL"]
)
def test_browser_is_signed_out_at_its_next_request(cast: Cast, how: str) -> None:
    client, other = browser(cast.bob), browser(cast.alice)
    assert signed_in(client)
    row = only(cast.bob)
    if how == "revoked":
        assert sessions.end(row.public_id, cast.bob.pk, EndedBecause.REVOKED)
    elif how == "everywhere":
        assert sessions.end_all(cast.bob.pk, EndedBecause.REVOKED) == 1
    elif how == "expired":
        DeviceSession.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    elif how == "password by SQL":
        User.objects.filter(pk=cast.bob.pk).update(password="!")
    else:
        cast.bob.is_active = how != "inactive"
        if how == "password":
            cast.bob.set_password("quite another password")
        cast.bob.save()
    assert not signed_in(client)
    assert not signed_in(client)
    assert signed_in(other)


def test_session_is_of_its_person_only(cast: Cast) -> None:
    client = browser(cast.bob)
    browser(cast.alice)
    assert not sessions.end(only(cast.alice).public_id, cast.bob.pk, EndedBecause.REVOKED)
    store = client.session
    store[sessions.SID] = str(only(cast.alice).public_id)
    store.save()
    assert not signed_in(client)


@pytest.mark.parametrize("sid", [None, "", "x", 5, ["a"]])
def test_session_without_a_device_is_nobodys(cast: Cast, sid: object) -> None:
    """As those of before this release."""
    client = browser(cast.bob)
    store = client.session
    store[sessions.SID] = sid
    store.save()
    assert not signed_in(client)


def test_signing_in_again_ends_the_session_of_before(cast: Cast) -> None:
    client = browser(cast.bob)
    before = only(cast.bob)
    client.force_login(cast.bob)
    before.refresh_from_db()
    assert before.revoked_because == "signed_out"
    assert sessions.alive(cast.bob).count() == 1
    assert signed_in(client)


def test_signing_in_changes_the_cookie(cast: Cast) -> None:
    """Fixation: a cookie that was there before is not the one that opens."""
    client = Client()
    store = import_module(project.SESSION_ENGINE).SessionStore()
    store["planted"] = True
    store.create()
    client.cookies[project.SESSION_COOKIE_NAME] = store.session_key
    client.post("/login/", {"username": "bob", "password": PASSWORD})
    assert client.cookies[project.SESSION_COOKIE_NAME].value != store.session_key
    thief = Client()
    thief.cookies[project.SESSION_COOKIE_NAME] = store.session_key
    assert not signed_in(thief)


def test_sessions_lie_in_the_database_and_are_read_through_the_cache(cast: Cast) -> None:
    client = browser(cast.bob)
    key = client.cookies[project.SESSION_COOKIE_NAME].value
    assert Session.objects.filter(session_key=key).exists()
    assert cache.get(SessionStore.cache_key_prefix + key) is not None
    cache.clear()
    assert signed_in(client)
    assert cache.get(SessionStore.cache_key_prefix + key) is not None


@needs_embedded
@pytest.mark.django_db(transaction=True)
def test_pages_open_while_redis_is_frozen() -> None:
    from tests.api.cast import make_cast

    client = browser(make_cast().bob)
    with frozen_redis():
        assert signed_in(client)
        client.post("/logout/")
        assert not signed_in(client)
    assert not signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_end_is_told_after_the_commit_and_once_per_person() -> None:
    from tests.api.cast import make_cast

    cast, told = make_cast(), list[int]()
    for _ in range(2):
        browser(cast.bob)

    def hear(sender: object, user_id: int, **_: object) -> None:
        told.append(user_id)

    role_lost.connect(hear)
    try:
        with transaction.atomic():
            assert sessions.end_all(cast.bob.pk, EndedBecause.REVOKED) == 2
            assert told == []
        assert told == [cast.bob.pk]
        assert sessions.end_all(cast.bob.pk, EndedBecause.REVOKED) == 0
        assert told == [cast.bob.pk]
    finally:
        role_lost.disconnect(hear)


def test_failed_transaction_ends_nothing(cast: Cast) -> None:
    client = browser(cast.bob)
    with pytest.raises(RuntimeError), transaction.atomic():
        sessions.end_all(cast.bob.pk, EndedBecause.REVOKED)
        raise RuntimeError
    assert signed_in(client)


def test_hashing_the_same_password_anew_is_no_change(cast: Cast, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    client = Client()
    client.post("/login/", {"username": "bob", "password": PASSWORD})
    cast.bob.refresh_from_db()
    assert cast.bob.password.startswith("pbkdf2")
    assert signed_in(client)


def test_health_asks_for_no_session(cast: Cast, django_assert_num_queries: Any) -> None:
    client = browser(cast.bob)
    with django_assert_num_queries(0):
        assert client.get("/livez").status_code == 200
