"""lizard once more, for the complexity of all functions: figures, no claims."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.inspector.analyzers.base import PYTHON, AnswerUnreadable, Batch, Claim, Parsed, Problem, Tree
from agents.inspector.analyzers.lizard import _DRIVER, Lizard


class LizardFigures(Lizard):
    """Unlike other analyzers an instance serves one run: `complexities` are there when the analysis is over."""

    purpose = "figures"

    def __init__(self) -> None:
        self.complexities: dict[str, Sequence[int]] = {}

    def command(self, batch: Batch) -> list[str]:
        return [*PYTHON, str(_DRIVER), str(batch.list_file()), "0"]

    def parse(self, answer: Path, batch: Batch) -> Parsed:
        try:
            told: dict[str, Any] = json.loads(answer.read_bytes())
            failed = [Problem(path=row["path"], reason=row["reason"]) for row in told["failed"]]
            facts: dict[str, Any] = {file.path: [] for file in batch.files}
            for row in told["functions"]:
                facts[row["path"]].append(int(row["complexity"]))
        except (ValueError, KeyError, TypeError) as error:
            raise AnswerUnreadable(f"the lizard driver's JSON is not what we know: {error!r}") from error
        return Parsed(failed=failed, facts=facts)

    def conclude(self, facts: Mapping[str, Any], tree: Tree) -> list[Claim]:
        self.complexities = dict(facts)
        return []
