"""The lists of findings: what an address shows, who judges what there, and what comes of it."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.findings import Confidence, Severity, Status, Verdict
from agents.judging import stamps_of
from agents.models import TrackedFinding, TriageAct
from tests.agents.found import claim, find
from tests.api.cast import Cast, browser

NOBODY = "018f0000-0000-7000-8000-000000000000"  # no row has this id
LIST = "/projects/alice/shop/findings"
EVIL = "<script>alert(1)</script>\x1b[31m\u202e"

SQL = claim(owner="@acme/search @bob")
WEAK = claim("weak-hash", path="shop/users/login.py", severity=Severity.MEDIUM)
KEY = claim("secret", path="deploy/prod.env", severity=Severity.CRITICAL, owner="@ops")


def shown(page: str) -> list[str]:
    """The rules in the list, in its order."""
    return re.findall(r'<span class="rule">([^<]+)</span>', page)


def look(client: Client, page: str = LIST, **query: Any) -> str:
    answer = client.get(page, query)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def counts(page: str, facet: str) -> dict[str, str]:
    found = re.findall(rf'name="{facet}" value="([^"]*)".*?class="num">(\d+)<', page)
    return dict(found)


def names(*rules: str) -> list[str]:
    """What a list sends for these findings."""
    page = TrackedFinding.objects.filter(rule__in=rules).with_status().order_by("rule")
    stamps = stamps_of(list(page))
    return [f"{row.public_id}.{stamps[row.pk]}" for row in page]


def status_of(rule: str) -> str:
    return TrackedFinding.objects.with_status().get(rule=rule).status_now


def statuses(*rules: str) -> list[str]:
    return [status_of(rule) for rule in rules]


def test_list_is_worst_first_and_counts_what_each_filter_would_leave(cast: Cast) -> None:
    find(cast.project, WEAK, SQL, KEY)
    find(cast.other, claim("foreign"))
    page = look(browser(cast.vera))
    assert shown(page) == ["secret", "sql-injection", "weak-hash"]
    assert counts(page, "severity") == {"critical": "1", "high": "1", "medium": "1"}
    assert counts(page, "owner") == {"@acme/search": "1", "@bob": "1", "@ops": "1"}
    assert counts(page, "rule") == {"secret": "1", "sql-injection": "1", "weak-hash": "1"}
    assert re.findall(r'class="folder" href="([^"]+)">.*?>(\w+)/<.*?(\d+)</span>', page) == [
        ("?path=shop%2F", "shop", "2"),
        ("?path=deploy%2F", "deploy", "1"),
    ]


def test_list_tells_which_findings_are_not_sure_after_the_others_of_their_severity(cast: Cast) -> None:
    find(
        cast.project,
        claim("likely", path="b.py", confidence=Confidence.MEDIUM),
        claim("sure", confidence=Confidence.HIGH),
        claim("guess", path="c.py", confidence=Confidence.LOW),
    )
    told = re.findall(r'class="rule">(\w+)</span>(?: <span class="doubt">([^<]+))?', look(browser(cast.vera)))
    assert told == [("sure", ""), ("likely", "medium confidence"), ("guess", "low confidence")]


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ({"severity": ["high", "medium"]}, ["sql-injection", "weak-hash"]),
        ({"rule": ["secret"]}, ["secret"]),
        ({"owner": ["@bob"]}, ["sql-injection"]),
        ({"owner": ["@bo"]}, []),
        ({"path": "shop/"}, ["sql-injection", "weak-hash"]),
        ({"path": "shop/*.py"}, ["sql-injection"]),
        ({"q": "HASH"}, ["weak-hash"]),
        ({"status": ["dismissed"]}, []),
        ({"status": ["all"]}, ["secret", "sql-injection", "weak-hash"]),
        ({"new": "true"}, ["secret", "sql-injection", "weak-hash"]),
        ({"new": "false"}, []),
        ({"agent": ["probe"]}, ["secret", "sql-injection", "weak-hash"]),
        ({"order": "first_seen"}, ["weak-hash", "sql-injection", "secret"]),
        (
            {"severity": "worst", "order": "x", "q": "a\0b", "after": "x"},
            ["secret", "sql-injection", "weak-hash"],
        ),
    ],
)
def test_address_is_the_view(cast: Cast, query: dict[str, Any], rules: list[str]) -> None:
    for one in (WEAK, SQL, KEY):
        find(cast.project, one)
    assert shown(look(browser(cast.vera), **query)) == rules


def test_what_cannot_be_read_in_an_address_is_told(cast: Cast) -> None:
    page = look(browser(cast.vera), severity="worst", q="x" * 300, path="*a" * 30, rule=["\0"])
    assert "severity cannot be “worst”." in page
    assert "q cannot be looked for" in page
    assert "a pattern has at most 20 wildcards" in page
    assert "Some of the values of rule were left out." in page


def test_counts_of_a_facet_heed_the_other_filters_but_not_their_own(cast: Cast) -> None:
    find(cast.project, WEAK, SQL, KEY)
    page = look(browser(cast.vera), severity="high", owner="@bob")
    assert counts(page, "severity") == {"high": "1"}
    assert counts(page, "owner") == {"@acme/search": "1", "@bob": "1"}
    chips = re.findall(r'class="chip" href="([^"]+)">([^<]+)<', page)
    assert chips == [("?owner=%40bob", "Severity: high"), ("?severity=high", "Owner: @bob")]


def test_pages_hold_each_finding_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.finding_rows.SHOWN", 3)
    find(cast.project, *(claim(f"r{n}", severity=list(Severity)[n % 3]) for n in range(8)))
    client, path, seen = browser(cast.vera), LIST, []
    while path:
        page = client.get(path).content.decode()
        seen += shown(page)
        more = re.search(r'rel="next" href="([^"]+)"', page)
        path = f"{LIST}{more[1].replace('&amp;', '&')}" if more else ""
    assert sorted(seen) == [f"r{n}" for n in range(8)]


def test_all_findings_are_those_of_the_projects_that_one_sees(cast: Cast) -> None:
    find(cast.project, SQL)
    find(cast.other, claim("foreign"))
    assert shown(look(browser(cast.vera), "/findings")) == ["sql-injection"]
    assert shown(look(browser(cast.charlie), "/findings")) == ["foreign"]


def test_findings_of_a_run_are_new_as_it_saw_them(cast: Cast) -> None:
    first, second = find(cast.project, SQL), find(cast.project, SQL, KEY)
    find(cast.project, KEY)
    client = browser(cast.vera)
    assert shown(look(client, run=str(first.public_id))) == ["sql-injection"]
    page = look(client, run=str(second.public_id))
    assert shown(page) == ["secret", "sql-injection"]
    assert counts(page, "new") == {"true": "1", "false": "1"}
    assert shown(look(client, run=str(second.public_id), new="true")) == ["secret"]
    assert shown(look(client, "/findings", run=str(second.public_id))) == ["secret", "sql-injection"]
    foreign = find(cast.other, SQL)
    for page in (LIST, "/findings"):
        assert client.get(page, {"run": str(foreign.public_id)}).status_code == 404
    assert "run cannot be looked for" in look(client, run="x")


@pytest.mark.parametrize("path", [LIST, "/findings", f"/findings/{NOBODY}"])
def test_stranger_is_sent_to_sign_in(db: None, path: str) -> None:
    assert Client().get(path)["Location"].startswith("/login/")


def test_other_project_is_not_there_and_viewers_do_not_judge(cast: Cast) -> None:
    find(cast.project, SQL)
    order = {"act": "accept", "finding": names("sql-injection")}
    one = f"/findings/{TrackedFinding.objects.get().public_id}"
    for path in (LIST, one):
        assert browser(cast.charlie).get(path).status_code == 404
        assert browser(cast.charlie).post(path, order).status_code == 404
        assert browser(cast.vera).post(path, order).status_code == 403
    assert browser(cast.vera).post("/findings", order).status_code == 403
    assert 'name="finding"' not in look(browser(cast.vera))
    assert 'value="dismiss"' not in look(browser(cast.bob))
    assert 'value="dismiss"' in look(browser(cast.alice))
    assert not TriageAct.objects.exists()


def test_many_are_judged_at_once_and_the_view_stays(cast: Cast) -> None:
    find(cast.project, SQL, WEAK, KEY)
    sent = {
        "act": "dismiss",
        "reason": "checked",
        "until": "2099-01-01",
        "finding": names("secret", "weak-hash"),
    }
    answer = browser(cast.alice).post(f"{LIST}?severity=high", {**sent, "until": ""}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?severity=high", 302)]
    assert "2 findings dismissed." in answer.content.decode()
    assert statuses("secret", "weak-hash", "sql-injection") == [
        "dismissed",
        "dismissed",
        "open",
    ]
    assert set(TriageAct.objects.values_list("reason", "by")) == {("checked", "alice")}


def test_double_click_does_one_thing(cast: Cast) -> None:
    find(cast.project, SQL)
    sent = {"act": "dismiss", "reason": "checked", "finding": names("sql-injection")}
    client = browser(cast.alice)
    for _ in range(2):
        assert "1 finding dismissed." in client.post(LIST, sent, follow=True).content.decode()
    assert TriageAct.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": ""}, "Say why it is not to be counted."),
        ({"until": "2001-01-01"}, "A dismissal ends on a day to come"),
        ({"until": "9999-99-99"}, "Enter a valid date."),
        ({"reason": "a\0b"}, "Null characters are not allowed."),
        ({"reason": "x" * 2001}, "at most 2000 characters"),
        ({"finding": []}, "Choose at least one finding."),
        ({"finding": ["x", "\0", f"{NOBODY}"[:9]]}, "Choose at least one finding."),
        (
            {"finding": [f"018f0000-0000-7000-8000-{n:012}.x" for n in range(501)]},
            "At most 500 at once; 501 were chosen.",
        ),
        ({"act": "forget"}, "Select a valid choice."),
    ],
)
def test_faults_are_told_and_what_was_typed_is_kept(cast: Cast, changes: dict[str, Any], told: str) -> None:
    find(cast.project, SQL)
    sent = {"act": "dismiss", "reason": "my own words", "finding": names("sql-injection"), **changes}
    answer = browser(cast.alice).post(LIST, sent)
    page = answer.content.decode()
    assert (answer.status_code, told in page) == (400, True)
    if "reason" not in changes:
        assert "my own words" in page
    if "finding" not in changes:
        assert re.search(r'name="finding" value="[^"]+" checked', page)
    assert not TriageAct.objects.exists()


def test_what_cannot_be_judged_is_named_and_the_rest_is_done(cast: Cast) -> None:
    find(cast.project, SQL, WEAK, KEY)
    sent = names("secret", "sql-injection", "weak-hash")
    browser(cast.alice).post(LIST, {"act": "dismiss", "reason": "no", "finding": sent[1:2]})
    answer = browser(cast.bob).post(LIST, {"act": "accept", "finding": [*sent, f"{uuid4()}.x"]}, follow=True)
    page = answer.content.decode()
    assert "2 findings accepted." in page
    assert "2 findings were not judged" in page
    assert "sql-injection here (shop/search.py:12): it was changed since you read it" in page
    assert "it is not there any more" in page
    assert statuses("secret", "sql-injection", "weak-hash") == [
        "accepted",
        "dismissed",
        "accepted",
    ]


def test_developer_cannot_dismiss_by_a_made_up_form(cast: Cast) -> None:
    find(cast.project, SQL)
    sent = {"act": "dismiss", "reason": "mine", "finding": names("sql-injection")}
    page = browser(cast.bob).post(LIST, sent, follow=True).content.decode()
    assert "your role in its project does not allow it" in page
    assert status_of("sql-injection") == Status.OPEN.value


@pytest.mark.usefixtures("steady_rules")
def test_list_takes_the_same_queries_with_few_rows_and_with_many(cast: Cast) -> None:
    client = browser(cast.alice)
    find(cast.project, SQL)
    taken = []
    for more in (0, 40):
        find(cast.project, *(claim(f"r{n}") for n in range(more)))
        client.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        taken.append(len(queries))
    assert taken[0] == taken[1] <= 20


def test_many_findings_are_shown_before_they_are_counted(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.facets.SOON", 2)
    find(cast.project, WEAK, SQL, KEY)
    client = browser(cast.bob)
    soon = look(client, severity="high", rule="sql-injection", q="sql")
    assert shown(soon) == ["sql-injection"]
    assert counts(soon, "severity") == {}
    ticked = re.findall(r'name="(\w+)" value="([^"]+)" checked', soon)
    assert ticked == [
        ("severity", "high"), ("status", "open"), ("status", "accepted"), ("status", "reopened"),
        ("rule", "sql-injection"),
    ]  # fmt: skip
    assert re.findall(r'name="severity" value="(\w+)"', soon) == [one.value for one in Severity]
    assert 'class="folder"' not in soon
    found = re.search(r'id="counting".*?href="([^"]+)"', soon, re.DOTALL)
    assert found, soon
    later = look(client, LIST + found[1].replace("&amp;", "&"))
    assert 'id="counting"' not in later
    assert counts(later, "severity") == {"high": "1"}
    assert "1 finding</span>" in re.sub(r" <span class=.faint.>.*?</span>", "", later)
    assert 'class="folder"' in later


def test_few_findings_are_counted_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.facets.SOON", 3)
    find(cast.project, WEAK, SQL, KEY)
    page = look(browser(cast.bob))
    assert 'id="counting"' not in page
    assert counts(page, "severity") == {"critical": "1", "high": "1", "medium": "1"}


def now_at(page: str) -> str:
    """Where a page's script asks how its findings are now."""
    found = re.search(r'id="changed"[^>]* data-now="([^"]+)"', page)
    assert found, page
    return found[1].replace("&amp;", "&")


