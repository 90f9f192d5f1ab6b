"""Readers of Go's, Rust's, Ruby's, PHP's, Java's and Conda's files."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from agents.dependencies.component import Component, Page, Unreadable, clean, table, texts
from agents.dependencies.python import declared, json_object, toml

_GO = re.compile(r"(?:require\s+)?(\S+)\s+(v\S+)(\s*//\s*indirect)?.*")
_GO_REPLACE = re.compile(r"(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?.*")


def go_mod(page: Page) -> list[Component]:
    """go.mod; go.sum also names what is not used, so it is not read beside it."""
    found: list[Component] = []
    replaced: dict[str, tuple[str, str]] = {}
    block = ""
    for number, raw in enumerate(page.text.split("\n"), 1):
        line = raw.strip()
        if line.endswith("("):
            block = line.split()[0]
        elif line.startswith(")"):
            block = ""
        elif (block == "replace" or line.startswith("replace ")) and (swap := _GO_REPLACE.fullmatch(line)):
            replaced[swap[1]] = (swap[2], swap[3] or "")
        elif (block == "require" or line.startswith("require ")) and (need := _GO.fullmatch(line)):
            found.append(_module(page, number, need[1], need[2], direct=not need[3]))
    return [_swapped(one, replaced.get(one.name)) for one in found]


def _module(
    page: Page, number: int, name: str, version: str, *, direct: bool | None, origin: str = ""
) -> Component:
    return Component(
        ecosystem="Go", name=clean(name), version=clean(version), path=page.path, line=number, direct=direct,
        is_lock=True, origin=origin,
    )  # fmt: skip


def _swapped(one: Component, other: tuple[str, str] | None) -> Component:
    if other is None:
        return one
    name, version = other
    page = Page(path=one.path, text="")
    if not version:
        return _module(page, one.line, one.name, one.version, direct=one.direct, origin="path")
    return _module(page, one.line, name, version, direct=one.direct)


def cargo_lock(page: Page) -> list[Component]:
    packages = toml(page).get("package")
    found = []
    for told in packages if isinstance(packages, list) else ():
        package = table(told)
        source = clean(package.get("source"))
        if source:  # without one it is a member of the workspace
            found.append(
                Component(
                    ecosystem="crates.io", name=clean(package.get("name")), version=clean(package.get("version")),
                    path=page.path, line=page.line_of(clean(package.get("name"))), is_lock=True,
                    requires=tuple(sorted({one.split(" ")[0] for one in texts(package.get("dependencies"))})),
                    origin="git" if source.startswith("git+") else "",
                )
            )  # fmt: skip
    return found


_GEM = re.compile(r"    ([^\s(]+) \(([^)]+)\)")
_GEM_NEED = re.compile(r"      ([^\s(]+)")
_GEM_PLATFORM = re.compile(r"-(?:x86|x64|arm|aarch|java|universal|mswin|mingw)\S*$")


def gemfile_lock(page: Page) -> list[Component]:
    section, found, direct = "", [], set()
    needs: list[str] = []
    for number, line in enumerate(page.text.split("\n"), 1):
        if line and not line[0].isspace():
            section = line.strip()
        elif section == "DEPENDENCIES" and line.strip():
            direct.add(re.split(r"[\s!(]", line.strip())[0])
        elif (gem := _GEM.match(line)) and section in ("GEM", "GIT", "PATH"):
            needs = []
            found.append((number, gem[1], _GEM_PLATFORM.sub("", gem[2]), section, needs))
        elif need := _GEM_NEED.match(line):
            needs.append(clean(need[1]))
    return [
        Component(
            ecosystem="RubyGems", name=clean(name), version=clean(version), path=page.path, line=number,
            direct=name in direct, requires=tuple(sorted(wanted)), is_lock=True,
            origin={"GIT": "git", "PATH": "path"}.get(section, ""),
        )
        for number, name, version, section, wanted in found
    ]  # fmt: skip


def composer_lock(page: Page) -> list[Component]:
    document = json_object(page)
    found = []
    for part, scope in (("packages", "runtime"), ("packages-dev", "dev")):
        packages: Any = document.get(part)
        for told in packages if isinstance(packages, list) else ():
            package = table(told)
            name, version = clean(package.get("name")), clean(package.get("version"))
            found.append(
                Component(
                    ecosystem="Packagist", name=name, version="" if version.startswith("dev-") else version,
                    requirement=version, path=page.path, line=page.line_of(name), scope=scope, is_lock=True,
                    licence=" OR ".join(map(clean, texts(package.get("license")))),
                    requires=tuple(sorted(clean(one) for one in table(package.get("require")) if "/" in one)),
                )
            )  # fmt: skip
    return found


def pom_xml(page: Page) -> list[Component]:
    """pom.xml as it stands: its own properties and managed versions; a parent's are not fetched."""
    try:
        root = defusedxml.ElementTree.fromstring(page.text.encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        raise Unreadable(f"no XML that is taken: {clean(str(error)) or type(error).__name__}") from error
    root = _without_namespaces(root)
    properties = {one.tag: (one.text or "").strip() for one in root.findall("./properties/*")}
    for name in ("version", "groupId", "artifactId"):
        properties[f"project.{name}"] = root.findtext(name) or root.findtext(f"parent/{name}") or ""
    managed = {
        _coordinates(one, properties): _filled(one.findtext("version"), properties)
        for one in root.findall("./dependencyManagement/dependencies/dependency")
    }
    found = []
    for one in root.findall("./dependencies/dependency"):
        name, asked = _coordinates(one, properties), _filled(one.findtext("version"), properties)
        version = asked or managed.get(name, "")
        found.append(
            Component(
                ecosystem="Maven", name=name, version="" if re.search(r"[\[(,$]", version) else version,
                requirement=version, path=page.path, line=_line_of_artifact(page, name), direct=True,
                scope="dev" if one.findtext("scope") == "test" else "runtime",
            )
        )  # fmt: skip
    return found


def _without_namespaces(root: Element) -> Element:
    for one in root.iter():
        if isinstance(one.tag, str):
            one.tag = one.tag.rpartition("}")[2]
    return root


def _coordinates(one: Element, properties: dict[str, str]) -> str:
    return f"{_filled(one.findtext('groupId'), properties)}:{_filled(one.findtext('artifactId'), properties)}"


def _filled(text: str | None, properties: dict[str, str]) -> str:
    value = (text or "").strip()
    for _ in range(4):  # a property may name another one
        value, count = re.subn(r"\$\{([^}]+)\}", lambda m: properties.get(m[1], m[0])[:300], value[:1000])
        if not count:
            break
    return clean(value)


def _line_of_artifact(page: Page, name: str) -> int:
    wanted = f"<artifactId>{name.partition(':')[2]}</artifactId>"
    before, found, _ = page.text.partition(wanted)
    return before.count("\n") + 1 if found else 1


_CONDA = re.compile(r"(\s*)-\s+[\"']?([A-Za-z0-9_.:-]+)\s*(==?|[<>!~]=?)?\s*([^\"'#]*)[\"']?.*")


def environment_yml(page: Page) -> list[Component]:
    """environment.yml of Conda: its packages, and those under `pip`. Read line by line, so no YAML trick counts."""
    found: list[Component] = []
    inside, pip_indent = False, -1
    for number, line in enumerate(page.text.split("\n"), 1):
        if line.strip() and not line[0].isspace() and not line.startswith(("-", "#")):
            inside, pip_indent = line.startswith("dependencies:"), -1
        item = _CONDA.fullmatch(line) if inside else None
        if item is None:
            continue
        indent = len(item[1])
        if item[2] == "pip:":
            pip_indent = indent
        elif 0 <= pip_indent < indent:
            one = declared(line.strip().lstrip("- ").strip("\"' "), page, line=number)
            found += [one] if one is not None else []
        else:
            found.append(_conda(page, number, item))
    return found


def _conda(page: Page, number: int, item: re.Match[str]) -> Component:
    version = item[4].strip().partition("=")[0]
    is_exact = item[3] in ("=", "==") and "*" not in version
    return Component(
        ecosystem="conda", name=clean(item[2].rpartition("::")[2].rpartition(":")[2] or item[2]), path=page.path,
        line=number, direct=True, version=clean(version) if is_exact else "",
        requirement=clean(f"{item[2]}{item[3] or ''}{item[4]}"),
    )  # fmt: skip
