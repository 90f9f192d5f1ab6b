"""Which docstrings are wanted: public names without one, and lists of parameters with gaps.

The first are told here, the second are what `drift` claims. Tests, examples and migrations want none, nor do
methods that inherit the docstring of a class of the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from agents.conventions import is_migration, is_test
from agents.documentation.claims import Claim, Said
from agents.documentation.coverage import public
from agents.documentation.drift import MISSING_PARAMETER, drift, items_of
from agents.documentation.product import is_example
from agents.documentation.skeletons.wording import fit, yielded
from agents.findings import Confidence, Severity
from agents.grounding import Index
from agents.redaction import redact
from agents.symbols import RECEIVERS, Module, Parameter, Symbol, Symbols, text_of

MISSING = "docstring-missing"
MAX_BASES = 10  # classes above one another that are looked at
_NOTHING = frozenset(("None", "NoReturn", "Never", "typing.NoReturn", "typing.Never"))
_TYPED = {
    "google": re.compile(r"^\s+\*{0,2}\w+ \([^)\n]+\):", re.MULTILINE),
    "sphinx": re.compile(r"^\s*:(?:type \w+|rtype|param \S+ \w+):", re.MULTILINE),
    "numpy": re.compile(""),
}

Style = Literal["google", "numpy", "sphinx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One docstring to write, or to add to, and the claim that it is wanted."""

    module: Module
    symbol: Symbol
    parent: Symbol | None
    claim: Claim


def gaps(symbols: Symbols, index: Index, *, tests: bool = False) -> Iterator[Gap]:
    """Yield what is wanted, in the order of the files."""
    classes = {one.path: one for _, one in symbols.walk() if one.kind == "class"}
    wanted = [one for one in symbols.modules if _wanted(one, tests)]
    for module in [one for one in wanted if tests or not is_example(one.file)] or wanted:
        known = {one.path: one for one in module.walk()}
        lacking = {one.path for one in public(module) if one.kind != "module" and one.docstring is None}
        stale = {claim.scope: claim for claim in incomplete(module, symbols, index)}
        for path, symbol in known.items():
            scope = path.removeprefix(f"{module.path}.")
            parent = known.get(path.rpartition(".")[0])
            if path in lacking and not _inherits(symbol, parent, classes):
                claim = _missing(module, symbol, scope, symbols.griffe)
            elif scope in stale and symbol.docstring is not None:
                claim = stale[scope]
            else:
                continue
            yield Gap(module=module, symbol=symbol, parent=parent, claim=claim)


def incomplete(module: Module, symbols: Symbols, index: Index) -> list[Claim]:
    """The docstrings of a module that list parameters, but not all."""
    alone = symbols.model_copy(update={"modules": (module,)})
    return [claim for claim in drift(alone, index, {}) if claim.rule == MISSING_PARAMETER]


def claims_in(module: Module, symbols: Symbols, index: Index) -> Iterator[Claim]:
    """All that may be claimed of a module's docstrings: what is missing and what contradicts the code."""
    for one in public(module):
        if one.kind != "module" and one.docstring is None:
            yield _missing(module, one, one.path.removeprefix(f"{module.path}."), symbols.griffe)
    yield from drift(symbols.model_copy(update={"modules": (module,)}), index, {})


def job_of(gap: Gap, *, key: str, style: Style, typed: bool) -> dict[str, Any]:
    """What the driver needs to know to write it."""
    symbol, docstring = gap.symbol, gap.symbol.docstring
    told: dict[str, Any] = {"id": key, "name": symbol.name, "line": symbol.line, "kind": symbol.kind}
    if docstring is not None:
        items = items_of(docstring, "parameters", "other parameters")
        documented = {name.strip().lstrip("*\\") for item in items for name in item.name.split(",")}
        lacking = [one for one in _parameters(symbol, gap.parent) if one["name"] not in documented]
        own: Style = docstring.style or style
        return told | {
            "mode": "entries",
            "parameters": [one for one in lacking if not one["stars"]],
            "at": max((item.line for item in items), default=0),
            "last": docstring.end_line,
            "style": own,
            "typed": bool(_TYPED[own].search(docstring.text)),
        }
    returns, yields = _handed_back(symbol)
    return told | {
        "mode": "whole",
        "parameters": _parameters(symbol, gap.parent),
        "returns": returns,
        "yields": yields,
        "is_stub": symbol.is_stub,
        "style": style,
        "typed": typed,
    }


