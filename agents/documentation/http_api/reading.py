"""All endpoints of a tree, from every place that tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.documentation.http_api import decorated, django, resources, schemas
from agents.documentation.http_api.routes import Endpoint, Source, parsed
from agents.pythons import why_unread


@dataclass(slots=True, kw_only=True)
class Interface:
    """What the code serves, what documents promise, and what could not be told."""

    endpoints: list[Endpoint] = field(default_factory=list)
    promised: list[Endpoint] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(python: Iterable[tuple[str, str]], documents: Iterable[tuple[str, str]] = ()) -> Interface:
    """Read from (path, text) of Python files and of files that may be OpenAPI documents."""
    interface = Interface()
    sources: dict[str, Source] = {}
    for path, text in python:
        try:
            source = parsed(path, text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            interface.problems.append(f"{path} was not read: {why_unread(error)}")
        else:
            source.others = sources
            sources[source.module] = source
    holders = decorated.Holders(sources)
    found = [
        *django.endpoints(sources, interface.problems),
        *decorated.endpoints(sources, holders, interface.problems),
        *resources.endpoints(sources, holders, interface.problems),
    ]
    interface.endpoints = sorted(set(found), key=lambda one: (one.path, one.methods, one.view))
    for path, text in documents:
        try:
            interface.promised.extend(schemas.endpoints(path, text))
        except ValueError as error:
            interface.problems.append(str(error))
    return interface
