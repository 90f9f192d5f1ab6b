"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
from celery import current_app

from agents import registry
from tests.house.checkout import BIN, ROOT, files, name, product_code, run
from wrenchai_project import services

MOST_LINES = 500
MOST_FUNCTION_LINES = 50
SILENCES = re.compile(r"# (noqa|type: ignore)")
SAYS_WHY = re.compile(r"# (noqa: [A-Z0-9, ]+ |type: ignore\[[a-z, -]+\]  )[-#(] ?\w")
LEFT_FOR_LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home/\w+|Users/\w+|root)/[\w.]")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|index-url|registry\.npmjs|dl\.google|deb\.debian\.org", re.I
)
NAMES_THEM_ON_PURPOSE = {
    "tests/agents/dependencies/test_formats.py",  # what files of requirements may say
    "tests/house/test_rules.py",
    "wrench",  # tells whether the user's pip has an index of its own
    "requirements.in",
    "tests/project/test_launcher.py",
}

every_module = pytest.mark.parametrize("module", product_code(), ids=name)


def test_import_rules_are_kept() -> None:
    done = run([BIN / "lint-imports", "--no-cache"])
    assert done.returncode == 0, done.stdout


def comments_of(module: Path) -> list[str]:
    source = io.StringIO(module.read_text(encoding="utf-8"))
    return [
        token.string for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.COMMENT
    ]


@every_module
def test_module_leaves_nothing_for_later(module: Path) -> None:
    assert [comment for comment in comments_of(module) if LEFT_FOR_LATER.search(comment)] == []


@every_module
def test_module_says_why_it_silences_a_check(module: Path) -> None:
    silent = [comment for comment in comments_of(module) if SILENCES.match(comment)]
    assert [comment for comment in silent if not SAYS_WHY.match(comment)] == []


@every_module
def test_module_is_of_a_readable_size(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [function.name for function in functions if statement_lines(function) > MOST_FUNCTION_LINES]
    assert long == []


def statement_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body without its docstring: a long explanation is no fault."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@every_module
def test_module_opens_with_what_it_owns(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)


def test_agents_register_their_own_queues() -> None:
    loaded = registry.load(plugins=False).agents
    assert {name: agent.queue() for name, agent in loaded.items()} == {
        name: f"agent.{name}" for name in loaded
    }
    current_app.loader.import_default_modules()
    assert {agent.queue() for agent in loaded.values()} <= set(current_app.tasks)


def test_every_queue_has_a_group_of_workers() -> None:
    queues = {agent.queue() for agent in registry.load(plugins=False).agents.values()}
    assert sorted((*services.INTERACTIVE, *services.HEAVY)) == sorted(queues)


def test_no_file_names_a_machine_or_a_registry() -> None:
    named = {}
    for path in files():
        if name(path) in NAMES_THEM_ON_PURPOSE:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = [match.group() for rule in (MACHINE, REGISTRY) for match in rule.finditer(text)]
        if found:
            named[name(path)] = sorted(set(found))
    assert named == {}


def test_no_file_is_huge_or_a_secret_store() -> None:
    assert [name(path) for path in files() if path.stat().st_size > 1_000_000] == []
    assert not [path for path in files() if path.name == ".env"]


def test_scripts_can_be_executed() -> None:
    for script in ("wrench", "manage.py", ".ci/run"):
        assert (ROOT / script).stat().st_mode & 0o100, script
