"""What logs tell of addresses: never the part of one that is a secret, for whoever reads a log would have it."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from accounts import entries
from tests.api.cast import Cast, browser


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Collects what Django and the pages write, as it stands in the log."""
    formatter = logging.config.dictConfigClass(settings.LOGGING).configure_formatter(
        dict(settings.LOGGING["formatters"]["json"])
    )
    kept: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(formatter.format(record))

    handler, logger = Kept(), logging.getLogger()
    logger.addHandler(handler)
    yield kept
    logger.removeHandler(handler)


def test_link_that_still_opens_is_not_told(cast: Cast, lines: list[str], one_window: None) -> None:
    token = entries.make(cast.alice)
    Client().get(f"/enter/{token}", headers={"Sec-Purpose": "prefetch"})
    Client().post(f"/enter/{token}")
    for _ in range(31):
        Client().get("/enter/nonsense")
    assert Client().get(f"/enter/{token}").status_code == 429
    assert len(lines) > 30
    assert any("/enter/" in line for line in lines)
    assert not any(token in line for line in lines)


@pytest.mark.parametrize(
    "path", ["/shared/{}", "/shared/{}/parts", "/invitations/{}", "/documents/{}/index.html"]
)
def test_no_secret_of_an_address_is_told(cast: Cast, lines: list[str], path: str) -> None:
    secret = "S3cret-of-an-address:x_y"
    for client in (browser(cast.alice), Client(enforce_csrf_checks=True)):
        client.get(path.format(secret))
        client.post(path.format(secret))
        client.get(path.format(secret) + "?next=/enter/" + secret)
    assert any("django.request" in line for line in lines)
    assert not any(secret in line for line in lines)


def test_other_addresses_are_told_whole(cast: Cast, lines: list[str]) -> None:
    Client().get("/projects/none/nothing/code/enter/x?y=1")
    browser(cast.alice).get("/no/such/page")
    assert any('"Not Found: /no/such/page"' in line for line in lines)
