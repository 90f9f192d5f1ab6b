"""First paints of every page in a browser: in a new tab, with an empty cache and a full one, and in the same tab."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.page_times import PAGES, TARGET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

MOST_SCRIPT = 60  # KiB, compressed
PARTS = {"parts of a run"}  # are no pages
# A new tab and nothing in the cache; a new tab, which starts a process of its own; and a link followed in a tab.
VISITS = ("cold", "warm", "same tab")
READING = 0.3  # seconds before the next page: neither what one does when it is drawn nor its end may delay the other
# Asked afterwards: a script put into the page beforehand would be part of what is measured. `answer` is the server's.
PAINTS = """() => new Promise(told => new PerformanceObserver(list => told({
  answer: performance.getEntriesByType("navigation")[0].responseEnd,
  first: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  largest: list.getEntries().at(-1).startTime,
})).observe({type: "largest-contentful-paint", buffered: true}))"""
SCRIPTS = """() => performance.getEntriesByType("resource")
  .filter(one => new URL(one.name).pathname.endsWith(".js"))
  .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


def signed_in(
    browser: Browser, url: str, facts: dict[str, str], probe: str = "", state: Any = None
) -> BrowserContext:
    """Give a browser with an empty cache and, if there is one, the probe in each page; `state`: another's cookies."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, storage_state=state)
    if probe:
        context.add_init_script(probe)
    if state is None:
        page = context.new_page()
        page.goto(f"{url}/login/")
        page.fill("input[name=username]", facts["name"])
        page.fill("input[name=password]", facts["password"])
        page.click("main button[type=submit]")
        page.wait_for_url(lambda now: "/login/" not in now)
        page.close()
    return context


def measured(browser: Browser, url: str, facts: dict[str, str], *, rounds: int) -> dict[str, Any]:
    """Ask for each page in turns. Milliseconds from the start of the navigation."""
    first = signed_in(browser, url, facts)
    state = first.storage_state()
    first.close()
    paths = {name: path.format(**facts) for name, path in PAGES.items() if name not in PARTS}
    took: dict[tuple[str, str, str], list[float]] = {}
    scripts: dict[str, int] = {}
    for turn in range(rounds + 1):  # the first one warms the server up
        for name, path in paths.items():
            context = signed_in(browser, url, facts, state=state)
            for visit in VISITS:
                page = context.pages[-1] if visit == "same tab" else context.new_page()
                answer = page.goto(f"{url}{path}", wait_until="load")
                if answer is None or answer.status != 200:
                    raise SystemExit(f"{name}: {path} answered {answer and answer.status}")
                paints = page.evaluate(PAINTS)
                if turn:
                    for paint, at in paints.items():
                        took.setdefault((name, paint, visit), []).append(at)
                if visit == "cold":
                    scripts[name] = page.evaluate(SCRIPTS)
                if visit != "warm":
                    page.close()
                time.sleep(READING)
            context.close()
    told: dict[str, Any] = {}
    for (name, paint, visit), times in took.items():
        told.setdefault(name, {})[f"{paint}, {visit}, ms"] = figures_of(times)
    for name, size in scripts.items():
        told[name]["JavaScript KiB"] = round(size / 1024, 1)
    return told


def is_missed(told: dict[str, Any]) -> bool:
    """Tell whether a page is painted too late, or takes too much script."""
    return any(
        row["JavaScript KiB"] > MOST_SCRIPT
        or max(row[f"first, {visit}, ms"]["p95"] for visit in VISITS) > TARGET
        for row in told.values()
    )


def figures_of(delays: Sequence[float]) -> dict[str, int]:
    """Give median, 95th percentile and the slowest of these milliseconds, by nearest rank."""
    ordered = sorted(delays)
    if not ordered:
        return {"n": 0}
    rank = {name: math.ceil(share * len(ordered)) - 1 for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {
        "n": len(ordered),
        **{name: round(ordered[at]) for name, at in rank.items()},
        "max": round(ordered[-1]),
    }
