"""What a project wants of its analyses: the settings of `wrench.toml`, version 1.

Owns: the names, the types, the bounds and the defaults. Refuses to know where the text comes from (`reading`).
Invariant: nothing here is a regular expression, a command or a path out of the tree; every list is bounded.
The reference page docs/reference/wrench_toml.md is made of the descriptions below.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from agents.dependencies.licences import fault_of_name
from agents.quality.globs import fault_of

VERSION = 1
MAX_PATTERNS = 200
MAX_RULES = 200
MAX_REASON = 300

SeverityName = Literal["critical", "high", "medium", "low", "info"]
ConfidenceName = Literal["high", "medium", "low"]
RatingName = Literal["A", "B", "C", "D", "E"]
Off = Literal["off"]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Minutes = Annotated[int, Field(ge=0, le=10_000)]


def _licence(name: str) -> str:
    fault = fault_of_name(name)
    if fault:
        raise ValueError(f"{name!r} {fault}")
    return name


LicenceName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9.+-]{1,80}( WITH [A-Za-z0-9.+-]{1,80})?$"),
    AfterValidator(_licence),
]
RuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:*?-]{1,120}$")]


class _Table(BaseModel):
    # strict: "15" is no number and 1 is no truth; what was meant must be said
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _checked(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        fault = fault_of(pattern)
        if fault:
            raise ValueError(f"{pattern[:80]!r}: {fault}")
    return patterns


Patterns = Annotated[list[str], Field(max_length=MAX_PATTERNS)]


class Paths(_Table):
    """Which files count as what. Patterns: `name`, `/from/root`, `*`, `?`, `**`."""

    exclude: Patterns = Field(default=[], description="files and folders that no analysis looks at")
    generated: Patterns = Field(default=[], description="generated code: not analysed, not measured")
    tests: Patterns = Field(default=[], description="test code, beside what its name or folder tells")

    @field_validator("exclude", "generated", "tests")
    @classmethod
    def _patterns(cls, value: list[str]) -> list[str]:
        return _checked(value)


class Rule(_Table):
    """What is different for one rule, or for those that fit a pattern, and why."""

    reason: str = Field(min_length=1, max_length=MAX_REASON, description="why; it stands in the report")
    enabled: bool = Field(default=True, description="false: its findings are left out")
    severity: SeverityName | None = Field(default=None, description="the severity of its findings")


class Gate(_Table):
    """What new code must keep. `"off"` takes a condition away."""

    new_security: SeverityName | Off = Field(
        default="high", description="no new security finding so severe or worse"
    )
    new_security_confidence: ConfidenceName = Field(
        default="medium", description="security findings less sure than this do not count in the gate"
    )
    new_secrets: Literal["none", "off"] = Field(default="none", description="no new secret")
    new_reliability: SeverityName | Off = Field(default="high", description="no new bug so severe or worse")
    new_duplication: Percent | Off = Field(
        default=3.0, description="at most so many per cent of the new lines are copies"
    )
    maintainability: RatingName | Off = Field(default="A", description="this rating or a better one")
    coverage: Percent = Field(
        default=98.0, description="each tool analysed at least so many per cent of its files"
    )
    min_new_lines: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="with fewer new lines, duplication on new code is no question",
    )


class Ratings(_Table):
    """How figures become letters."""

    maintainability: list[Percent] = Field(
        default=[5.0, 10.0, 20.0, 50.0],
        min_length=4,
        max_length=4,
        description="the greatest debt ratios in per cent for A, B, C and D",
    )
    count_tests: bool = Field(
        default=False, description="true: findings in test code count in ratings and gate; secrets always do"
    )

    @field_validator("maintainability")
    @classmethod
    def _growing(cls, value: list[float]) -> list[float]:
        if sorted(set(value)) != value:
            raise ValueError("the four limits grow, as in [5, 10, 20, 50]")
        return value


class SeverityMinutes(_Table):
    """Minutes to mend a finding, by severity."""

    critical: Minutes = Field(default=60, description="minutes")
    high: Minutes = Field(default=40, description="minutes")
    medium: Minutes = Field(default=20, description="minutes")
    low: Minutes = Field(default=10, description="minutes")
    info: Minutes = Field(default=2, description="minutes")


class Debt(_Table):
    """What it takes to mend, and what it took to write."""

    minutes_per_line: int = Field(
        default=30, ge=1, le=10_000, description="cost of writing a line of code, in minutes"
    )
    severity: SeverityMinutes = Field(default=SeverityMinutes(), description="minutes by severity")
    rules: dict[RuleName, Minutes] = Field(
        default={}, max_length=MAX_RULES, description="minutes by rule, which go before those by severity"
    )


class Duplication(_Table):
    """What a copy is."""

    min_tokens: int = Field(default=100, ge=30, le=10_000, description="a copy has at least so many tokens")
    min_lines: int = Field(default=10, ge=3, le=1_000, description="and spans at least so many lines")
    ignore_names: bool = Field(default=False, description="true: copies with other names are copies, too")


class Complexity(_Table):
    """Which functions are too complex: by their paths (cyclomatic), and by how these nest (cognitive, Python)."""

    # lizard's own limit; McCabe proposed 10, few teams keep it
    high: int = Field(default=15, ge=2, le=1_000, description="more paths than this are reported")
    very_high: int = Field(default=30, ge=2, le=1_000, description="more paths than this are worse")
    # complexipy's own is 15, which every third function of a grown project exceeds
    cognitive_high: int = Field(
        default=25, ge=6, le=1_000, description="a cognitive complexity beyond this is reported"
    )
    cognitive_very_high: int = Field(default=60, ge=6, le=1_000, description="one beyond this is worse")


class Hotspots(_Table):
    """Where complexity and change meet."""

    days: int = Field(default=90, ge=1, le=3_650, description="commits of so many days count")
    top: int = Field(default=10, ge=1, le=50, description="so many are shown")


class Licences(_Table):
    """Which licences the project may depend on; SPDX ids. Without any, all are accepted."""

    allow: list[LicenceName] = Field(
        default=[], max_length=MAX_RULES, description="if there are any, every other licence is a finding"
    )
    deny: list[LicenceName] = Field(
        default=[], max_length=MAX_RULES, description="these are findings; wins over allow"
    )


class Settings(_Table):
    """All of wrench.toml."""

    version: Literal[1] = Field(
        default=1, description="the version of this format; the only key that must be there"
    )
    paths: Paths = Paths()
    rules: dict[RuleName, Rule] = Field(default={}, max_length=MAX_RULES)
    gate: Gate = Gate()
    ratings: Ratings = Ratings()
    debt: Debt = Debt()
    duplication: Duplication = Duplication()
    complexity: Complexity = Complexity()
    hotspots: Hotspots = Hotspots()
    licences: Licences = Licences()
