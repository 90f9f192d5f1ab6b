"""Published vulnerabilities: does the taint engine find them before the fix, and is it silent after it?

    python -m benchmarks.inspector.vulnerabilities [--root FOLDER] [--only CVE,...] [--half tune|report|both]

Downloads both versions of each package by pip (wheels where there are any, unpacked, never installed), analyses each
as one project and looks for a finding of the category inside the function that `vulnerabilities.toml` names, or whose
path leads through it. "silent" means that the fixed version has none there; a function that is gone is silent.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inspector.corpora import FAMILIES, HERE, REPORT, TUNE
from benchmarks.inspector.tools import NoAnswer, Said, run

_PYTHONS = (("3.11", "cp311"), ("3.8", "cp38"), ("3.6", "cp36m"))  # for whom old versions still have wheels
_PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64", "any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One published flaw, and where it was."""

    id: str
    package: str
    vulnerable: str
    fixed: str
    file: str
    function: str
    lines: tuple[int, int]
    cwe: int
    category: str
    fix: str
    half: str


def listed() -> list[Vulnerability]:
    """Read the list; the first entry belongs to the tuning half, the second to the reporting half, and so on."""
    rows = tomllib.loads((HERE / "vulnerabilities.toml").read_text())["vulnerability"]
    return [
        Vulnerability(**row | {"lines": tuple(row["lines"])}, half=TUNE if number % 2 == 0 else REPORT)
        for number, row in enumerate(rows)
    ]


def fetched(package: str, version: str, root: Path) -> Path:
    """Give the unpacked package, downloading it if it is not there. Raises SystemExit if pip cannot."""
    folder = root / f"{package}-{version}"
    if folder.is_dir():
        return folder
    downloads = root / "downloads" / folder.name
    downloads.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(downloads)]
    for python, abi in _PYTHONS:
        options = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
        options += [part for one in _PLATFORMS for part in ("--platform", one)]
        options += ["--abi", abi, "--abi", "abi3", "--abi", "none"]
        if not subprocess.run(
            [*pip, *options, f"{package}=={version}"], check=False, capture_output=True
        ).returncode:
            break
    else:
        done = subprocess.run([*pip, f"{package}=={version}"], check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"pip cannot download {package} {version}: {done.stderr[-500:]}")
    archive = next(downloads.iterdir())
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    else:
        with tarfile.open(archive) as packed_tar:
            packed_tar.extractall(folder, filter="data")
    return folder


def span(path: Path, function: str) -> tuple[int, int] | None:
    """Give the lines of a function by its qualified name, or None if it is not there."""
    if not path.is_file():
        return None
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    found: ast.stmt | None = None
    for name in function.split("."):
        found = next((node for node in _definitions(body) if node.name == name), None)
        if found is None:
            return None
        body = found.body
    return (found.lineno, found.end_lineno or found.lineno) if found else None


def _definitions(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    found: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
    waiting = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += node.body + getattr(node, "orelse", [])
    return found


def claims(said: Said, flaw: Vulnerability, version: Path) -> list[int]:
    """Give the lines in the flaw's function at which a finding of its category lies, or through which one leads."""
    lines = span(version / flaw.file, flaw.function)
    if lines is None:
        return []
    found: set[int] = set()
    for claim in said.claims:
        if claim.cwe.isdisjoint(FAMILIES[flaw.category] | {flaw.cwe}):
            continue
        places = [(claim.path, claim.line), *reversed(claim.hops)]
        inside = [line for path, line in places if path == flaw.file and lines[0] <= line <= lines[1]]
        found.update(inside[:1])
    return sorted(found)


def main() -> int:
    """Print a line for each; exit code 1 if fewer than twelve are found before and silent after."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--root", type=Path, default=Path("/tmp/corpora/vulnerabilities"))
    options.add_argument("--only", default="", help="these CVEs, separated by commas")
    options.add_argument("--half", choices=[TUNE, REPORT, "both"], default="both")
    options.add_argument("--tool", choices=["taint", "wrench", "bandit", "ruff"], default="taint")
    given = options.parse_args()
    good = {TUNE: 0, REPORT: 0}
    looked = {TUNE: 0, REPORT: 0}
    for flaw in listed():
        if (given.only and flaw.id not in given.only.split(",")) or given.half not in (flaw.half, "both"):
            continue
        looked[flaw.half] += 1
        try:
            before, after = _both(flaw, given.tool, given.root)
        except NoAnswer as error:
            print(
                f"{flaw.half:6} {flaw.id:15} {flaw.package:22} {flaw.category:9} no answer: {str(error)[-300:]}"
            )
            continue
        good[flaw.half] += bool(before) and not after
        verdict = "found, silent" if before and not after else "found, not silent" if before else "not found"
        print(
            f"{flaw.half:6} {flaw.id:15} {flaw.package:22} {flaw.category:9} {verdict:18} {before} {after}",
            flush=True,
        )
    for half, number in good.items():
        print(f"{half}: {number} of {looked[half]} found before and silent after")
    return 0 if sum(good.values()) >= 12 or given.only or given.half != "both" else 1


def _both(flaw: Vulnerability, tool: str, root: Path) -> tuple[list[int], list[int]]:
    versions = [fetched(flaw.package, version, root) for version in (flaw.vulnerable, flaw.fixed)]
    if span(versions[0] / flaw.file, flaw.function) is None:
        raise SystemExit(f"{flaw.id}: {flaw.package} {flaw.vulnerable} has no {flaw.function} in {flaw.file}")
    before, after = (claims(run(tool, version), flaw, version) for version in versions)
    return before, after


if __name__ == "__main__":
    sys.exit(main())
