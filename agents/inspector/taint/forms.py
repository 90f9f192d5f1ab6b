"""Fields of forms that turn text into something else: `form.cleaned_data["amount"]` of a DecimalField is a number.

Looked up by the field's name over all form classes of the tree: only if each of them that has such a field parses it,
the value counts as harmless. A method `clean_next` checks the field `next`, in a way that we do not read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.inspector.taint import fields, kinds
from agents.inspector.taint.sources import Fields
from agents.inspector.taint.values import Value

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame

_CHECKS = ("clean_", "validate_")  # of a form's field, of a serializer's
CHECKED = "~checked"  # beside a field's types: some form has a method that checks it
_TRUST = kinds.KINDS["trust"].bit


def is_parsed(frame: Frame, node: ast.Subscript, key: object) -> bool:
    """Tell whether `form.cleaned_data[key]`, or a serializer's, is what a field has parsed, and no text."""
    if not _is_of_form(node) or not isinstance(key, str):
        return False
    known = fields.of_key(frame, node, key)
    if known is not None:
        return known[0].name == fields.HARMLESS
    every = frame.engine.project.form_fields(key) - {CHECKED}
    return bool(every) and every <= fields.PARSED


def treated(frame: Frame, node: ast.Subscript, key: object, value: Value) -> Value:
    """What a form has let through: no unchecked input, and less surely a danger if it checks the field itself."""
    if not value.taints or not _is_of_form(node):
        return value
    taints = tuple(one.with_cleaned(_TRUST) for one in value.taints)
    if isinstance(key, str) and fields.of_key(frame, node, key) is not None:
        return value.but(taints=taints)  # its field has looked at it when the data were read
    if isinstance(key, str) and CHECKED in frame.engine.project.form_fields(key):
        taints = tuple(one.weaker() for one in taints)
    return value.but(taints=taints)


def _is_of_form(node: ast.Subscript) -> bool:
    return isinstance(node.value, ast.Attribute) and node.value.attr in ("cleaned_data", "validated_data")


def named(tree: ast.Module) -> Fields:
    """The fields of a file's form classes, and what they are made of, in order."""
    found: set[tuple[str, str]] = set()
    for one in ast.walk(tree):
        if isinstance(one, ast.ClassDef) and any(
            ast.unparse(base).endswith(("Form", "Serializer")) for base in one.bases
        ):
            found.update(_gathered(one))
    return tuple(sorted(found))


def _gathered(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
            for target in item.targets:
                if isinstance(target, ast.Name):
                    yield target.id, ast.unparse(item.value.func).rpartition(".")[2]
        elif isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name.startswith(_CHECKS):
            yield item.name.partition("_")[2], CHECKED
