"""pydoclint over the files of a tree, in a process of its own, each file in the style of the project's docstrings."""

from __future__ import annotations

import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from agents import process
from agents.documentation.claims import Said
from agents.documentation.material import Material, run_of
from agents.reporting.model import ToolRun

TIMEOUT_SECONDS = 240
# What contradicts; the rest is about completeness and taste.
CONTRADICTIONS = frozenset(("DOC102", "DOC103", "DOC105", "DOC202", "DOC203"))
_DRIVER = Path(__file__).parent / "drivers" / "pydoclint_driver.py"

SaidAt = dict[tuple[str, int], tuple[Said, ...]]


def run(material: Material, *, scratch: Path, cancelled: Callable[[], bool]) -> tuple[SaidAt, ToolRun]:
    """Give what pydoclint says of contradictions, by path and line of the definition, and how it went."""
    style = material.symbols.style or "google"
    files = [
        module.file
        for module in material.symbols.modules
        if any(symbol.docstring and symbol.docstring.style for symbol in module.walk())
    ]
    with TemporaryDirectory(prefix="pydoclint-", dir=scratch) as folder:
        orders = Path(folder) / "orders.json"
        root = str(material.sources.root.resolve())
        orders.write_text(json.dumps({"root": root, "style": style, "files": files}))
        outcome = process.run(
            [sys.executable, "-I", str(_DRIVER), str(orders)],
            cwd=Path(folder),
            scratch=Path(folder),
            timeout_seconds=TIMEOUT_SECONDS,
            cancelled=cancelled,
        )
        trouble = outcome.trouble()
        answer = {"violations": [], "failed": []} if trouble else json.loads(outcome.stdout.read_bytes())
    failed = dict.fromkeys(files, f"pydoclint {trouble}") if trouble else {}
    failed |= {one["path"]: one["reason"] for one in answer["failed"]}
    said: dict[tuple[str, int], tuple[Said, ...]] = defaultdict(tuple)
    for one in answer["violations"]:
        if one["code"] in CONTRADICTIONS:
            said[one["path"], one["line"]] += (
                Said(
                    tool="pydoclint", version=version("pydoclint"), rule=one["code"], message=one["message"],
                    command=f"pydoclint --style={style} {shlex.quote('./' + one['path'])}",
                ),
            )  # fmt: skip
    count = sum(map(len, said.values()))
    return dict(said), run_of(
        "pydoclint", version("pydoclint"), given=len(files), failed=failed, findings=count, note=trouble
    )
