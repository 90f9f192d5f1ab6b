"""One analysis as a program runs it: which files, in which thread, told in which words."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agents.inspector.taint import VERSION, garbage, records, wording
from agents.inspector.taint.engine import ROOT_MILLISECONDS, ROOT_STEPS, Engine, Result
from agents.inspector.taint.sources import Stale

STACK_BYTES = 256 << 20  # address space; only what deep code touches becomes memory
MAX_FILE_BYTES = 2 << 20
_LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".nox", ".venv", "venv", "site-packages"}
)
_TEMPLATES = (".html", ".htm", ".jinja", ".jinja2", ".j2", ".djhtml", ".txt", ".xml", ".svg")


def run(
    root: Path,
    paths: Sequence[Path],
    names: Sequence[str] = (),
    *,
    as_json: bool,
    function_milliseconds: int = 0,
    seconds: float = 0,
    known: Path | None = None,
    keep: Path | None = None,
) -> str:
    """Analyse and tell. `names` are paths below the root; without any, folders are walked.

    `known` is what an earlier run kept, `keep` where this one keeps what a later one can take over.
    """
    files, templates, too_large = _files(root, paths, names)

    def engine(before: records.Known | None) -> Engine:
        made = Engine(
            root,
            files,
            templates=templates,
            root_milliseconds=function_milliseconds or ROOT_MILLISECONDS,
            seconds=seconds,
            known=before,
            keeping=keep is not None,
        )
        for path in too_large:
            made.failed(path, f"larger than {MAX_FILE_BYTES >> 20} MB")
        return made

    with garbage.lasting():
        before = records.read(known, ROOT_STEPS) if known is not None else None
    one, result = analysed(engine, before)
    with garbage.lasting():
        if keep is not None and one.keeper is not None:
            records.write(keep, one.keeper.now, ROOT_STEPS)
    told = as_data(result)
    return json.dumps(told, ensure_ascii=True) + "\n" if as_json else wording.lines(told)


def analysed(
    engine: Callable[[records.Known | None], Engine], known: records.Known | None
) -> tuple[Engine, Result]:
    """Analyse, taking over what is known; without it if it turns out not to hold."""
    one = engine(known)
    try:
        return one, in_large_thread(one)
    except Stale:
        one = engine(None)
        return one, in_large_thread(one)


def in_large_thread(engine: Engine) -> Result:
    """Run in a thread whose stack holds deep code. Raises what the analysis raises."""
    found: list[Result] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            found.append(engine.run())
        except BaseException as error:  # raised again by whoever waits; `Stale` is no Exception
            raised.append(error)

    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return found[0]


def _files(root: Path, paths: Sequence[Path], names: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    found: list[str] = []
    templates: list[str] = []
    too_large: list[str] = []
    every = list(names) or [name for path in paths for name in _walk(root, path)]
    for name in every:
        if name.endswith((".py", ".pyw")):
            (too_large if _size(f"{root}/{name}") > MAX_FILE_BYTES else found).append(name)
        elif name.endswith(_TEMPLATES):
            templates.append(name)
    return found, templates, too_large


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # whoever reads it tells


def _walk(root: Path, path: Path) -> Iterator[str]:
    if path.is_file():
        yield os.path.relpath(path, root)
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(
            one for one in folders if one not in _LEFT_OUT and not os.path.islink(os.path.join(folder, one))
        )
        for name in sorted(files):
            full = os.path.join(folder, name)
            if name.endswith((".py", ".pyw", *_TEMPLATES)) and not os.path.islink(full):
                yield os.path.relpath(full, root)


def as_data(result: Result) -> dict[str, Any]:
    """The result as plain data."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1024 if sys.platform.startswith("linux") else 1
    )
    return {
        "version": VERSION,
        "findings": result.findings,
        "harmless": [one._asdict() for one in result.harmless],
        "not_analysed": [
            {"path": one.path, "line": one.line, "what": one.what, "reason": one.reason}
            for one in result.not_analysed
        ],
        "files": result.files,
        "functions": result.functions,
        "seconds": round(result.seconds, 3),
        "peak_rss_bytes": peak,
    }