@pytest.mark.parametrize("where", [LIST, "/findings"])
def test_script_learns_how_what_is_shown_is_now(
    cast: Cast, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.finding_rows.SHOWN", 2)
    find(cast.project, WEAK, SQL, KEY)
    client = browser(cast.vera)
    page = look(client, where, severity=["critical", "high", "medium"])
    assert 'data-topics="project:alice/shop"' in page
    read = dict(re.findall(r'<tr id="f-([^"]+)" data-stamp="([^"]+)"', page))
    assert len(read) == 2
    assert client.get(now_at(page)).json() == {"stamps": read}
    judge = {"act": "accept", "finding": names("secret")}
    assert browser(cast.bob).post(LIST, judge).status_code == 302
    now = client.get(now_at(page)).json()["stamps"]
    judged = str(TrackedFinding.objects.get(rule="secret").public_id)
    assert [one for one in read if now[one] != read[one]] == [judged]
    rest = re.search(r'rel="next" href="([^"]+)"', page)
    assert rest is not None
    second = look(client, where + rest[1].replace("&amp;", "&"))
    assert list(client.get(now_at(second)).json()["stamps"]) == [
        str(TrackedFinding.objects.get(rule="weak-hash").public_id)
    ]


def test_how_findings_are_now_is_told_to_nobody_else(cast: Cast) -> None:
    find(cast.project, SQL)
    find(cast.other, claim("foreign"))
    foreign = TrackedFinding.objects.get(rule="foreign").public_id
    stranger, bob = Client(), browser(cast.bob)
    for path in (f"{LIST}/now", "/findings/now", f"/findings/{foreign}/now"):
        assert stranger.get(path)["Location"].startswith("/login/")
        assert bob.post(path).status_code == 405
    assert bob.get(f"/findings/{foreign}/now").status_code == 404
    assert browser(cast.charlie).get(f"{LIST}/now").status_code == 404
    assert str(foreign) not in bob.get("/findings/now").content.decode()


def test_texts_of_repositories_do_nothing(cast: Cast) -> None:
    evil = claim(f"r{EVIL}", path=f"a/{EVIL}/b.py", title=EVIL, message=EVIL, owner=f"@{EVIL}")
    find(cast.project, evil)
    for query in ({}, {"q": EVIL}, {"rule": f"r{EVIL}"}, {"path": f"a/{EVIL}/"}, {"owner": f"@{EVIL}"}):
        page = look(browser(cast.alice), **query)
        assert "<script>alert" not in page
        assert not re.search("[\x1b\u202e]", re.sub(r'(?:value|href|id)="[^"]*"', "", page))
        assert "&lt;script&gt;alert(1)" in page


def test_no_verdict_is_forgotten_by_the_messages(cast: Cast) -> None:
    find(cast.project, SQL)
    client = browser(cast.alice)
    for act, told in (
        (Verdict.ACCEPT, "accepted"),
        (Verdict.DISMISS, "dismissed"),
        (Verdict.REOPEN, "reopened"),
    ):
        sent = {"act": act.value, "reason": "so", "finding": names("sql-injection")}
        assert f"1 finding {told}." in client.post(LIST, sent, follow=True).content.decode()
