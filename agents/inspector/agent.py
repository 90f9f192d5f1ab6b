"""Inspector: finds faults by checkers that need no running program, and tells what it could not check.

    lint            correctness of Python         ruff
    security_scan   dangerous code in Python      ruff's security rules, bandit
    secret_scan     keys and passwords, any text  detect-secrets, ruff's password rules
    complexity      functions too branchy         lizard, 20 languages; complexipy

Others are mixins in `operations/`, a module each. All work alike: the snapshot's tree, read-only ->
`analysis.analyse` -> findings and coverage (`steps`).
"""

from __future__ import annotations

from agents.base import Agent, OperationContext, operation
from agents.inspector.operations.changes import Changes
from agents.inspector.operations.dead_code import DeadCode
from agents.inspector.operations.dependencies import Dependencies
from agents.inspector.operations.fixes import Fixes
from agents.inspector.operations.imports import Imports
from agents.inspector.operations.infrastructure import Infrastructure
from agents.inspector.operations.quality import Quality
from agents.inspector.operations.structure import Structure
from agents.inspector.steps import (
    ATTEMPTS,
    GIVES,
    NEEDS,
    PYTHON,
    TIMEOUT_SECONDS,
    AnalysisInput,
    analyse_step,
)
from agents.reporting.model import AnalysisOutput


class Basics:
    """Mixin: the operations that every repository with code gets."""

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
        formatting are not its business. Docstrings that describe parameters which the function does not
        have are told, too. Runs ruff with a selection of correctness rules, griffe and pydoclint; needs no installed
        dependencies and never executes the project's code or reads its configuration.
        """
        return analyse_step("lint", input, context)

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
        return analyse_step("security_scan", input, context)

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
        return analyse_step("secret_scan", input, context)

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
        candidates for refactoring, where technical debt sits. Of Python also the cognitive complexity, in which
        nested branches weigh more, beyond 25. Runs lizard and complexipy.
        """
        return analyse_step("complexity", input, context)


class Inspector(
    Structure, DeadCode, Dependencies, Imports, Fixes, Infrastructure, Quality, Changes, Basics, Agent
):
    """Finds bugs, security holes, secrets and complexity by analyzers, with evidence and coverage."""

    name = "inspector"
    title = "Inspector"
    description = (
        "Finds bugs, security holes, leaked secrets and needless complexity in the source, "
        "with the evidence for each claim and an account of what was not analysed."
    )
    priority = 4
