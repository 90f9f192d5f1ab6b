"""The settings of wrench.toml in words: for the reference page, and for messages that say what is allowed."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agents.quality.config import LicenceName, Rule, Settings
from agents.quality.globs import MAX_PATTERN


def allowed(where: tuple[str, ...]) -> str:
    """Say what the setting at a place may be; "" where there is none."""
    found = dict(_settings(Settings, ()))
    if len(where) == 3 and where[0] == "rules":
        where = ("rules", "NAME", where[2])
    if where[:2] == ("debt", "rules"):
        where = ("debt", "rules")
    about = found.get(where)
    return _kind(about.annotation, about.metadata) if about else ""


def page() -> str:
    """Give the tables of the reference page in Markdown."""
    parts = []
    for name, model in _tables(Settings, ()):
        rows = [_row(key, about) for (*table, key), about in _settings(Settings, ()) if tuple(table) == name]
        title = f"`[{'.'.join(name)}]`" if name else "At the top"
        doc = (model.__doc__ or "").strip().split("\n")[0]
        parts.append(
            "\n".join(
                [
                    f"## {title}",
                    "",
                    doc,
                    "",
                    "| key | may be | default | meaning |",
                    "|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts)


def _tables(model: type[BaseModel], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    yield at, model
    for name, about in model.model_fields.items():
        inner = _model(about)
        if inner:
            yield from _tables(inner, (*at, name))
        elif (*at, name) == ("rules",):
            yield ("rules", "NAME"), Rule


def _settings(model: type[BaseModel], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, about in model.model_fields.items():
        inner = _model(about)
        if inner:
            yield from _settings(inner, (*at, name))
        elif (*at, name) == ("rules",):
            yield from _settings(Rule, ("rules", "NAME"))
        else:
            yield (*at, name), about


def _model(about: FieldInfo) -> type[BaseModel] | None:
    annotation = about.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _kind(annotation: Any, metadata: Any = ()) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        flat = [part for one in more for part in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return _kind(inner, [*flat, *metadata])
    if origin is Literal:
        return ", ".join(
            f'"{value}"' if isinstance(value, str) else str(value) for value in get_args(annotation)
        )
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(part) for part in get_args(annotation) if part is not types.NoneType)
    if origin is list:
        each = get_args(annotation)[0]
        if each is str:
            return f"a list of patterns, each of at most {MAX_PATTERN} characters"
        if each is LicenceName:
            return "a list of SPDX ids, each with or without an exception"
        return f"a list of 4, each {_kind(each)}"
    if origin is dict:
        return f"a table: rule = {_kind(get_args(annotation)[1])}"
    if annotation is bool:
        return "true or false"
    if annotation is str:
        return "a text"
    least, most = _bounds(metadata)
    noun = "a whole number" if annotation is int else "a number"
    return f"{noun} from {least:,} to {most:,}" if most is not None else noun


def _bounds(metadata: Any) -> tuple[Any, Any]:
    least: Any = 0
    most: Any = None
    for one in metadata:
        if isinstance(one, annotated_types.Ge):
            least = one.ge
        if isinstance(one, annotated_types.Le):
            most = one.le
    return least, most


def _default(about: FieldInfo) -> str:
    value = about.default
    if value is PydanticUndefined:
        return "needed"
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _row(key: str, about: FieldInfo) -> str:
    kind = _cell(_kind(about.annotation, about.metadata))
    return f"| `{key}` | {kind} | {_default(about)} | {about.description} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
