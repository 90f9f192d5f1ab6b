"""Readers of npm's, Yarn's and pnpm's files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agents.dependencies.component import Component, Page, clean, table
from agents.dependencies.python import json_object

NPM = "npm"
_EXACT = re.compile(r"[=v]?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)")
_PARTS = (("dependencies", "runtime"), ("optionalDependencies", "runtime"), ("devDependencies", "dev"))
_ELSEWHERE = (("git", "git"), ("github:", "git"), ("file:", "path"), ("link:", "path"), ("workspace:", "path"),
              ("portal:", "path"), ("http", "url"))  # fmt: skip


def _origin(wanted: str) -> str:
    return next((origin for prefix, origin in _ELSEWHERE if wanted.startswith(prefix)), "")


def package_json(page: Page) -> list[Component]:
    document = json_object(page)
    found = []
    for part, scope in _PARTS:
        for name, asked in table(document.get(part)).items():
            wanted = clean(asked)
            exact = _EXACT.fullmatch(wanted)
            found.append(
                Component(
                    ecosystem=NPM, name=clean(name), version=exact[1] if exact else "",
                    requirement=clean(f"{name}@{re.sub(r'//[^/@]*@', '//', wanted)}"), path=page.path,
                    line=page.line_of(name), direct=True, scope=scope, origin=_origin(wanted),
                )
            )  # fmt: skip
    return found


def package_lock(page: Page) -> list[Component]:
    """package-lock.json and npm-shrinkwrap.json, versions 1 to 3."""
    document = json_object(page)
    packages = table(document.get("packages"))
    return (
        list(_flat(packages, page)) if packages else list(_nested(table(document.get("dependencies")), page))
    )


def _flat(packages: dict[str, Any], page: Page) -> Iterator[Component]:
    root = table(packages.get(""))
    direct = {name for part, _ in _PARTS for name in table(root.get(part))}
    for place, told in packages.items():
        package = table(told)
        if "node_modules/" not in place or package.get("link"):
            continue  # the project itself, or a member of its workspace
        name = clean(package.get("name")) or clean(place.rpartition("node_modules/")[2])
        yield _locked(
            name, package, page, line=page.line_of(place),
            direct=name in direct and place == f"node_modules/{name}",
            requires=tuple(sorted(map(clean, table(package.get("dependencies"))))),
        )  # fmt: skip


def _nested(dependencies: dict[str, Any], page: Page) -> Iterator[Component]:
    waiting = [dependencies]
    while waiting:
        for name, told in waiting.pop().items():
            package = table(told)
            yield _locked(
                clean(name), package, page, line=page.line_of(name), direct=None,
                requires=tuple(sorted(map(clean, table(package.get("requires"))))),
            )  # fmt: skip
            inner = table(package.get("dependencies"))
            if inner:
                waiting.append(inner)


def _locked(
    name: str,
    package: dict[str, Any],
    page: Page,
    *,
    line: int,
    direct: bool | None,
    requires: tuple[str, ...],
) -> Component:
    version, said = clean(package.get("version")), package.get("license")
    licence = said if isinstance(said, str) else table(said).get("type")  # as old packages write it
    origin = _origin(version) or _origin(clean(package.get("resolved")).replace("https://", "", 1))
    return Component(
        ecosystem=NPM, name=name, version="" if _origin(version) else version, path=page.path, line=line,
        direct=direct, scope="dev" if package.get("dev") else "runtime", licence=clean(licence), requires=requires,
        origin=origin if origin in ("git", "path") else "", is_lock=True,
    )  # fmt: skip


_YARN_KEY = re.compile(r"\"?(@?[^@\"\s,]+)@")
_YARN_VERSION = re.compile(r"\s+\"?version\"?:?\s+\"?([^\"\s]+)\"?\s*$")
_YARN_NEED = re.compile(r"    \"?(@?[^\"\s:]+)\"?:?\s+\S")


def yarn_lock(page: Page) -> list[Component]:
    """yarn.lock of Yarn 1 and of later ones, which write YAML of the same shape."""
    found: list[Component] = []
    for number, block in _blocks(page.text):
        key = _YARN_KEY.match(block[0])
        version = next((m[1] for line in block[1:] if (m := _YARN_VERSION.match(line))), "")
        if key is None or not version or "@workspace:" in block[0] or version == "0.0.0-use.local":
            continue
        in_dependencies, needs = False, []
        for line in block[1:]:
            if line.startswith("  ") and not line.startswith("    "):
                in_dependencies = line.strip().rstrip(":") in ("dependencies", "optionalDependencies")
            elif in_dependencies and (need := _YARN_NEED.match(line)):
                needs.append(clean(need[1]))
        found.append(
            Component(
                ecosystem=NPM, name=clean(key[1]), version=clean(version), path=page.path, line=number,
                requires=tuple(sorted(needs)), is_lock=True,
            )
        )  # fmt: skip
    return found


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    first = 0
    block: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line[0].isspace() and not line.startswith("#"):
            if block:
                yield first, block
            first, block = number, [line]
        elif block and line.strip():
            block.append(line)
    if block:
        yield first, block


_PNPM = re.compile(r"  '?/?(@?[^@'\s(]+?)[@/](\d[^('\s:/_]*)[^:]*'?:\s*(?:\{\})?\s*$")


def pnpm_lock(page: Page) -> list[Component]:
    """pnpm-lock.yaml, versions 5 to 9: the keys under `packages`, read line by line so that no YAML trick counts."""
    found: dict[tuple[str, str], Component] = {}
    inside = False
    for number, line in enumerate(page.text.split("\n"), 1):
        if line and not line[0].isspace():
            inside = line.startswith("packages:")
        elif inside and (key := _PNPM.match(line)):
            name, version = clean(key[1]), clean(key[2])
            found.setdefault(
                (name, version),
                Component(
                    ecosystem=NPM, name=name, version=version, path=page.path, line=number, is_lock=True
                ),
            )
    return list(found.values())
