"""An HTTP interface as text: Markdown for people, the skeleton of an OpenAPI document for programs."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from agents.documentation.http_api.reading import Interface
from agents.documentation.http_api.routes import Endpoint
from agents.reporting.markdown import code
from agents.reporting.model import plural

_FORMATS: dict[str, dict[str, str]] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
}
_NO_WORD = re.compile(r"\W+")


def markdown(interface: Interface) -> str:
    """List the endpoints by the first part of their path, then what documents promise and no code serves."""
    if not interface.endpoints and not interface.promised:
        return "# HTTP interface\n\nNo route and no OpenAPI document was found.\n"
    lines = [f"# HTTP interface\n\n{plural(len(interface.endpoints), 'endpoint')} in the code.\n"]
    groups: dict[str, list[Endpoint]] = defaultdict(list)
    for one in interface.endpoints:
        groups[_group(one.path)].append(one)
    for group in sorted(groups):
        lines.append(f"## {_cell(group)}\n\n| method | path | view | |\n|---|---|---|---|")
        lines.extend(_row(one) for one in groups[group])
        lines.append("")
    lines.extend(_differences(interface))
    if interface.problems:
        lines.append("## Not told\n")
        lines.extend(f"- {_cell(text)}" for text in sorted(set(interface.problems)))
    return "\n".join(lines).rstrip() + "\n"


def _group(path: str) -> str:
    parts = [part for part in path.split("/") if part]
    return f"/{parts[0]}" if parts else "/"


def _row(one: Endpoint) -> str:
    methods = " ".join(one.methods) or "any"
    place = code(f"{one.file}:{one.line}") if one.file else ""
    told = " ".join(text for text in (_cell(one.doc), place) if text)
    return f"| {methods} | `{_cell(one.path)}` | `{_cell(one.view)}` | {told} |"


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path).rstrip("/") or "/"


def _differences(interface: Interface) -> list[str]:
    """What a document of the tree promises beside what the code serves."""
    if not interface.promised:
        return []
    served = {_shape(one.path) for one in interface.endpoints}
    absent = [one for one in interface.promised if _shape(one.path) not in served]
    many = plural(len(interface.promised), "operation")
    lines = [f"## Promised by documents of the tree\n\n{many}."]
    if absent and served:
        lines.append(f"{len(absent)} of them have no route that could be found:\n")
        lines.extend(f"- {one.methods[0]} `{_cell(one.path)}` ({code(one.file)})" for one in absent[:200])
    elif not served:
        lines.extend(
            ["", "| method | path | operation | |", "|---|---|---|---|", *map(_row, interface.promised)]
        )
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")


def openapi(interface: Interface, *, title: str) -> dict[str, Any]:
    """Give a skeleton of an OpenAPI 3.1 document: paths, methods, parameters; bodies are to be written by people."""
    paths: dict[str, dict[str, Any]] = {}
    for one in interface.endpoints or interface.promised:
        item = paths.setdefault(one.path, {})
        if one.parameters:
            item["parameters"] = [
                {
                    "name": part.name,
                    "in": "path",
                    "required": True,
                    "schema": _FORMATS.get(part.kind, {"type": "string"}),
                }
                for part in one.parameters
            ]
        for method in one.methods or ("GET",):
            item.setdefault(method.lower(), _operation(one, method))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "0"},
        "paths": dict(sorted(paths.items())),
    }


def _operation(one: Endpoint, method: str) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": _NO_WORD.sub("_", f"{method.lower()}_{one.path}").strip("_")}
    if one.doc:
        told["summary"] = one.doc
    return told | {"responses": {"default": {"description": "To be described"}}}
