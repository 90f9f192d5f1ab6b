"""The page of one finding: what proves it, in which code, what mends it, who said what."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.findings import Evidence, Hop
from agents.judging import stamps_of
from agents.models import Finding, Fix, TrackedFinding
from agents.patches import Label
from tasks.models import Step
from tests.agents.found import claim, find
from tests.api.cast import Cast, browser
from tests.frontend.trees import COMMIT, looked_at, write

EVIL = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
SOURCE = '''import os


def search(name):
    """Find.

    Slowly.
    """
    query = "SELECT " + name
    return run(query)
'''
HOPS = (
    Hop(
        path="shop/search.py",
        line=4,
        variable="name",
        what="comes from the request",
        snippet="def search(name):",
    ),
    Hop(
        path="shop/search.py",
        line=9,
        variable="query",
        what="is put into a text",
        snippet='query = "SELECT " + name',
    ),
    Hop(path="shop/search.py", line=10, what="is run as SQL", snippet="return run(query)"),
)
TAINT = Evidence(
    kind="taint_path", tool="wrench-taint", tool_version="1", rule="sqli", message="It flows.", hops=HOPS,
    command="./wrench taint shop", url="https://example.org/sqli",
)  # fmt: skip


def url() -> str:
    return f"/findings/{TrackedFinding.objects.get().public_id}"


def text(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def order(**changes: Any) -> dict[str, Any]:
    row = TrackedFinding.objects.with_status().get()
    return {"act": "accept", "finding": f"{row.public_id}.{stamps_of([row])[row.pk]}", **changes}


def test_evidence_comes_first_hop_by_hop_with_links_to_the_code(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"shop/search.py": SOURCE})
    run = looked_at(
        cast.project, tmp_path, claim(line=9, end_line=9, evidence=(TAINT,), cwe=(89,), owner="@acme/search")
    )
    page = browser(cast.vera).get(url()).content.decode()
    code = f"/projects/alice/shop/code/shop/search.py?run={run.public_id}&amp;line="
    assert re.findall(r'<a class="path" href="([^"]+)">(shop/search.py:\d+)</a>', page) == [
        (f"{code}9#L9", "shop/search.py:9"),
        (f"{code}4#L4", "shop/search.py:4"),
        (f"{code}9#L9", "shop/search.py:9"),
        (f"{code}10#L10", "shop/search.py:10"),
    ]
    told = text(page)
    assert told.count("The claim") == page.count("<main") == 1
    assert "name comes from the request" in told
    assert "See it yourself ./wrench taint shop" in told
    assert 'href="https://cwe.mitre.org/data/definitions/89.html"' in page
    assert f'href="https://github.com/acme/shop/blob/{COMMIT}/shop/search.py#L9"' in page
    assert re.findall(r'<tr class="marked"><td class="line">(\d+)</td>', page) == ["9"]
    assert '<span class="s2">&quot;SELECT &quot;</span>' in page
    assert page.index("hop-first") < page.index('id="code-title"')


def test_snippet_stands_for_code_that_is_not_stored(cast: Cast) -> None:
    find(cast.project, claim())
    told = text(browser(cast.vera).get(url()).content.decode())
    assert "12cursor.execute(&quot;SELECT*FROMtWHEREn=&quot;+name)" in "".join(told.split())
    assert "The source of that run is not stored any more: this is what the tool quoted." in told


def test_installation_may_show_no_source(cast: Cast, tmp_path: Path, settings: Any) -> None:
    settings.SHOW_SOURCE = False
    write(tmp_path, {"shop/search.py": SOURCE})
    looked_at(cast.project, tmp_path, claim(line=9, evidence=(TAINT,)))
    page = browser(cast.vera).get(url()).content.decode()
    assert "Slowly." not in page
    assert "/code/shop" not in page


def test_finding_outlives_its_runs(cast: Cast) -> None:
    run = find(cast.project, claim())
    Finding.objects.filter(run=run).delete()
    told = text(browser(cast.vera).get(url()).content.decode())
    assert "The runs that made this claim were removed by retention" in told
    assert "No run that saw it is kept." in told


@pytest.mark.parametrize("label", list(Label))
def test_fix_is_a_diff_with_its_label(cast: Cast, label: Label) -> None:
    run = find(cast.project, claim())
    row = TrackedFinding.objects.get()
    Fix.objects.create(
        run=run, step=Step.objects.get(run=run), project=cast.project, agent="inspector", rungs=[],
        fingerprint=row.fingerprint, rule=row.rule, severity="high", path=row.path, line=12, label=label.value,
        title="Give it as a parameter", mend="ruff", created_at=timezone.now(),
        diff='--- a/x\n+++ b/x\n@@ -1 +1 @@\n-password = "hunter2hunter2"\n+<b>new</b>\n',
    )  # fmt: skip
    page = browser(cast.vera).get(url()).content.decode()
    assert f">{label.value}</span>" in page
    assert re.findall(r'<span class="(\w+)">([^<]*)</span>', page[page.index('class="diff"') :])[:5] == [
        ("hunk", "--- a/x"),
        ("hunk", "+++ b/x"),
        ("hunk", "@@ -1 +1 @@"),
        ("del", "-password = &quot;[redacted]&quot;"),
        ("add", "+&lt;b&gt;new&lt;/b&gt;"),
    ]


def test_judging_keeps_the_decisions_and_heeds_what_was_read(cast: Cast) -> None:
    find(cast.project, claim())
    client, stale = browser(cast.alice), order()
    day = timezone.now().date() + timedelta(days=30)
    sent = order(act="dismiss", reason="the caller checks it", until=day.isoformat())
    answer = client.post(url(), sent, follow=True)
    assert "1 finding dismissed." in answer.content.decode()
    told = text(answer.content.decode())
    assert f"dismissed until {day:%d %b %Y}" in told
    assert f"alice dismissed it until {day:%d %b %Y}" in told
    assert "the caller checks it" in told
    assert (
        "it was changed since you read it"
        in browser(cast.bob).post(url(), stale, follow=True).content.decode()
    )
    assert TrackedFinding.objects.get().status == "dismissed"


def test_script_learns_that_a_finding_was_judged(cast: Cast) -> None:
    find(cast.project, claim())
    client = browser(cast.vera)
    page = client.get(url()).content.decode()
    read = dict(re.findall(r'id="f-([^"]+)" data-stamp="([^"]+)"', page))
    assert 'data-topics="project:alice/shop"' in page
    assert f'data-now="{url()}/now"' in page
    assert client.get(f"{url()}/now").json() == {"stamps": read}
    assert browser(cast.bob).post(url(), order()).status_code == 302
    now = client.get(f"{url()}/now").json()["stamps"]
    assert list(now) == list(read)
    assert now != read


def test_faults_are_told_beside_the_field(cast: Cast) -> None:
    find(cast.project, claim())
    answer = browser(cast.alice).post(url(), order(act="dismiss", until="2099-12-31"))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Say why it is not to be counted." in page
    assert 'value="2099-12-31"' in page
    foreign = order(finding="0192f0c4-6f0e-7b7e-9d4c-3f6a1f0f7a11.x")
    assert browser(cast.alice).post(url(), foreign).status_code == 400


def test_texts_of_repositories_do_nothing(cast: Cast, tmp_path: Path) -> None:
    name = "shop/<img src=x onerror=alert(1)>.py"
    write(tmp_path, {name: f"a = 1\n{EVIL}\n"})
    evidence = Evidence(
        kind="taint_path", tool=EVIL, tool_version=EVIL, rule=EVIL, message=EVIL, snippet=EVIL, command=EVIL,
        url="javascript:alert(1)", hops=(Hop(path=EVIL, line=1, variable=EVIL, what=EVIL, snippet=EVIL),),
    )  # fmt: skip
    looked_at(
        cast.project, tmp_path,
        claim(EVIL, path=name, line=2, title=EVIL, message=EVIL, scope=EVIL, owner=f"@{EVIL}", evidence=(evidence,)),
        web=f"https://github.com/{EVIL}",
    )  # fmt: skip
    page = browser(cast.alice).get(url()).content.decode()
    assert "<img src=x" not in page
    assert "javascript:" not in page
    assert not re.search("[\x1b\u202e]", page)


@pytest.mark.usefixtures("steady_rules")
def test_page_takes_the_same_queries_with_few_runs_and_with_many(cast: Cast) -> None:
    client = browser(cast.alice)
    taken = []
    for runs in (1, 5):
        for _ in range(runs):
            find(cast.project, claim())
        client.get(url())
        with CaptureQueriesContext(connection) as queries:
            client.get(url())
        taken.append(len(queries))
    assert taken[0] == taken[1] <= 22
