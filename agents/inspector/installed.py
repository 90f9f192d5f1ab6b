"""Names that a program puts beside the built-in ones: every module may use them, and no linter sees whence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from agents.inspector.survey import SourceFile

_BUILTINS = b"builtin"
_HOLDER = r"\b(?:builtins|__builtin__|__builtins__)\b(?:\.__dict__)?"
_PUT = re.compile(
    rf"""{_HOLDER}(?:\[\s*(["'])(?P<key>\w+)\1\s*\]|\.(?P<attribute>\w+))\s*=(?!=)"""
    r"""|\bsetattr\(\s*(?:builtins|__builtin__|__builtins__)\s*,\s*(["'])(?P<named>\w+)\4"""
)


def installed_names(root: Path, files: Iterable[SourceFile]) -> frozenset[str]:
    """Give the names that some module of the tree sets in `builtins`; what cannot be read sets none."""
    found: set[str] = set()
    for file in files:
        if file.language != "python":
            continue
        try:
            written = (root / file.path).read_bytes()
        except OSError:
            continue
        if _BUILTINS in written:
            for one in _PUT.finditer(written.decode("utf-8", "replace")):
                found.add(one["key"] or one["attribute"] or one["named"])
    return frozenset(found)
