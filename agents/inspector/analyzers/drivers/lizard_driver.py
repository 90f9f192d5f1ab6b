"""Runs lizard over a list of files and prints JSON; started by `agents.inspector.analyzers.lizard`.

    python -I lizard_driver.py LIST THRESHOLD      LIST holds paths, each ended by a NUL byte

lizard's own CSV does not quote file names, does not say which files it could not read, and takes
exclusions from a file in the working folder. Prints {"analysed": n, "functions": [...], "failed": [...]}.
"""

import json
import sys
from pathlib import Path

import lizard


def main(list_file: str, threshold: int) -> None:
    """Analyse every file of the list, one at a time, so that one bad file spoils no other."""
    functions, failed, analysed = [], [], 0
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            # By a plain name: lizard takes a file whose name holds a line end for one of no language.
            name = f"file{Path(path).suffix}"
            if lizard.get_reader_for(name) is None:
                failed.append({"path": path, "reason": "lizard does not know its language"})
                continue
            source = Path(path).read_text(encoding="utf-8-sig")
            found = lizard.analyze_file.analyze_source_code(name, source)
        except (Exception, RecursionError) as error:  # whatever a parser of 25 languages raises
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        analysed += 1
        functions += [
            {
                "path": path,
                "name": one.name[:200],
                "line": one.start_line,
                "end_line": one.end_line,
                "complexity": one.cyclomatic_complexity,
                "lines": one.nloc,
                "parameters": one.parameter_count,
            }
            for one in found.function_list
            if one.cyclomatic_complexity > threshold
        ]
    json.dump({"analysed": analysed, "functions": functions, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
