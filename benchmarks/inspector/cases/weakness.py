"""What a weakness is, to one who makes cases of it.

A sink is text with `{o}` for the name of the value; it may leave a text in `answer`, which the view sends back.
Sinks that depend on the web framework stand under its name, the others under "". Each kind has sinks that are safe
whatever arrives, beside those that are not.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sink:
    """One place where a value ends."""

    name: str
    lines: str
    above: str = ""
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One weakness; `cwe` is its family's first number."""

    name: str
    cwe: int
    sinks: tuple[Sink, ...]
    payloads: tuple[str, ...] = ()
    flowless: tuple[Sink, ...] = ()
