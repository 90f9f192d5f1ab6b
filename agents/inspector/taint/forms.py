"""Fields of forms that turn text into something else: `form.cleaned_data["amount"]` of a DecimalField is a number.

Looked up by the field's name over all form classes read so far: only if each of them that has such a field parses it,
the value counts as harmless.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame

PARSED = frozenset({
    "BooleanField", "DateField", "DateTimeField", "DecimalField", "DurationField", "FloatField", "IntegerField",
    "ModelChoiceField", "NullBooleanField", "TimeField", "UUIDField",
})  # fmt: skip


def is_parsed(frame: Frame, node: ast.Subscript, key: object) -> bool:
    """Tell whether `form.cleaned_data[key]` is what a field has parsed, and no text of the request."""
    if (
        not isinstance(node.value, ast.Attribute)
        or node.value.attr != "cleaned_data"
        or not isinstance(key, str)
    ):
        return False
    kinds = set(_kinds(frame, key))
    return bool(kinds) and kinds <= PARSED


def _kinds(frame: Frame, key: str) -> Iterator[str]:
    for module in frame.engine.project.loaded():
        for one in module.classes:
            if any(ast.unparse(base).endswith("Form") for base in one.node.bases):
                yield from _fields(one.node, key)


def _fields(node: ast.ClassDef, key: str) -> Iterator[str]:
    for item in node.body:
        if not isinstance(item, ast.Assign) or not isinstance(item.value, ast.Call):
            continue
        if any(isinstance(target, ast.Name) and target.id == key for target in item.targets):
            yield ast.unparse(item.value.func).rpartition(".")[2]
