"""Pages under rules: charged like requests, refused by a page."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.accounts.limits.conftest import add_rule, no_rules  # noqa: F401 - fixtures
from tests.api.cast import Cast, api, browser

pytestmark = pytest.mark.usefixtures("no_rules")


def test_pages_and_api_share_the_bucket_of_a_person(cast: Cast) -> None:
    add_rule("person", "user", "6/m", 2)
    bob = browser(cast.bob)
    assert bob.get("/").status_code == 200
    assert api(cast.bob).get("/api/v1/runs").status_code == 200
    answer = bob.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (429, "10")
    page = answer.content.decode()
    assert "Slow down" in page
    assert "The limit &#x27;person&#x27; allows 6/m and 2 at once; try again in 10 s." in page
    assert browser(cast.alice).get("/").status_code == 200


def test_admin_and_sign_in_are_charged_to_the_address(cast: Cast) -> None:
    add_rule("address", "ip", "1/d", 3)
    client = Client()
    paths = ["/login/", "/admin/", "/nothing", "/login/"]
    assert [client.get(path).status_code for path in paths] == [200, 302, 404, 429]
    assert client.get("/livez").status_code == 200
