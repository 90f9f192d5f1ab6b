"""The labelled cases of each corpus: where, which category, vulnerable or not.

A case is a stretch of lines in one file. Its half is fixed by its place: odd ones are for tuning, even ones for
reporting.

    semgrep        what follows `ruleid:`, to the next label or the function's end, is vulnerable, what follows `ok:`
                   safe (a rule's match may begin at the source and end at the sink); halves by file
    codeql         a function with an expected alert is vulnerable, one without, that handles a request, safe;
                   halves by function; statements of a module's own body count each
    securityeval   every file is vulnerable (no precision can be told); halves by file
    cases          our own programs, whose truth was found by attacking them; halves by the forms of code
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_TABLES = tomllib.loads((HERE / "families.toml").read_text())
LATER = frozenset(
    _TABLES["later"]
)  # categories whose cases are counted for themselves, so that halves stay as they were
FAMILIES: dict[str, frozenset[int]] = {
    name: frozenset(of) for name, of in (*_TABLES["families"].items(), *_TABLES["later"].items())
}
ADDED: dict[str, tuple[int, ...]] = {rule: tuple(of) for rule, of in _TABLES["rules"].items()}
_LABELS: dict[str, str] = _TABLES["labels"]
CORPORA: dict[str, dict[str, str]] = tomllib.loads((HERE / "corpora.toml").read_text())

TUNE, REPORT = "tune", "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Lines `first` to `last` of `path`, a file below `tree`, which is analysed as one project."""

    tree: Path
    path: str
    first: int
    last: int
    category: str
    vulnerable: bool
    half: str


def cases(corpus: str, root: Path) -> list[Case]:
    """Read all labelled cases of a corpus below `root`. Raises SystemExit if it is not there."""
    folder = root / CORPORA[corpus]["folder"]
    if not folder.is_dir():
        raise SystemExit(f"{folder} is missing: fetch {CORPORA[corpus]['repository']} first")
    reader = {"semgrep": _semgrep, "codeql": _codeql, "securityeval": _securityeval, "cases": _own}[corpus]
    return list(reader(folder))


def _category(number: int) -> str:
    return next((name for name, numbers in FAMILIES.items() if number in numbers), "")


def _half(number: int) -> str:
    return TUNE if number % 2 else REPORT


def _parsed(path: Path) -> tuple[list[str], ast.Module | None]:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return text.split("\n"), ast.parse(text)
    except (SyntaxError, ValueError):
        return text.split("\n"), None  # labels stand in the text; the tools say whether they could read it


# semgrep: `# ruleid: name` or `# ok: name` above the line that is meant

_ANNOTATION = re.compile(r"#\s*(?P<what>ruleid|ok)\s*:\s*(?P<rules>[\w\-., ]+)")
_RULE_ID = re.compile(r"^\s*-?\s*id:\s*([\w\-.]+)", re.MULTILINE)
_CWE = re.compile(r"CWE-(\d+)")


def _semgrep(folder: Path) -> Iterator[Case]:
    categories = _semgrep_rules(folder)
    files = sorted(path for path in folder.rglob("*.py") if "security" in path.parts)
    for number, path in enumerate(files, start=1):
        if path.name.endswith(".fixed.py"):
            continue  # what a rule makes of the file beside it: the labels stayed, the mistakes are gone
        lines, module = _parsed(path)
        labels: dict[tuple[int, str], bool] = {}
        for index, line in enumerate(lines):
            found = _ANNOTATION.search(line)
            if not found:
                continue
            target = _code_below(lines, index)
            for rule in re.split(r"[,\s]+", found["rules"].strip()):
                category = categories.get(rule.rpartition(".")[2], "")
                if category:
                    bad = found["what"] == "ruleid"
                    labels[target, category] = labels.get((target, category), False) or bad
        targets = sorted({line_number for line_number, _ in labels})
        for (line_number, category), bad in labels.items():
            next_label = min((other for other in targets if other > line_number), default=len(lines) + 2)
            end = max(_end(module, line_number), _end_of_function(module, line_number))
            yield Case(
                tree=folder,
                path=path.relative_to(folder).as_posix(),
                first=line_number,
                last=min(end, next_label - 1),
                category=category,
                vulnerable=bad,
                half=_half(number),
            )


def _semgrep_rules(folder: Path) -> dict[str, str]:
    categories: dict[str, str] = {}
    for path in folder.rglob("*.yaml"):
        text = path.read_text()
        for part in re.split(r"(?m)^(?=\s*-\s*id:)", text):
            name, cwe = _RULE_ID.search(part), _CWE.search(part)
            if name and (cwe or name[1] in _LABELS):
                categories[name[1]] = _LABELS.get(name[1]) or _category(int(cwe[1]) if cwe else 0)
    return categories


