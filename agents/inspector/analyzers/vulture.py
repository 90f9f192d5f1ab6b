"""vulture: Python code that nobody calls or that can never run.

A definition is dead when its name occurs nowhere else: in no Python file, in no text that is code, and in no
template or configuration. That is a guess about a dynamic language, so it is told with low confidence, and what
frameworks and users of a library call by convention is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import (
    PYTHON,
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    Tree,
    quoted,
)
from agents.inspector.survey import SourceFile

UNUSED = "dead-code"
UNREACHABLE = "unreachable-code"
_DRIVER = Path(__file__).parent / "drivers" / "vulture_driver.py"
# all that is no part of an ASCII name becomes a space: to split at those is faster than to look for names
_WORDS_ALONE = bytes(
    byte if chr(byte).isascii() and (chr(byte).isalnum() or byte == ord("_")) else 32 for byte in range(256)
)

# Called by convention: Django, DRF, Flask, Celery, pytest, unittest, Sphinx, setuptools, WSGI servers, Python itself.
_CONVENTIONS = """
setUp* tearDown* asyncSetUp asyncTearDown pytest_* test_* Test* *Test setup_* teardown_* setup
ready handle add_arguments save_model get_queryset get_context_data get_*_display get_urls dispatch
clean clean_* validate validate_* to_representation to_internal_value resolve_* filter_* order_*
has_permission has_object_permission has_*_permission
Meta Media Config Migration Command Arguments DoesNotExist
visit_* depart_* leave_* do_* on_* handle_* process_* log_message emit format default run
main application app create_app make_app lambda_handler handler* upgrade downgrade
"""
CALLED_BY_FRAMEWORKS = tuple(_CONVENTIONS.split())
# Whose content is called by the framework that loads it.
_LOADED_BY_FRAMEWORKS = re.compile(
    r"(^|/)(migrations|alembic|versions|management/commands|templatetags)/|(^|/)(conftest|settings|setup|conf|admin|apps"
    r"|urls|asgi|wsgi|noxfile|tasks|fabfile|gunicorn[\w.]*)\.py$|(^|/)settings/"
)
_LIBRARY = re.compile(r"^(setup\.py|setup\.cfg|pyproject\.toml)$")
_PACKAGED = re.compile(r"(?m)^\s*(?:setup\(|\[metadata\]|\[project\]|\[tool\.poetry\])")
_APPLICATION = frozenset({"manage.py", "wsgi.py", "asgi.py"})
_DUNDER = re.compile(r"__\w+__$")
_FEW = 40  # names; to look for so many in a text costs what taking the text apart does


class VultureTool(Analyzer):
    """Maintainability: what can be deleted."""

    name = "vulture"
    package = "vulture"
    languages = frozenset({"python"})
    silencer = "noqa"
    seconds_per_megabyte = 1.2

    def wants(self, file: SourceFile) -> bool:
        return super().wants(file) and not file.path.endswith(".pyi")

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            tests = {file.path: file.in_test_code for file in batch.files}
            return Parsed(
                claims=[
                    _unreachable(path, row, in_test_code=tests.get(path, False))
                    for path, fact in told["facts"].items()
                    for row in fact["unreachable"]
                ],
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
                facts=told["facts"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the vulture driver's JSON is not what we know: {error!r}") from error

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        used = {name for fact in facts.values() for name in fact["used"]}
        begins = tuple({begin for fact in facts.values() for begin in fact["begins"]})
        tests = {file.path: file.in_test_code for file in tree.files}
        public = not _is_library(tree)
        candidates = [
            (path, row)
            for path, fact in facts.items()
            if not tests.get(path, False) and not _LOADED_BY_FRAMEWORKS.search(path)
            for row in fact["defined"]
            if row[0] not in used and not row[0].startswith(begins) and _may_be_dead(row, public=public)
        ]
        # Templates and entry points reach no private names.
        named = _named_elsewhere({row[0] for _, row in candidates if not row[0].startswith("_")}, tree)
        return [_unused(path, row) for path, row in candidates if row[0] not in named]

    def reproduce(self, claim: Claim) -> str:
        if claim.rule == UNREACHABLE:
            return f"vulture --min-confidence 100 {quoted(claim.path)}"
        return "vulture ."


def _may_be_dead(row: list[Any], *, public: bool) -> bool:
    name, kind, _, _, around = row
    marks = around.split()
    if "decorated" in marks and kind != "property":
        return False  # the decorator may have registered it
    if "in-subclass" in marks or _DUNDER.fullmatch(name):
        return False  # the base class may call it
    if any(fnmatchcase(name, pattern) for pattern in CALLED_BY_FRAMEWORKS):
        return False
    return name.startswith("_") or public


def _is_library(tree: Tree) -> bool:
    """Tell whether others install this tree and call what nobody here calls."""
    names = {PurePosixPath(file.path).name for file in tree.files}
    if names & _APPLICATION:
        return False
    heads = [file for file in tree.files if _LIBRARY.match(file.path)]
    return any(_PACKAGED.search(tree.text(file)) for file in heads)


def _named_elsewhere(names: set[str], tree: Tree) -> set[str]:
    """Which of the names stand in templates, configuration or other languages; prose does not count."""
    sought = {name.encode() for name in names}
    found: set[bytes] = set()
    for file in tree.files if names else ():
        if file.language != "python" and not (file.in_docs and not file.language):
            content = tree.content(file)
            here = sought if len(sought) > _FEW else {name for name in sought if name in content}
            plain = {name for name in here if name.isascii()}
            if plain:
                found.update(plain.intersection(content.translate(_WORDS_ALONE).split()))
            found.update(name for name in here - plain if name in content)
            sought -= found
    return {name.decode() for name in found}


def _unreachable(path: str, row: list[Any], *, in_test_code: bool) -> Claim:
    message, first, last, is_explained = row
    is_switch = not message.startswith(
        "unreachable code after"
    )  # `if False:`, with a remark why or in a test
    return Claim(
        rule=UNREACHABLE,
        tool_rule="unreachable_code",
        title="Code that can never run",
        message=f"{message[:1].upper()}{message[1:]}.",
        path=path,
        line=max(1, first),
        end_line=max(1, last),
        severity=Severity.INFO if is_switch and (is_explained or in_test_code) else Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(561,),
    )


def _unused(path: str, row: list[Any]) -> Claim:
    name, kind, first, last, _ = row
    private = name.startswith("_")
    return Claim(
        rule=UNUSED,
        tool_rule=f"unused {kind}",
        title=f"{kind.capitalize()} that nothing in this project uses",
        message=f"Nothing in this project names the {kind} {name}, in Python, templates or configuration.",
        path=path,
        line=max(1, first),
        end_line=max(1, last),
        severity=Severity.LOW if private else Severity.INFO,
        confidence=Confidence.MEDIUM if private else Confidence.LOW,
        category="maintainability",
        cwe=(561,),
    )
