"""Django's URL confs, followed from the root through `include()`; Django REST framework's routers.

The root is what a settings file calls ROOT_URLCONF, else every `urlpatterns` that no other includes. A regex of
`re_path` becomes a path by its named groups; what else it says is left as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

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
    near,
    text_of,
    texts_of,
)
from agents.statements import statements

MAX_DEPTH = 12  # includes within includes
MAX_LISTS = 20_000  # lists of patterns that are followed, one as often as it is included
MAX_ENDPOINTS = 20_000
_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
_PATHS = ("path", "re_path", "url")
_ACTIONS: tuple[tuple[str, str, bool], ...] = (  # a viewset's method, the HTTP method, on one object
    ("list", "GET", False), ("create", "POST", False), ("retrieve", "GET", True), ("update", "PUT", True),
    ("partial_update", "PATCH", True), ("destroy", "DELETE", True),
)  # fmt: skip
_BASES = {
    "ModelViewSet": {"list", "create", "retrieve", "update", "partial_update", "destroy"},
    "ReadOnlyModelViewSet": {"list", "retrieve"},
    "ListModelMixin": {"list"}, "CreateModelMixin": {"create"}, "RetrieveModelMixin": {"retrieve"},
    "UpdateModelMixin": {"update", "partial_update"}, "DestroyModelMixin": {"destroy"},
}  # fmt: skip
_GENERIC = {
    "ListAPIView": ("GET",), "CreateAPIView": ("POST",), "RetrieveAPIView": ("GET",), "DestroyAPIView": ("DELETE",),
    "UpdateAPIView": ("PUT", "PATCH"), "ListCreateAPIView": ("GET", "POST"),
    "RetrieveUpdateAPIView": ("GET", "PUT", "PATCH"), "RetrieveDestroyAPIView": ("GET", "DELETE"),
    "RetrieveUpdateDestroyAPIView": ("GET", "PUT", "PATCH", "DELETE"), "TemplateView": ("GET",), "ListView": ("GET",),
    "DetailView": ("GET",), "RedirectView": ("GET",), "FormView": ("GET", "POST"), "CreateView": ("GET", "POST"),
    "UpdateView": ("GET", "POST"), "DeleteView": ("GET", "POST"),
}  # fmt: skip


@dataclass(slots=True)
class _Walk:
    """The files by module, and what was said of routes that cannot be followed."""

    sources: Mapping[str, Source]
    problems: list[str]
    open: list[tuple[str, str]] = field(default_factory=list)  # what is being followed, outermost first
    followed: int = 0

    def source(self, module: str) -> Source | None:
        """The file of a module, as the code calls it."""
        return self.sources.get(near(module, self.sources))


def endpoints(sources: Mapping[str, Source], problems: list[str]) -> Iterator[Endpoint]:
    """Give the endpoints of all root URL confs; `sources` by dotted module."""
    walk = _Walk(sources, problems)
    found = (one for root in _roots(sources) for one in _conf(sources[root], "", walk, 0))
    yield from islice(found, MAX_ENDPOINTS)
    if next(found, None) is not None or walk.followed > MAX_LISTS:
        problems.append(
            f"routes of Django beyond {MAX_ENDPOINTS:,}, or beyond {MAX_LISTS:,} includes, were left out"
        )


def _roots(sources: Mapping[str, Source]) -> list[str]:
    confs = {name for name, source in sources.items() if _patterns(source, "urlpatterns")}
    named = {
        found
        for source in sources.values()
        for node in statements(source.tree.body)
        if isinstance(node, ast.Assign) and (found := near(_root_of(node), confs))
    }
    if named:
        return sorted(named)
    included = {
        near(module, confs)
        for name in confs
        for call in _calls_of(sources[name])
        if (module := _included(call, sources[name]))
    }
    return sorted(confs - included)


def _root_of(node: ast.Assign) -> str:
    """What a settings file calls the root, or ""."""
    is_root = any(isinstance(target, ast.Name) and target.id == "ROOT_URLCONF" for target in node.targets)
    return text_of(node.value) or "" if is_root else ""


def _patterns(source: Source, name: str) -> list[ast.expr]:
    """The items of a list of patterns: assigned, added to, or in both ways, on conditions too."""
    found: list[ast.expr] = []
    for node in statements(source.tree.body):
        found.extend(_added(node, name))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if not any(isinstance(item, ast.Name) and item.id == name for item in targets):
            continue
        if value is not None:
            found.extend(_items(value))
    return found


def _added(node: ast.stmt, name: str) -> list[ast.expr]:
    """What `urlpatterns.append(...)`, `.insert(0, ...)` and `.extend([...])` add to a list."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
        return []
    if not isinstance(call.func.value, ast.Name) or call.func.value.id != name:
        return []
    if call.func.attr == "extend":
        return _items(call.args[-1])
    return [call.args[-1]] if call.func.attr in ("append", "insert") else []


