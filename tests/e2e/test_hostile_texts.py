"""Texts of a repository that want to be scripts: on every page and in every file that a run makes, nothing runs.

The policy would stop most of it, so it is not what is asked: a handler that the policy had to refuse is a fault too.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.models import Artifact
from tests.e2e.browsing import needs_browser, sign_in
from tests.e2e.gallery import PAGES
from tests.e2e.scene import make_scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600), needs_browser]

IMG = "<img src=x onerror=alert(1)>"
BREAKOUT = "\"'></title></textarea></script><script>alert(2)</script>"
SHOWN = ("text/html", "image/svg+xml", "text/markdown", "application/json")


def hostile_tree(root: Path) -> Path:
    """A git repository whose names, docstrings, messages and pages all carry markup."""
    tree = root / "hostile"
    package = tree / "shop"
    package.mkdir(parents=True)
    files = {
        f"{IMG}.py": "import os\nos.system(input())\n",
        "shop/__init__.py": f'"""{IMG} {BREAKOUT.replace(chr(34), "")}"""\n',
        "shop/views.py": (
            "from django.db import connection\nfrom django.http import HttpResponse\n\n\n"
            f"def search(request):\n    '''Find {IMG}.\n\n    :param {IMG}: none\n    '''\n"
            f"    sql = \"SELECT '{IMG}' FROM t WHERE n = '\" + request.GET['<svg onload=alert(3)>'] + \"'\"\n"
            "    connection.cursor().execute(sql)\n    return HttpResponse(request.GET['q'])\n"
        ),
        "shop/models.py": (
            "from django.db import models\n\n\nclass Item(models.Model):\n"
            f"    name = models.CharField('{IMG}', max_length=5, help_text='{IMG}')\n"
        ),
        "shop/urls.py": (
            "from django.urls import path\nfrom shop import views\n\n"
            f"urlpatterns = [path('<script>alert(4)</script>/', views.search, name='{IMG}')]\n"
        ),
        "README.md": (
            f"# {IMG}\n\n[click](javascript:alert(5)) [gone]({IMG}.md) <script>alert(6)</script>\n\n"
            f"```\n./manage.py {IMG}\n```\n"
        ),
        "CODEOWNERS": f"* @{IMG.replace(' ', '_')}\n",
        "pyproject.toml": f"[project]\nname = 'x'\ndescription = '''{IMG}'''\ndependencies = ['left-pad']\n",
        "config.py": f"password = 'hunter2{IMG}'\n",
        "tests/test_x.py": f"import pytest\n\n\n@pytest.mark.parametrize('x', ['{IMG}'])\n"
        "def test_x(x):\n    x\n",
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", f"feat: {IMG} {BREAKOUT}"]):
        identity = ["-c", f"user.name={IMG}", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tree, check=True)
    return tree


def test_nothing_of_a_repository_runs_on_any_page(
    served: Web, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tree = hostile_tree(tmp_path)
    scene = make_scene(
        settings,
        monkeypatch,
        tmp_path,
        tree=tree,
        goals=(f"What should we fix before the release? {IMG}", f"Generate documentation {BREAKOUT}"),
    )
    scene.cast.project.team.name = f"Team {IMG}"
    scene.cast.project.team.save()
    scene.cast.project.name = scene.cast.project.description = f"Shop {BREAKOUT}"
    scene.cast.project.save()
    from playwright.sync_api import Error

    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    _listen(page, faults)
    sign_in(page, served, "/teams", "alice")
    paths = [shown.path(scene) for shown in PAGES if shown.who == "alice"]
    made = Artifact.objects.filter(
        run__in=[scene.inspected, scene.documented], media_type__regex="|".join(SHOWN).replace("+", r"\+")
    )
    assert made.count() > 10
    paths += [f"/api/v1/runs/{one.run.public_id}/artifacts/{one.name}" for one in made.select_related("run")]
    shown = 0
    for path in paths:
        try:
            page.goto(f"{served.url}{path}", wait_until="load")
        except Error as error:
            if "Download is starting" not in str(
                error
            ):  # what is no page is not shown, so nothing in it runs
                raise
            continue
        shown += IMG in page.inner_text("body")
        if page.evaluate(
            "document.querySelectorAll('[onerror], [onload], a[href^=\"javascript:\" i]').length"
        ):
            faults.append(f"{path}: an element has a handler that came from the repository")
    context.close()
    assert shown > 10  # the texts are there, as texts
    assert not faults, "\n".join(faults)


def _listen(page: Page, faults: list[str]) -> None:
    def hear(said: ConsoleMessage) -> None:
        if "Content Security" in said.text or "Refused" in said.text:
            faults.append(f"{page.url}: {said.text}")

    def refuse(dialog: Any) -> None:
        faults.append(f"{page.url}: a script ran: {dialog.message}")
        dialog.dismiss()

    page.on("console", hear)
    page.on("dialog", refuse)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
