"""Where a docstring and its function have come apart.

Owns: the comparison of what a docstring's sections claim with the signature and the body. Only contradictions and
gaps in lists that are there count; a docstring without sections claims nothing that could be compared.
Refuses to judge what it cannot see: `**kwargs` may take any name, a class without a constructor of its own may
inherit one, a decorator may change a signature (then its confidence is lower).
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import normalize

from agents.conventions import is_test
from agents.documentation.claims import Claim, Said
from agents.findings import Confidence, Severity
from agents.grounding import Index
from agents.symbols import RECEIVERS, Docstring, Item, Module, Symbol, Symbols, Tokens, text_of

_REQUESTS = frozenset({"request", "req"})
UNKNOWN_PARAMETER = "docstring-unknown-parameter"
MISSING_PARAMETER = "docstring-missing-parameter"
WRONG_TYPE = "docstring-wrong-type"
WRONG_RETURN = "docstring-wrong-return"
UNKNOWN_ERROR = "docstring-unknown-error"

# Decorators that leave the signature as it is written.
_HARMLESS = re.compile(
    r"(staticmethod|classmethod|abstractmethod|abc\.abstractmethod|override|typing\.\w+|final|overload"
    r"|(functools\.)?(cache|lru_cache|wraps|cached_property|singledispatch)|contextlib\.\w+|contextmanager"
    r"|asynccontextmanager|dataclass|dataclasses\.dataclass|pytest\.fixture|transaction\.atomic|njit|jit)\b"
)
_SCALARS = frozenset(
    ("int", "str", "float", "bool", "bytes", "dict", "list", "tuple", "set", "None", "complex")
)
_NUMBERS = frozenset(("int", "float", "complex", "bool"))
_NOTHING = re.compile(r"^\W*(none|nothing|null)\b", re.IGNORECASE)
_ERROR_NAME = re.compile(r"[A-Z]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One function or class with its docstring, and what was said of it."""

    module: Module
    symbol: Symbol
    docstring: Docstring
    griffe: str
    pydoclint: tuple[Said, ...]

    @property
    def scope(self) -> str:
        return self.symbol.path.removeprefix(f"{self.module.path}.")

    def claim(
        self,
        rule: str,
        title: str,
        message: str,
        lines: list[int],
        *,
        severity: Severity,
        confidence: Confidence,
    ) -> Claim:
        """Make a claim at these lines of the docstring (at its first line if it has none)."""
        known = sorted(line for line in lines if line) or [self.docstring.line]
        warned = [
            w.message for w in self.docstring.warnings if w.line in known and "does not appear" in w.message
        ]
        own = Said(tool="griffe", version=self.griffe, rule=rule, message="; ".join(warned) or message)
        return Claim(
            rule=rule, title=title, message=message, path=self.module.file, line=known[0], end_line=known[-1],
            severity=severity, confidence=confidence, said=(own, *self.pydoclint), scope=self.scope,
        )  # fmt: skip


def drift(
    symbols: Symbols, index: Index, pydoclint: dict[tuple[str, int], tuple[Said, ...]]
) -> Iterator[Claim]:
    """Yield what docstrings claim wrongly. `pydoclint`: what that tool says, by path and line of the definition."""
    for module, symbol in symbols.walk():
        docstring = symbol.docstring
        if docstring is None or symbol.kind not in ("function", "class") or is_test(module.file):
            continue
        compared = _signature(symbol) or symbol  # a class's docstring is compared with its constructor
        said = pydoclint.get((module.file, compared.line), ())
        place = _Place(
            module=module, symbol=symbol, docstring=docstring, griffe=symbols.griffe, pydoclint=said
        )
        yield from _parameters(place)
        if symbol.kind == "function":
            yield from _returns(place)
            yield from _errors(place, index)


def items_of(docstring: Docstring, *kinds: str) -> list[Item]:
    """The entries of the sections of some kinds."""
    return [item for section in docstring.sections if section.kind in kinds for item in section.items]


def _parameters(place: _Place) -> Iterator[Claim]:
    signature = _signature(place.symbol)
    items = items_of(place.docstring, "parameters", "other parameters")
    if signature is None or not items:
        return
    documented = {name: item for item in items for name in _names(item)}
    known = {parameter.name for parameter in signature.parameters}
    takes_any = any(parameter.kind == "variadic keyword" for parameter in signature.parameters)
    sure = _confidence(signature)
    unknown = [name for name in documented if name not in known]
    wanted = [
        p.name for p in signature.parameters if not p.kind.startswith("variadic") and not _hidden(p.name)
    ]
    missing = [name for name in wanted if name not in documented]
    if unknown and not takes_any:
        told = f"{place.symbol.name}() has no parameter {_listed(unknown)}, of which its docstring tells"
        if missing:
            told += f"; the docstring says nothing of {_listed(missing)}"
        # A handler may describe what it reads of a request as if that were its own.
        of_request = known.isdisjoint(documented) and not known.isdisjoint(_REQUESTS)
        yield place.claim(
            UNKNOWN_PARAMETER, "Docstring names a parameter that does not exist", told + ".",
            [documented[name].line for name in unknown],
            severity=Severity.LOW if of_request else Severity.MEDIUM,
            confidence=Confidence.MEDIUM if of_request else sure,
        )  # fmt: skip
    elif missing and not unknown and place.symbol.public and len(missing) < len(wanted) / 2:
        yield place.claim(
            MISSING_PARAMETER, "Docstring lists parameters, but not all",
            f"The docstring of {place.symbol.name}() lists its parameters, but not {_listed(missing)}.",
            [], severity=Severity.INFO, confidence=sure,
        )  # fmt: skip
    yield from _types(place, signature, documented)