def _items(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.List | ast.Tuple):
        return list(node.elts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_items(node.left), *_items(node.right)]
    if isinstance(node, ast.Call):  # i18n_patterns(...), format_suffix_patterns([...])
        return [item for argument in node.args for item in (_items(argument) or [argument])]
    return [node]


def _calls_of(source: Source) -> Iterator[ast.Call]:
    for item in _patterns(source, "urlpatterns"):
        yield from (node for node in ast.walk(item) if isinstance(node, ast.Call))


def _is_include(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and _last(node.func) == "include"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _included(call: ast.Call, source: Source) -> str:
    if _last(call.func) != "include" or not call.args:
        return ""
    given = (
        call.args[0].elts[0] if isinstance(call.args[0], ast.Tuple) and call.args[0].elts else call.args[0]
    )
    return folded(given, source) or dotted(given, source)


def _conf(
    source: Source, prefix: str, walk: _Walk, depth: int, name: str = "urlpatterns"
) -> Iterator[Endpoint]:
    walk.followed += 1
    if walk.followed > MAX_LISTS:
        return
    if depth > MAX_DEPTH:
        walk.problems.append(f"{source.path}: URL confs include each other more than {MAX_DEPTH} deep")
        return
    if (source.path, name) in walk.open:
        walk.problems.append(f"{source.path}: {name} includes itself again below; that ring was left out")
        return
    walk.open.append((source.path, name))
    yield from _listed(source, prefix, walk, depth, name)
    walk.open.pop()


def _listed(source: Source, prefix: str, walk: _Walk, depth: int, name: str) -> Iterator[Endpoint]:
    for item in _patterns(source, name):
        if isinstance(item, ast.Starred):
            item = item.value
        if isinstance(item, ast.Call) and _path_word(item, source):
            yield from _pattern(item, source, prefix, walk, depth)
        elif isinstance(item, ast.Attribute) and item.attr == "urls":  # urlpatterns = router.urls
            yield from _router(item.value, source, prefix, walk)
        elif isinstance(item, ast.Name) and item.id == name and name not in source.names:
            continue  # added to itself: all that it holds is among these items
        elif isinstance(item, ast.Name | ast.Attribute):  # *pages.urlpatterns, *more, more + [...]
            yield from _list(item, source, prefix, walk, depth)
        elif isinstance(item, ast.ListComp | ast.GeneratorExp):
            held = list(_gathered(item, source))
            if not held:
                walk.problems.append(f"{source.path}:{item.lineno}: routes that are computed were left out")
            for each in held:
                yield from _list(each, source, prefix, walk, depth)


def _path_word(call: ast.Call, source: Source) -> str:
    """Whether `path`, `re_path` or `url` is called, under whatever name it was imported; else ""."""
    words = (_last(call.func), dotted(call.func, source).rpartition(".")[2])
    return next((word for word in words if word in _PATHS), "")


def _gathered(node: ast.ListComp | ast.GeneratorExp, source: Source) -> Iterator[ast.Attribute]:
    """The lists of `[pattern for page in PAGES for pattern in page.urlpatterns]`."""
    if len(node.generators) != 2:
        return
    outer, inner = node.generators
    every = source.constants.get(outer.iter.id) if isinstance(outer.iter, ast.Name) else outer.iter
    held = inner.iter
    if not isinstance(every, ast.List | ast.Tuple) or not isinstance(held, ast.Attribute):
        return
    if ast.dump(held.value) == ast.dump(outer.target).replace("Store()", "Load()"):
        for one in every.elts:
            yield ast.copy_location(ast.Attribute(value=one, attr=held.attr, ctx=ast.Load()), node)


def _list(
    item: ast.Name | ast.Attribute, source: Source, prefix: str, walk: _Walk, depth: int
) -> Iterator[Endpoint]:
    """The patterns of a list that another name holds, in this file or in another of the tree."""
    if isinstance(item, ast.Name) and item.id not in source.names:
        yield from _conf(source, prefix, walk, depth + 1, name=item.id)
        return
    module, _, name = dotted(item, source).rpartition(".")
    found = walk.source(module)
    if found is not None:
        yield from _conf(found, prefix, walk, depth + 1, name=name)


def _pattern(call: ast.Call, source: Source, prefix: str, walk: _Walk, depth: int) -> Iterator[Endpoint]:
    route = folded(argument(call, 0, "route"), source)
    target = argument(call, 1, "view")
    if route is None or target is None:
        walk.problems.append(f"{source.path}:{call.lineno}: a route that is computed was left out")
        return
    path = joined(prefix, route if _path_word(call, source) == "path" else _of_regex(route))
    if _is_include(target) and isinstance(target, ast.Call):
        yield from _follow(target, source, path, walk, depth)
        return
    place, parameters = braced(path)
    name = text_of(next((word.value for word in call.keywords if word.arg == "name"), None)) or ""
    methods, view, doc, home, line = _view(target, source, walk)
    yield Endpoint(
        path=place, methods=methods, view=view, file=home or source.path, line=line or call.lineno,
        framework="Django",
        name=name, doc=doc, parameters=parameters,
    )  # fmt: skip


def _of_regex(text: str) -> str:
    text = _GROUP.sub(lambda match: "{" + match[1] + "}", text)
    return text.removeprefix("^").removesuffix("$").replace("\\.", ".").replace("\\-", "-").removesuffix("/?")


def _follow(include: ast.Call, source: Source, prefix: str, walk: _Walk, depth: int) -> Iterator[Endpoint]:
    given = include.args[0] if include.args else None
    if isinstance(given, ast.Tuple) and given.elts:
        given = given.elts[0]
    if isinstance(given, ast.Attribute) and given.attr == "urls":
        yield from _router(given.value, source, prefix, walk)
        return
    if isinstance(given, ast.Name) and given.id not in source.names:
        yield from _conf(source, prefix, walk, depth + 1, name=given.id)
        return
    module = _included(include, source)
    found = walk.source(module)
    if found is not None:
        yield from _conf(found, prefix, walk, depth + 1)
    else:
        walk.problems.append(
            f"{source.path}:{include.lineno}: includes {module or 'something computed'}, not of this tree"
        )


def _router(node: ast.expr, source: Source, prefix: str, walk: _Walk) -> Iterator[Endpoint]:
    """The routes of `router.register("items", ItemViewSet)`, in this file or in the one that defines the router."""
    home, local = source, _last(node)
    module, _, last = dotted(node, source).rpartition(".")
    if module and module != source.module:
        local = last
        home = walk.source(module) or source
    for call in (item for item in ast.walk(home.tree) if isinstance(item, ast.Call)):
        if (
            not isinstance(call.func, ast.Attribute)
            or call.func.attr != "register"
            or _last(call.func.value) != local
        ):
            continue
        route, view = folded(argument(call, 0, "prefix"), home), argument(call, 1, "viewset")
        if route is not None and view is not None:
            yield from _viewset(_of_regex(route), view, home, prefix, walk)


def _viewset(route: str, view: ast.expr, source: Source, prefix: str, walk: _Walk) -> Iterator[Endpoint]:
    where = dotted(view, source)
    node, home = _definition(where, walk)
    base, parameters = braced(joined(prefix, route) + "/")
    known = _known_actions(node)
    key = _lookup(node)
    for name, method, on_one in _ACTIONS:
        if name in known:
            place, more = braced(base + "{" + key + "}/") if on_one else (base, parameters)
            yield _viewset_endpoint(place, (method,), where, name, node, home, more)
    for item in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in item.decorator_list:
                if isinstance(mark, ast.Call) and _last(mark.func) == "action":
                    yield _action(mark, item, base, key, where, home)


def _action(mark: ast.Call, item: ast.FunctionDef | ast.AsyncFunctionDef, base: str, key: str, where: str,
            home: Source | None) -> Endpoint:  # fmt: skip
    words = {word.arg: word.value for word in mark.keywords}
    detail = words.get("detail")
    on_one = isinstance(detail, ast.Constant) and detail.value is True
    tail = text_of(words.get("url_path")) or item.name
    place, more = braced(base + ("{" + key + "}/" if on_one else "") + _of_regex(tail) + "/")
    methods = tuple(text.upper() for text in texts_of(words.get("methods"))) or ("GET",)
    return _viewset_endpoint(place, methods, where, item.name, item, home, more)


def _viewset_endpoint(place: str, methods: tuple[str, ...], where: str, name: str, node: ast.AST | None,
                      home: Source | None, parameters: tuple[object, ...]) -> Endpoint:  # fmt: skip
    own = next(
        (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == name), None
    ) if isinstance(node, ast.ClassDef) else node  # fmt: skip
    return Endpoint(
        path=place, methods=methods, view=f"{where}.{name}", file=home.path if home else "",
        line=getattr(own or node, "lineno", 0), framework="Django REST framework",
        doc=first_line(own) or first_line(node), parameters=braced(place)[1],
    )  # fmt: skip


def _known_actions(node: ast.stmt | None) -> set[str]:
    if not isinstance(node, ast.ClassDef):
        return {name for name, _, _ in _ACTIONS}
    known = {name for base in node.bases for name in _BASES.get(_last(base), set())}
    defined = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
    return known | {name for name, _, _ in _ACTIONS if name in defined}


def _lookup(node: ast.stmt | None) -> str:
    for item in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(item, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id in ("lookup_url_kwarg", "lookup_field")
            for target in item.targets
        ):
            return text_of(item.value) or "pk"
    return "pk"


def _definition(where: str, walk: _Walk) -> tuple[ast.stmt | None, Source | None]:
    module, _, name = where.rpartition(".")
    source = walk.source(module)
    if source is None:
        return None, None
    if name not in source.definitions and name in source.names and source.names[name] != where:
        return _definition(source.names[name], walk)  # handed on by a package
    return source.definitions.get(name), source


def _view(target: ast.expr, source: Source, walk: _Walk) -> tuple[tuple[str, ...], str, str, str, int]:
    """Methods, name, first line of the docstring, file and line of a view."""
    while isinstance(target, ast.Call):  # decorators around it, or View.as_view()
        if isinstance(target.func, ast.Attribute) and target.func.attr == "as_view":
            target = target.func.value
        elif target.args and not isinstance(target.args[-1], ast.Constant):
            target = target.args[-1]
        else:
            target = target.func
    where = dotted(target, source)
    node, home = _definition(where, walk)
    methods: tuple[str, ...] = ()
    if isinstance(node, ast.ClassDef):
        defined = {
            item.name.upper()
            for item in node.body
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        methods = tuple(method for method in METHODS if method in defined)
        methods = methods or next(
            (_GENERIC[_last(base)] for base in node.bases if _last(base) in _GENERIC), ()
        )
    elif node is not None:
        methods = _restricted(node)
    return (
        methods,
        where or "computed",
        first_line(node),
        home.path if home and node else "",
        getattr(node, "lineno", 0),
    )


def _restricted(node: ast.stmt) -> tuple[str, ...]:
    """The methods that decorators allow: @require_POST, @require_http_methods([...]), @api_view([...])."""
    for mark in getattr(node, "decorator_list", ()):
        call = mark if isinstance(mark, ast.Call) else None
        name = _last(call.func if call else mark)
        if name in ("api_view", "require_http_methods"):
            return tuple(text.upper() for text in texts_of(call.args[0] if call and call.args else None)) or (
                "GET",
            )
        if name.startswith("require_"):
            return {"require_POST": ("POST",), "require_GET": ("GET",), "require_safe": ("GET", "HEAD")}.get(
                name, ()
            )
    return ()
