"""How well a tool judges labelled code: `python -m benchmarks.inspector.score CORPUS TOOL... [--root FOLDER]`.

A case is flagged if the tool claims something of the category's CWE family (`families.toml`) in its lines. Per
category: precision, recall, F1 and Youden's J (true-positive rate minus false-positive rate); the mean of J over the
categories with cases of both kinds is the macro-Youden. The halves are told apart: tune on one, report the other.
Fails (exit code 1) if a tool could not analyse something that `unread.toml` does not list.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.inspector.corpora import CORPORA, FAMILIES, HERE, LATER, REPORT, TUNE, Case, cases
from benchmarks.inspector.tools import TOOLS, Claim, Said, run


@dataclass(slots=True)
class Counts:
    """How many vulnerable cases were flagged and missed, how many safe ones were flagged and left alone."""

    hit: int = 0
    missed: int = 0
    alarm: int = 0
    right: int = 0

    def add(self, *, vulnerable: bool, flagged: bool) -> None:
        """Count one case."""
        if vulnerable:
            self.hit, self.missed = self.hit + flagged, self.missed + (not flagged)
        else:
            self.alarm, self.right = self.alarm + flagged, self.right + (not flagged)

    def plus(self, other: Counts) -> Counts:
        """Give the sum of both."""
        return Counts(
            self.hit + other.hit,
            self.missed + other.missed,
            self.alarm + other.alarm,
            self.right + other.right,
        )

    @property
    def precision(self) -> float | None:
        """Share of the flagged that is vulnerable; None if nothing was flagged."""
        return self.hit / (self.hit + self.alarm) if self.hit + self.alarm else None

    @property
    def recall(self) -> float | None:
        """Share of the vulnerable that was flagged; None if there is none."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if nothing is vulnerable."""
        whole = 2 * self.hit + self.alarm + self.missed
        return 2 * self.hit / whole if self.recall is not None and whole else None

    @property
    def youden(self) -> float | None:
        """Recall minus the share of safe cases flagged; None unless there are cases of both kinds."""
        safe = self.alarm + self.right
        return self.recall - self.alarm / safe if self.recall is not None and safe else None


def judge(labelled: Iterable[Case], said: dict[Path, Said]) -> list[tuple[Case, bool]]:
    """Tell for each case whether it was flagged."""
    by_file: dict[tuple[Path, str], list[Claim]] = defaultdict(list)
    for tree, one in said.items():
        for claim in one.claims:
            for place in (claim.path, *map(str, PurePosixPath(claim.path).parents)):  # a case may be a folder
                by_file[tree, place].append(claim)
    return [
        (case, any(_fits(claim, case) for claim in by_file.get((case.tree, case.path), ())))
        for case in labelled
    ]


def _fits(claim: Claim, case: Case) -> bool:
    overlaps = claim.line <= case.last and claim.end_line >= case.first
    return overlaps and not claim.cwe.isdisjoint(FAMILIES[case.category])


def table(judged: Sequence[tuple[Case, bool]]) -> dict[str, Counts]:
    """Count by category."""
    counts: dict[str, Counts] = defaultdict(Counts)
    for case, flagged in judged:
        counts[case.category].add(vulnerable=case.vulnerable, flagged=flagged)
    return dict(sorted(counts.items()))


def macro_youden(counts: dict[str, Counts]) -> float | None:
    """Give the mean of Youden's J over the categories that have one."""
    gains = [one.youden for one in counts.values() if one.youden is not None]
    return sum(gains) / len(gains) if gains else None


def main() -> int:
    """Print a table for each tool and half; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("corpus", choices=list(CORPORA))
    options.add_argument("tools", nargs="+", choices=list(TOOLS))
    options.add_argument("--root", type=Path, default=Path("/tmp/corpora"), help="the folder of the corpora")
    options.add_argument("--half", choices=[TUNE, REPORT, "both"], default="both")
    options.add_argument("--wrong", action="store_true", help="list the misjudged cases of the tuning half")
    options.add_argument("--json", type=Path, help="write the sums to this file, too")
    given = options.parse_args()
    labelled = cases(given.corpus, given.root)
    trees = sorted({case.tree for case in labelled})
    silent, sums = [], {}
    for tool in given.tools:
        said = {tree: run(tool, tree) for tree in trees}
        silent += _unlisted(given.corpus, tool, said, labelled)
        judged = judge(labelled, said)
        for half in (TUNE, REPORT) if given.half == "both" else (given.half,):
            for part, is_later in (("", False), (", later categories", True)):
                of_half = [
                    one for one in judged if one[0].half == half and (one[0].category in LATER) is is_later
                ]
                if of_half:
                    name = f"{given.corpus}, {tool}, {half}{part}"
                    sums[f"{tool} {half}{part}"] = _print(name, table(of_half))
        if given.wrong:
            _print_wrong(judged)
    if given.json:
        given.json.write_text(json.dumps(sums, indent=1) + "\n")
    for line in silent:
        print(f"NOT ANALYSED: {line}")
    return 1 if silent else 0


def _unlisted(corpus: str, tool: str, said: dict[Path, Said], labelled: Iterable[Case]) -> list[str]:
    """What could not be analysed, holds a labelled case and is not listed."""
    listed = tomllib.loads((HERE / "unread.toml").read_text()).get(corpus, {}).get(tool, {})
    wanted = {(case.tree, case.path) for case in labelled}
    return [
        f"{tool}: {tree.name}/{name}: {reason}"
        for tree, one in said.items()
        for name, reason in one.unread.items()
        if (tree, name.partition(" (")[0].partition(":")[0]) in wanted and f"{tree.name}/{name}" not in listed
    ]


def _shown(number: float | None) -> str:
    return "   –" if number is None else f"{number:4.2f}"


def _print(title: str, counts: dict[str, Counts]) -> dict[str, float | None]:
    print(f"\n{title}\n{'':16} vulnerable  safe  precision  recall    F1  Youden")
    whole = Counts()
    for name, one in counts.items():
        _print_row(name, one)
        whole = whole.plus(one)
    _print_row("all", whole)
    macro = macro_youden(counts)
    print(f"{'macro-Youden':16} {_shown(macro):>48}")
    return {
        "vulnerable": whole.hit + whole.missed,
        "safe": whole.alarm + whole.right,
        "precision": whole.precision,
        "recall": whole.recall,
        "f1": whole.f1,
        "youden": whole.youden,
        "macro_youden": macro,
    }


def _print_row(name: str, one: Counts) -> None:
    print(
        f"{name:16} {one.hit + one.missed:10} {one.alarm + one.right:5} {_shown(one.precision):>10} "
        f"{_shown(one.recall):>7} {_shown(one.f1):>5} {_shown(one.youden):>7}"
    )


def _print_wrong(judged: Iterable[tuple[Case, bool]]) -> None:
    for case, flagged in judged:
        if case.half == TUNE and flagged is not case.vulnerable:
            what = "missed" if case.vulnerable else "false alarm"
            print(f"{what}: {case.category} {case.tree.name}/{case.path}:{case.first}-{case.last}")


if __name__ == "__main__":
    sys.exit(main())
