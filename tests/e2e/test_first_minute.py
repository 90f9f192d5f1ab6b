"""The first minute of a new user: serve, open the link, watch the sample, go on to code of one's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browsing import needs_browser
from wrenchai_project import services

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent.parent
LONG = 150_000  # ms: a whole run of the sample on a busy machine

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(600), needs_browser]


class Serve:
    """`./wrench serve` in a state folder of its own, and what it has printed."""

    def __init__(self, state: Path) -> None:
        dropped = {"DATABASE_URL", "REDIS_URL", "DEBUG", "LOG_LEVEL", "SECRET_KEY", "WRENCH_TEST_STATE_DIR"}
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "serve", "--no-flower"],
            env=environment | {"WRENCH_STATE_DIR": str(state)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.printed = ""
        self.is_up = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.printed += line
                if line.startswith("Now your repository"):
                    self.is_up.set()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.reader.join(10)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    served = Serve(tmp_path / "state")
    yield served
    served.end()


def test_link_opens_on_the_sample_and_leads_to_a_run_of_ones_own(
    page: Page, serve: Serve, complaints: list[str]
) -> None:
    assert serve.is_up.wait(180), serve.printed
    link = re.search(r"(http://127\.0\.0\.1:\d+)/enter/\S+", serve.printed)
    assert link is not None
    assert serve.printed.strip().splitlines()[-1] == (
        f"Now your repository: paste a URL or a path at {link[1]}/runs/new"
    )

    page.goto(link[0])
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    assert page.locator("h1").inner_text() == services.GOAL
    page.locator("#part-head .state-succeeded").first.wait_for(timeout=LONG)

    page.get_by_placeholder("https://github.com/team/project.git").fill(str(services.SAMPLE))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(re.compile(r"/runs/new\?"))
    goal = page.get_by_label("What should be done?")
    assert goal.input_value() == services.GOAL
    goal.fill("book me a flight")
    page.get_by_text("This goal leads to no analysis.").wait_for(timeout=15_000)
    goal.fill("Find passwords and keys")
    steps = page.locator(".plan-steps li")
    steps.filter(has_text="Write the report").wait_for(timeout=15_000)
    assert page.locator(".plan-time b").inner_text().startswith("about ")  # as long as they took a minute ago
    assert page.locator(".candidate").count() == 0  # what fits is known from the first run
    assert page.evaluate("document.documentElement.scrollWidth") == 360

    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    assert page.locator("h1").inner_text() == "Find passwords and keys"
    page.locator("#part-head .state-succeeded").first.wait_for(timeout=LONG)
    assert page.get_by_text("Now your repository.").count() == 0

    page.goto(f"{link[1]}/projects/default/default")
    page.locator("#ratings-title").wait_for()
    assert page.locator(".run-list tbody tr").count() == 2
    page.goto(link[0])  # the link again, by who it has signed in
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"))
    assert complaints == []
