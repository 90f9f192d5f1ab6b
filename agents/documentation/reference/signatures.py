"""How functions, classes and attributes are declared, as runs of text that a form may colour and link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.documentation.reference.model import Entry
from agents.documentation.reference.prose import plain
from agents.redaction import redact
from agents.symbols import RECEIVERS, Parameter, Symbol, Tokens

WIDTH = 88  # characters of a declaration on one line; a longer one has a parameter on each
MAX_PARAMETERS = 300
_LITERAL = re.compile(r"None$|True$|False$|-?[\d.]+$|[rbf]?[\"']|\[\]$|\{\}$|\(\)$")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a declaration. `path` is the qualified name that it stands for, or ""."""

    text: str
    kind: str = ""  # keyword, name, parameter, default
    path: str = ""


def declaration(entry: Entry) -> list[list[Run]]:
    """Give each form in which an entry is declared, as lines joined by line ends inside of runs."""
    symbol = entry.symbol
    if symbol.kind == "class":
        return [list(_class(entry))]
    if symbol.kind == "function":
        forms = [_function(entry.name, symbol, one.parameters, one.returns) for one in symbol.overloads[:50]]
        return forms or [_function(entry.name, symbol, symbol.parameters, symbol.returns)]
    return [list(_attribute(entry))]


def text(runs: Iterable[Run]) -> str:
    """The declaration as plain text."""
    return "".join(run.text for run in runs)


def _class(entry: Entry) -> Iterator[Run]:
    yield Run("class ", "keyword")
    yield Run(plain(entry.name), "name")
    constructor = next((one for one in entry.symbol.members if one.name == "__init__"), None)
    if constructor is not None and constructor.kind == "function":
        yield from _function("", constructor, constructor.parameters, ())[2:]


def _function(name: str, symbol: Symbol, parameters: Sequence[Parameter], returns: Tokens) -> list[Run]:
    head = [
        Run("async def " if "async" in symbol.labels else "def ", "keyword"),
        Run(plain(name), "name"),
    ]
    tail = [Run(" -> "), *runs_of(returns)] if returns else []
    pieces = list(_parameters(_without_self(symbol, parameters)))
    flat = [*head, Run("("), *_joined(pieces, ", "), Run(")"), *tail]
    if len(text(flat)) <= WIDTH or not pieces:
        return flat
    lines = [Run("(\n    "), *_joined(pieces, ",\n    "), Run(",\n)")]
    return [*head, *lines, *tail]


def _without_self(symbol: Symbol, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
    """Leave out what Python fills in itself."""
    first = parameters[0].name if parameters else ""
    return parameters[1:] if first in RECEIVERS and "staticmethod" not in symbol.labels else parameters


def _parameters(parameters: Sequence[Parameter]) -> Iterator[list[Run]]:
    """Yield each parameter, with the marks `/` and `*` where they stand."""
    before = ""
    for one in parameters[:MAX_PARAMETERS]:
        if before == "positional-only" and one.kind != "positional-only":
            yield [Run("/")]
        if one.kind == "keyword-only" and before not in ("keyword-only", "variadic positional"):
            yield [Run("*")]
        yield list(_parameter(one))
        before = one.kind
    if before == "positional-only":
        yield [Run("/")]
    if len(parameters) > MAX_PARAMETERS:
        yield [Run("...")]


def _parameter(one: Parameter) -> Iterator[Run]:
    stars = {"variadic positional": "*", "variadic keyword": "**"}.get(one.kind, "")
    yield Run(f"{stars}{plain(one.name)}", "parameter")
    if one.annotation:
        yield Run(": ")
        yield from runs_of(one.annotation)
    if one.default is not None:
        yield Run(" = " if one.annotation else "=")
        yield Run(one_line(one.default), "default")


def _joined(pieces: Sequence[list[Run]], between: str) -> Iterator[Run]:
    for number, piece in enumerate(pieces):
        if number:
            yield Run(between)
        yield from piece


def _attribute(entry: Entry) -> Iterator[Run]:
    symbol = entry.symbol
    if "property" in symbol.labels or "cached" in symbol.labels:
        yield Run("property ", "keyword")
    yield Run(plain(entry.name), "name")
    if symbol.annotation:
        yield Run(": ")
        yield from runs_of(symbol.annotation)
    is_computed = "instance-attribute" in symbol.labels and not _LITERAL.match(symbol.value or "")
    if symbol.value is not None and "property" not in symbol.labels and not is_computed:
        yield Run(" = ")
        yield Run(one_line(symbol.value), "default")


def runs_of(tokens: Tokens) -> Iterator[Run]:
    """An annotation or base class as runs; names carry what they stand for."""
    for token in tokens:
        if isinstance(token, str):
            yield Run(one_line(token))
        else:
            yield Run(plain(token[0]), "type", token[1])


def one_line(value: str) -> str:
    """A default or value on one line. Secrets are cut out."""
    value = _shown(value)
    return " ".join(value.split()) if "\n" in value else value


@lru_cache(maxsize=50_000)
def _shown(value: str) -> str:
    return plain(redact(value))


def marks(symbol: Symbol) -> list[str]:
    """Words beside a name: what kind of thing it is, whether it is abstract, and so on."""
    told = [label for label in _LABELS if label in symbol.labels]
    return [_LABELS[label] for label in told]


_LABELS = {
    "classmethod": "class method",
    "staticmethod": "static method",
    "abstractmethod": "abstract",
    "async": "async",
    "cached": "cached",
    "writable": "writable",
    "deletable": "deletable",
    "dataclass": "dataclass",
}


def deprecation(symbol: Symbol) -> str | None:
    """Say that something is deprecated, in its decorator's words if it has some; None if it is not."""
    for decorator in symbol.decorators:
        name, _, rest = decorator.partition("(")
        if name.rpartition(".")[2].lower() in ("deprecated", "deprecate", "deprecation"):
            quoted = rest.strip(" )")
            return (
                quoted[1:-1] if quoted[:1] in "\"'" and quoted[:1] == quoted[-1:] and len(quoted) > 1 else ""
            )
    if symbol.docstring is not None:
        if any(section.kind == "deprecated" for section in symbol.docstring.sections):
            return ""
        if ".. deprecated::" in symbol.docstring.text:
            return ""
    return None
