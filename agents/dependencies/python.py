"""Readers of Python's files: what people write and what their tools lock. Nothing of them is executed."""

from __future__ import annotations

import ast
import configparser
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from agents.dependencies.component import Component, Page, Unreadable, clean, table, texts

MAX_INCLUDES = 20
PYPI = "PyPI"
_DEV = re.compile(r"dev|test|lint|doc|type", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_OPTIONS = re.compile(r"\s+--?[a-z][\w-]*(?:[= ].*)?$")
_POETRY_EXACT = re.compile(r"=*\s*(\d[\w.+!-]*)")


def toml(page: Page) -> dict[str, Any]:
    """Parse TOML. Raises Unreadable."""
    try:
        return tomllib.loads(page.text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise Unreadable(f"no TOML: {clean(str(error))}") from error


def json_object(page: Page) -> dict[str, Any]:
    """Parse a JSON object. Raises Unreadable."""
    try:
        found = json.loads(page.text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {clean(str(error))}") from error
    if not isinstance(found, dict):
        raise Unreadable("no JSON object")
    return found


def declared(text: str, page: Page, *, line: int = 0, scope: str = "runtime") -> Component | None:
    """Read one requirement of PEP 508. None, with a note on the page, if it is none."""
    try:
        found = Requirement(text)
    except (InvalidRequirement, RecursionError):
        page.notes.append(f"not understood: {clean(text, 80)}")
        return None
    return Component(
        ecosystem=PYPI,
        name=clean(found.name),
        version=_pinned(found),
        requirement=clean(f"{found.name}{found.specifier}" + (f"; {found.marker}" if found.marker else "")),
        path=page.path,
        line=line or page.line_of(text),
        direct=True,
        scope=scope,
        origin=_origin(found.url or ""),
    )


def _pinned(found: Requirement) -> str:
    exact = [
        one for one in found.specifier if one.operator in ("==", "===") and not one.version.endswith(".*")
    ]
    return clean(exact[0].version) if len(exact) == 1 else ""


def _origin(url: str) -> str:
    if not url:
        return ""
    if url.startswith(("git+", "hg+", "svn+", "bzr+")):
        return "git"
    return "path" if url.startswith(("file:", ".", "/")) else "url"


def requirements(page: Page) -> list[Component]:
    """requirements*.txt with its includes and constraints, of which a pin counts as the version."""
    pins: dict[str, str] = {}
    found = list(_requirements(page, {page.path}, pins))
    return [
        replace(one, version=pins.get(canonicalize_name(one.name), ""))
        if not one.version and not one.origin
        else one
        for one in found
    ]


def _requirements(page: Page, seen: set[str], pins: dict[str, str]) -> Iterator[Component]:
    scope = "dev" if _DEV.search(posixpath.basename(page.path)) else "runtime"
    for number, line in _logical_lines(page.text):
        word, _, rest = line.partition(" ")
        flag, _, value = word.partition("=")
        if flag in ("-r", "--requirement", "-c", "--constraint"):
            other = _include(page, (value or rest).strip(), seen)
            if other is not None and flag in ("-c", "--constraint"):
                for one in _requirements(other, seen, pins):
                    if one.version:
                        pins[canonicalize_name(one.name)] = one.version
            elif other is not None:
                yield from _requirements(other, seen, pins)
        elif flag in ("-e", "--editable"):
            yield _by_place((value or rest).strip(), page, number, scope)
        elif not line.startswith("-"):
            yield from _plain(_OPTIONS.sub("", line.split(" --", 1)[0]), page, number, scope)


def _plain(text: str, page: Page, number: int, scope: str) -> Iterator[Component]:
    if re.match(r"[a-z+]+://|\.{0,2}/|[a-z]+\+|[^\s@]*\.(whl|tar\.gz|zip)$", text):
        yield _by_place(text, page, number, scope)
    elif (one := declared(text, page, line=number, scope=scope)) is not None:
        yield one


def _by_place(text: str, page: Page, number: int, scope: str) -> Component:
    egg = _EGG.search(text)
    name = egg[1] if egg else posixpath.basename(text.split("#")[0].rstrip("/")) or "."
    origin = _origin(text) if "://" in text else "path"
    return Component(
        ecosystem=PYPI, name=clean(name), requirement=clean(_without_secret(text)), path=page.path, line=number,
        direct=True, scope=scope, origin=origin,
    )  # fmt: skip


def _without_secret(url: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", url)


def _include(page: Page, name: str, seen: set[str]) -> Page | None:
    other = page.open_beside(name) if name and "://" not in name else None
    if other is None:
        page.notes.append(f"it includes {clean(name, 80)!r}, which cannot be read here")
        return None
    if other.path in seen or len(seen) > MAX_INCLUDES:
        return None
    seen.add(other.path)
    other.notes = page.notes
    return other


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    kept, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = re.sub(r"(^|\s)#.*$", "", raw.rstrip("\r"))
        first = first or number
        if line.endswith("\\"):
            kept += line[:-1] + " "
            continue
        whole = (kept + line).strip()
        if whole:
            yield first, whole
        kept, first = "", 0
    if kept.strip():
        yield first, kept.strip()


def pyproject(page: Page) -> list[Component]:
    """pyproject.toml: PEP 621, dependency groups, Poetry, PDM and uv."""
    document = toml(page)
    project, tool = table(document.get("project")), table(document.get("tool"))
    plain: list[tuple[str, list[str]]] = [("runtime", texts(project.get("dependencies")))]
    plain += [
        (_scope_of(name), texts(one)) for name, one in table(project.get("optional-dependencies")).items()
    ]
    plain += [("dev", texts(one)) for one in table(document.get("dependency-groups")).values()]
    plain += [("dev", texts(one)) for one in table(table(tool.get("pdm")).get("dev-dependencies")).values()]
    plain.append(("dev", texts(table(tool.get("uv")).get("dev-dependencies"))))
    found = [declared(text, page, scope=scope) for scope, many in plain for text in many]
    return [one for one in found if one is not None] + list(_poetry(table(tool.get("poetry")), page))


def _scope_of(group: str) -> str:
    return "dev" if _DEV.search(group) else "runtime"


def _poetry(poetry: dict[str, object], page: Page) -> Iterator[Component]:
    groups = [("runtime", table(poetry.get("dependencies"))), ("dev", table(poetry.get("dev-dependencies")))]
    for name, group in table(poetry.get("group")).items():
        scope = "runtime" if name == "main" else "dev"
        groups.append((scope, table(table(group).get("dependencies"))))
    for scope, many in groups:
        for name, wanted in many.items():
            if name.lower() != "python":
                yield _loose(name, wanted, page, scope=scope)


def _loose(name: str, wanted: object, page: Page, *, scope: str) -> Component:
    """A name with a version or a table, as Poetry and Pipenv write it."""
    asked = table(wanted)
    text = clean(wanted if isinstance(wanted, str) else asked.get("version"))
    exact = _POETRY_EXACT.fullmatch(text)
    origin = next(
        (one for one in ("git", "path", "url") if one in asked or (one == "path" and "file" in asked)), ""
    )
    return Component(
        ecosystem=PYPI, name=clean(name), version=exact[1] if exact and not origin else "",
        requirement=f"{clean(name)} {text}".strip(), path=page.path, line=page.line_of(name), direct=True,
        scope=scope, origin=origin,
    )  # fmt: skip


def pipfile(page: Page) -> list[Component]:
    document = toml(page)
    return [
        replace(one, version="") if not one.requirement.partition(" ")[2].startswith("=") else one
        for part, scope in (("packages", "runtime"), ("dev-packages", "dev"))
        for name, wanted in table(document.get(part)).items()
        for one in (_loose(name, wanted, page, scope=scope),)
    ]


def pipfile_lock(page: Page) -> list[Component]:
    document = json_object(page)
    return [
        Component(
            ecosystem=PYPI, name=clean(name), version=clean(table(told).get("version")).removeprefix("=="),
            path=page.path, line=page.line_of(name), scope=scope, is_lock=True,
            origin="git" if "git" in table(told) else "path" if "path" in table(told) else "",
        )
        for part, scope in (("default", "runtime"), ("develop", "dev"))
        for name, told in table(document.get(part)).items()
    ]  # fmt: skip


def setup_cfg(page: Page) -> list[Component]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(page.text)
    except configparser.Error as error:
        raise Unreadable(f"no configuration file: {clean(str(error))}") from error
    many = [("runtime", parser.get("options", "install_requires", fallback=""))]
    if parser.has_section("options.extras_require"):
        many += [(_scope_of(name), value) for name, value in parser.items("options.extras_require")]
    lines = {line.strip(): number for number, line in reversed(list(enumerate(page.text.split("\n"), 1)))}
    wanted = [(scope, one.strip()) for scope, text in many for one in re.split(r"[\n;](?!\s*python)", text)]
    found = [
        declared(text, page, line=lines.get(text, 1), scope=scope)
        for scope, text in wanted
        if text and not text.startswith(("#", "file:"))
    ]
    return [one for one in found if one is not None]


def setup_py(page: Page) -> list[Component]:
    """The literal lists of setup(...); what is computed is told as not understood."""
    try:
        tree = ast.parse(page.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"no Python of today: {clean(str(error))}") from error
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: list[Component] = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "setup":
            for keyword in call.keywords:
                if keyword.arg in ("install_requires", "tests_require", "extras_require"):
                    found += _literal(keyword.value, names, page, dev=keyword.arg == "tests_require")
    return found


def _literal(node: ast.expr, names: dict[str, ast.expr], page: Page, *, dev: bool) -> list[Component]:
    if isinstance(node, ast.Name) and node.id in names:
        node = names[node.id]
    lists: list[tuple[str, ast.expr]] = [("dev" if dev else "runtime", node)]
    if isinstance(node, ast.Dict):
        lists = [
            (
                _scope_of(key.value)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
                else "dev",
                value,
            )
            for key, value in zip(node.keys, node.values, strict=True)
        ]
    found = []
    for scope, part in lists:
        if not isinstance(part, (ast.List, ast.Tuple)):
            page.notes.append(f"line {part.lineno}: its requirements are computed, which is not read")
            continue
        for one in part.elts:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                found.append(declared(one.value, page, line=one.lineno, scope=scope))
            else:
                page.notes.append(f"line {one.lineno}: a requirement is computed, which is not read")
    return [one for one in found if one is not None]


def toml_lock(page: Page) -> list[Component]:
    """poetry.lock, uv.lock, pdm.lock, pylock.toml: all are lists of packages with a name and a version."""
    document = toml(page)
    packages = document.get("package", document.get("packages"))
    found = []
    for told in packages if isinstance(packages, list) else ():
        package = table(told)
        name, source = clean(package.get("name")), table(package.get("source"))
        if not name or source.get("virtual") or source.get("editable"):
            continue  # the project itself, or a member of its workspace
        found.append(
            Component(
                ecosystem=PYPI, name=name, version=clean(package.get("version")), path=page.path,
                line=page.line_of(name), scope="dev" if package.get("category") == "dev" else "runtime",
                requires=_required(package.get("dependencies")), is_lock=True, origin=_lock_origin(package, source),
            )
        )  # fmt: skip
    return found


def _lock_origin(package: dict[str, object], source: dict[str, object]) -> str:
    if "git" in source or source.get("type") == "git" or "vcs" in package:
        return "git"
    if source.get("type") in ("directory", "file") or "directory" in source or "directory" in package:
        return "path"
    return "url" if source.get("type") == "url" or "url" in source or "archive" in package else ""


def _required(value: object) -> tuple[str, ...]:
    """Poetry has a table by name, uv and pylock tables with a name, PDM requirements."""
    if isinstance(value, dict):
        return tuple(sorted(clean(name) for name in value))
    if not isinstance(value, list):
        return ()
    names = [table(one).get("name") if isinstance(one, dict) else one for one in value]
    words = [re.match(r"[A-Za-z0-9._-]+", one) for one in names if isinstance(one, str)]
    return tuple(sorted({found[0] for found in words if found}))
