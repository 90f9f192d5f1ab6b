"""Patches and what has been seen of them: the one door through which any agent offers a change to a project.

    patch = Patch.of([Change(path="shop/views.py", before=..., after=...)])
    proof = climb([Candidate(patch=patch, targets=(finding,))], scratch=..., reanalyse=...)[0]
    proof.label, proof.rungs, patch.diff

Knows no agent: how findings are found again is handed in. Nothing here ever writes into a project's tree.
"""

from agents.patches.diffs import Change, Patch, PatchInvalid
from agents.patches.ladder import (
    Candidate,
    Label,
    Outcome,
    Proof,
    Reanalyse,
    Rung,
    RungResult,
    Seen,
    climb,
)
from agents.patches.offers import MAX_DIFF, FixData, fix_of
from agents.patches.trial import applies, plain_content, read_foreign

__all__ = [
    "MAX_DIFF",
    "Candidate",
    "Change",
    "FixData",
    "Label",
    "Outcome",
    "Patch",
    "PatchInvalid",
    "Proof",
    "Reanalyse",
    "Rung",
    "RungResult",
    "Seen",
    "applies",
    "climb",
    "fix_of",
    "plain_content",
    "read_foreign",
]
