"""The words of a skeleton, in Google, NumPy or Sphinx style. Knows no file; runs inside the driver, too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MARK = "TODO"  # what a person has to complete
MAX_SHOWN = 60  # characters of a type or a default
_UNFIT = re.compile(r"\\|\"\"\"|'''|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]")
_ITERATES = re.compile(r"(?:[\w.]*\.)?(?:Async)?(?:Iterator|Iterable|Generator)\[(.*)\]\Z", re.DOTALL)


class Parameter(NamedTuple):
    """A parameter as it is listed: `name` without stars; `stars` before it."""

    name: str
    stars: str = ""
    type: str = ""
    default: str = ""


class Facts(NamedTuple):
    """What is known of one function or class. `returns` and `yields`: the type, "" if unknown, None for nothing."""

    kind: str  # function or class
    parameters: tuple[Parameter, ...] = ()
    returns: str | None = None
    yields: str | None = None
    raises: tuple[str, ...] = ()


def facts_of(told: dict[str, Any], raises: Sequence[str]) -> Facts:
    """Read what the planning side wrote for the driver."""
    parameters = tuple(Parameter(**one) for one in told["parameters"])
    return Facts(
        kind=told["kind"],
        parameters=parameters,
        returns=told["returns"],
        yields=told["yields"],
        raises=tuple(raises),
    )


def fit(text: str) -> str:
    """Give a type or default that may stand in a docstring, or "" if it is too long or would end the literal."""
    flat = " ".join(text.split())
    return "" if _UNFIT.search(flat) or len(flat) > MAX_SHOWN else flat


def yielded(annotation: str) -> str:
    """The type of what a generator yields, of its annotation: `Iterator[int]` yields `int`."""
    found = _ITERATES.match(annotation.strip())
    if found is None:
        return ""
    depth, first = 0, ""
    for char in found[1]:
        depth += (char in "[(") - (char in "])")
        if char == "," and not depth:
            break
        first += char
    return first.strip()


def skeleton(facts: Facts, style: str, *, typed: bool) -> list[str]:
    """The lines of a whole docstring, without indentation."""
    what = "does" if facts.kind == "function" else "is"
    lines = [f"{MARK}: say what this {what}."]
    sections = list(_SECTIONS[style](facts, typed))
    for number, section in enumerate(sections):
        # Fields of Sphinx are one list; the sections of the others stand apart.
        lines += section if style == "sphinx" and number else ["", *section]
    return lines


def entry(parameter: Parameter, style: str, *, typed: bool) -> list[str]:
    """The lines that list one parameter."""
    name = f"{parameter.stars}{parameter.name}"
    told = f"{MARK}: describe it."
    if parameter.default:
        told += f" Defaults to {parameter.default}."
    if style == "numpy":
        kind = f" : {parameter.type}" if parameter.type else ""
        return [f"{name}{kind}", f"    {told}"]
    kind = parameter.type if typed else ""
    if style == "sphinx":
        lines = [f":param {parameter.name}: {told}"]
        return [*lines, f":type {parameter.name}: {kind}"] if kind else lines
    return [f"    {name} ({kind}): {told}" if kind else f"    {name}: {told}"]


def _google(facts: Facts, typed: bool) -> Iterator[list[str]]:
    if facts.parameters:
        yield ["Args:", *_entries(facts, "google", typed)]
    for title, kind in (("Yields", facts.yields), ("Returns", facts.returns)):
        if kind is not None:
            yield [
                f"{title}:",
                f"    {kind}: {MARK}: say what." if kind and typed else f"    {MARK}: say what.",
            ]
    if facts.raises:
        yield ["Raises:", *(f"    {name}: {MARK}: say when." for name in facts.raises)]


def _numpy(facts: Facts, typed: bool) -> Iterator[list[str]]:
    if facts.parameters:
        yield ["Parameters", "----------", *_entries(facts, "numpy", typed)]
    for title, kind in (("Yields", facts.yields), ("Returns", facts.returns)):
        if kind is not None:
            yield [title, "-" * len(title), kind or MARK, f"    {MARK}: say what."]
    if facts.raises:
        named = [line for name in facts.raises for line in (name, f"    {MARK}: say when.")]
        yield ["Raises", "------", *named]


def _sphinx(facts: Facts, typed: bool) -> Iterator[list[str]]:
    if facts.parameters:
        yield _entries(facts, "sphinx", typed)
    if facts.raises:
        yield [f":raises {name}: {MARK}: say when." for name in facts.raises]
    for field, kind in (("yields", facts.yields), ("returns", facts.returns)):
        if kind is not None:
            named = [f":rtype: {kind}"] if kind and typed and field == "returns" else []
            yield [f":{field}: {MARK}: say what.", *named]


def _entries(facts: Facts, style: str, typed: bool) -> list[str]:
    return [line for one in facts.parameters for line in entry(one, style, typed=typed)]


_SECTIONS = {"google": _google, "numpy": _numpy, "sphinx": _sphinx}
