"""A fix as it is offered: what it mends, its diff, its label and the rungs that led to it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agents.findings import FindingData, Severity
from agents.patches.diffs import Patch
from agents.patches.ladder import Label, Proof, RungResult

MAX_DIFF = 200_000  # characters; what is larger is no mend of one finding


class FixData(BaseModel):
    """One fix for one finding. Never applied by anybody but a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str = Field(pattern=r"^[0-9a-f]{64}$")  # of the finding
    rule: str = Field(max_length=120)
    severity: Severity
    path: str
    line: int = Field(ge=1)
    title: str = Field(max_length=200)
    mend: str = Field(max_length=60)  # what made it, such as "ruff" or a codemod's name
    note: str = ""  # what changes for people who take it
    label: Label
    diff: str
    rungs: tuple[RungResult, ...]

    @property
    def is_offered(self) -> bool:
        """Tell whether its fault was seen to be gone."""
        return self.label in (Label.VERIFIED, Label.REANALYSED)


def fix_of(
    finding: FindingData, patch: Patch, proof: Proof, *, mend: str, title: str, note: str = ""
) -> FixData:
    """Put a climbed patch into the form that is stored and shown."""
    return FixData(
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        severity=finding.severity,
        path=finding.path,
        line=finding.line,
        title=title,
        mend=mend,
        note=note,
        label=proof.label,
        diff=patch.text,
        rungs=proof.rungs,
    )
