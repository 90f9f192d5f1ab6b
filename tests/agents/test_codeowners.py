"""CODEOWNERS as GitHub and GitLab read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.codeowners import MAX_BYTES, Owners

GITHUB = """
# comment
*       @org/all            # everything
*.js    @js  admin@example.org
/build/logs/ @doctocat
docs/*  @docs
apps/   @octocat
/docs/  @late
**/logs @logs
/apps/github
/scripts/ @a @b
with\\ blank/ @blank
"""


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("README.md", "@org/all"),
        ("src/x.js", "@js admin@example.org"),
        ("build/logs/today.txt", "@logs"),
        ("docs/a.md", "@late"),
        ("docs/deep/a.md", "@late"),
        ("src/docs/a.md", "@org/all"),
        ("apps/x/y.py", "@octocat"),
        ("src/apps/x.py", "@octocat"),
        ("deep/in/logs/x", "@logs"),
        ("apps/github", ""),
        ("apps/github/x.py", ""),
        ("apps/githubs/x.py", "@octocat"),
        ("scripts/x.sh", "@a @b"),
        ("with blank/x", "@blank"),
    ],
)
def test_last_rule_that_matches_wins(path: str, owner: str) -> None:
    assert Owners(GITHUB).of_path(path) == owner


def test_star_of_a_folder_does_not_reach_below_it() -> None:
    owners = Owners("docs/* @docs")
    assert [owners.of_path(path) for path in ("docs/a.md", "docs/deep/a.md")] == ["@docs", ""]


def test_sections_of_gitlab_add_up_and_give_defaults() -> None:
    owners = Owners("* @all\n[Docs][2] @writers\ndocs/\n*.md @editor\n^[Database] @dba\n*.sql\n")
    assert owners.of_path("docs/a.txt") == "@all @writers"
    assert owners.of_path("docs/a.md") == "@all @editor"
    assert owners.of_path("x/y.sql") == "@all @dba"


def test_exclusion_of_gitlab_cannot_be_undone_in_its_section() -> None:
    owners = Owners("* @all\n!pom.xml\n/pom.xml @late\n[Other]\n*.xml @xml\n")
    assert owners.of_path("pom.xml") == "@xml"


def test_place_of_github_comes_before_the_root(tmp_path: Path) -> None:
    (tmp_path / "CODEOWNERS").write_text("* @root")
    assert Owners.of(tmp_path).of_path("x") == "@root"
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_text("* @github")
    assert Owners.of(tmp_path).of_path("x") == "@github"


def test_link_and_huge_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "outside"
    secret.write_text("* @secret")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "CODEOWNERS").symlink_to(secret)
    assert Owners.of(tree).of_path("x") == ""
    (tree / "CODEOWNERS").unlink()
    (tree / "CODEOWNERS").write_bytes(b"* @huge\n" + b"#" * MAX_BYTES)
    assert Owners.of(tree).of_path("x") == ""


def test_hostile_patterns_cost_little() -> None:
    owners = Owners(
        "\n".join(["/" + "**/" * 200 + "*a" * 200 + "b @x", "*" * 5000 + "b @y", "\0[ @z", "! @q", "/ @r"])
    )
    assert owners.of_path("/".join(["a" * 200] * 200)) == "@r"
