"""XML from outside: parsers that follow no entities. The standard library's calls go through defusedxml."""

from __future__ import annotations

import libcst as cst

from agents.inspector.fixes.site import Refused, Site, keyword, positional, with_keyword

# Module of the standard library -> its harmless twin.
_TWINS = {
    "xml.etree.ElementTree": "defusedxml.ElementTree",
    "xml.etree.cElementTree": "defusedxml.ElementTree",
    "xml.dom.minidom": "defusedxml.minidom",
    "xml.dom.pulldom": "defusedxml.pulldom",
    "xml.dom.expatbuilder": "defusedxml.expatbuilder",
    "xml.sax": "defusedxml.sax",
}
_PARSING = frozenset({"parse", "iterparse", "fromstring", "XML", "parseString"})
_ARGUMENTS = {"xml.sax": 3}  # source, handler, errorHandler: alike in both
_LXML = frozenset(f"lxml.etree.{name}" for name in ("parse", "fromstring", "XML", "XMLID", "fromstringlist"))
_PARSERS = frozenset({"lxml.etree.XMLParser", "lxml.etree.ETCompatXMLParser"})
_FEATURES = ("feature_external_ges", "feature_external_pes")
HARMLESS = "resolve_entities=False, no_network=True"


def no_entities(site: Site) -> None:
    """ElementTree.parse(x) -> defusedxml.ElementTree.parse(x); lxml's parsers resolve no entities."""
    for call in site.calls():
        name = site.imported(call.func)
        module, _, function = name.rpartition(".")
        if module in _TWINS and function in _PARSING:
            return _defused(call, module, function, site)
        if name in _LXML:
            return _lxml(call, site)
        if name in _PARSERS:
            return _parser(call, site)
        if name == "lxml.etree.iterparse":
            return site.replace(call, with_keyword(call, "resolve_entities", "False"))
        if _is_method(call, "parse") and _features(call, site):
            return None
    raise Refused("no call of a parser that is known here")


def _defused(call: cst.Call, module: str, function: str, site: Site) -> None:
    most = _ARGUMENTS.get(module, 1)
    if len(positional(call)) != len(call.args) or len(call.args) > most:
        raise Refused("the call has arguments that mean something else in defusedxml")
    twin = site.use_module(_TWINS[module])
    site.replace(call, call.with_changes(func=cst.parse_expression(f"{twin}.{function}")))
    site.note = (
        "Needs the package defusedxml, among the project's requirements; refuses documents with entities."
    )


def _lxml(call: cst.Call, site: Site) -> None:
    args = positional(call)
    given = keyword(call, "parser") or (args[1] if len(args) > 1 else None)
    if given is None:
        base = (
            site.code(call.func.value)
            if isinstance(call.func, cst.Attribute)
            else site.use_module("lxml.etree")
        )
        site.replace(call, with_keyword(call, "parser", f"{base}.XMLParser({HARMLESS})"))
        site.note = "Entities are left as they stand in the document."
        return
    maker = given.value
    if isinstance(maker, cst.Name):
        value = site.only_value(maker)
        maker = value.value if value is not None else maker
    if not isinstance(maker, cst.Call) or site.imported(maker.func) not in _PARSERS:
        raise Refused("its parser is made elsewhere")
    _parser(maker, site)


def _parser(call: cst.Call, site: Site) -> None:
    positional(call)
    held = keyword(call, "resolve_entities")
    if held is not None and site.code(held.value) in ("False", '"internal"', "'internal'"):
        raise Refused("the parser resolves no entities")
    new = with_keyword(call, "resolve_entities", "False")
    for name in ("load_dtd", "dtd_validation"):
        given = keyword(new, name)
        if given is not None and site.code(given.value) != "False":
            new = with_keyword(new, name, "False")
    site.replace(call, new)
    site.note = "Entities are left as they stand in the document, and no DTD is loaded."


def _is_method(call: cst.Call, name: str) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == name


def _features(parse: cst.Call, site: Site) -> bool:
    """Switch the features off that the parser of this call was given. False if none is found."""
    assert isinstance(parse.func, cst.Attribute)
    receiver, found = site.code(parse.func.value), False
    for call in site.file.calls:
        if not _is_method(call, "setFeature") or len(call.args) != 2:
            continue
        assert isinstance(call.func, cst.Attribute)
        is_same = site.code(call.func.value) == receiver and site.function(call) is site.function(parse)
        if is_same and site.imported(call.args[0].value).endswith(_FEATURES):
            if site.code(call.args[1].value) not in ("True", "1"):
                continue
            off = call.args[1].with_changes(value=cst.Name("False"))
            site.replace(call, call.with_changes(args=[call.args[0], off]))
            found = True
    if found:
        site.note = "Entities outside of the document are not read any more."
    return found
