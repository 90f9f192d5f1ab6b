"""Inspector: finds faults by checkers that need no running program, and tells what it could not check.

    lint            correctness of Python         ruff
    security_scan   dangerous code in Python      ruff's security rules, bandit
    secret_scan     keys and passwords, any text  detect-secrets, ruff's password rules
    complexity      functions too branchy         lizard, 20 languages

All four work alike: the snapshot's tree, read-only -> `analysis.analyse` -> findings and coverage. A tool that
fails is named in the output; only when every tool that had something to do failed does the step fail.
"""

from __future__ import annotations

from pydantic import Field

from agents import workspace
from agents.base import Agent, OperationContext, Schema, operation
from agents.inspector.analysis import Analysis, analyse
from agents.inspector.analyzers import ANALYZERS
from agents.reporting.model import AnalysisOutput, ToolRun, ToolState, count_by_severity, plural
from tasks.contract import StepFailed

TIMEOUT_SECONDS = 900
ATTEMPTS = 2  # the tools are deterministic: a second try only helps against a lost worker or a full machine
NEEDS = ("snapshot",)
GIVES = ("findings",)
PYTHON = ("language:python",)


class AnalysisInput(Schema):
    """Which tree to look at, and which parts of it; no paths means all of it."""

    snapshot: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the stored snapshot, in hex")
    paths: list[str] = Field(
        default_factory=list, description="files and folders, relative to the tree's root"
    )


class Inspector(Agent):
    """Finds bugs, security holes, secrets and complexity by analyzers, with evidence and coverage."""

    name = "inspector"
    title = "Inspector"
    description = (
        "Finds bugs, security holes, leaked secrets and needless complexity in the source, "
        "with the evidence for each claim and an account of what was not analysed."
    )
    priority = 4

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        requires=PYTHON,
        examples=(
            "find bugs in this project",
            "review the code",
            "check my Python code for errors",
            "is there anything broken in this repository?",
            "find undefined names and unused variables",
            "lint the project",
            "what is wrong with this code?",
        ),
    )
    def lint(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find bugs and mistakes in Python code.

        Looks for what is wrong whatever the program is for: undefined names, unused variables and imports,
        mutable default arguments, comparisons without effect, string formats that fail when they run, exceptions
        that are made but never raised, tests that can never fail, blocking calls in async functions. Style and
        formatting are not its business. Runs ruff with a selection of correctness rules; needs no
        installed dependencies and never executes the project's code or reads its configuration.
        """
        return _analyse("lint", input, context)

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        requires=PYTHON,
        examples=(
            "find security problems",
            "is this code safe?",
            "check for SQL injection",
            "audit the security of this repository",
            "look for vulnerabilities",
            "can somebody hack this?",
            "security review before the release",
            "find command injection and unsafe deserialisation",
        ),
    )
    def security_scan(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find dangerous code and security vulnerabilities in Python.

        Looks for SQL injection, command and code injection, unsafe deserialisation (pickle, YAML), broken
        cryptography and hashes, TLS verification that is switched off, cross-site scripting through unescaped HTML,
        archives unpacked unsafely, requests without timeouts. Runs ruff's security rules and bandit;
        what both report is one finding with both as evidence, each with its CWE number.
        """
        return _analyse("security_scan", input, context)

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=1800,  # detect-secrets needs about 0.05 s of CPU for 1,000 lines, four times the others
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "find leaked secrets",
            "are there passwords in the code?",
            "check for API keys and tokens in the repository",
            "did somebody commit credentials?",
            "is it safe to make this repository public?",
            "find hardcoded passwords",
            "security audit",
        ),
    )
    def secret_scan(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find passwords, API keys and tokens that are in the repository.

        Looks at every text file, whatever its language: cloud keys, access tokens of some twenty services, private
        keys, passwords in URLs and assignments, random-looking text. Placeholders and test data are left out.
        The secret itself is never stored or shown: each finding has its place and its line with the secret cut
        out. Runs detect-secrets without asking any service, and ruff's password rules.
        """
        return _analyse("secret_scan", input, context)

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "which functions are too complex?",
            "where is the code hard to maintain?",
            "find technical debt",
            "what should we refactor first?",
            "review code quality and maintainability",
            "measure cyclomatic complexity",
        ),
    )
    def complexity(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find functions that are too complex to test and maintain.

        Measures the cyclomatic complexity of every function in Python, JavaScript, TypeScript, Java, Go, C, C++,
        C#, Ruby, PHP, Rust, Swift, Kotlin, Scala and others, and reports those with more than 15 paths:
        candidates for refactoring, where technical debt sits. Runs lizard.
        """
        return _analyse("complexity", input, context)


def _analyse(name: str, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
    with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
        analysis = analyse(
            tree,
            ANALYZERS[name],
            scratch=context.scratch,
            paths=input.paths,
            tell=context.log,
            progress=context.progress,
            cancelled=context.cancelled,
        )
    output = output_of(analysis)
    context.add_findings(analysis.findings)
    context.summary = output.summary
    return output


def output_of(analysis: Analysis) -> AnalysisOutput:
    """Sum an analysis up. Raises StepFailed when every tool that had something to do failed."""
    busy = [run for run in analysis.tools if run.state is not ToolState.NOT_APPLICABLE]
    if busy and all(run.state is ToolState.FAILED for run in busy):
        raise StepFailed(
            "no tool could do its work: " + "; ".join(f"{run.label}: {_complaint(run)}" for run in busy)
        )
    counts = {
        str(severity): count for severity, count in count_by_severity(analysis.findings).items() if count
    }
    return AnalysisOutput(
        tools=tuple(analysis.tools),
        findings_by_severity=counts,
        summary=_summary(analysis, counts, busy),
    )


def _summary(analysis: Analysis, counts: dict[str, int], busy: list[ToolRun]) -> str:
    if not busy:
        return "nothing here that these tools can analyse"
    told = plural(len(analysis.findings), "finding") if analysis.findings else "no finding"
    if counts:
        told += " (" + ", ".join(f"{count} {severity}" for severity, count in counts.items()) + ")"
    told += f" in {plural(max(run.files_analysed for run in busy), 'file')}"
    faulty = [run for run in busy if run.state is not ToolState.OK]
    if faulty:
        told += "; incomplete: " + ", ".join(
            f"{run.label} failed"
            if run.state is ToolState.FAILED
            else f"{run.label} could not analyse {plural(run.failed_count, 'file')}"
            for run in faulty
        )
    return told


def _complaint(run: ToolRun) -> str:
    return run.note or (run.failed[0].reason if run.failed else "it gave no reason")
