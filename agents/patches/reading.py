"""What can be told of changed files by reading them: whether they parse, and whether their public API is whole.

Imports and executes nothing of a project. Method of the comparison: griffe's static visitor and its list of
breaking changes. A changed value of a public constant is no loss here: it is what many mends are about.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
import tomllib
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path, PurePosixPath

import griffe

from agents.conventions import is_test
from agents.patches.diffs import Patch

_PYTHON = (".py", ".pyi", ".pyw")
_FAULTS = (SyntaxError, ValueError, RecursionError, MemoryError)


def why_it_does_not_parse(patch: Patch) -> tuple[int, str]:
    """Parse what has a parser here. Returns (how many files parse, the first fault or "")."""
    parsed = 0
    for change in patch.changes:
        parse = _PARSERS.get(PurePosixPath(change.path).suffix.lower())
        if parse is None:
            continue
        trouble = _trouble(parse, change.after)
        if trouble and change.before is not None and _trouble(parse, change.before):
            return parsed, f"{change.path} did not parse before either: {trouble}"
        if trouble:
            return parsed, f"{change.path}: {trouble}"
        parsed += 1
    return parsed, ""


def _trouble(parse: Callable[[bytes], object], content: bytes) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the project are not the patch's
            parse(content)
    except _FAULTS as error:
        return f"{type(error).__name__}: {error}"[:300]
    return ""


def _parse_toml(content: bytes) -> object:
    return tomllib.loads(content.decode("utf-8"))


_PARSERS: dict[str, Callable[[bytes], object]] = {
    **dict.fromkeys(_PYTHON, ast.parse),
    ".json": json.loads,
    ".toml": _parse_toml,
}


def api_losses(patch: Patch) -> tuple[int, list[str]]:
    """Compare the public API of changed modules. Returns (how many were compared, what is lost)."""
    compared, losses = 0, []
    for change in patch.changes:
        if change.before is None or not _is_module(change.path):
            continue
        old, new = _before(change.path, change.before), _module(change.path, change.after)
        if old is None or new is None:
            losses.append(f"{change.path} cannot be compared")
            continue
        compared += 1
        losses += [
            f"{change.path}: {_told(breakage)}"
            for breakage in griffe.find_breaking_changes(old, new)
            if breakage.kind is not griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE
        ]
    return compared, losses


def _told(breakage: griffe.Breakage) -> str:
    return f"{breakage.kind.value}: {breakage.obj.path}"


def _is_module(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix in (".py", ".pyi") and not is_test(path)


@lru_cache(maxsize=32)  # many patches of one file are compared with the same file
def _before(path: str, content: bytes) -> griffe.Module | None:
    return _module(path, content)


def _module(path: str, content: bytes) -> griffe.Module | None:
    name = PurePosixPath(path).stem
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return griffe.visit(name, filepath=Path(path), code=content.decode(encoding))
    except _FAULTS:
        return None