def _signature(symbol: Symbol) -> Symbol | None:
    """The function whose parameters a docstring lists; None if it cannot be seen."""
    if symbol.kind == "class":
        made = [one for one in symbol.members if one.name == "__init__" and one.kind == "function"]
        return made[-1] if made and not any(one.name == "__new__" for one in symbol.members) else None
    if {"property", "overload"} & set(symbol.labels) or any("overload" in one for one in symbol.decorators):
        return None
    return symbol


def _confidence(signature: Symbol) -> Confidence:
    decorated = [one for one in signature.decorators if not _HARMLESS.match(one.lstrip("@"))]
    return Confidence.MEDIUM if decorated else Confidence.HIGH


def _names(item: Item) -> list[str]:
    """The parameters of one entry ("x, y : float" documents two). What is no identifier is no parameter's name.

    They are spelled as Python reads them, to which a ligature is its letters.
    """
    parts = [normalize("NFKC", part.strip().lstrip("*\\").strip("`")) for part in item.name.split(",")]
    return [part for part in parts if part.isidentifier()] if all(parts) else []


def _hidden(name: str) -> bool:
    return name in RECEIVERS or name.startswith("_")


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _types(place: _Place, signature: Symbol, documented: dict[str, Item]) -> Iterator[Claim]:
    for parameter in signature.parameters:
        item = documented.get(parameter.name)
        if item is None or item.annotation == parameter.annotation or parameter.kind.startswith("variadic"):
            continue
        if not parameter.annotation or not _contradict(item.annotation, parameter.annotation):
            continue
        yield place.claim(
            WRONG_TYPE, "Docstring and signature tell different types",
            f"The docstring of {place.symbol.name}() calls `{parameter.name}` {text_of(item.annotation)}; "
            f"the signature says {text_of(parameter.annotation)}.",
            [item.line], severity=Severity.LOW, confidence=Confidence.MEDIUM,
        )  # fmt: skip


def _contradict(told: Tokens, written: Tokens) -> bool:
    """True if both are made of built-in types only, and have none in common. Numbers count as one."""
    mine, theirs = _scalars(text_of(told)), _scalars(text_of(written))
    if mine is None or theirs is None:
        return False
    return not mine & theirs and not (mine & _NUMBERS and theirs & _NUMBERS)


def _scalars(text: str) -> set[str] | None:
    """The outermost built-in types of a union; None if there is anything else in it."""
    while "[" in text:
        text, before = re.sub(r"\[[^\[\]]*\]", "", text), text
        if text == before:
            return None
    parts = {part.strip().strip("\"'") for part in re.split(r"\||,|\bor\b", text.replace("optional", ""))} - {
        ""
    }
    return parts if parts and parts <= _SCALARS and parts != {"None"} else None


def _returns(place: _Place) -> Iterator[Claim]:
    symbol = place.symbol
    items = items_of(place.docstring, "returns")
    if not items or symbol.is_stub or symbol.yields or {"property", "overload"} & set(symbol.labels):
        return
    item, written = items[0], text_of(symbol.returns)
    told = f"{text_of(item.annotation)} {item.description}".strip()
    if (
        not symbol.returns_value
        and written in ("", "None")
        and not _NOTHING.match(told)
        and not _raises_only(symbol)
    ):
        yield place.claim(
            WRONG_RETURN, "Docstring tells of a return value that there is not",
            f"The docstring of {symbol.name}() says what it returns; it returns nothing.",
            [_section_line(place.docstring)], severity=Severity.LOW, confidence=Confidence.MEDIUM,
        )  # fmt: skip
    elif (
        len(items) == 1 and item.annotation != symbol.returns and _contradict(item.annotation, symbol.returns)
    ):
        yield place.claim(
            WRONG_RETURN, "Docstring and signature tell different return types",
            f"The docstring of {symbol.name}() says that it returns {text_of(item.annotation)}; "
            f"the signature says {written}.",
            [_section_line(place.docstring)], severity=Severity.LOW, confidence=Confidence.MEDIUM,
        )  # fmt: skip


def _raises_only(symbol: Symbol) -> bool:
    return bool(symbol.raises) and symbol.end_line - symbol.raises[-1].line <= 1


def _section_line(docstring: Docstring) -> int:
    for offset, text in enumerate(docstring.text.split("\n")):
        if re.match(r"\s*(:?returns?\b\s*:?|Returns\s*$)", text, re.IGNORECASE):
            return docstring.line + offset
    return 0


def _errors(place: _Place, index: Index) -> Iterator[Claim]:
    for item in items_of(place.docstring, "raises"):
        name = text_of(item.annotation).strip("`~!: ")
        last = name.rpartition(".")[2]
        if not _ERROR_NAME.fullmatch(last) or not re.fullmatch(r"[\w.]+", name):
            continue
        stands_for = (
            item.annotation[0][1] if item.annotation and not isinstance(item.annotation[0], str) else name
        )
        if hasattr(builtins, last) or index.has_name(name) or last in index.suffixes or stands_for != name:
            continue
        yield place.claim(
            UNKNOWN_ERROR, "Docstring names an error that does not exist",
            f"The docstring of {place.symbol.name}() says that it raises {name}; nothing of that name is defined or "
            "imported there.",
            [item.line], severity=Severity.LOW,
            confidence=Confidence.LOW if "." in name else Confidence.MEDIUM,
        )  # fmt: skip
