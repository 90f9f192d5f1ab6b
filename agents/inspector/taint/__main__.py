"""The engine from a command line, without Django and without any installed package.

    python -m agents.inspector.taint PATH... [--json]

PATH is a folder or file; findings go to standard output, one line each, or as one JSON object:
{"version", "findings": [...], "harmless": [...], "not_analysed": [...], "files", "functions", "seconds",
"peak_rss_bytes"}; harmless are places where all that arrives was seen and can do nothing.
Exit code 0 when the analysis was made, whatever it found; 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if __package__ in (
    None,
    "",
):  # started as a file by an isolated Python: make the package findable, nothing else
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from agents.inspector.taint import analysis


def main(arguments: list[str] | None = None) -> int:
    """Analyse what the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m agents.inspector.taint", description="taint analysis of Python"
    )
    parser.add_argument("paths", nargs="*", type=Path, help="folders or files")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument(
        "--root", type=Path, help="what paths are told relative to (default: the first folder)"
    )
    parser.add_argument("--list", type=Path, help="a file of paths below the root, each ended by a NUL byte")
    parser.add_argument("--function-ms", type=int, default=0, help="milliseconds for one function")
    parser.add_argument("--seconds", type=float, default=0, help="for all; what is not reached is told")
    parser.add_argument("--known", type=Path, help="what an earlier run kept; ignored unless it is sound")
    parser.add_argument("--keep", type=Path, help="where to keep what a later run can take over")
    parser.add_argument("--here", action="store_true", help="under this Python, even if there is a newer one")
    given = parser.parse_args(arguments)
    if not given.paths and not given.list:
        parser.print_usage(sys.stderr)
        return 2
    missing = [path for path in given.paths if not path.exists()]
    if missing:
        sys.stderr.write(f"there is no {missing[0]}\n")
        return 2
    if not given.here:
        from agents.pythons import newest  # only here: it brings what starts processes

        python, _ = newest()
        if python != sys.executable:
            passed = sys.argv[1:] if arguments is None else arguments
            os.execv(python, [python, "-I", "-S", str(Path(__file__).resolve()), *passed, "--here"])  # noqa: S606 - arguments of our own, no shell
    root = given.root or (given.paths[0] if given.paths and given.paths[0].is_dir() else Path.cwd())
    listed = given.list.read_bytes().split(b"\0") if given.list else []
    names = [os.fsdecode(name) for name in listed if name]
    text = analysis.run(
        root,
        given.paths,
        names,
        as_json=given.json,
        function_milliseconds=given.function_ms,
        seconds=given.seconds,
        known=given.known,
        keep=given.keep,
    )
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
