"""Flask and FastAPI: functions marked by `@app.get("/...")` and `@app.route(...)`, with prefixes from three places:
the blueprint or router itself, `register_blueprint(bp, url_prefix=)`, `include_router(router, prefix=)`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from agents.documentation.claims import clean
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
MAX_PREFIXES = 100  # of one router: twice ten includes of includes are a hundred already
MAX_SHOWN = 80  # characters of an expression in a message
_MAKERS = {
    "Flask": "Flask", "Blueprint": "Flask", "APIBlueprint": "Flask", "FastAPI": "FastAPI", "APIRouter": "FastAPI",
    "Starlette": "Starlette", "Router": "Starlette", "Quart": "Quart", "Sanic": "Sanic",
    "flask_restful.Api": "Flask-RESTful",
}  # fmt: skip
_SHORT = {method.lower(): method for method in METHODS}
_WHOLE = ("route", "api_route")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """An application, blueprint or router: what routes hang on."""

    framework: str
    prefix: str
    is_root: bool


class Holders:
    """All applications, blueprints and routers of a tree, and where they are mounted."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._known = {key: holder for source in sources.values() for key, holder in _holders(source)}
        self._mounts = _mounts(sources, self._known)

    def key(self, node: ast.expr, source: Source) -> str:
        """The holder that an expression names; "" if it names none."""
        return _key(node, source, self._known)

    def prefixes(self, key: str) -> list[str]:
        """All prefixes under which a holder is served; one empty prefix of what is no holder."""
        return _prefixes(key, self._known, self._mounts) if key else [""]

    def framework(self, key: str) -> str:
        """Whose holder it is."""
        return self._known[key].framework if key else "decorated"


def endpoints(sources: Mapping[str, Source], holders: Holders, problems: list[str]) -> Iterator[Endpoint]:
    """Give the endpoints of all decorated functions; `sources` by dotted module."""
    for source in sources.values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute):
                        yield from _marked(mark, mark.func, node, source, holders, problems)


def computed(node: ast.expr | None, what: str, source: Source, line: int) -> str:
    """Say that a path cannot be told, and what stands in its place."""
    shown = clean(ast.unparse(node))[:MAX_SHOWN] if node is not None else "nothing"
    return f"{source.path}:{line}: the path of {what} is computed: {shown}"


def _holders(source: Source) -> Iterator[tuple[str, _Holder]]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        home, _, maker = dotted(node.value.func, source).rpartition(".")
        if maker == "Api" and home.startswith("flask_rest"):
            maker = "flask_restful.Api"
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
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                for child, parent in _wrapping(node, node.value, source, holders):
                    found[child].append((parent, holders[child].prefix))
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


def _wrapping(
    node: ast.Assign, made: ast.Call, source: Source, holders: Mapping[str, _Holder]
) -> Iterator[tuple[str, str]]:
    """Give (the Api, the application or blueprint that it serves) of `api = Api(blueprint)`."""
    parent = _key(made.args[0], source, holders) if made.args else ""
    for target in node.targets:
        child = f"{source.module}.{target.id}" if isinstance(target, ast.Name) else ""
        if parent and child in holders and holders[child].framework == "Flask-RESTful":
            yield child, parent


def _prefixes(
    key: str,
    holders: Mapping[str, _Holder],
    mounts: Mapping[str, list[tuple[str, str]]],
    below: tuple[str, ...] = (),
) -> list[str]:
    """All prefixes under which a holder is served, at most MAX_PREFIXES; a ring of routers is gone round once."""
    below = (*below, key)
    places = [place for place in mounts.get(key, []) if place[0] not in below]
    if not places or len(below) > MAX_DEPTH:
        return [holders[key].prefix]
    found = (
        joined(above, own) if above or own else ""
        for parent, own in places
        for above in (_prefixes(parent, holders, mounts, below) if parent else [""])
    )
    return list(islice(found, MAX_PREFIXES))


def _marked(
    mark: ast.Call,
    called: ast.Attribute,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    source: Source,
    holders: Holders,
    problems: list[str],
) -> Iterator[Endpoint]:
    if called.attr not in _SHORT and called.attr not in _WHOLE:
        return
    given = argument(mark, 0, "path") or argument(mark, 0, "rule")
    key, route = holders.key(called.value, source), folded(given, source)
    if route is None and given is not None and (key or called.attr in _WHOLE):
        problems.append(computed(given, f"{node.name}()", source, mark.lineno))
    if route is None or (not key and not route.startswith("/")):
        return
    wanted = tuple(
        text.upper() for text in texts_of(next((w.value for w in mark.keywords if w.arg == "methods"), None))
    )
    methods = (_SHORT[called.attr],) if called.attr in _SHORT else wanted or ("GET",)
    for prefix in holders.prefixes(key):
        path, parameters = braced(joined(prefix, route))
        yield Endpoint(
            path=path, methods=methods, view=f"{source.module}.{node.name}", file=source.path, line=node.lineno,
            framework=holders.framework(key), doc=first_line(node), parameters=parameters,
        )  # fmt: skip
