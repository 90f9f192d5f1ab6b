"""The section of fixes in every form: what may be taken first, with label and diff, and without secrets."""

from __future__ import annotations

import json
from typing import Any

from agents.findings import Severity
from agents.patches import FixData, Label, Outcome, Rung, RungResult
from agents.reporting import write_all
from tests.agents.reporting.reports import MEAN, report

DIFF = "--- a/shop/search.py\n+++ b/shop/search.py\n@@ -1 +1 @@\n-db.execute(query)\n+db.execute(query, (name,))\n"


def fix(label: Label, **changed: Any) -> FixData:
    fields: dict[str, Any] = {
        "fingerprint": "0" * 64, "rule": "S608", "severity": Severity.HIGH, "path": "shop/search.py", "line": 12,
        "title": "Hand values to the database as parameters", "mend": "parameterise-sql", "diff": DIFF,
        "rungs": (RungResult(rung=Rung.TESTS_PASS, outcome=Outcome.NOT_RUN, reason="there is no sandbox"),),
        **changed,
    }  # fmt: skip
    return FixData(label=label, **fields)


def test_every_form_offers_the_surest_first_with_label_and_diff() -> None:
    weak = fix(Label.PARSES_ONLY, title="Perhaps")
    forms = write_all(report(fixes=(weak, fix(Label.REJECTED, title="Never"), fix(Label.REANALYSED))))
    told = json.loads(forms["report.json"])["fixes"]
    assert [(one["label"], one["title"], one["diff"]) for one in told] == [
        ("re-analysed", "Hand values to the database as parameters", DIFF),
        ("parses only", "Perhaps", DIFF),
    ]
    text = forms["report.md"].decode()
    assert "### Fixes offered (1 re-analysed, 1 parses only, 1 rejected)" in text
    assert f"```diff\n{DIFF}" in text
    assert text.index("Hand values") < text.index("Perhaps")
    page = forms["report.html"].decode()
    assert "Fixes offered <small>1 re-analysed, 1 parses only, 1 rejected</small>" in page
    assert '<span class="row diff added">+db.execute(query, (name,))' in page
    assert "Never" not in text + page
    assert "Fixes offered" not in write_all(report())["report.md"].decode()


def test_secrets_and_markup_of_a_diff_do_no_harm() -> None:
    secret = "AKIA" + "QYLPMN5HFIQR7XYA"
    diff = f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-key = '{secret}'\n+```</code></pre><script>{MEAN}\n"
    mean = fix(Label.REANALYSED, diff=diff, title=MEAN[:200], note=MEAN, path=f"{MEAN}.py")
    forms = {name: content.decode() for name, content in write_all(report(fixes=(mean,))).items()}
    assert not [name for name, content in forms.items() if secret in content]
    assert "<script" not in forms["report.html"]
    assert "\n````" in forms["report.md"]


def test_many_and_large_fixes_leave_room_for_the_rest() -> None:
    many = tuple(fix(Label.REANALYSED, diff=DIFF * 30, path=f"p{n}.py") for n in range(500))
    text = write_all(report(fixes=many))["report.md"].decode()
    assert len(text) < 60_000
    assert "more: see the full report" in text
    assert "### What was analysed" in text
