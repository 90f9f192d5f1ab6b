"""Lists of findings as files: what the address chooses, in its order, whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditRecord
from agents.findings import Severity
from tests.agents.found import claim, find
from tests.api.cast import Cast, browser

LIST = "/projects/alice/shop/findings/export"


def rows(client: Client, path: str = LIST, **query: Any) -> list[dict[str, str]]:
    answer = client.get(path, {"format": "csv", **query})
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # it is a stream
    return list(csv.DictReader(io.StringIO(text)))


def test_file_holds_what_the_address_chooses_in_its_order(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontend.finding_export.AT_ONCE", 3)
    find(cast.project, *(claim(f"r{n}", severity=list(Severity)[n % 3]) for n in range(8)))
    find(cast.other, claim("foreign"))
    client = browser(cast.vera)
    found = rows(client)
    assert sorted(row["rule"] for row in found) == [f"r{n}" for n in range(8)]
    assert [row["severity"] for row in found] == ["critical"] * 3 + ["high"] * 3 + ["medium"] * 2
    assert [row["rule"] for row in rows(client, severity="medium", order="first_seen")] == ["r2", "r5"]
    answer = client.get("/findings/export", {"format": "json"})
    told = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]  # it is a stream
    assert [(one["rule"], one["status"], one["project"]) for one in told["findings"]] == [
        (row["rule"], row["status"], row["project"]) for row in found
    ]
    assert answer["Content-Disposition"].startswith('attachment; filename="findings-all-')


def test_empty_list_is_a_file(cast: Cast) -> None:
    client = browser(cast.vera)
    assert rows(client) == []
    answer = client.get(LIST, {"format": "json"})
    assert json.loads(b"".join(answer.streaming_content)) == {"findings": []}  # type: ignore[attr-defined]  # it is a stream


def test_no_cell_acts_in_a_spreadsheet(cast: Cast) -> None:
    evil = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx")
    find(
        cast.project,
        *(claim(f"r{n}", title=text, message=text, path=f"{n}.py") for n, text in enumerate(evil)),
    )
    told = {row["rule"]: (row["title"], row["message"]) for row in rows(browser(cast.vera))}
    assert told == {f"r{n}": (f"'{text}", f"'{text}") for n, text in enumerate(evil)}


def test_export_is_recorded(cast: Cast) -> None:
    rows(browser(cast.bob), severity="high")
    record = AuditRecord.objects.get(act="findings.exported")
    told = (record.actor, record.project_id, record.details)
    assert told == ("bob", cast.project.pk, {"format": "csv", "chosen": ["severity=high"]})


def test_who_may(cast: Cast) -> None:
    assert browser(cast.charlie).get(LIST, {"format": "csv"}).status_code == 404
    assert Client().get(LIST, {"format": "csv"})["Location"].startswith("/login/")
    assert browser(cast.vera).get(LIST, {"format": "exe"}).status_code == 400
    assert browser(cast.vera).post(LIST).status_code == 405
    assert not AuditRecord.objects.filter(act="findings.exported").exists()


def test_list_offers_the_files_of_what_it_shows(cast: Cast) -> None:
    find(cast.project, claim())
    page = browser(cast.vera).get("/projects/alice/shop/findings", {"severity": "high"}).content.decode()
    assert f'href="{LIST}?severity=high&amp;format=csv"' in page
