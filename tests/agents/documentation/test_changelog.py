"""The changelog: real git repositories, hostile ones among them, and trees without any history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.documentation.changelog.conventional import entry, is_used
from agents.documentation.changelog.revisions import Wish, wish_of
from agents.documentation.changelog.sections import area, area_of
from agents.reporting.model import AnalysisOutput
from agents.workspace.history import Commit
from tasks.contract import StepFailed
from tests.agents.documentation.conftest import Done, Work
from tests.agents.inspector.trees import plant
from tests.agents.workspace.checkouts import DAY, Project
from tests.agents.workspace.conftest import git


@pytest.fixture
def shop(tmp_path: Path, settings: Any) -> Project:
    settings.LOCAL_ROOTS = [tmp_path / "roots"]
    return Project(tmp_path / "roots" / "shop")


def told(work: Work, project: Project, **given: Any) -> tuple[str, dict[str, Any], Done]:
    """The page, the document, and all that the operation left."""
    done = work(
        "changelog",
        project.folder,
        request={"target": {"kind": "path", "path": str(project.folder)}},
        **given,
    )
    return done.artifacts["changelog.md"].decode(), json.loads(done.artifacts["changelog.json"]), done


BEFORE = {
    "shop/__init__.py": "from shop.cart import add\n\n__all__ = ['add']\n",
    "shop/cart.py": "LIMIT = 3\n\n\ndef add(item, count=1):\n    pass\n\n\ndef gone():\n    pass\n\n\n"
    "def _own(a):\n    pass\n",
    "shop/old.py": "def f():\n    pass\n",
    "tests/test_cart.py": "def helper(a):\n    pass\n",
}
AFTER = {
    "shop/cart.py": "LIMIT = 4\n\n\ndef add(item, *, count=2):\n    pass\n\n\ndef _own():\n    pass\n",
    "tests/test_cart.py": "def helper():\n    pass\n",
}


def test_conventional_commits_make_sections_and_lost_api_has_its_own(work: Work, shop: Project) -> None:
    shop.commit("feat: begin", BEFORE)
    shop.tag("v1.2")
    (shop.folder / "shop/old.py").unlink()
    first = shop.commit("feat(cart)!: count by name only", AFTER)
    second = shop.commit(
        "fix: round prices\n\nBREAKING CHANGE: prices have\ntwo digits now\n\nRefs: #1", by="bob"
    )
    third = shop.commit("chore: tidy")
    odd = shop.commit("Say hello")
    page, document, done = told(work, shop, goal="changelog since 1.2")
    head, _, rest = page.partition("### Breaking changes\n")
    lost, _, rest = rest.partition("### Added\n")
    assert head.splitlines() == [
        "# Changelog", "", "## [Unreleased] - 2026-03-06", "",
        "Since v1.2: 4 commits by 2 people, from 2026-03-03 to 2026-03-06.", "",
    ]  # fmt: skip
    assert lost.splitlines() == [
        "",
        f"- **cart:** count by name only ({first[:10]})",
        f"- prices have two digits now ({second[:10]})",
        "",
        "What callers of the public API lose, by comparison of the two trees:",
        "",
        "- `shop.cart.add`: parameter kind was changed `count`, positional or keyword → keyword-only"
        " (`shop/cart.py:4`)",
        "- `shop.cart.add`: parameter default was changed `count`, 1 → 2 (`shop/cart.py:4`)",
        "- `shop.cart.gone`: public object was removed (was at `shop/cart.py:8`)",
        "- `shop.old`: module removed (was at `shop/old.py:1`)",
        "",
    ]
    assert [line for line in rest.splitlines() if line] == [
        f"- **cart:** count by name only ({first[:10]})",
        "### Fixed",
        f"- round prices ({second[:10]})",
        "### Other",
        f"- Say hello ({odd[:10]})",
        "### Internal",
        f"- tidy ({third[:10]})",
    ]
    assert done.summary == "4 commits since v1.2; 4 breaking changes of the API"
    assert (document["has_history"], document["conventional"], document["authors"]) == (True, True, 2)
    assert document["base"] == {"name": "v1.2", "commit": git("rev-parse", "v1.2", folder=shop.folder)}
    assert document["areas"]["shop"] == {"changed": 1, "removed": 1}
    assert [one["kind"] for one in document["breaking_api"]][-1] == "module removed"


def test_other_commits_are_grouped_by_the_part_that_they_touch(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"README.md": "x"})
    shop.tag("v1")
    shop.commit("Add to cart", {"src/cart/a.py": "1", "tests/test_a.py": "1"})
    shop.commit("Test more", {"tests/test_a.py": "2"})
    shop.commit("Say what", {"README.md": "y"})
    shop.commit("Ship", {"orders/b.py": "1", "orders/c.py": "1", "src/cart/a.py": "2"})
    shop.tag("v2")
    page, document, _ = told(work, shop)
    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# Changelog", "## [v2] - 2026-03-06", "### cart", "### orders", "### tests", "### the project itself",
    ]  # fmt: skip
    assert document["conventional"] is False
    only, _, _ = told(work, shop, paths=["orders"])
    assert [line for line in only.splitlines() if line.startswith("- ")] == [f"- Ship ({shop.head[:10]})"]
    assert told(work, shop, paths=["./orders/"])[0] == only
    assert told(work, shop, paths=["."])[0] == page


def test_both_ends_may_be_named(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"a.py": "def f(x): ...\n"})
    shop.tag("v1.1")
    shop.commit("Change", {"a.py": "def f(): ...\n"})
    shop.tag("v1.2")
    shop.commit("Later", {"a.py": "def g(): ...\n"})
    page, document, _ = told(work, shop, goal="what changed between v1.1 and v1.2?")
    assert [one["text"] for some in document["sections"].values() for one in some] == ["Change"]
    assert "- `a.f`: parameter was removed `x`" in page
    assert "a.g" not in page
    assert "## [v1.2]" in page


def test_what_breaks_nobody_is_not_told(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"a.py": "class A(object, B):\n    def f(self, x): ...\nclass C(B, D): ...\n"})
    shop.tag("v1")
    shop.commit("More", {"a.py": "class A(B):\n    def f(__self, x, y=1): ...\nclass C(B): ...\n"})
    _, document, _ = told(work, shop)
    assert [(one["path"], one["kind"], one["old"]) for one in document["breaking_api"]] == [
        ("a.C", "base class was removed", "B, D")
    ]


def test_without_words_and_tags_everything_is_told(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"a.py": "1\n"})
    page, _, done = told(work, shop)
    assert "Since the beginning: 1 commit by 1 person, on 2026-03-02." in page
    assert done.summary == "1 commit since the beginning"


def test_name_that_is_no_revision_is_told_or_refused(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"a.py": "1\n"})
    shop.tag("v1")
    shop.commit("More", {"a.py": "2\n"})
    page, _, done = told(work, shop, goal="what changed since yesterday?")
    assert "Since v1:" in page
    untold = "what changed since yesterday: no branch, tag or commit has that name"
    assert done.summary == f"1 commit since v1; not told: {untold}"
    assert "- what changed since yesterday: no branch, tag or commit has that name" in page
    with pytest.raises(StepFailed, match=r"'v9' is no branch, no tag and no commit"):
        told(work, shop, since="v9")


def test_commit_texts_act_on_nobody(work: Work, shop: Project) -> None:
    shop.commit("feat: begin", {"a.py": "1\n"})
    shop.tag("v1")
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    shop.commit(
        f"feat(<b>): <script>alert(1)</script> `no.such.name` [x](evil.md) @alice \x1b[31m\u202e {secret}",
        {"a.py": "2\n"},
    )
    shop.commit("feat!: | a | b |\n# heading", {"[x](y) `z`/<i>.py": "1"})
    page, document, _ = told(work, shop)
    for bad in (
        "<script>",
        "<b>",
        "`no.such.name`",
        "[x](evil.md)",
        "@alice",
        "\x1b",
        "\u202e",
        secret,
        "\n# heading",
    ):
        assert bad not in page
        assert bad in ("<script>", "<b>", "`no.such.name`", "[x](evil.md)", "@alice") or bad not in str(
            document
        )


def test_upload_with_a_base_is_told_by_its_trees(work: Work, tmp_path: Path) -> None:
    base = plant(tmp_path / "base", {**BEFORE, "docs/a.md": "1"})
    head = {**BEFORE, **AFTER, "new/b.py": "x = 1\n"}
    archive = {"target": {"kind": "archive", "digest": "0" * 64, "name": "shop.zip"}}
    done = work("changelog", head, base=base, request=archive)
    page = done.artifacts["changelog.md"].decode()
    assert "Since the base, by the two trees alone: there is no history to read." in page
    assert "| new | 1 | 0 | 0 | 0 |" in page
    assert "| docs | 0 | 0 | 1 | 0 |" in page
    assert "- `shop.cart.gone`: public object was removed (was at `shop/cart.py:8`)" in page
    assert "- the history: 'shop.zip' was uploaded, and an archive has no git history" in page
    assert done.summary == "no history: 4 files differ from the base; 3 breaking changes of the API"


def test_without_history_and_base_the_step_says_what_to_do(work: Work) -> None:
    archive = {"target": {"kind": "archive", "digest": "0" * 64, "name": "shop.zip"}}
    with pytest.raises(StepFailed, match=r"'shop.zip' was uploaded.*or give a base") as caught:
        work("changelog", {"a.py": ""}, request=archive)
    assert caught.value.retriable is False


def lose(project: Project, commit: str) -> None:
    (project.folder / ".git" / "objects" / commit[:2] / commit[2:]).unlink()


def test_history_with_a_lost_commit_is_told_up_to_there(work: Work, shop: Project) -> None:
    shop.commit("Begin", BEFORE)
    lost = shop.commit("Go on", {"a.py": ""})
    shop.tag("v1.2")
    shop.commit("Last", AFTER)
    lose(shop, lost)
    page, document, done = told(work, shop)
    assert [one["text"] for some in document["sections"].values() for one in some] == ["Last"]
    why = f"commits: the commit {lost[:10]} cannot be read: it is missing in this copy of the repository"
    assert document["notes"][0].startswith(why)
    assert f"the commit {lost[:10]} cannot be read" in page
    assert lost[:10] in done.summary
    since, document, _ = told(work, shop, since="v1.2")
    assert "Since v1.2: more than 1 commit" in since
    assert any(note.startswith("what callers lose since v1.2:") for note in document["notes"])


def test_head_that_is_lost_leaves_the_two_trees(work: Work, shop: Project) -> None:
    shop.commit("Begin", BEFORE)
    shop.tag("v1.2")
    head = shop.commit("Last", AFTER)
    lose(shop, head)
    page, document, done = told(work, shop, goal="changelog since v1.2")
    assert "Since v1.2, by the two trees alone" in page
    assert len(document["breaking_api"]) == 3
    assert done.summary.startswith("no history: 2 files differ from the base; 3 breaking changes of the API")
    assert document["notes"] == [
        f"the history: the commit {head[:10]} cannot be read: it is missing in this copy of the repository, or "
        "damaged. `git fsck` tells what else is missing, a fresh clone brings it"
    ]
    with pytest.raises(StepFailed, match=f"the commit {head[:10]} cannot be read: it is missing"):
        told(work, shop)


def test_files_that_do_not_parse_are_named_and_lose_nothing(work: Work, shop: Project) -> None:
    shop.commit("Begin", {"a.py": "def f(): ...\n", "b.py": "def g(): ...\n"})
    shop.tag("v1")
    shop.commit("Break", {"a.py": "def f(:\n", "b.py": ""})
    page, document, done = told(work, shop)
    assert [one["path"] for one in document["breaking_api"]] == ["b.g"]
    assert "- the API of 1 file that cannot be read as Python" in page
    assert isinstance(done.output, AnalysisOutput)
    griffe = next(tool for tool in done.output.tools if tool.tool == "griffe")
    assert griffe.failed_count == 1


@pytest.mark.parametrize(
    ("goal", "since", "until"),
    [
        ("changelog since v1.2", "v1.2", ""),
        ("changelog since version 1.2.", "1.2", ""),
        ("What changed between v1.1 and release/2.0?", "v1.1", "release/2.0"),
        ("release notes from `a1b2c3d` to main, please", "a1b2c3d", "main"),
        ("changes v1.0..v1.1", "v1.0", "v1.1"),
        ("v1.0...HEAD", "v1.0", ""),
        ("what changed since the last release", "", ""),
        ("changelog since Ünï-1.0", "Ünï-1.0", ""),
        ("changes v1..größe/2", "v1", "größe/2"),
        ("changelog since --output=/tmp/x", "", ""),
        ("write the changelog", "", ""),
        ("since " * 600, "since", ""),
    ],
)
def test_revisions_are_read_of_goals(goal: str, since: str, until: str) -> None:
    assert wish_of(goal) == Wish(since=since, until=until)


def commit(subject: str, body: str = "") -> Commit:
    return Commit(id="a" * 40, at=DAY, author="a", subject=subject, body=body)


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("feat: x", "", ("Added", "", "x", "")),
        ("FIX(a/b): x", "", ("Fixed", "a/b", "x", "")),
        ("refactor!: x", "", ("Changed", "", "x", "x")),
        (
            "fix: x",
            "a\n\nBREAKING-CHANGE: gone\n  and away\nSigned-off-by: A",
            ("Fixed", "", "x", "gone and away"),
        ),
        ("note: x", "", ("Other", "", "note: x", "")),
        ("fix x", "BREAKING CHANGE: y", ("Other", "", "fix x", "y")),
        ("", "", ("Other", "", "(no message)", "")),
        ("feat:x", "", ("Other", "", "feat:x", "")),
    ],
)
def test_conventional_commits_are_read(subject: str, body: str, expected: tuple[str, ...]) -> None:
    one = entry(commit(subject, body))
    assert (one.section, one.scope, one.text, one.breaking) == expected


def test_half_of_the_commits_make_a_convention() -> None:
    entries = [entry(commit(text)) for text in ("feat: a", "fix: b", "Other c", "Other d", "Other e")]
    assert (is_used(entries[:4]), is_used(entries), is_used([])) == (True, False, False)


def test_areas_are_top_level_parts() -> None:
    paths = ["src/shop/a.py", "shop/a.py", "src/a.py", "README.md", "tests/a.py", "shop/tests/a.py"]
    assert [area(path) for path in paths] == ["shop", "shop", "src", "the project itself", "tests", "tests"]
    assert (area_of(["tests/a.py", "tests/b.py", "shop/a.py"]), area_of([])) == ("shop", "no file")