def _code_below(lines: list[str], index: int) -> int:
    """Give the number of the first line below that is no comment and not blank; its own if code stands before."""
    if not lines[index].lstrip().startswith("#"):
        return index + 1
    for below in range(index + 1, len(lines)):
        if lines[below].strip() and not lines[below].lstrip().startswith("#"):
            return below + 1
    return index + 1


def _end(module: ast.Module | None, line: int) -> int:
    """Give the last line of what begins at a line: a whole function, the head only of other compound statements."""
    ends = [line]
    for node in ast.walk(module) if module else ():
        if not isinstance(node, ast.stmt):
            continue
        decorators = getattr(node, "decorator_list", ())
        if line == node.lineno or any(one.lineno == line for one in decorators):
            body = getattr(node, "body", None)
            compound = isinstance(body, list) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ends.append(body[0].lineno - 1 if compound and body else node.end_lineno or line)
    return max(ends)


def _end_of_function(module: ast.Module | None, line: int) -> int:
    """Give the last line of the innermost function around a line, or the line itself."""
    around = [
        node
        for node in (ast.walk(module) if module else ())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno).end_lineno or line if around else line


# codeql: `# $ Alert` beside the line, or rows of NAME.expected below `#select`

_SELECTED = re.compile(r"^\|\s*(?P<file>[\w./\-]+\.py):(?P<line>\d+):")
_ALERT = re.compile(r"#\s*\$(?P<tags>.*)")


def _codeql(folder: Path) -> Iterator[Case]:
    numbers = {True: 0, False: 0}
    for tree in sorted(path for path in folder.iterdir() if path.is_dir()):
        cwe = _CWE.match(tree.name)
        category = _LABELS.get(tree.name) or (_category(int(cwe[1])) if cwe else "")
        if not category:
            continue
        expected = _expected(tree)
        for path in sorted(tree.rglob("*.py")):
            lines, module = _parsed(path)
            name = path.relative_to(tree).as_posix()
            alerts = {line for file, line in expected if file in (name, path.name)} | _beside(lines)
            alerts -= {index for index, line in enumerate(lines, start=1) if "SPURIOUS: Alert" in line}
            for first, last, bad in _stretches(module, lines, alerts):
                numbers[category in LATER] += 1
                yield Case(
                    tree=tree,
                    path=name,
                    first=first,
                    last=last,
                    category=category,
                    vulnerable=bad,
                    half=_half(numbers[category in LATER]),
                )


def _expected(tree: Path) -> set[tuple[str, int]]:
    rows: set[tuple[str, int]] = set()
    for path in tree.rglob("*.expected"):
        if path.stem in ("DataflowQueryTest", "DataFlowConsistency", "ExceptionInfo", "HeaderWriteTest"):
            continue
        text = path.read_text()
        part = text.partition("#select\n")[2] if "#select\n" in text else text
        for line in part.split("\n"):
            found = _SELECTED.match(line)
            if not found:
                break  # the next table: edges and nodes of the paths
            rows.add((found["file"], int(found["line"])))
    return rows


def _beside(lines: list[str]) -> set[int]:
    found = ((index, _ALERT.search(line)) for index, line in enumerate(lines, start=1))
    return {index for index, one in found if one and "Alert" in one["tags"]}


def _stretches(
    module: ast.Module | None, lines: list[str], alerts: set[int]
) -> Iterator[tuple[int, int, bool]]:
    covered: set[int] = set()
    for node in _functions(module) if module else ():
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        last = node.end_lineno or first
        inside = alerts & set(range(first, last + 1))
        covered |= set(range(first, last + 1))
        text = "\n".join(lines[first - 1 : last])
        if inside:
            yield first, last, True
        elif "request" in text or node.decorator_list:
            yield first, last, False
    for line in sorted(alerts - covered):
        yield line, _end(module, line), True


def _functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield functions and methods, but not what is nested in a function."""
    waiting: list[ast.stmt] = list(module.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef | ast.If | ast.Try):
            waiting += node.body


def _securityeval(folder: Path) -> Iterator[Case]:
    for number, path in enumerate(sorted(folder.rglob("*.py")), start=1):
        cwe = _CWE.match(path.relative_to(folder).parts[0])
        category = _category(int(cwe[1])) if cwe else ""
        if category:
            yield Case(
                tree=folder,
                path=path.relative_to(folder).as_posix(),
                first=1,
                last=1 << 30,
                category=category,
                vulnerable=True,
                half=_half(number),
            )


def _own(folder: Path) -> Iterator[Case]:
    truth: dict[str, str] = json.loads((folder / "truth.json").read_text())
    for case in json.loads((folder / "cases.json").read_text()):
        if "broken" not in truth[case["file"]]:
            yield Case(
                tree=folder,
                path=case["file"],
                first=1,
                last=1 << 30,
                category=case["kind"],
                vulnerable=truth[case["file"]] == "vulnerable",
                half=case["half"],
            )
