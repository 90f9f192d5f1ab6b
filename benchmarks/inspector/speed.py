"""What the taint engine costs: `python -m benchmarks.inspector.speed FOLDER... [--rounds 3]`.

Each project is analysed by a process of its own, in turns (A B C, A B C, ...). Told are medians of wall time, of
processor time for 1,000 lines, and the greatest memory of any round.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.inspector.tools import REPOSITORY


def measured(folder: Path) -> dict[str, float]:
    """Analyse a folder once. Raises SystemExit if the engine gives no answer."""
    environment = os.environ | {"PYTHONPATH": os.environ.get("PYTHONPATH", str(REPOSITORY))}
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "agents.inspector.taint", str(folder), "--json"]
    ran = subprocess.run(command, capture_output=True, check=False, env=environment, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(f"{folder}: {ran.stderr[-1000:].decode()}")
    answer = json.loads(ran.stdout)
    return {
        "wall": time.monotonic() - begun,
        "cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
        "megabytes": answer["peak_rss_bytes"] / 1e6,
        "findings": len(answer["findings"]),
        "not_analysed": len(answer["not_analysed"]),
        "functions": answer["functions"],
    }


def lines_of(folder: Path) -> int:
    """Count the lines of Python below a folder."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py") if path.is_file())


def main() -> None:
    """Print a row for each project and their sum."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("folders", nargs="+", type=Path)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    folders = [folder.resolve() for folder in given.folders]
    rounds: dict[Path, list[dict[str, float]]] = {folder: [] for folder in folders}
    for _ in range(given.rounds):
        for folder in folders:
            rounds[folder].append(measured(folder))
    print(f"load average {os.getloadavg()[0]:.1f}, {given.rounds} rounds in turns")
    print(
        "project                           lines  wall s  CPU s  CPU s/1,000 lines    MB  findings  not analysed"
    )
    whole_lines, whole_cpu = 0, 0.0
    for folder, runs in rounds.items():
        lines = lines_of(folder)
        wall, cpu = (statistics.median(run[name] for run in runs) for name in ("wall", "cpu"))
        whole_lines, whole_cpu = whole_lines + lines, whole_cpu + cpu
        print(
            f"{folder.name:30} {lines:8} {wall:7.1f} {cpu:6.1f} {1000 * cpu / max(1, lines):18.3f} "
            f"{max(run['megabytes'] for run in runs):5.0f} {runs[-1]['findings']:9.0f} "
            f"{runs[-1]['not_analysed']:13.0f}"
        )
    print(f"together: {whole_lines} lines, {whole_cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
