"""grimp: cycles among the modules of a project.

Imports are facts of a file, read by parsing; grimp's graph is filled with them and asked. It never looks for a module
itself, so nothing of the project is found on `sys.path`, let alone imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import grimp

from agents.findings import Confidence, Severity
from agents.imports import knots, shortest_cycle, targets
from agents.inspector.analyzers.base import (
    PYTHON,
    Analyzer,
    AnswerUnreadable,
    Batch,
    Claim,
    Parsed,
    Problem,
    Tree,
)
from agents.inspector.survey import SourceFile

RULE = "import-cycle"
NAMED = 8  # modules of a cycle in its message
_DRIVER = Path(__file__).parent / "drivers" / "imports_driver.py"


class Grimp(Analyzer):
    """Structure: modules that cannot be understood, loaded or tested one without the other."""

    name = "grimp"
    package = "grimp"
    languages = frozenset({"python"})
    seconds_per_megabyte = 0.4

    def wants(self, file: SourceFile) -> bool:
        return super().wants(file) and not file.path.endswith(".pyi")

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file())]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            return Parsed(
                failed=[Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]],
                facts=dict(told["facts"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the imports driver's JSON is not what we know: {error!r}") from error

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        tests = {file.path: file.in_test_code for file in tree.files}
        modules = _modules(path for path in facts if not tests.get(path, False))
        graph = grimp.ImportGraph()
        for module in modules:
            graph.add_module(module)
        lines: dict[tuple[str, str], int] = {}
        for module, path in modules.items():
            for imported, line in targets(module, path, facts[path], modules):
                graph.add_import(importer=module, imported=imported)
                lines.setdefault((module, imported), line)
        return [_claim(shortest_cycle(knot, graph), len(knot), modules, lines) for knot in knots(lines)]


def _modules(paths: Iterator[str]) -> dict[str, str]:
    """Module -> path. A file counts from its topmost package; a name that two files have is nobody's."""
    every = sorted(paths)
    packages = {str(PurePosixPath(path).parent) for path in every if path.endswith("/__init__.py")}
    found: dict[str, str] = {}
    twice: set[str] = set()
    for path in every:
        pure = PurePosixPath(path)
        parts = [] if pure.name == "__init__.py" else [pure.stem]
        folder = pure.parent
        while str(folder) in packages:
            parts.insert(0, folder.name)
            folder = folder.parent
        name = ".".join(parts)
        if not name:
            continue
        if name in found:
            twice.add(name)
        found[name] = path
    return {name: path for name, path in found.items() if name not in twice}


def _claim(
    cycle: list[str], size: int, modules: Mapping[str, str], lines: Mapping[tuple[str, str], int]
) -> Claim:
    shown = " → ".join(cycle if len(cycle) <= NAMED else [*cycle[: NAMED - 1], "…", cycle[-1]])
    more = f" {size} modules depend on each other in all." if size > len(cycle) - 1 else ""
    line = lines[cycle[0], cycle[1]]
    return Claim(
        rule=RULE,
        tool_rule="cycle",
        title="Modules that import each other",
        message=f"Loading {shown} goes round in a circle.{more}",
        path=modules[cycle[0]],
        line=line,
        end_line=line,
        severity=Severity.LOW,
        confidence=Confidence.HIGH,
        category="maintainability",
        cwe=(1047,),
    )
