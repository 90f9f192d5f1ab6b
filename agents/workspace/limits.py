"""How large a workspace may be, and the sentences that name what was left out for it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

MEBIBYTE = 1024 * 1024
MAX_FOLDERS = 200  # one in another; who walks or deletes a tree by recursion has 1,000 at most
TOO_DEEP = f"more than {MAX_FOLDERS} folders deep"
MAX_SHOWN_PATH = 200  # characters; what is skipped is listed in a step's output, which is bounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one workspace. A file over `file_bytes` is left out and named; the others end the attempt."""

    file_bytes: int = 50 * MEBIBYTE
    total_bytes: int = 500 * MEBIBYTE
    files: int = 100_000
    archive_bytes: int = 100 * MEBIBYTE  # the packed archive
    unpacked_bytes: int = 1024 * MEBIBYTE  # all that is read out of an archive, left-out files included
    ratio: int = 100  # source code packs 3 to 10 times; a bomb 1,000 times
    ratio_from_bytes: int = 400 * MEBIBYTE  # below it a ratio proves nothing: one file of zeros has 1,000
    clone_bytes: int = 2 * 1024 * MEBIBYTE  # pack and checkout together
    git_seconds: float = 300
    connect_seconds: int = 15


class Skipped(BaseModel):
    """Something that is there but not part of the snapshot, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    reason: str


def human_bytes(count: int) -> str:
    """Say a size as people do: "3.2 MB"."""
    size = float(count)
    for unit in ("bytes", "KB", "MB"):
        if size < 1024:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"


def shown_path(path: str) -> str:
    """Write a path so that any output can take it: no lone surrogates, no control characters."""
    readable = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in readable)
    return clean if len(clean) <= MAX_SHOWN_PATH else f"{clean[:MAX_SHOWN_PATH]}…"
