"""The client's fixes: listed with their labels, chosen by label, and saved as one patch that git takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.patches import Label
from tasks import artifacts
from tasks.models import Artifact, Step
from tests.api.cast import Cast, _days, _fresh_counts  # noqa: F401 - fixtures
from tests.api.test_fixes import SQL, WEAK, fix, offer
from tests.client.conftest import Client
from wrenchai_client.credentials import Credential

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[str], Credential]
PATCH = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n"


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

    step = Step.objects.filter(run=run).order_by("pk")[0]
    stored = artifacts.put("fixes.patch", PATCH.encode(), media_type="text/x-diff")
    Artifact.objects.create(
        run=run, step=step, name="fixes.patch", digest=stored.digest, size=stored.size,
        media_type="text/x-diff", created_at=run.created_at,
    )  # fmt: skip
    saved = tmp_path / "out" / "fixes.patch"
    assert wrenchai("fixes", "latest", "-o", str(saved)).err == f"wrenchai: wrote {saved}\n"
    (tmp_path / "a.py").write_text("old\n")
    subprocess.run(["git", "apply", str(saved)], cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_text() == "new\n"
    sign_in("charlie")
    assert wrenchai("fixes", str(run.public_id)).code == 2  # a stranger's eyes see no such run
