"""The operator's file in, PostgreSQL's rows out: all or nothing, again and again, and hostile files refused."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.advisories.importing import Imported, load
from agents.advisories.matching import match, sources
from agents.advisories.models import Advisory, AdvisoryRange, AdvisorySource
from agents.advisories.reading import ImportRefused
from agents.findings import Severity
from tests.agents.advisories.records import (
    LODASH,
    LOG4J,
    PYPI,
    PYYAML,
    REQUESTS,
    archive,
    record,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def counts(done: Imported) -> tuple[int, ...]:
    return (done.read, done.added, done.changed, done.unchanged, done.withdrawn, done.unreadable)


def ids() -> list[str]:
    return sorted(Advisory.objects.values_list("osv_id", flat=True))


def test_archive_becomes_rows_and_makes_its_ecosystem_audited(tmp_path: Path) -> None:
    done = load(archive(tmp_path / "all.zip", PYPI), now=NOW)
    assert counts(done) == (4, 4, 0, 0, 0, 0)
    assert done.audited == ["PyPI"]
    row = Advisory.objects.get(osv_id="GHSA-2gwj-7jmv-h26r")
    assert (row.summary, row.severity, row.score, row.cwe) == (
        "SQL Injection in Django",
        "critical",
        9.8,
        [89],
    )
    assert row.aliases == ["CVE-2022-28346", "PYSEC-2022-190"]
    affected = AdvisoryRange.objects.get(advisory=row)
    assert (affected.ecosystem, affected.package) == ("PyPI", "django")
    assert affected.ranges == [
        [["introduced", "3.2"], ["fixed", "3.2.13"], ["introduced", "4.0"], ["fixed", "4.0.4"]]
    ]
    source = AdvisorySource.objects.get()
    assert (source.ecosystem, source.file, source.records) == ("PyPI", "all.zip", 4)
    assert (source.imported_at, source.newest) == (NOW, datetime(2026, 11, 20, 10, tzinfo=UTC))
    assert source.digest == done.digest


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    path = archive(tmp_path / "all.zip", PYPI)
    load(path, now=NOW)
    before = (
        list(Advisory.objects.order_by("pk").values()),
        list(AdvisoryRange.objects.order_by("pk").values()),
    )
    assert counts(load(path, now=NOW)) == (4, 0, 0, 4, 0, 0)
    after = (
        list(Advisory.objects.order_by("pk").values()),
        list(AdvisoryRange.objects.order_by("pk").values()),
    )
    assert before == after


def test_newer_record_replaces_and_older_one_does_not(tmp_path: Path) -> None:
    load(archive(tmp_path / "1.zip", PYPI), now=NOW)
    newer = {**REQUESTS, "modified": "2026-11-21T10:00:00Z", "summary": "Told better"}
    older = {**PYYAML, "modified": "2020-01-01T00:00:00Z", "summary": "Told long ago"}
    assert counts(load(archive(tmp_path / "2.zip", [newer, older]), now=NOW)) == (2, 0, 1, 1, 0, 0)
    told = dict(Advisory.objects.values_list("osv_id", "summary"))
    assert told["GHSA-j8r2-6x86-q33q"] == "Told better"
    assert told["PYSEC-2021-142"] == "Told at length."
    assert AdvisoryRange.objects.filter(package="requests").count() == 1


def test_withdrawn_record_is_removed_and_never_added(tmp_path: Path) -> None:
    load(archive(tmp_path / "1.zip", PYPI), now=NOW)
    gone = {**REQUESTS, "modified": "2026-11-21T10:00:00Z", "withdrawn": "2026-11-21T10:00:00Z"}
    assert counts(load(archive(tmp_path / "2.zip", [gone, *PYPI[:2]]), now=NOW)) == (3, 0, 0, 2, 1, 0)
    assert ids() == ["GHSA-2gwj-7jmv-h26r", "PYSEC-2021-142", "PYSEC-2022-190"]
    assert AdvisoryRange.objects.filter(package="requests").count() == 0
    load(archive(tmp_path / "2.zip", [gone, *PYPI[:2]]), now=NOW)
    assert len(ids()) == 3


def test_folder_of_several_ecosystems_and_a_single_record(tmp_path: Path) -> None:
    folder = tmp_path / "osv"
    for place, one in (("PyPI/a.json", REQUESTS), ("npm/b.json", LODASH), ("Maven/c.json", LOG4J)):
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text(json.dumps(one))
    (folder / "link.json").symlink_to("/etc/passwd")
    done = load(folder, now=NOW)
    assert (counts(done), done.audited) == ((3, 3, 0, 0, 0, 0), ["Maven", "PyPI", "npm"])
    single = tmp_path / "one.json"
    single.write_text(json.dumps(record("RUSTSEC-1", "crates.io", "time", [{"introduced": "0"}])))
    done = load(single, now=NOW)
    assert (counts(done), done.audited) == ((1, 1, 0, 0, 0, 0), [])
    assert sorted(sources()) == ["Maven", "PyPI", "npm"]


def test_ecosystem_that_is_only_mentioned_is_not_audited(tmp_path: Path) -> None:
    both = {**REQUESTS, "affected": REQUESTS["affected"] + LODASH["affected"]}
    many = [record(f"PYSEC-{n}", "PyPI", f"p{n}", [{"introduced": "0"}]) for n in range(30)]
    done = load(archive(tmp_path / "all.zip", [both, *many]), now=NOW)
    assert done.audited == ["PyPI"]
    assert match([("npm", "lodash", "4.17.20")])[0][0].name == "CVE-2023-32681"


def test_records_that_do_not_fit_are_counted_and_named(tmp_path: Path) -> None:
    bad: list[Any] = [
        b"{", b"[]", b"[" * 100_000, b'{"id": "X-1"}', b'{"id": "../x", "modified": "2026-01-01T00:00:00Z"}',
        b'{"id": "X-2", "modified": "soon"}', b'{"id": 1e309, "modified": null}', b"\xff\xfe\x00",
    ]  # fmt: skip
    done = load(archive(tmp_path / "all.zip", [*bad, *PYPI]), now=NOW)
    assert counts(done) == (12, 4, 0, 0, 0, 8)
    assert len(done.faults) == 8
    with pytest.raises(ImportRefused, match="holds no record of the OSV format"):
        load(archive(tmp_path / "bad.zip", bad), now=NOW)
    assert len(ids()) == 4


def test_texts_of_records_are_cleaned(tmp_path: Path) -> None:
    dirty = record(
        "X-1",
        "npm",
        "a\0b",
        [{"introduced": "0\0"}, {"fixed": "\ud800"}],
        summary="red \x1b[31m\nnul \0" + "x" * 9_000,
    )
    load(archive(tmp_path / "all.zip", [dirty]), now=NOW)
    row = Advisory.objects.get()
    assert row.summary == "red [31m nul " + "x" * (500 - 13)
    assert AdvisoryRange.objects.get().package == "a b"


@pytest.mark.parametrize("name", ["../x.json", "/etc/x.json", "a/../../x.json", "..\\x.json", "C:\\x.json"])
def test_archive_whose_names_lead_out_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "all.zip", PYPI)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(name, "{}")
    with pytest.raises(ImportRefused, match="leads out of it: nothing is taken"):
        load(path, now=NOW)
    assert ids() == []


def test_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.json", b'{"a": "' + b"0" * (8 << 20) + b'"}')
    with pytest.raises(ImportRefused, match="as bombs do"):
        load(path, now=NOW)


def test_damaged_and_missing_files_are_refused(tmp_path: Path) -> None:
    whole = archive(tmp_path / "all.zip", PYPI).read_bytes()
    torn = tmp_path / "torn.zip"
    torn.write_bytes(whole[:60] + b"\0" * 80 + whole[140:])
    with pytest.raises(ImportRefused, match="damaged"):
        load(torn, now=NOW)
    assert ids() == []
    torn.write_bytes(whole[:200])
    with pytest.raises(ImportRefused, match="its end is missing: fetch it again"):
        load(torn, now=NOW)
    with pytest.raises(ImportRefused, match="there is no"):
        load(tmp_path / "nothing", now=NOW)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportRefused, match="holds no JSON file"):
        load(tmp_path / "empty", now=NOW)


def test_records_of_one_vulnerability_are_one_match(tmp_path: Path) -> None:
    load(archive(tmp_path / "all.zip", [*PYPI, LODASH, LOG4J]), now=NOW)
    packages = [
        ("PyPI", "DJANGO", "3.2.12"), ("PyPI", "requests", "2.31.0"), ("PyPI", "PyYAML", "5.3.1"),
        ("npm", "lodash", "4.17.20"), ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1"),
        ("npm", "lodash", "latest"),
    ]  # fmt: skip
    matches, doubts = match(packages)
    assert {(m.package[1], m.name, m.severity, m.fixed) for m in matches} == {
        ("DJANGO", "CVE-2022-28346", Severity.CRITICAL, "3.2.13"),
        ("PyYAML", "CVE-2020-14343", Severity.CRITICAL, "5.4"),
        ("lodash", "CVE-2021-23337", Severity.HIGH, "4.17.21"),
        ("org.apache.logging.log4j:log4j-core", "CVE-2021-44228", Severity.CRITICAL, "2.15.0"),
    }
    django = next(m for m in matches if m.package[1] == "DJANGO")
    assert [one.osv_id for one, _ in django.advisories] == ["GHSA-2gwj-7jmv-h26r", "PYSEC-2022-190"]
    assert django.ids == ("CVE-2022-28346", "GHSA-2gwj-7jmv-h26r", "PYSEC-2022-190")
    assert [doubt.package for doubt in doubts] == [("npm", "lodash", "latest")]


def test_command_tells_what_it_did_and_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("advisory_database", "status")
    assert "dependencies are not audited" in capsys.readouterr().out
    call_command("advisory_database", "import", str(archive(tmp_path / "all.zip", [*PYPI, b"{"])))
    said = capsys.readouterr()
    assert "5 records" in said.out
    assert "4 new, 0 changed, 0 as they were, 0 withdrawn, 1 not read" in said.out
    assert "Dependencies of PyPI can be audited." in said.out
    assert "not read: broken-4.json" in said.err
    call_command("advisory_database", "status")
    assert capsys.readouterr().out.startswith("PyPI: 4 advisories, the newest of 2026-11-20")
    with pytest.raises(CommandError, match="nothing was imported: there is no"):
        call_command("advisory_database", "import", str(tmp_path / "nothing"))
