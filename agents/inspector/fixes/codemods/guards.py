"""Checks put before what needs them: a path must stay in its folder, an address on its site."""

from __future__ import annotations

import libcst as cst

from agents.inspector.fixes.site import Refused, Site, positional

_OPENING = frozenset(
    [
        "open",
        "io.open",
        "os.remove",
        "os.unlink",
        "os.listdir",
        "os.stat",
        "os.rmdir",
        "shutil.rmtree",
        "pathlib.Path",
        "flask.send_file",
        "django.http.FileResponse",
    ]
)
_JOINING = frozenset({"os.path.join", "posixpath.join"})
_REDIRECTING = frozenset(
    [
        "django.shortcuts.redirect",
        "django.http.HttpResponseRedirect",
        "django.http.HttpResponsePermanentRedirect",
    ]
)


def contain_path(site: Site) -> None:
    """Before open(path), where path joins a folder and a value: refuse what leads out of the folder."""
    for call in site.calls():
        if site.imported(call.func) not in _OPENING or not call.args:
            continue
        statement = _own_line(call, site)
        taken = positional(call)[0].value
        path, base = _joined(taken, site)
        pathlib = site.use_module("pathlib")
        check = (
            f"if not {pathlib}.Path({path}).resolve().is_relative_to({pathlib}.Path({base}).resolve()):\n"
            f"    raise {_refusal(site)}\n"
        )
        site.put_before(statement, [check])
        site.note = f"Whatever leads out of {base} is refused, links included."
        return
    raise Refused("no file is opened here by a known call")


def _own_line(call: cst.Call, site: Site) -> cst.SimpleStatementLine | cst.With:
    """The statement before which a check can stand. Raises Refused."""
    item = next((holder for holder in site.above(call) if isinstance(holder, cst.WithItem)), None)
    holder = site.parent(item) if item is not None else None
    return holder if isinstance(holder, cst.With) else site.statement(call)


def _joined(taken: cst.BaseExpression, site: Site) -> tuple[str, str]:
    """(the path as an expression, its folder as an expression). Raises Refused."""
    made = taken
    if isinstance(taken, cst.Name):
        value = site.only_value(taken)
        if value is None:
            raise Refused("it is not known here which folder the path must stay in")
        made = value.value
    if isinstance(made, cst.Call) and site.imported(made.func) in _JOINING and len(made.args) > 1:
        base = positional(made)[0].value
    elif isinstance(made, cst.BinaryOperation) and isinstance(made.operator, cst.Divide):
        base = made.left
        while isinstance(base, cst.BinaryOperation):
            base = base.left
    else:
        raise Refused("it is not known here which folder the path must stay in")
    if not isinstance(base, cst.Name | cst.Attribute | cst.SimpleString):
        raise Refused("its folder is made by a larger expression; give it a name first")
    base = _innermost(base, site)
    if _is_of_input(base, site):
        raise Refused("its folder is chosen by input, too")
    if not isinstance(taken, cst.Name) and _calls_something(made):
        raise Refused("the path is made in the call itself; give it a name first")
    return site.code(taken), site.code(base)


def _is_of_input(base: cst.BaseExpression, site: Site) -> bool:
    """Tell whether a folder may come from input: it is on the way, or made of what the function is given."""
    if not isinstance(base, cst.Name):
        return False
    given = set(site.place.tainted)
    value = site.only_value(base)
    if value is None:
        return base.value in given
    function = site.function(base)
    if isinstance(function, cst.FunctionDef):
        given |= {one.name.value for one in function.params.params} - {"self", "cls"}
    waiting: list[cst.CSTNode] = [value.value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, cst.Name) and node.value in given:
            return True
        waiting.extend(node.children)
    return base.value in given


def _innermost(base: cst.BaseExpression, site: Site) -> cst.BaseExpression:
    """Follow a folder that is itself joined to the one that it is joined to: a part of it may come from input.

    Raises Refused.
    """
    while isinstance(base, cst.Name) and (value := site.only_value(base)) is not None:
        made = value.value
        if isinstance(made, cst.Call) and site.imported(made.func) in _JOINING and len(made.args) > 1:
            inner = positional(made)[0].value
        elif isinstance(made, cst.BinaryOperation) and isinstance(made.operator, cst.Divide):
            inner = made.left
            while isinstance(inner, cst.BinaryOperation):
                inner = inner.left
        else:
            return base
        if not isinstance(inner, cst.Name | cst.Attribute | cst.SimpleString):
            raise Refused("its folder is made by a larger expression; give it a name first")
        if isinstance(inner, cst.Name) and not site.is_stable(inner):
            raise Refused(f"{inner.value!r} may have another value by the time of the call")
        base = inner
    return base


def _calls_something(made: cst.BaseExpression) -> bool:
    """Tell whether a joined path has calls in its parts, which must not happen twice."""
    waiting: list[cst.CSTNode] = list(made.args) if isinstance(made, cst.Call) else [made]
    while waiting:
        node = waiting.pop()
        if isinstance(node, cst.Call | cst.Await | cst.NamedExpr):
            return True
        waiting.extend(node.children)
    return False


def _refusal(site: Site) -> str:
    tops = {name.partition(".")[0] for name in site.modules()}
    if "django" in tops:
        return f'{site.use_from("django.http", "Http404")}("there is no such file")'
    if "flask" in tops:
        return f"{site.use_from('werkzeug.exceptions', 'NotFound')}()"
    return 'ValueError("the path leads out of its folder")'


def local_redirect(site: Site) -> None:
    """Before redirect(url) in a Django view: an address of another site becomes the start page."""
    for call in site.calls():
        if site.imported(call.func) not in _REDIRECTING or not call.args:
            continue
        target = positional(call)[0].value
        if not isinstance(target, cst.Name):
            raise Refused("the address is made in the call itself; give it a name first")
        function = site.function(call)
        params = (
            [p.name.value for p in function.params.params] if isinstance(function, cst.FunctionDef) else []
        )
        if "request" not in params:
            raise Refused("the request is not known here, so neither is the site")
        allowed = site.use_from("django.utils.http", "url_has_allowed_host_and_scheme")
        url = target.value
        check = (
            f"if not {allowed}(\n"
            f"    {url}, allowed_hosts={{request.get_host()}}, require_https=request.is_secure()\n"
            f"):\n"
            f'    {url} = "/"\n'
        )
        site.put_before(site.statement(call), [check])
        site.note = "An address of another site leads to the start page now."
        return
    raise Refused("no redirect of Django here")
