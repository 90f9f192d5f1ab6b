"""How well a tool tells vulnerable cases from safe ones: `python -m benchmarks.inspector.cases.score FOLDER TOOL`.

TOOL is `taint` (the engine alone), `bandit` or `ruff`. A case is flagged if the tool claims something of the kind's
CWE family in its file. Printed per kind and half: true-positive rate, false-positive rate, and their difference
(Youden's J); the mean of the differences over the kinds is the macro-Youden. `--wrong` lists the misjudged cases of
the half "tune" only: the other half is for reporting.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agents.inspector.rules import RULES

FAMILIES: dict[str, frozenset[int]] = {
    "sql": frozenset({89, 943}),
    "command": frozenset({77, 78, 88}),
    "code": frozenset({94, 95, 96}),
    "deserialisation": frozenset({502, 20}),
    "path": frozenset({22, 23, 36, 73}),
    "redirect": frozenset({601}),
    "xss": frozenset({79, 80, 116}),
    "template": frozenset({1336, 94}),
    "xpath": frozenset({643, 91}),
    "ldap": frozenset({90}),
    "xxe": frozenset({611, 827, 776}),
    "ssrf": frozenset({918}),
    "trust": frozenset({501}),
    "hash": frozenset({326, 327, 328, 916}),
    "random": frozenset({330, 338}),
    "cookie": frozenset({614, 1004, 1275}),
    "log": frozenset({117, 93}),
}
Flags = dict[str, set[int]]  # file -> the CWEs that the tool claims there


def flags_of(tool: str, folder: Path) -> Flags:
    """Run a tool over the folder. Raises SystemExit if it could not analyse every case."""
    return {"taint": _taint, "bandit": _bandit, "ruff": _ruff}[tool](folder)


def _answer(command: list[str]) -> Any:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(ran.stdout)
    except ValueError:
        raise SystemExit(f"{command[0]} gave no JSON: {ran.stderr[-2000:]}") from None


def _collect(folder: Path, rows: Iterable[tuple[str, Iterable[int]]]) -> Flags:
    """A case is a file of the folder, or a folder in it."""
    found: Flags = defaultdict(set)
    for path, numbers in rows:
        below = Path(path).relative_to(folder) if Path(path).is_absolute() else Path(path)
        found[below.parts[0]].update(numbers)
    return found


def _taint(folder: Path) -> Flags:
    answer = _answer([sys.executable, "-m", "agents.inspector.taint", str(folder), "--json"])
    if answer.get("not_analysed"):
        raise SystemExit(f"not analysed: {answer['not_analysed'][:10]}")
    places = ((row, {row["path"], *(hop["path"] for hop in row["hops"])}) for row in answer["findings"])
    return _collect(folder, ((path, row["cwe"]) for row, paths in places for path in paths))


def _bandit(folder: Path) -> Flags:
    answer = _answer([sys.executable, "-m", "bandit", "-q", "-r", "-f", "json", str(folder)])
    if answer["errors"]:
        raise SystemExit(f"not analysed: {answer['errors'][:10]}")
    override = {"B102": 94, "B307": 94, "B506": 502, **{f"B{number}": 611 for number in range(313, 321)}}
    return _collect(
        folder,
        (
            (row["filename"], [override.get(row["test_id"], row["issue_cwe"]["id"])])
            for row in answer["results"]
        ),
    )


def _ruff(folder: Path) -> Flags:
    answer = _answer(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--select",
            "S",
            "--output-format",
            "json",
            str(folder),
        ]
    )
    return _collect(
        folder, ((row["filename"], RULES[row["code"]].cwe if row["code"] in RULES else ()) for row in answer)
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("tool", choices=["taint", "bandit", "ruff"])
    options.add_argument("--wrong", action="store_true", help="list the misjudged cases of the half 'tune'")
    given = options.parse_args()
    given.folder = given.folder.resolve()
    truth: dict[str, str] = json.loads((given.folder / "truth.json").read_text())
    cases = [
        case
        for case in json.loads((given.folder / "cases.json").read_text())
        if "broken" not in truth[case["file"]]
    ]
    flags = flags_of(given.tool, given.folder)
    for half in ("tune", "report"):
        _print([case for case in cases if case["half"] == half], truth, flags, half)
    for case in cases if given.wrong else ():
        bad = truth[case["file"]] == "vulnerable"
        if case["half"] == "tune" and bad is not _is_flagged(case, flags):
            way = " > ".join((case["source"], case["flow"], case["sink"]))
            print(f"{'missed' if bad else 'false alarm'}: {case['file']} {way}")


def _is_flagged(case: dict[str, Any], flags: Flags) -> bool:
    return bool(flags.get(case["file"], set()) & FAMILIES[case["kind"]])


def _print(cases: list[dict[str, Any]], truth: dict[str, str], flags: Flags, half: str) -> None:
    counts: dict[str, list[int]] = defaultdict(
        lambda: [0, 0, 0, 0]
    )  # true and false positives, misses, true negatives
    for case in cases:
        bad, flagged = truth[case["file"]] == "vulnerable", _is_flagged(case, flags)
        counts[case["kind"]][(0 if flagged else 2) if bad else (1 if flagged else 3)] += 1
    print(f"{half}: kind, vulnerable, safe, true-positive rate, false-positive rate, Youden")
    gains = []
    for kind, (hit, alarm, missed, right) in counts.items():
        found, false = hit / max(1, hit + missed), alarm / max(1, alarm + right)
        gains.append(found - false)
        print(
            f"  {kind:16} {hit + missed:4} {alarm + right:4} {found:6.2f} {false:6.2f} {found - false:6.2f}"
        )
    hit, alarm, missed, _ = (sum(column) for column in zip(*counts.values(), strict=True))
    precision, recall = hit / max(1, hit + alarm), hit / max(1, hit + missed)
    score = 2 * precision * recall / max(1e-9, precision + recall)
    print(
        f"  precision {precision:.3f} recall {recall:.3f} F1 {score:.3f} macro-Youden {sum(gains) / len(gains):.3f}"
    )


if __name__ == "__main__":
    main()
