"""Flask and FastAPI: functions marked by `@app.get("/...")` and `@app.route(...)`, with prefixes from three places:
the blueprint or router itself, `register_blueprint(bp, url_prefix=)`, `include_router(router, prefix=)`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agents.documentation.http_api.routes import (
    METHODS,
    Endpoint,
    Source,
    argument,
    braced,
    dotted,
    first_line,
    folded,
    joined,
    texts_of,
)

MAX_DEPTH = 8  # routers within routers
_MAKERS = {
    "Flask": "Flask", "Blueprint": "Flask", "APIBlueprint": "Flask", "FastAPI": "FastAPI", "APIRouter": "FastAPI",
    "Starlette": "Starlette", "Router": "Starlette", "Quart": "Quart", "Sanic": "Sanic",
}  # fmt: skip
_SHORT = {method.lower(): method for method in METHODS}
_WHOLE = ("route", "api_route")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """An application, blueprint or router: what routes hang on."""

    framework: str
    prefix: str
    is_root: bool


def endpoints(sources: Mapping[str, Source]) -> Iterator[Endpoint]:
    """Give the endpoints of all decorated functions; `sources` by dotted module."""
    holders = {key: holder for source in sources.values() for key, holder in _holders(source)}
    mounts = _mounts(sources, holders)
    for source in sources.values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute):
                        yield from _marked(mark, mark.func, node, source, holders, mounts)


def _holders(source: Source) -> Iterator[tuple[str, _Holder]]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        maker = dotted(node.value.func, source).rpartition(".")[2]
        if maker not in _MAKERS:
            continue
        prefix = next(
            (folded(w.value, source) or "" for w in node.value.keywords if w.arg in ("url_prefix", "prefix")),
            "",
        )
        holder = _Holder(
            framework=_MAKERS[maker],
            prefix=prefix,
            is_root=maker in ("Flask", "FastAPI", "Starlette", "Quart"),
        )
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield f"{source.module}.{target.id}", holder


def _key(node: ast.expr, source: Source, holders: Mapping[str, _Holder]) -> str:
    """The holder that an expression names, in this file or in another."""
    own = f"{source.module}.{node.id}" if isinstance(node, ast.Name) else ""
    if own in holders:
        return own
    named = dotted(node, source)
    if named in holders:
        return named
    ends = [key for key in holders if named and (key.endswith(f".{named}") or named.endswith(f".{key}"))]
    return ends[0] if len(ends) == 1 else ""


def _mounts(
    sources: Mapping[str, Source], holders: Mapping[str, _Holder]
) -> dict[str, list[tuple[str, str]]]:
    """For each holder: where it was mounted, as (the holder above, prefix)."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source in sources.values():
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            if node.func.attr not in ("register_blueprint", "include_router"):
                continue
            child, parent = _key(node.args[0], source, holders), _key(node.func.value, source, holders)
            given = argument(node, 9, "url_prefix") or argument(node, 9, "prefix")
            replaces = node.func.attr == "register_blueprint" and given is not None
            own = "" if replaces or not child else holders[child].prefix
            if child:
                found[child].append(
                    (parent, joined(folded(given, source) or "", own) if own or given else "")
                )
    return found


def _prefixes(
    key: str, holders: Mapping[str, _Holder], mounts: Mapping[str, list[tuple[str, str]]], depth: int = 0
) -> list[str]:
    """All prefixes under which a holder is served."""
    places = mounts.get(key, [])
    if not places or depth > MAX_DEPTH:
        return [holders[key].prefix]
    return [
        joined(above, own) if above or own else ""
        for parent, own in places
        for above in (_prefixes(parent, holders, mounts, depth + 1) if parent else [""])
    ]


def _marked(
    mark: ast.Call,
    called: ast.Attribute,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    source: Source,
    holders: Mapping[str, _Holder],
    mounts: Mapping[str, list[tuple[str, str]]],
) -> Iterator[Endpoint]:
    route = folded(argument(mark, 0, "path") or argument(mark, 0, "rule"), source)
    if route is None or (called.attr not in _SHORT and called.attr not in _WHOLE):
        return
    key = _key(called.value, source, holders)
    if not key and not route.startswith("/"):
        return
    given = tuple(
        text.upper() for text in texts_of(next((w.value for w in mark.keywords if w.arg == "methods"), None))
    )
    methods = (_SHORT[called.attr],) if called.attr in _SHORT else given or ("GET",)
    for prefix in _prefixes(key, holders, mounts) if key else [""]:
        path, parameters = braced(joined(prefix, route))
        yield Endpoint(
            path=path, methods=methods, view=f"{source.module}.{node.name}", file=source.path, line=node.lineno,
            framework=holders[key].framework if key else "decorated", doc=first_line(node), parameters=parameters,
        )  # fmt: skip
