"""Which files of a tree are what others import, and which stand beside it: tests, examples, scripts, migrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.conventions import is_migration, is_test
from agents.symbols.sources import Sources

ASIDE = frozenset(
    ("setup", "conftest", "noxfile", "fabfile", "manage", "tasks", "versioneer", "ez_setup", "dodo", "build")
)  # files beside packages that serve the making of them
ASIDE_FOLDERS = frozenset(
    ("doc", "docs", "example", "examples", "demo", "demos", "sample", "samples", "benchmark", "benchmarks",
     "script", "scripts", "tools", "ci")
)  # fmt: skip


def title_of(modules: Iterable[str]) -> str:
    """Call a project by its top-level packages, the largest first; "" if there is none."""
    tops = Counter(name.partition(".")[0] for name in modules)
    named = sorted(tops, key=lambda name: (-tops[name], name))
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return ", ".join(named[:3]) + more


def is_example(path: str) -> bool:
    """Tell whether a file lies in a folder of examples, scripts or pages beside the product."""
    parts = PurePosixPath(path).parts
    return parts[0] in ASIDE_FOLDERS and len(parts) > 1


IN_NO_PACKAGE = "lies in no package"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that is not documented, and why."""

    what: str
    why: str


def gaps_of(aside: Mapping[str, str]) -> Iterator[Gap]:
    """Sum up files that are left out (path -> reason): one gap for each reason."""
    for why in sorted(set(aside.values())):
        named = sorted(path for path, reason in aside.items() if reason == why)
        more = f" and {len(named) - 3:,} more" if len(named) > 3 else ""
        yield Gap(what=", ".join(named[:3]) + more, why=why)


def beside(modules: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """Give the files of modules (name -> path) that are no part of the product, each with the reason."""
    packages = {str(PurePosixPath(path).parent) for path in sources.python if path.endswith("/__init__.py")}
    tests: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for name, path in modules.items():
        files[name.partition(".")[0]] += 1
        tests[name.partition(".")[0]] += is_test(path)
    found: dict[str, str] = {}
    for name, path in modules.items():
        why = _why(path, packages)
        top = name.partition(".")[0]
        if not why and tests[top] * 2 > files[top]:
            why = "belongs to a package of tests"
        if why:
            found[path] = why
    if len(found) == len(modules):  # an application without packages: its folders are all there is
        return {path: why for path, why in found.items() if why != IN_NO_PACKAGE}
    return found


def _why(path: str, packages: set[str]) -> str:
    parts = PurePosixPath(path).parts
    if is_test(path):
        return "a test"
    if is_example(path):
        return "lies in a folder of examples, scripts or pages"
    if is_migration(path):
        return "a migration"
    if str(PurePosixPath(path).parent) in packages or parts[0] in ("src", "lib"):
        return ""
    if len(parts) > 1:
        return IN_NO_PACKAGE
    return "serves the making of the package" if parts[0].removesuffix(".py") in ASIDE else ""
