"""`docstring_report`: which docstrings are missing, and which no longer fit their code."""

from __future__ import annotations

import json

from agents.base import OperationContext, operation
from agents.documentation import drift, pydoclint
from agents.documentation.claims import clean, findings
from agents.documentation.coverage import ModuleCoverage, coverage
from agents.documentation.material import (
    ATTEMPTS,
    NEEDS,
    PYTHON,
    TIMEOUT_SECONDS,
    Material,
    TreeInput,
    opened,
    unread_of,
)
from agents.findings import FindingData
from agents.grounding import demand
from agents.reporting.markdown import code
from agents.reporting.model import AnalysisOutput, ToolRun, count_by_severity, plural

LACKING_NAMED = 200  # names without a docstring that the page lists; the JSON lists all


class Docstrings:
    """What docstrings say, beside what the code does."""

    @operation(
        TreeInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=("findings",),
        requires=PYTHON,
        examples=(
            "check the docstrings",
            "which docstrings are stale?",
            "how much of the public API has docstrings?",
            "do the docstrings still match the signatures?",
            "find undocumented functions",
        ),
    )
    def docstring_report(self, input: TreeInput, context: OperationContext) -> AnalysisOutput:
        """Report docstrings that are missing or no longer match the code.

        Compares what docstrings list (parameters, types, returned values, errors) with the signature and the
        body of each function: a parameter that does not exist, types that contradict, a return value that there is
        not, an error that nobody defines are findings. Measures how much of the public API has docstrings, module
        by module. Reads Google, NumPy and Sphinx style; runs griffe and pydoclint without executing code.
        Stores the pages docstrings.md and docstrings.json.
        """
        with opened(input, context) as material:
            said, checked = pydoclint.run(material, scratch=context.scratch, cancelled=context.cancelled)
            context.progress(2, 3, "comparing")
            claims = list(drift.drift(material.symbols, material.index, said))
            found = findings(claims, material.sources)
            covered = coverage(material.symbols)
            _store(covered, found, material, context)
        read = material.tool.model_copy(update={"findings": len(found)})
        counts = {str(severity): n for severity, n in count_by_severity(found).items() if n}
        context.add_findings(found)
        context.progress(3, 3, "done")
        context.summary = _summary(covered, found, read)
        return AnalysisOutput(tools=(read, checked), findings_by_severity=counts, summary=context.summary)


def _summary(covered: list[ModuleCoverage], found: list[FindingData], read: ToolRun) -> str:
    if not read.files_analysed:
        return "no Python file could be read, so nothing is known of docstrings"
    total, documented = sum(one.total for one in covered), sum(one.documented for one in covered)
    told = f"{len(found):,} {'contradiction or gap' if len(found) == 1 else 'contradictions or gaps'}"
    told = told if found else "no contradiction"
    share = (
        f"{100 * documented / total:.1f} % of {plural(total, 'public name')} documented"
        if total
        else "no public name"
    )
    return f"{share}; {told} in docstrings{unread_of(read)}"


def _store(
    covered: list[ModuleCoverage], found: list[FindingData], material: Material, context: OperationContext
) -> None:
    page = demand(_page(covered, found), material.index)
    context.put_artifact("docstrings.md", page.encode(), media_type="text/markdown; charset=utf-8")
    told = {
        "modules": [
            {
                "module": one.module,
                "file": one.file,
                "public": one.total,
                "documented": one.documented,
                "percent": round(one.percent, 1),
                "lacking": [{"name": s.path, "kind": s.kind, "line": s.line} for s in one.lacking],
            }
            for one in covered
        ]
    }
    context.put_artifact(
        "docstrings.json", json.dumps(told, indent=1).encode(), media_type="application/json"
    )


def _page(covered: list[ModuleCoverage], found: list[FindingData]) -> str:
    """The report as Markdown; names are code spans, so that each is checked."""
    total, documented = sum(one.total for one in covered), sum(one.documented for one in covered)
    share = f"{100 * documented / total:.1f} %" if total else "none to document"
    lines = ["# Docstrings", "", f"Documented: {documented:,} of {total:,} public names ({share}).", ""]
    if found:
        lines += ["## No longer true", ""]
        lines += [f"- {code(f'{one.path}:{one.line}')} {_escaped(one.message)}" for one in found]
        lines += [""]
    lines += ["## By module", "", "| module | public | documented | % |", "|---|--:|--:|--:|"]
    lines += [f"| `{one.module}` | {one.total} | {one.documented} | {one.percent:.0f} |" for one in covered]
    lacking = [(one, symbol) for one in covered for symbol in one.lacking]
    if lacking:
        lines += ["", "## Without a docstring", ""]
        lines += [
            f"- {s.kind} `{s.path}`, {code(f'{one.file}:{max(s.line, 1)}')}"
            for one, s in lacking[:LACKING_NAMED]
        ]
        if len(lacking) > LACKING_NAMED:
            lines += [f"- and {len(lacking) - LACKING_NAMED:,} more"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """A message as plain text: what a docstring names wrongly is no claim of this page."""
    plain = clean(text).replace("`", '"').replace("\n", " ")
    return "".join(f"\\{c}" if c in "\\*_[]<>#|" else c for c in plain)
