"""Fields of forms that turn text into something else: `form.cleaned_data["amount"]` of a DecimalField is a number.

Looked up by the field's name over all form classes of the tree: only if each of them that has such a field parses it,
the value counts as harmless.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
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
    kinds = frame.engine.project.form_fields(key)
    return bool(kinds) and kinds <= PARSED


def fields(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The fields of all form classes: name -> what they are made of."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for one in ast.walk(tree):
            if isinstance(one, ast.ClassDef) and any(
                ast.unparse(base).endswith("Form") for base in one.bases
            ):
                _gather(one, found)
    return found


def _gather(node: ast.ClassDef, found: dict[str, set[str]]) -> None:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
            for target in item.targets:
                if isinstance(target, ast.Name):
                    kind = ast.unparse(item.value.func).rpartition(".")[2]
                    found.setdefault(target.id, set()).add(kind)
