"""Routes that are added by a call: Flask's `add_url_rule`, FastAPI's `add_api_route`, resources of Flask-RESTful.

A resource is a class whose methods are called like those of HTTP. Projects wrap `add_resource` (`add_org_resource`);
the paths are told as they are written there, and what the wrapper may put before them is named as not told.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from agents.documentation.http_api.decorated import Holders, computed
from agents.documentation.http_api.routes import (
    METHODS,
    Endpoint,
    Source,
    argument,
    braced,
    calls,
    dotted,
    first_line,
    folded,
    joined,
    near,
    texts_of,
)

MAX_BASES = 8  # classes above one another
_RESOURCE = re.compile(r"add_(?:\w+_)?resource")
_PLAIN = "add_resource"
_RULES = {"add_url_rule": ("rule", 2, "view_func"), "add_api_route": ("path", 1, "endpoint")}


def endpoints(sources: Mapping[str, Source], holders: Holders, problems: list[str]) -> Iterator[Endpoint]:
    """Give the endpoints of all such calls; `sources` by dotted module."""
    own = {
        node.name
        for source in sources.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
    }
    wrapped: dict[str, list[str]] = {}
    for source in sources.values():
        for call in calls(source.tree.body):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name in _RULES:
                yield from _rule(call, name, source, sources, holders, problems)
            elif _RESOURCE.fullmatch(name) and call.args:
                found = list(_resource(call, source, sources, holders))
                yield from found
                if found and name != _PLAIN and name in own:
                    wrapped.setdefault(name, []).extend([f"{source.path}:{call.lineno}"] * len(found))
    for name, places in wrapped.items():
        many = f"{len(places)} paths are" if len(places) > 1 else "a path is"
        problems.append(f"{places[0]}: {many} given to the project's own {name}(), which may put more before")


def _rule(
    call: ast.Call,
    name: str,
    source: Source,
    sources: Mapping[str, Source],
    holders: Holders,
    problems: list[str],
) -> Iterator[Endpoint]:
    path_name, place, view_name = _RULES[name]
    given, view = argument(call, 0, path_name), argument(call, place, view_name)
    holder = holders.key(_receiver(call), source)
    path = folded(given, source)
    if view is None or (path is None and not holder):
        return  # a method of the same name, such as the definition's own call of its base
    if path is None:
        problems.append(computed(given, f"a route that {name}() adds", source, call.lineno))
        return
    shown, node, home = _view(view, source, sources)
    methods = tuple(
        text.upper() for text in texts_of(next((w.value for w in call.keywords if w.arg == "methods"), None))
    )
    if not methods:
        methods = _methods(node, home, sources) if isinstance(node, ast.ClassDef) else ("GET",)
    yield from _told(
        path, methods, shown, node, home, call, holders.prefixes(holder), holders.framework(holder)
    )


def _resource(
    call: ast.Call, source: Source, sources: Mapping[str, Source], holders: Holders
) -> Iterator[Endpoint]:
    shown, node, home = _view(call.args[0], source, sources)
    if not isinstance(node, ast.ClassDef):
        return
    methods = _methods(node, home, sources)
    prefixes = holders.prefixes(holders.key(_receiver(call), source))
    for given in call.args[1:]:
        path = folded(given, source)
        if path is not None and path.startswith("/"):
            yield from _told(path, methods, shown, node, home, call, prefixes, "Flask-RESTful")


def _told(
    path: str, methods: tuple[str, ...], view: str, node: ast.stmt | None, home: Source, call: ast.Call,
    prefixes: list[str], framework: str,
) -> Iterator[Endpoint]:  # fmt: skip
    for prefix in prefixes:
        whole, parameters = braced(joined(prefix, path))
        yield Endpoint(
            path=whole, methods=methods, view=view, file=home.path, line=node.lineno if node else call.lineno,
            framework=framework, doc=first_line(node), parameters=parameters,
        )  # fmt: skip


def _receiver(call: ast.Call) -> ast.expr:
    assert isinstance(call.func, ast.Attribute)
    return call.func.value


def _view(
    view: ast.expr, source: Source, sources: Mapping[str, Source]
) -> tuple[str, ast.stmt | None, Source]:
    """The name of a view, its definition, and the file that has it; the call's own file if none was found."""
    if isinstance(view, ast.Call) and isinstance(view.func, ast.Attribute) and view.func.attr == "as_view":
        view = view.func.value
    named = dotted(view, source)
    module, _, name = named.rpartition(".")
    home = sources.get(near(module, sources))
    node = home.definitions.get(name) if home is not None else None
    return (
        (named or "computed", node, home) if home is not None and node is not None else (named, None, source)
    )


def _methods(
    node: ast.ClassDef, home: Source, sources: Mapping[str, Source], depth: int = 0
) -> tuple[str, ...]:
    """The HTTP methods that a class answers, its bases' with them."""
    own = {one.name.upper() for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    for base in node.bases if depth < MAX_BASES else []:
        _, above, place = _view(base, home, sources)
        if isinstance(above, ast.ClassDef) and above is not node:
            own.update(_methods(above, place, sources, depth + 1))
    return tuple(method for method in METHODS if method in own)
