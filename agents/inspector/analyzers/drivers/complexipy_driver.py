"""Runs complexipy over a list of files and prints JSON; started by `agents.inspector.analyzers.complexipy`.

    python -I complexipy_driver.py LIST THRESHOLD      LIST holds paths, each ended by a NUL byte

complexipy's own command writes a cache into the working folder, tells no lines, and stops telling anything at the
first file that it cannot parse. Prints {"functions": [...], "failed": [...]}.
"""

import json
import sys
from pathlib import Path

import complexipy


def main(list_file: str, threshold: int) -> None:
    """Measure every file of the list, one at a time, so that one bad file spoils no other."""
    functions, failed = [], []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            found = complexipy.code_complexity(Path(path).read_text(encoding="utf-8-sig"))
        except BaseException as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        functions += [
            {
                "path": path,
                "name": one.name[:200],
                "line": one.line_start,
                "end_line": one.line_end,
                "complexity": one.complexity,
            }
            for one in found.functions
            if one.complexity > threshold
        ]
    json.dump({"functions": functions, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
