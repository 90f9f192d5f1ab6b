"""Writes docstring skeletons in a process of its own; started by `agents.documentation.skeletons.patching`.

    python -I skeleton_driver.py JOBS    JOBS is JSON: [{"file", "objects": [{"id", "mode", "name", "line", ...}]}]

A parser that a hostile file brings down takes this process with it and not the worker. Prints JSON: [{"id", "raises",
"edits": [[first, last, text]]} | {"id", "refused": reason}], lines counted from 0, texts in Latin-1 so that any bytes
survive.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from agents.documentation.skeletons.wording import Parameter, facts_of
from agents.documentation.skeletons.writing import Refused, Source
from agents.patches.diffs import edits, lines_of


def main(jobs: str) -> None:
    """Try every object of every file."""
    sys.setrecursionlimit(4_000)
    json.dump([answer for job in json.loads(Path(jobs).read_bytes()) for answer in _file(job)], sys.stdout)


def _file(job: dict[str, Any]) -> list[dict[str, Any]]:
    content = Path(job["file"]).read_bytes()
    try:
        source = Source(content)
    except Refused as error:
        return [{"id": one["id"], "refused": str(error)} for one in job["objects"]]
    return [_object(one, source) for one in job["objects"]]


def _object(one: dict[str, Any], source: Source) -> dict[str, Any]:
    raises: list[str] = []
    try:
        if one["mode"] == "entries":
            listed = [Parameter(**parameter) for parameter in one["parameters"]]
            made = source.with_entries(one["at"], one["last"], listed, one["style"], typed=one["typed"])
        else:
            raises = source.raises(one["name"], one["line"]) if one["kind"] == "function" else []
            raises = [] if one["is_stub"] else raises
            facts = facts_of(one, raises)
            made = source.with_docstring(one["name"], one["line"], facts, one["style"], typed=one["typed"])
    except Refused as error:
        return {"id": one["id"], "refused": str(error)}
    except Exception as error:  # a fault of ours with one object must not hide the others' docstrings
        return {"id": one["id"], "refused": f"it could not be written: {type(error).__name__}: {error}"[:300]}
    changed = edits(lines_of(source.content), lines_of(made))
    told = [[edit.first, edit.last, edit.text.decode("latin-1")] for edit in changed]
    return {"id": one["id"], "raises": raises, "edits": told}


if __name__ == "__main__":
    main(sys.argv[1])