def style_of(module: Module, symbols: Symbols) -> Style:
    """The style that most docstrings of a file have, else of the project, else Google's."""
    styles = [one.docstring.style for one in module.walk() if one.docstring and one.docstring.style]
    return max(sorted(set(styles)), key=styles.count) if styles else (symbols.style or "google")


def is_typed(style: Style, symbols: Iterable[Symbol]) -> bool:
    """Tell whether docstrings of a style repeat the types of parameters here."""
    texts = [one.docstring.text for one in symbols if one.docstring and one.docstring.style == style]
    return style == "numpy" or sum(map(bool, map(_TYPED[style].search, texts))) * 2 > len(texts) > 0


def _wanted(module: Module, tests: bool) -> bool:
    return (tests or not is_test(module.file)) and not is_migration(module.file)


def _missing(module: Module, symbol: Symbol, scope: str, griffe: str) -> Claim:
    line = max(symbol.line, 1)
    message = f"{symbol.kind} {symbol.name} is public and has no docstring."
    return Claim(
        rule=MISSING, title="Public name without a docstring", message=message, path=module.file, line=line,
        end_line=line, severity=Severity.INFO, confidence=Confidence.HIGH, scope=scope,
        said=(Said(tool="griffe", version=griffe, rule=MISSING, message=message),),
    )  # fmt: skip


def _inherits(symbol: Symbol, parent: Symbol | None, classes: dict[str, Symbol], depth: int = 0) -> bool:
    """Tell whether a method has the docstring of a base class of the project."""
    if parent is None or parent.kind != "class" or depth > MAX_BASES:
        return False
    names = [token[1] for base in parent.bases for token in base if not isinstance(token, str)]
    for base in (classes[name] for name in names if name in classes and name != parent.path):
        if any(one.name == symbol.name and one.docstring for one in base.members):
            return True
        if _inherits(symbol, base, classes, depth + 1):
            return True
    return False


def _parameters(symbol: Symbol, parent: Symbol | None) -> list[dict[str, str]]:
    """What a docstring lists of a function, or of a class's own constructor if that has no docstring."""
    function, is_method = symbol, parent is not None and parent.kind == "class"
    if symbol.kind == "class":
        made = [one for one in symbol.members if one.name == "__init__" and one.kind == "function"]
        if not made or made[-1].docstring or any(one.name == "__new__" for one in symbol.members):
            return []
        function, is_method = made[-1], True
    bound = is_method and not any(one.lstrip("@").endswith("staticmethod") for one in function.decorators)
    listed = function.parameters[1 if bound else 0 :]
    return [_told(one) for one in listed if not one.name.startswith("_") and one.name not in RECEIVERS]


def _told(one: Parameter) -> dict[str, str]:
    stars = {"variadic positional": "*", "variadic keyword": "**"}.get(one.kind, "")
    default = fit(one.default or "")
    return {
        "name": one.name,
        "stars": stars,
        "type": fit(text_of(one.annotation).strip("\"'")),
        "default": default if redact(f"{one.name} = {default}") == f"{one.name} = {default}" else "",
    }


def _handed_back(symbol: Symbol) -> tuple[str | None, str | None]:
    """(type of what is returned, type of what is yielded); None for nothing, "" for something of unknown type."""
    if symbol.kind != "function":
        return None, None
    written = text_of(symbol.returns).strip("\"'")
    if symbol.yields:
        return None, fit(yielded(written))
    if written in _NOTHING or not (written or symbol.returns_value):
        return None, None
    return fit(written), None
