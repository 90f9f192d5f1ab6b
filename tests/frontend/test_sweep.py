"""Judging all that match: what was seen is judged and nothing else, and all of it can be taken back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.models import AuditRecord, Membership
from accounts.roles import Role
from agents import sights, sweeps
from agents.finding_lists import COUNTING, Wanted
from agents.findings import Severity, Verdict
from agents.models import Sweep, SweepState, TrackedFinding, TriageAct
from agents.sights import Sight
from tests.agents.found import claim, find
from tests.api.cast import Cast, browser

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/projects/alice/shop/findings"
ASK = f"{LIST}/all"
LOW = [claim(f"low-{n}", severity=Severity.LOW) for n in range(6)]
HIGH = [claim(f"high-{n}", path=f"a/{n}.py") for n in range(3)]
DISMISS = {"act": "dismiss", "reason": "generated code"}


def seen(client: Client, path: str = ASK, **query: Any) -> str:
    """What the page that asks has seen."""
    page = client.get(path, query).content.decode()
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found, page
    return found[1]


def statuses() -> dict[str, str]:
    found = TrackedFinding.objects.filter(project__slug="shop").with_status().order_by("rule")
    return {row.rule: row.status_now for row in found}


def rules_of(status: str) -> list[str]:
    return [rule for rule, one in statuses().items() if one == status]


def sight(cast: Cast, **wanted: Any) -> Sight:
    return sights.take([cast.project.pk], Wanted(statuses=COUNTING, **wanted))


def test_all_that_match_are_judged_by_one_act_and_it_is_told(cast: Cast) -> None:
    find(cast.project, *LOW, *HIGH)
    find(cast.other, claim("low-0", severity=Severity.LOW))
    client = browser(cast.alice)
    page = client.get(LIST, {"severity": "low"}).content.decode()
    assert "Judge all" not in page  # all six are on the page
    page = client.get(ASK, {"severity": "low"}).content.decode()
    assert "Judge all 6 findings" in page
    assert "Dismiss 6</button>" in page
    answer = client.post(
        f"{ASK}?severity=low", {**DISMISS, "seen": seen(client, severity="low")}, follow=True
    )
    page = answer.content.decode()
    assert "6 findings dismissed" in page
    assert "All that you saw are done." in page
    assert f'href="{LIST}?severity=low"' in page
    assert rules_of("dismissed") == [one.rule for one in LOW]
    assert set(TriageAct.objects.values_list("reason", "by", "was")) == {("generated code", "alice", "open")}
    assert TrackedFinding.objects.with_status().get(project=cast.other).status == "open"
    record = AuditRecord.objects.get(act="finding.dismissed")
    told = {name: record.details[name] for name in ("verdict", "reason", "matching")}
    assert (record.subject, record.actor, record.project_id) == ("findings:6", "alice", cast.project.pk)
    assert told["verdict"] == "dismiss"
    assert told["reason"] == "generated code"
    assert told["matching"]["severities"] == ["low"]


def test_list_offers_it_when_more_match_than_are_shown(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.finding_rows.SHOWN", 3)
    find(cast.project, *LOW, *HIGH)
    page = browser(cast.bob).get(LIST, {"severity": "low"}).content.decode()
    assert f'href="{ASK}?severity=low">Judge all 6 that match' in page
    assert "that match" not in browser(cast.vera).get(LIST, {"severity": "low"}).content.decode()


def test_what_came_or_changed_in_between_is_left(cast: Cast) -> None:
    find(cast.project, *LOW)
    client = browser(cast.alice)
    looked = seen(client, severity="low")
    find(cast.project, LOW[0], claim("low-new", severity=Severity.LOW))  # one found again, one new
    one = sights.take([cast.project.pk], Wanted(rules=("low-1",)))
    sweeps.work(sweeps.order(cast.bob, one, Verdict.ACCEPT, reason="", until=None))
    page = client.post(ASK, {**DISMISS, "seen": looked}, follow=True).content.decode()
    assert "4 findings dismissed" in page
    assert "2 were left as they are" in page
    assert rules_of("dismissed") == ["low-2", "low-3", "low-4", "low-5"]
    assert rules_of("accepted") == ["low-1"]
    assert rules_of("open") == ["low-0", "low-new"]


def test_dismissal_that_ended_in_between_is_left(cast: Cast) -> None:
    find(cast.project, *LOW)
    end = timezone.now() + timedelta(milliseconds=300)
    TrackedFinding.objects.filter(rule="low-0").update(status="dismissed", until=end)
    looked = sight(cast)
    assert looked.count == 5
    while timezone.now() <= end:
        pass
    done = sweeps.work(sweeps.order(cast.alice, looked, Verdict.ACCEPT, reason="", until=None))
    assert (done.judged, done.expected) == (5, 5)
    assert statuses()["low-0"] == "reopened"


def test_undo_brings_back_exactly_what_the_act_changed(cast: Cast) -> None:
    find(cast.project, *LOW)
    end = timezone.now() + timedelta(days=9)
    before = sights.take([cast.project.pk], Wanted(rules=("low-0",)))
    sweeps.work(sweeps.order(cast.alice, before, Verdict.DISMISS, reason="the first reason", until=end))
    before = sights.take([cast.project.pk], Wanted(rules=("low-1",)))
    sweeps.work(sweeps.order(cast.bob, before, Verdict.ACCEPT, reason="", until=None))
    was = list(TrackedFinding.objects.order_by("pk").values_list("rule", "status", "until"))

    everything = sights.take([cast.project.pk], Wanted())
    sweep = sweeps.work(sweeps.order(cast.alice, everything, Verdict.DISMISS, reason="all of it", until=None))
    assert (sweep.judged, rules_of("dismissed")) == (6, [one.rule for one in LOW])
    later = sights.take([cast.project.pk], Wanted(rules=("low-5",)))
    sweeps.work(sweeps.order(cast.bob, later, Verdict.ACCEPT, reason="I deal with it", until=None))

    client = browser(cast.alice)
    page = client.get(f"/findings/sweeps/{sweep.public_id}").content.decode()
    assert "Undo</button>" in page
    page = client.post(f"/findings/sweeps/{sweep.public_id}/undo", follow=True).content.decode()
    assert "5 findings are as they were before" in page
    assert "1 was left as it is" in page
    now = list(TrackedFinding.objects.order_by("pk").values_list("rule", "status", "until"))
    assert now == [*was[:5], ("low-5", "accepted", None)]
    first = TriageAct.objects.filter(finding__rule="low-0").latest("pk")
    assert (first.verdict, first.reason, first.until) == ("dismiss", "the first reason", end)
    again = client.post(f"/findings/sweeps/{sweep.public_id}/undo", follow=True)
    assert again.redirect_chain[0][0].endswith(str(Sweep.objects.get(undoes=sweep).public_id))
    assert Sweep.objects.filter(verdict="undo").count() == 1
    assert "It was taken back." in client.get(f"/findings/sweeps/{sweep.public_id}").content.decode()


def test_double_click_is_one_act(cast: Cast) -> None:
    find(cast.project, *LOW)
    client = browser(cast.alice)
    sent = {**DISMISS, "seen": seen(client)}
    first, second = (client.post(ASK, sent)["Location"] for _ in range(2))
    assert first == second
    assert (Sweep.objects.count(), TriageAct.objects.count()) == (1, 6)
    assert AuditRecord.objects.filter(act="finding.dismissed").count() == 1


def test_long_one_goes_on_behind_the_request_and_can_be_cancelled(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    find(cast.project, *LOW)
    sweep = sweeps.work(
        sweeps.order(cast.alice, sight(cast), Verdict.ACCEPT, reason="", until=None), seconds=0
    )
    assert (sweep.state, sweep.judged) == (SweepState.RUNNING, 2)
    client = browser(cast.alice)
    page = client.get(f"/findings/sweeps/{sweep.public_id}").content.decode()
    assert "2 of 6 so far" in page
    assert "Undo</button>" not in page
    assert client.post(f"/findings/sweeps/{sweep.public_id}/cancel").status_code == 302
    sweep = sweeps.work(sweep)
    assert (sweep.state, sweep.judged, len(rules_of("accepted"))) == (SweepState.CANCELLED, 2, 2)
    page = client.get(f"/findings/sweeps/{sweep.public_id}").content.decode()
    assert "You cancelled it after 2 of 6." in page
    assert "Undo</button>" in page


def test_scheduler_ends_what_a_request_began(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    monkeypatch.setattr(sweeps, "WORK_SECONDS", 0.0)
    find(cast.project, *LOW)
    sweep = sweeps.order(cast.alice, sight(cast), Verdict.ACCEPT, reason="", until=None)
    chore = sweeps.Chore()
    assert chore() == 0
    assert chore._thread is not None
    chore._thread.join(30)
    sweep.refresh_from_db()
    assert (sweep.state, sweep.judged, len(rules_of("accepted"))) == (SweepState.DONE, 6, 6)


def test_role_that_was_taken_ends_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 2)
    find(cast.project, *LOW)
    sweep = sweeps.work(sweeps.order(cast.bob, sight(cast), Verdict.ACCEPT, reason="", until=None), seconds=0)
    Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    sweep = sweeps.work(sweep)
    assert (sweep.state, sweep.judged) == (SweepState.DONE, 2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": ""}, "Say why it is not to be counted."),
        ({"until": "2001-01-01"}, "A dismissal ends on a day to come"),
        ({"seen": "x"}, "This page was open for too long."),
        ({"seen": ""}, "This field is required."),
        ({"act": "undo"}, "Select a valid choice."),
        ({"reason": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_faults_are_told_and_nothing_is_judged(cast: Cast, changes: dict[str, str], told: str) -> None:
    find(cast.project, *LOW)
    client = browser(cast.alice)
    sent = {"act": "dismiss", "reason": "my words", "seen": seen(client), **changes}
    answer = client.post(ASK, sent)
    assert (answer.status_code, told in answer.content.decode()) == (400, True), answer.content.decode()
    assert not Sweep.objects.exists()


def test_too_many_are_refused(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    find(cast.project, *LOW)
    client = browser(cast.alice)
    looked = seen(client)
    monkeypatch.setattr(sights, "MOST", 5)
    assert "More than 5 match." in client.get(ASK).content.decode()
    answer = client.post(ASK, {**DISMISS, "seen": looked})
    assert answer.status_code == 400
    assert not Sweep.objects.exists()


def test_who_may_what(cast: Cast) -> None:
    find(cast.project, *LOW)
    find(cast.other, claim("foreign"))
    looked = seen(browser(cast.alice))
    sent = {**DISMISS, "seen": looked}
    assert browser(cast.vera).get(ASK).status_code == 403
    assert browser(cast.vera).post(ASK, sent).status_code == 403
    assert browser(cast.bob).post(ASK, sent).status_code == 403  # a developer does not dismiss
    assert 'value="dismiss"' not in browser(cast.bob).get(ASK).content.decode()
    for path in (ASK, f"{ASK}?severity=low"):
        assert browser(cast.charlie).get(path).status_code == 404
        assert browser(cast.charlie).post(path, sent).status_code == 404
    assert browser(cast.charlie).post("/findings/all", sent).status_code == 404
    assert Client().get(ASK)["Location"].startswith("/login/")
    assert not Sweep.objects.exists()
    sweep = sweeps.order(cast.alice, sights.opened(looked), Verdict.ACCEPT, reason="", until=None)
    for who in (cast.bob, cast.charlie, cast.vera):
        for end in ("", "/cancel", "/undo"):
            path = f"/findings/sweeps/{sweep.public_id}{end}"
            client = browser(who)
            answer = client.post(path) if end else client.get(path)
            assert answer.status_code == 404
    assert browser(cast.alice).get(f"/findings/sweeps/{sweep.public_id}/undo").status_code == 405


def test_all_projects_are_those_in_which_one_judges(cast: Cast) -> None:
    find(cast.project, *LOW)
    find(cast.other, claim("foreign"))
    client = browser(cast.alice)
    page = client.get("/findings/all").content.decode()
    assert "Judge all 6 findings" in page
    client.post("/findings/all", {"act": "accept", "seen": seen(client, "/findings/all")})
    assert TrackedFinding.objects.get(rule="foreign").status == "open"
    assert len(rules_of("accepted")) == 6


def test_each_project_is_told_what_was_judged_in_it(cast: Cast) -> None:
    """Whoever reads a project's audit finds an act over all projects there."""
    find(cast.project, *LOW[:2])
    find(cast.other, LOW[0])
    Membership.objects.update_or_create(
        team=cast.other.team, user=cast.alice, defaults={"role": Role.MAINTAINER}
    )
    taken = sights.take([cast.project.pk, cast.other.pk], Wanted(statuses=COUNTING))
    sweep = sweeps.work(sweeps.order(cast.alice, taken, Verdict.DISMISS, reason="generated", until=None))
    sweeps.undo(cast.alice, sweep)
    for project, count in ((cast.project, 2), (cast.other, 1)):
        told = AuditRecord.objects.filter(project_id=project.pk, subject=f"findings:{count}").order_by(
            "number"
        )
        assert [row.act for row in told] == ["finding.dismissed", "findings.swept"]


def test_one_that_fails_keeps_no_other_waiting(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses the first one's query each time."""
    find(cast.project, *LOW)
    first, second = (
        sweeps.order(cast.alice, sight(cast), Verdict.ACCEPT, reason="", until=None) for _ in range(2)
    )
    Sweep.objects.update(at=timezone.now() - timedelta(minutes=1))
    work = sweeps.work

    def failing(sweep: Sweep, **options: Any) -> Sweep:
        if sweep.pk == first.pk:
            raise OperationalError("canceling statement due to statement timeout")
        return work(sweep, **options)

    monkeypatch.setattr(sweeps, "work", failing)
    sweeps.Chore()._run()
    states = dict(Sweep.objects.values_list("pk", "state"))
    assert states == {first.pk: SweepState.RUNNING, second.pk: SweepState.DONE}
