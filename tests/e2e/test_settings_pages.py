"""A maintainer sets a project up, in a real browser against a real server: webhook, delivery, key, schedule.

The receiver of the webhook is a real one, to which a real courier delivers. The page of the schedule works by htmx,
all others without a script.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from accounts.models import ApiKey, Credential
from monitoring.courier import Courier
from monitoring.models import WebHookDelivery
from tasks.models import Schedule
from tests.api.cast import make_cast
from tests.e2e.browsing import needs_browser, sign_in, whole, width_of
from tests.e2e.conftest import Web
from tests.monitoring.receiver import Receiver, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, needs_browser]
SETTINGS = "/projects/alice/shop/settings"
INSTALLATION = {
    "WRENCH_MASTER_KEY": "a:" + base64.b64encode(b"a" * 32).decode(),
    "WRENCH_WEBHOOK_NETWORKS": "127.0.0.0/8",
    "WRENCH_WEBHOOK_HTTP": "1",
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving() as running:
        yield running


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Web]:
    for name, value in INSTALLATION.items():
        monkeypatch.setenv(name, value)
    settings.MASTER_KEY, settings.MASTER_KEY_FILE = INSTALLATION["WRENCH_MASTER_KEY"], ""
    settings.WEBHOOK_NETWORKS, settings.WEBHOOK_HTTP = ["127.0.0.0/8"], True
    web = Web()
    web.start()
    yield web
    web.stop()


def test_maintainer_sets_a_project_up(
    page: Page, site: Web, receiver: Receiver, complaints: list[str]
) -> None:
    make_cast()
    sign_in(page, site, SETTINGS, "alice")
    _webhook(page, site, receiver)
    _credential(page, site)
    _schedule(page, site)
    _key(page, site)
    assert width_of(page) == 360
    assert complaints == []


def _webhook(page: Page, site: Web, receiver: Receiver) -> None:
    page.goto(f"{site.url}{SETTINGS}/webhooks")
    page.get_by_label("URL").fill(receiver.url())
    page.get_by_role("button", name="Add it").click()
    secret = whole(page.locator("#secret")).inner_text()
    assert re.fullmatch(r"whsec_[-\w]+", secret)
    courier = Courier()
    courier.work_off()
    assert [one.event for one in receiver.got] == ["ping"]
    page.goto(f"{site.url}{SETTINGS}/webhooks")
    page.get_by_role("link", name="127.0.0.1").click()
    whole(page.get_by_role("link", name="ping"))
    assert secret not in page.content()
    page.get_by_role("link", name="ping").click()
    whole(page.locator("main", has_text="Try 1"))
    assert page.locator("h1 ~ .state, .page-head .state").first.inner_text() == "delivered"
    page.get_by_role("button", name="Send again").click()
    whole(page.locator("main", has_text="The same is on its way again"))
    assert WebHookDelivery.objects.filter(is_replay=True).count() == 1


def _credential(page: Page, site: Web) -> None:
    page.goto(f"{site.url}{SETTINGS}/credentials")
    page.get_by_label("Name").fill("deploy")
    page.get_by_label("Value").fill("ghp_secret")
    page.get_by_role("button", name="Store it").click()
    whole(page.locator("main", has_text="deploy is stored."))
    assert ("ghp_secret" in page.content(), Credential.objects.get().name) == (False, "deploy")


def _schedule(page: Page, site: Web) -> None:
    page.goto(f"{site.url}{SETTINGS}/schedules")
    late: list[Route] = []
    page.route("**/htmx*.js", lambda route: late.append(route))  # people may type before a script comes
    page.get_by_role("link", name="Make a schedule").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("What should be done?").fill("Find security problems")
    page.get_by_label("Where?").fill("https://git.example.org/team/shop.git")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    while not late:
        page.wait_for_timeout(50)  # lets the route be asked
    late.pop().continue_()
    page.unroute("**/htmx*.js")
    times = page.locator("#times li", has_text=re.compile("02:30:00 CES?T"))
    times.nth(4).wait_for()  # without leaving the form
    page.get_by_label("When", exact=True).select_option("interval")
    page.get_by_label("Every").fill("5")
    page.locator("#times", has_not_text="02:30:00").wait_for()
    assert not page.get_by_label("Cron line").is_visible()
    page.get_by_role("button", name="Make the schedule").click()
    page.get_by_role("heading", name="nightly").wait_for()
    assert Schedule.objects.get().interval_seconds == 18_000


def _key(page: Page, site: Web) -> None:
    page.goto(f"{site.url}/account/keys")
    page.get_by_label("Name").fill("nightly CI")
    page.get_by_text("Choose single actions").click()
    page.get_by_label("run.submit").check()
    page.get_by_role("button", name="Make the key").click()
    assert whole(page.locator("#key")).inner_text().startswith("wr_")
    assert ApiKey.objects.get().scopes == ["*.view", "run.submit"]
    if shots := os.environ.get("WRENCH_TEST_SHOTS"):
        page.screenshot(path=f"{shots}/key.png", full_page=True)
