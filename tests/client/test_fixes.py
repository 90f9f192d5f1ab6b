"""The client's fixes: listed with their labels, chosen by label, and saved as one patch that git takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.patches import Label
from tasks import artifacts
from tasks.models import Artifact, Run, Step
from tests.api.cast import Cast, _days, _fresh_counts  # noqa: F401 - fixtures
from tests.api.test_fixes import SQL, WEAK, fix, offer
from tests.client.conftest import Client
from wrenchai_client.credentials import Credential

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[str], Credential]
PATCH = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n"


def store(run: Run, name: str, content: bytes, *, media_type: str = "text/x-diff") -> None:
    """Let the run's first step have made this."""
    step = Step.objects.filter(run=run).order_by("pk")[0]
    stored = artifacts.put(name, content, media_type=media_type)
    Artifact.objects.create(
        run=run, step=step, name=name, digest=stored.digest, size=stored.size, media_type=media_type,
        created_at=run.created_at,
    )  # fmt: skip


def test_files_of_a_run_are_listed_and_saved_and_docstrings_are_a_patch(
    folk: Cast, sign_in: SignIn, wrenchai: Client, tmp_path: Path
) -> None:
    run = offer(folk, fix(SQL))
    sign_in("vera")
    assert wrenchai("files").out == ""
    store(run, "docstrings.patch", PATCH.encode())
    store(run, "api_reference.md", b"# API", media_type="text/markdown")
    store(run, "snapshot.tar", b"tree", media_type="application/x-tar")
    step = Step.objects.filter(run=run).order_by("pk")[0].key
    assert sorted(line.split("\t") for line in wrenchai("files", "latest").out.splitlines()) == [
        ["api_reference.md", "5", step, "text/markdown"],
        ["docstrings.patch", str(len(PATCH)), step, "text/x-diff"],
    ]
    out = tmp_path / "out"
    told = wrenchai("files", "latest", "api_reference.md", "-o", str(out))
    assert (told.err, (out / "api_reference.md").read_bytes()) == (
        f"wrenchai: wrote {out / 'api_reference.md'}\n", b"# API",
    )  # fmt: skip
    unknown = wrenchai("files", "latest", "readme.md")
    assert (unknown.code, "has no file 'readme.md' (it has: api_reference.md, " in unknown.err) == (2, True)
    assert wrenchai("fixes", "latest", "-o", str(out / "d.patch")).code == 0
    assert (out / "d.patch").read_text() == PATCH


def test_fixes_are_listed_chosen_and_saved(
    folk: Cast, sign_in: SignIn, wrenchai: Client, tmp_path: Path
) -> None:
    run = offer(folk, fix(SQL, title="Use parameters\x1b[2J"), fix(WEAK, Label.REJECTED))
    sign_in("vera")
    lines = [line.split("\t") for line in wrenchai("fixes").out.splitlines()]
    assert lines == [
        ["re-analysed", "ruff", "sql-injection", "shop/search.py:12", "Use parameters[2J"],
        ["rejected", "ruff", "weak-hash", "shop/login.py:12", "Mend it"],
    ]
    chosen = json.loads(wrenchai("fixes", str(run.public_id), "--label", "rejected", "--json").out)
    assert [(one["rule"], one["diff"]) for one in chosen] == [("weak-hash", "--- a\n")]
    assert wrenchai("fixes", "--label", "wonderful").code == 2
    assert wrenchai("fixes", "-o", str(tmp_path / "none.patch")).code == 2  # the run has none

    store(run, "fixes.patch", PATCH.encode())
    saved = tmp_path / "out" / "fixes.patch"
    assert wrenchai("fixes", "latest", "-o", str(saved)).err == f"wrenchai: wrote {saved}\n"
    (tmp_path / "a.py").write_text("old\n")
    subprocess.run(["git", "apply", str(saved)], cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_text() == "new\n"
    sign_in("charlie")
    assert wrenchai("fixes", str(run.public_id)).code == 2  # a stranger's eyes see no such run
