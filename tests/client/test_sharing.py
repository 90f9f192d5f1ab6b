"""The client's shared links: made, listed, followed and revoked."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.api.cast import Cast, _days, _fresh_counts  # noqa: F401 - fixtures
from tests.client.conftest import Client
from tests.e2e.conftest import Web
from tests.frontend.plans import Past, store_run
from wrenchai_client.credentials import Credential

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[str], Credential]


def test_link_is_made_listed_and_revoked(folk: Cast, web: Web, sign_in: SignIn, wrenchai: Client) -> None:
    store_run(folk.project, Past(key="scan", state="running"))
    sign_in("bob")
    made = wrenchai("share", "latest", "--for", "2w", "--note", "for Ada", "--with-log", "--json").json
    assert (made["note"], made["logs"], made["files"]) == ("for Ada", True, True)
    path = made["address"][made["address"].index("/shared/") :]
    assert httpx.get(web.url + path, trust_env=False).status_code == 200
    (line,) = wrenchai("share", "latest", "--list").out.splitlines()
    assert line.split("\t")[0::3] == [made["id"], "run and report and log"]
    plain = wrenchai("share", "latest")
    assert "/shared/" in plain.out
    assert len(plain.out.splitlines()) == 1
    assert wrenchai("share", "latest", "--revoke", made["id"][-8:]).code == 0
    assert httpx.get(web.url + path, trust_env=False).status_code == 410
    assert wrenchai("share", "latest", "--for", "2 years").code == 2
    assert wrenchai("share", "latest", "--for", "91d").code == 2
    sign_in("vera")
    assert wrenchai("share", "latest").code == 3
