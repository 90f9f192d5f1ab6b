"""Reading within a driver. Runs inside its process, so the standard library is all that it needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def read(path: Path, limit: int) -> str:
    """Read a file that is neither a link nor too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"larger than {limit} bytes")
    return content.decode("utf-8-sig")


def clean(value: Any) -> Any:
    """NUL, and halves of surrogate pairs, can neither be stored nor shown."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: clean(one) for key, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, (list, tuple)) else value
