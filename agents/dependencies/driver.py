"""The process that reads the files that declare dependencies; `agents.dependencies.reading` starts it.

    python -I driver.py <WrenchAI's folder> <tree> <file with paths, each ended by NUL>

Writes one line of JSON for each file, as soon as it is read, so that a file on which it dies is known.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

FILE_SECONDS = 30
MAX_BYTES = 32 << 20  # lock files of large projects have ten


class _TooSlow(Exception):
    """A file took longer than it may."""


def main(own: str, tree: str, listed: str) -> None:
    """Read the listed files."""
    sys.path.insert(0, own)
    signal.signal(signal.SIGALRM, _stop)
    for path in Path(listed).read_bytes().decode("utf-8", "surrogateescape").split("\0"):
        if path:
            sys.stdout.write(json.dumps(_read(Path(tree), path)) + "\n")
            sys.stdout.flush()


def _stop(*_: Any) -> None:
    raise _TooSlow


def _read(root: Path, path: str) -> dict[str, Any]:
    from agents.dependencies.component import MAX_COMPONENTS, Unreadable
    from agents.dependencies.formats import reader_of

    reader = reader_of(path)
    answer: dict[str, Any] = {"path": path, "components": [], "notes": [], "fault": ""}
    signal.alarm(FILE_SECONDS)
    try:
        page = _page(root, path)
        if reader is None or page is None:
            raise Unreadable("cannot be read")
        found = reader(page)
        if len(found) > MAX_COMPONENTS:
            raise Unreadable(f"declares more than {MAX_COMPONENTS:,} dependencies")
        answer["components"] = [asdict(one) for one in found if one.name]
        answer["notes"] = page.notes[:50]
    except Unreadable as error:
        answer["fault"] = str(error)[:300]
    except _TooSlow:
        answer["fault"] = f"not read within {FILE_SECONDS} s"
    except (RecursionError, MemoryError):
        answer["fault"] = "nested deeper, or larger, than is read"
    except Exception as error:  # a reader's own fault: it must fail this file, not hide the others
        answer["fault"] = f"the reader failed: {type(error).__name__}"
    finally:
        signal.alarm(0)
    return answer


def _page(root: Path, path: str) -> Any:
    """Open a regular file inside the tree. Gives None for anything else; raises Unreadable with a reason."""
    from agents.dependencies.component import Page, Unreadable

    place = root / path
    try:
        real = os.path.realpath(place)
        if not real.startswith(f"{os.path.realpath(root)}{os.sep}") or real != os.path.join(
            os.path.realpath(root), os.path.normpath(path)
        ):
            return None  # out of the tree, or over a link
        status = os.lstat(real)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > MAX_BYTES:
            raise Unreadable(f"larger than {MAX_BYTES >> 20} MB")
        text = Path(real).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8 text") from error
    except (OSError, ValueError):
        return None

    def beside(name: str) -> Any:
        other = os.path.normpath(os.path.join(os.path.dirname(path), name))
        return None if other.startswith(("..", "/")) or "\0" in name else _page(root, other)

    return Page(path=path, text=text, open_beside=beside)


if __name__ == "__main__":
    main(*sys.argv[1:4])
