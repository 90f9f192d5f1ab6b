"""Runs the codemods over files in a process of its own; started by `agents.inspector.fixes.mending`.

    python -I driver.py JOBS      JOBS is JSON: [{"path", "file", "findings": [{"id", "rule", "line", ...}]}]

A parser that a hostile file brings down takes this process with it and not the worker. Prints JSON: [{"id", "mend",
"note", "edits": [[first, last, text]]} | {"id", "mend", "refused": reason}], the lines of each edit counted from 0,
its text in Latin-1 so that any bytes survive.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from agents.inspector.fixes.codemods import BY_RULE
from agents.inspector.fixes.site import File, Place, Refused, Site
from agents.patches.diffs import edits, lines_of


def main(jobs: str) -> None:
    """Try every finding of every file."""
    sys.setrecursionlimit(4_000)
    answers = [answer for job in json.loads(Path(jobs).read_bytes()) for answer in _file(job)]
    json.dump(answers, sys.stdout)


def _file(job: dict[str, Any]) -> list[dict[str, Any]]:
    content = Path(job["file"]).read_bytes()
    try:
        parsed = File(content)
    except Refused as error:
        return [{"id": one["id"], "mend": "", "refused": str(error)} for one in job["findings"]]
    return [_finding(one, job["path"], parsed, content) for one in job["findings"]]


def _finding(one: dict[str, Any], path: str, parsed: File, content: bytes) -> dict[str, Any]:
    mend = BY_RULE[one["rule"]]
    place = Place(
        path=path,
        rule=one["rule"],
        line=one["line"],
        end_line=one["end_line"],
        column=one["column"],
        tainted=frozenset(one["tainted"]),
    )
    site = Site(parsed, place)
    try:
        mend.codemod(site)
        made = site.result()
    except Refused as error:
        return {"id": one["id"], "mend": mend.name, "refused": str(error)}
    except (
        Exception
    ) as error:  # a codemod's own fault must not hide the others' work; it is told as a refusal
        return {
            "id": one["id"],
            "mend": mend.name,
            "refused": f"the codemod failed: {type(error).__name__}: {error}"[:300],
        }
    changed = edits(lines_of(content), lines_of(made))
    return {
        "id": one["id"],
        "mend": mend.name,
        "note": site.note.strip(),
        "edits": [[edit.first, edit.last, edit.text.decode("latin-1")] for edit in changed],
    }


if __name__ == "__main__":
    main(sys.argv[1])
