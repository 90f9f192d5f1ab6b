"""The code view: whose tree is shown to whom, what stands beside its lines, and what never leaves it."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import heat
from agents.findings import Severity
from agents.models import RunQuality, TrackedFinding
from agents.workspace import reading
from frontend import code_rows
from tasks import artifacts
from tests.agents.explained import plan_of
from tests.agents.found import claim, find, tracked
from tests.agents.test_trend import row
from tests.api.cast import Cast, browser
from tests.frontend.test_finding import text
from tests.frontend.trees import looked_at, write

CODE = "/projects/alice/shop/code"
EVIL = "<script>alert(1)</script>"


def listed(page: str) -> list[str]:
    """The lines of a file, as a reader sees them."""
    rows = re.findall(r'<tr id="L\d+"[^>]*>.*?</td><td class="line">.*?</td><td>(.*?)</td></tr>', page)
    return [re.sub(r"<[^>]+>", "", row).replace("&quot;", '"').replace("&#x27;", "'") for row in rows]


def marked(page: str) -> list[str]:
    """The lines that have a finding beside them."""
    return re.findall(r'<tr id="(L\d+)" class="marked">', page)


def test_tree_has_the_heat_of_what_lies_below(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"shop/a.py": "x = 1\n", "shop/deep/b.py": "", "README.md": "# Shop\n"})
    looked_at(
        cast.project,
        tmp_path,
        claim("r1", path="shop/a.py", severity=Severity.LOW),
        claim("r2", path="shop/deep/b.py"),
    )
    client = browser(cast.vera)
    assert "shop 2 worst high README.md 7 bytes" in text(client.get(CODE).content.decode())
    assert "deep 1 worst high a.py 1 worst low 6 bytes" in text(client.get(f"{CODE}/shop").content.decode())


def test_heat_counts_paths_that_no_index_takes(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"shop/a.py": "x = 1\n"})
    deep = "/".join(["shop", *(random.Random(n).randbytes(100).hex() for n in range(40))])
    run = looked_at(cast.project, tmp_path, claim("r1", path="shop/a.py", severity=Severity.LOW))
    TrackedFinding.objects.create(
        project=cast.project, fingerprint="f" * 64, first_run=run.public_id, first_seen_at=timezone.now(),
        last_run=run.public_id, last_seen_at=timezone.now(), agent="inspector", rule="r", title="t", message="m",
        severity="critical", severity_rank=4, confidence="high", category="bug", path=deep, line=1, end_line=1,
    )  # fmt: skip
    assert heat.below(cast.project.pk, "") == {"shop": heat.Heat(findings=2, worst=4)}
    assert heat.below(cast.project.pk, "shop/")["a.py"] == heat.Heat(findings=1, worst=1)


@pytest.mark.django_db(transaction=True)
def test_heat_is_read_from_indexes_alone(cast: Cast) -> None:
    TrackedFinding.objects.bulk_create(row(cast.project, day % 50, fixed=day % 25) for day in range(2_000))
    TrackedFinding.objects.bulk_create(row(cast.project, day % 50) for day in range(50))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE agents_trackedfinding")
    with CaptureQueriesContext(connection) as asked:
        assert heat.below(cast.project.pk, "") == {"a.py": heat.Heat(findings=50, worst=3)}
    plan = "\n".join(plan_of(asked[0]["sql"]))
    assert "Index Only Scan using tracked_unfixed_by_path" in plan
    assert "Scan using tracked_unfixed_long_path" in plan


def test_hotspots_tell_commits_and_complexity(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    run = looked_at(cast.project, tmp_path)
    spots = [{"path": "a.py", "commits": 31, "complexity": 77, "score": 2387}]
    RunQuality.objects.create(
        run=run.public_id, project=cast.project, at=timezone.now(), revision="x", snapshot="a" * 64, operations=[],
        is_default_branch=True, gate="passed", debt_minutes=0, whole={"measures": {"hotspots": spots}},
    )  # fmt: skip
    assert "a.py 31 77 6 bytes" in text(browser(cast.vera).get(CODE).content.decode())
    assert "Commits 31 Complexity 77" in text(browser(cast.vera).get(f"{CODE}/a.py").content.decode())


def test_file_has_its_findings_in_the_gutter(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"shop/a.py": "x = 1\ny = 2\n"})
    run = looked_at(cast.project, tmp_path, claim("r1", path="shop/a.py", line=2, end_line=2))
    page = browser(cast.vera).get(f"{CODE}/shop/a.py").content.decode()
    assert listed(page) == ["x = 1", "y = 2"]
    beside = re.findall(
        r'<tr id="(L\d)" class="marked"><td class="gut"><a class="gut-mark sev-high" href="([^"]+)"', page
    )
    assert beside == [("L2", f"/findings/{TrackedFinding.objects.get().public_id}")]
    asked = browser(cast.vera).get(f"{CODE}/shop/a.py?run={run.public_id}&line=1").content.decode()
    assert 'id="L1" class="asked"' in asked


def test_findings_of_other_runs_stand_where_their_line_is_the_same(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\ny = 2\nz = 3\n"})
    found = [
        tracked(f"r{n}", path="a.py", line=n, end_line=n, text=f"{name} = {n}")
        for n, name in enumerate("xyz", start=1)
    ]
    looked_at(cast.project, tmp_path, *found)
    looked_at(cast.project, tmp_path, unseen=("a.py",))
    client = browser(cast.vera)
    assert marked(client.get(f"{CODE}/a.py").content.decode()) == ["L1", "L2", "L3"]
    write(tmp_path, {"a.py": "x = 1\nnew\ny = 2\nz = 3\n"})
    looked_at(cast.project, tmp_path, unseen=("a.py",))
    page = client.get(f"{CODE}/a.py").content.decode()
    assert marked(page) == ["L1"]
    assert "2 findings were made in another state of this file" in page


def test_secrets_of_other_runs_are_cut_where_they_are_now(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"prod.env": "A=1\nPLAIN=swordfish\n"})
    leak = tracked("leak", path="prod.env", line=2, end_line=2, category="secret", text="PLAIN=[redacted]")
    looked_at(cast.project, tmp_path, leak)
    write(tmp_path, {"prod.env": "A=1\nB=2\n\nPLAIN = swordfish\n"})
    looked_at(cast.project, tmp_path, unseen=("prod.env",))
    assert listed(browser(cast.vera).get(f"{CODE}/prod.env").content.decode()) == [
        "A=1",
        "[redacted]",
        "",
        "[redacted]",
    ]


def test_long_files_come_in_windows(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "".join(f"line {n}\n" for n in range(1, 2502))})
    looked_at(cast.project, tmp_path)
    client = browser(cast.vera)
    for query, first, last in (
        ("", 1, 1000),
        ("?line=1500", 1001, 2000),
        ("?line=2501", 2001, 2501),
        ("?line=9999", 1, 1000),
        ("?line=-1", 1, 1000),
        ("?line=٣", 1, 1000),
    ):
        lines = listed(client.get(f"{CODE}/a.txt{query}").content.decode())
        assert (lines[0], lines[-1]) == (f"line {first}", f"line {last}")


def test_large_folders_come_in_pages(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_rows, "NAMES", 3)
    write(tmp_path, dict.fromkeys(("d0/a", "d1/a", *(f"f{n}.py" for n in range(5))), b""))
    run = looked_at(cast.project, tmp_path)
    client, at, names = browser(cast.vera), f"?run={run.public_id}", list[str]()
    while at:
        page = client.get(f"{CODE}{at}").content.decode()
        names += re.findall(r'<span class="entry [^"]*"><a [^>]*>([^<]+)</a>', page)
        at = (re.findall(r'rel="next" href="([^"]+)"', page) or [""])[0].replace("&amp;", "&")
    assert names == ["d0", "d1", "f0.py", "f1.py", "f2.py", "f3.py", "f4.py"]
    last = client.get(f"{CODE}?from=7").content.decode()
    assert (">f4.py<" in last, "7 names lie here" in last, 'href="?from=4"' in last) == (True, True, True)
    for nonsense in ("0", "8", "-1", "x", "9" * 30):
        assert ">d0<" in client.get(f"{CODE}?from={nonsense}").content.decode()


def test_what_is_no_text_says_so(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"a.bin": b"\0\1\2", "b.py": b"x = '\xff'\n", "big.txt": "x\n" * 600_000, "empty.py": ""})
    os.symlink("b.py", tmp_path / "inside")
    looked_at(cast.project, tmp_path)
    client = browser(cast.vera)
    assert "A binary file of 3 bytes" in client.get(f"{CODE}/a.bin").content.decode()
    assert listed(client.get(f"{CODE}/b.py").content.decode()) == ["x = '\ufffd'"]
    assert "only its first megabyte" in client.get(f"{CODE}/big.txt").content.decode()
    assert "An empty file." in client.get(f"{CODE}/empty.py").content.decode()
    assert "A symbolic link to b.py" in client.get(f"{CODE}/inside").content.decode()


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "nowhere.py", "a.py/b", "shop//a.py"]
)
def test_paths_that_the_tree_has_not_are_not_there(cast: Cast, tmp_path: Path, path: str) -> None:
    write(tmp_path, {"a.py": "x\n", "shop/a.py": "y\n"})
    looked_at(cast.project, tmp_path)
    assert browser(cast.vera).get(f"{CODE}/{path}").status_code == 404


def test_secrets_are_cut_out(cast: Cast, tmp_path: Path) -> None:
    body = "MIIBOgIBAAJBAKj34\nGkxFhD90vcNLYLInF"
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nafter\n"
    line = 'password = "correct horse battery"\n'
    write(
        tmp_path,
        {
            "key.pem": key,
            "a.py": line,
            "prod.env": "PLAIN=swordfish\nOTHER=1\n",
            "b.js": f"x='{'Ab1' * 900}'",
        },
    )
    looked_at(
        cast.project, tmp_path, claim("leak", path="prod.env", line=1, end_line=1, category="secret", text="")
    )
    client = browser(cast.vera)
    assert listed(client.get(f"{CODE}/key.pem").content.decode()) == ["[redacted]"] * 4 + ["after"]
    assert listed(client.get(f"{CODE}/a.py").content.decode()) == ['password = "[redacted]"']
    assert listed(client.get(f"{CODE}/prod.env").content.decode()) == ["[redacted]", "OTHER=1"]
    assert len(listed(client.get(f"{CODE}/b.js").content.decode())[0]) < 30


def test_texts_that_take_long_to_look_through_are_cut_in_time(
    cast: Cast, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("agents.sources.LOOK_SECONDS", -1.0)
    write(tmp_path, {"a.py": "x = 1\n"})
    looked_at(cast.project, tmp_path)
    assert listed(browser(cast.vera).get(f"{CODE}/a.py").content.decode()) == ["[redacted]"]


def test_names_and_lines_of_repositories_do_nothing(cast: Cast, tmp_path: Path) -> None:
    names = [
        "a<b>.py",
        'q"uote.py',
        "dir<i>/x.py",
        "esc\x1b[31m.py",
        "two\nlines.py",
        "\u202etxt.py",
        "per%cent#?.py",
    ]
    write(tmp_path, dict.fromkeys(names, f"x = '{EVIL}\u202e\x1b[31m'\n"))
    looked_at(cast.project, tmp_path)
    client = browser(cast.vera)
    page = client.get(CODE).content.decode()
    assert not re.search("<b>|<i>.py|\x1b|\u202e", page.partition("<table")[2].replace("<i></i>", ""))
    links = re.findall(rf'href="({CODE}/[^"]+)"', page)
    assert len(links) == 4
    for link in links:
        answer = client.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert not re.search("<script>alert|\x1b|\u202e", answer.content.decode())


def test_pages_say_why_there_is_no_source(cast: Cast, tmp_path: Path, settings: Any) -> None:
    client = browser(cast.vera)
    assert "No source yet." in client.get(CODE).content.decode()
    find(cast.project, claim())
    assert "No source yet." in client.get(CODE).content.decode()
    write(tmp_path, {"a.py": "x = 1\n"})
    looked_at(cast.project, tmp_path)
    for digest in reading._kept:
        Path(artifacts.folder_store().path(artifacts._place(digest))).unlink()
    reading._kept.clear()
    assert "The source is not stored any more." in client.get(CODE).content.decode()
    settings.SHOW_SOURCE = False
    assert "This installation shows no source." in client.get(f"{CODE}/a.py").content.decode()


def test_who_may_not_see_the_project_sees_no_line_of_it(cast: Cast, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    run = looked_at(cast.project, tmp_path)
    for path in (CODE, f"{CODE}/a.py"):
        assert Client().get(path)["Location"].startswith("/login/")
        assert browser(cast.charlie).get(path).status_code == 404
    assert (
        browser(cast.charlie).get(f"/projects/charlie/other/code/a.py?run={run.public_id}").status_code == 404
    )
    assert browser(cast.charlie).get("/projects/charlie/other/code?run=x").status_code == 404
