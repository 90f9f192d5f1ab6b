"""Calls that become safe by another name or another argument."""

from __future__ import annotations

import libcst as cst

from agents.inspector.fixes.site import Refused, Site, keyword, positional, with_keyword, without

TIMEOUT_SECONDS = 30  # long enough for a slow service, short enough that no worker hangs for hours
_YAML = {
    "yaml.load": "safe_load",
    "yaml.load_all": "safe_load_all",
    "yaml.unsafe_load": "safe_load",
    "yaml.unsafe_load_all": "safe_load_all",
    "yaml.full_load": "safe_load",
    "yaml.full_load_all": "safe_load_all",
}
_LOADERS = frozenset(
    f"yaml.{name}"
    for name in ("Loader", "UnsafeLoader", "FullLoader", "CLoader", "CUnsafeLoader", "CFullLoader")
)
_CLIENTS = ("requests", "httpx", "aiohttp")


def safe_yaml(site: Site) -> None:
    """yaml.load(x, Loader=...) -> yaml.safe_load(x)."""
    for call in site.calls():
        name = site.imported(call.func)
        if name not in _YAML:
            continue
        args = positional(call)
        loader = keyword(call, "Loader") or (args[1] if len(args) > 1 else None)
        if loader is not None and site.imported(loader.value) not in _LOADERS:
            raise Refused("it has a loader of the project's own")
        if any(site.imported(other.func).startswith("yaml.add_") for other in site.file.calls):
            raise Refused("the file teaches YAML types of its own, which a safe loader does not know")
        if isinstance(call.func, cst.Attribute):
            func: cst.BaseExpression = call.func.with_changes(attr=cst.Name(_YAML[name]))
        else:
            func = cst.parse_expression(f"{site.use_module('yaml')}.{_YAML[name]}")
        new = without(call, loader) if loader is not None else call
        site.replace(call, new.with_changes(func=func))
        site.note = "Documents with tags of Python objects are refused now."
        return
    raise Refused("no call of yaml's loaders here")


def timeout(site: Site) -> None:
    """requests.get(url) -> requests.get(url, timeout=30)."""
    for call in site.calls():
        top = site.imported(call.func).partition(".")[0]
        if top not in _CLIENTS:
            continue
        positional(call)
        held = keyword(call, "timeout")
        if held is not None and site.code(held.value) != "None":
            raise Refused("it has a timeout")
        site.replace(call, with_keyword(call, "timeout", str(TIMEOUT_SECONDS)))
        site.note = f"{TIMEOUT_SECONDS} seconds is a guess: take what its service needs."
        return
    raise Refused("no call of a known HTTP client here")


def verify_tls(site: Site) -> None:
    """requests.get(url, verify=False) -> requests.get(url)."""
    for call in site.calls():
        if site.imported(call.func) == "ssl._create_unverified_context":
            if call.args:
                raise Refused("its context is made with arguments of its own")
            site.replace(
                call,
                call.with_changes(
                    func=cst.parse_expression(f"{site.use_module('ssl')}.create_default_context")
                ),
            )
            return
        held = keyword(call, "verify") or keyword(call, "ssl")
        if held is not None and site.code(held.value) == "False":
            positional(call)
            site.replace(call, without(call, held))
            site.note = (
                "A server with a certificate of its own needs verify=<path of the authority's certificate>."
            )
            return
    raise Refused("no argument verify=False here")


def tar_filter(site: Site) -> None:
    """tar.extractall(path) -> tar.extractall(path, filter="data")."""
    for call in site.calls():
        name = site.imported(call.func)
        is_member = isinstance(call.func, cst.Attribute) and call.func.attr.value in ("extractall", "extract")
        if name != "shutil.unpack_archive" and not is_member:
            continue
        modules = site.modules()
        if is_member and not any(one.partition(".")[0] == "tarfile" for one in modules):
            raise Refused("no tarfile is imported here; zipfile keeps to the folder by itself")
        if is_member and any(one.partition(".")[0] == "zipfile" for one in modules):
            raise Refused("it may be an archive of the module zipfile, which takes no filter")
        if keyword(call, "filter"):
            raise Refused("it has a filter")
        positional(call)
        site.replace(call, with_keyword(call, "filter", '"data"'))
        site.note = "Needs Python 3.11.4 or later. Links out of the folder and devices are refused now."
        return
    raise Refused("no unpacking of an archive here")


def no_debug(site: Site) -> None:
    """app.run(debug=True) -> app.run()."""
    for call in site.calls():
        held = keyword(call, "debug")
        if held is not None and site.code(held.value) == "True":
            site.replace(call, without(call, held))
            site.note = "To debug, start it by `flask run --debug`."
            return
    raise Refused("no argument debug=True here")


def mkstemp(site: Site) -> None:
    """path = tempfile.mktemp() -> a file that exists from the start."""
    for call in site.calls():
        if site.imported(call.func) != "tempfile.mktemp":
            continue
        statement = site.statement(call)
        assign = statement.body[0]
        if not isinstance(assign, cst.Assign) or assign.value is not call or len(assign.targets) != 1:
            raise Refused("the name is not put into a variable of its own")
        target = assign.targets[0].target
        if not isinstance(target, cst.Name):
            raise Refused("the name is not put into a plain variable")
        tempfile, os = site.use_module("tempfile"), site.use_module("os")
        arguments = ", ".join(
            site.code(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for arg in call.args
        )
        site.put_instead(
            statement,
            [
                f"{target.value}_handle, {target.value} = {tempfile}.mkstemp({arguments})",
                f"{os}.close({target.value}_handle)",
            ],
        )
        site.note = "The file exists from the start, readable for its owner alone."
        return
    raise Refused("no call of tempfile.mktemp() here")


def cookie_flags(site: Site) -> None:
    """response.set_cookie(k, v) -> with secure, httponly and samesite."""
    for call in site.calls():
        if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "set_cookie":
            continue
        positional(call)
        new = call
        for name, value in (("secure", "True"), ("httponly", "True"), ("samesite", '"Lax"')):
            held = keyword(new, name)
            if held is None or site.code(held.value) in ("False", "None"):
                new = with_keyword(new, name, value)
        if new is call:
            raise Refused("it has its flags")
        site.replace(call, new)
        site.note = "The cookie travels by HTTPS alone, and scripts of the page no longer see it."
        return
    raise Refused("no call of set_cookie() here")
