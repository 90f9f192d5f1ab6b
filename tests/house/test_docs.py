"""The docs say what is: links resolve, examples run, verbs and files and names exist."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.roles import is_known
from tests.house.checkout import NOT_OURS, PACKAGES, ROOT, files, name, pages, run
from wrenchai_project.env import DECLARED

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.M)
CODE = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+(?:\(.*\))?\Z")
FILE = re.compile(r"(?:[\w.-]+/)+[\w.-]*\Z|[\w-]+\.(?:py|toml|yml|md|txt|in)\Z|Makefile\Z")
NOT_FILES = {
    "wrench.toml",  # what a project may have
    "corpora.toml",
    "api_reference.md",
    "architecture_map.md",
    "changelog.md",
    "data_model.md",
    "docstrings.md",
    "http_api.md",
    "pull_request.md",
    "environment.yml",  # these three: what is read of other projects
    "pylock.toml",
    "setup.py",
    "report.md",
    "history.jsonl",
    "pyproject.toml",
    "wrench_license.py",
}  # what a run, or a page, makes
MADE_HERE = re.compile(r"^```\w+ file=(\S+)$", re.M)  # what a page's own example puts there
EXTERNAL = ("http://", "https://", "mailto:")
READ_BY_THE_LAUNCHER = {"WRENCH_PYTHON"}
TOLD_OF_TESTS = re.compile(r"^\| `(WRENCH_[A-Z_]+)=", re.M)  # rows of the page on tests
READ_BY_TESTS = re.compile(
    r"""environ(?:\.get\(|\[)"(WRENCH_[A-Z_]+)|"(WRENCH_[A-Z_]+)" (?:not )?in os\.environ"""
)
SET_BY_TESTS = {"WRENCH_ARTIFACTS_DIR", "WRENCH_HEART_ORDERS", "WRENCH_STATE_DIR", "WRENCH_TEST_FENCE_OFF"}

every_page = pytest.mark.parametrize("page", pages(), ids=name)


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Name the headings as GitHub does: lower case, without punctuation, blanks as hyphens."""
    bare = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", title) for title in HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in bare}


def examples(mark: str) -> list[object]:
    return [
        pytest.param(body, id=f"{name(page)}-{number}")
        for page in pages()
        for number, (info, body) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")), start=1)
        if info == mark
    ]


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(EXTERNAL):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@every_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = {word for word in CODE.findall(prose(page)) if FILE.match(word) and word not in NOT_FILES}
    named -= set(MADE_HERE.findall(page.read_text(encoding="utf-8")))
    top = {path.name for path in ROOT.iterdir()} - NOT_OURS
    inside = {word for word in named if word.partition("/")[0] in top or "/" not in word}
    assert sorted(word for word in inside if not (ROOT / word).exists()) == []


@every_page
def test_names_of_the_code_that_a_page_names_exist(page: Path) -> None:
    named = {word.partition("(")[0] for word in CODE.findall(prose(page)) if DOTTED.match(word)} - NOT_FILES
    missing = {
        word for word in named if not (ROOT / word).exists() and not is_known(word) and not resolves(word)
    }
    assert missing == set()


def resolves(dotted: str) -> bool:
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@every_page
def test_variables_that_a_page_names_are_settings(page: Path) -> None:
    named = set(re.findall(r"\bWRENCH_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named - set(DECLARED) - READ_BY_THE_LAUNCHER - told_of_tests() == set()


def told_of_tests() -> set[str]:
    return set(TOLD_OF_TESTS.findall((ROOT / "docs/how_to/run_the_tests.md").read_text(encoding="utf-8")))


def test_page_on_tests_has_each_variable_that_they_read() -> None:
    sources = (
        path for path in files() if name(path).startswith(("tests/", "benchmarks/")) and path.suffix == ".py"
    )
    read = {
        one or other
        for path in sources
        for one, other in READ_BY_TESTS.findall(path.read_text(encoding="utf-8"))
    }
    assert told_of_tests() == read - SET_BY_TESTS


def verbs_of_the_launcher() -> set[str]:
    said = run([sys.executable, ROOT / "wrench", "help"]).stdout
    return set(re.findall(r"^  (\w+) ", said, re.M))


@pytest.mark.parametrize("page", ["README.md", "docs/reference/commands.md"])
def test_pages_list_the_verbs_of_the_launcher(page: str) -> None:
    listed = set(re.findall(r"^\| `./wrench (\w+)` \|", (ROOT / page).read_text(encoding="utf-8"), re.M))
    assert listed - {"manage"} == verbs_of_the_launcher() - {"manage"}


@every_page
def test_verbs_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"\./wrench ([a-z_]+)\b", page.read_text(encoding="utf-8")))
    assert named - verbs_of_the_launcher() == set()


@pytest.mark.parametrize("example", examples("python test"))
def test_example_runs(example: str) -> None:
    exec(compile(example, "<example>", "exec"), {"__name__": "example"})


def test_there_are_examples() -> None:
    assert len(examples("python test")) >= 6


def reached(page: Path, seen: set[Path]) -> Iterator[Path]:
    if page in seen or page.suffix != ".md" or not page.exists():
        return
    seen.add(page)
    yield page
    for link in LINK.findall(prose(page)):
        if not link.startswith(EXTERNAL):
            yield from reached((page.parent / link.partition("#")[0]).resolve(), seen)


def test_every_page_is_reached_from_the_readme() -> None:
    assert set(pages()) - set(reached(ROOT / "README.md", set())) == set()


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=lambda path: path.stem)
def test_record_says_the_five_things_on_one_page(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    for part in ("**Context.**", "**Decision.**", "**Rejected.**", "**Price.**", "**Sign of being wrong.**"):
        assert part in text


def test_records_that_the_code_cites_exist() -> None:
    cited = {
        number
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for number in re.findall(r"ADR-(\d{4})", path.read_text(encoding="utf-8"))
    }
    kept = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("0*.md")}
    assert cited - kept == set()
