"""What is said of a run's quality: measures, ratings, debt and the gate, as they are stored and shown.

Owns: the shapes. Everything is bounded, for it travels in a step's output. Invariant: what was not measured is None
with a reason beside it, never a zero and never an A.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_BREACHES = 20  # findings named per condition; all are counted


class Rating(StrEnum):
    """A letter, A is best."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"

    @property
    def weight(self) -> int:
        """0 for A to 4 for E."""
        return list(Rating).index(self)


class Dimension(StrEnum):
    """What is rated."""

    SECURITY = "security"
    RELIABILITY = "reliability"
    MAINTAINABILITY = "maintainability"


class ConditionState(StrEnum):
    """What became of one condition of the gate."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_COMPUTED = "not_computed"
    NOT_APPLICABLE = "not_applicable"  # the target has nothing of the kind that it asks about
    OFF = "off"


class GateState(StrEnum):
    """What became of the gate. BASELINE: nothing to compare with yet, so nothing is new."""

    PASSED = "passed"
    FAILED = "failed"
    BASELINE = "baseline"
    NOT_COMPUTED = "not_computed"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Breach(_Shape):
    """A finding that broke a condition."""

    fingerprint: str
    rule: str
    severity: str
    path: str
    line: int


class Condition(_Shape):
    """One condition of the gate: its figure, its threshold, and what broke it."""

    key: str
    title: str
    state: ConditionState
    figure: float | None = None  # None: not computed
    figure_text: str = ""
    threshold: str = ""
    why: str = ""
    breaches: tuple[Breach, ...] = ()
    breach_count: int = 0


class Gate(_Shape):
    """The gate on new code. `baseline_run`: what was compared with, if it is one run."""

    state: GateState
    why: str
    conditions: tuple[Condition, ...] = ()
    baseline_run: UUID | None = None


class Rated(_Shape):
    """A rating and what it comes from; `rating` is None if the analyses for it did not run or were partial."""

    rating: Rating | None
    why: str


class Debt(_Shape):
    """What it would take to mend the maintainability findings, beside what it took to write the code."""

    minutes: int = 0
    development_minutes: int | None = None  # None: the lines were not measured
    ratio_percent: float | None = None
    security_minutes: int = 0
    reliability_minutes: int = 0


class Lines(_Shape):
    """Physical lines by kind."""

    files: int = 0
    code: int = 0
    comment: int = 0
    blank: int = 0


class Place(_Shape):
    """Some lines of a file, both ends included."""

    path: str
    first: int
    last: int


class Block(_Shape):
    """The same code twice."""

    lines: int
    tokens: int
    here: Place
    there: Place


class Duplication(_Shape):
    """Copies in product code. `blocks` names the largest."""

    lines: int = 0
    percent: float = 0.0
    block_count: int = 0
    blocks: tuple[Block, ...] = ()


class NewCode(_Shape):
    """Lines of product code that the baseline's tree did not have. `lines` is None if they could not be told."""

    lines: int | None = None
    duplicated_lines: int = 0
    why: str = ""
    baseline: str = ""  # digest of the tree that was compared with


class Complexity(_Shape):
    """Cyclomatic complexity of the functions of product code."""

    functions: int = 0
    mean: float = 0.0
    largest: int = 0
    distribution: dict[str, int] = Field(default_factory=dict)  # "1-5": 120
    failed_files: int = 0


class Hotspot(_Shape):
    """A file that is complex and changes often: score = commits x complexity."""

    path: str
    commits: int
    complexity: int
    score: int


class Documentation(_Shape):
    """How many public classes and functions of Python have a docstring."""

    public: int = 0
    documented: int = 0
    percent: float | None = None


class Measures(_Shape):
    """What was counted in a tree."""

    product: Lines = Lines()
    tests: Lines = Lines()
    languages: dict[str, int] = Field(default_factory=dict)  # lines of product code, largest first
    duplication: Duplication | None = None
    new_code: NewCode = NewCode()
    complexity: Complexity | None = None
    documentation: Documentation | None = None
    hotspots: tuple[Hotspot, ...] | None = None
    hotspots_why: str = ""  # why they were not measured, or by how much of the history
    excluded_files: int = 0


class SettingsTold(_Shape):
    """Which settings were used and what they changed."""

    source: str = ""
    digest: str = ""
    faults: tuple[str, ...] = ()
    changed_rules: tuple[str, ...] = ()  # one sentence each, with the reason


class Quality(_Shape):
    """All that a run says of quality."""

    gate: Gate
    ratings: dict[Dimension, Rated]
    debt: Debt
    measures: Measures | None = None
    settings: SettingsTold = SettingsTold()
    revision: str = ""
    snapshot: str = ""  # digest of the tree
    operations: tuple[str, ...] = ()  # those that ended whole: what the next runs are compared by
    is_default_branch: bool = True  # only such a run can be what later ones are compared with
