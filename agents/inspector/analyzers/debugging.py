"""Whether what a linter calls a started debugger starts one: by names around it and by what is used of it."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import Claim
from agents.inspector.analyzers.lines import Lines, heads

_IMPORTS = re.compile(r"\s*(?:from\s+[\w.]+\s+)?import\b")
_TRIES = re.compile(r"\s*try:\s*(?:#.*)?$")
_DEBUGGER = re.compile(r"Import for `(\w+)` found")
_DEBUGS = frozenset({
    "set_trace", "post_mortem", "pm", "run", "runcall", "runeval", "runctx", "breakpoint", "launch_ipdb_on_exception",
    "iex", "sset_trace", "spost_mortem", "Pdb", "embed", "settrace", "listen", "wait_for_client", "stoptrace",
})  # fmt: skip


def _is_of_the_same_name(claim: Claim, lines: Lines) -> bool:
    """Tell whether nothing that is used of a debugger's module debugs: `ipdb.City(path)` reads addresses."""
    named = _DEBUGGER.match(claim.message)
    used = lines.attributes_of(claim.path, named[1]) if named is not None else frozenset()
    return bool(used) and _DEBUGS.isdisjoint(used)


_TO_DEBUG = re.compile(
    r"(?i)(?:^|_)(?:(?:i|r|e|b|w|pu|remote_?)?pdb|[rbw]db|pudb|debug\w*|breakpoint\w*|set_trace|post_mortem)(?:_|\.|$)"
)
_NAMED = re.compile(r"\s*(?:async\s+def|def|class)\s+(\w+)")


def _is_a_choice(claim: Claim, lines: Lines) -> bool:
    """`try: import ipdb as pdb`, `except ImportError: import pdb`: who starts it says so elsewhere."""
    head = next(heads(claim, lines), "")
    return bool(
        _IMPORTS.match(lines.line(claim.path, claim.line)) and (_TRIES.match(head) or "ImportError" in head)
    )


def _is_to_debug(claim: Claim, lines: Lines) -> bool:
    """Tell whether a function or a file is called after what a debugger does: it is there to start one."""
    around = (_NAMED.match(head) for head in heads(claim, lines))
    names = [claim.path.rpartition("/")[2], *(one[1] for one in around if one is not None)]
    return any(map(_TO_DEBUG.search, names))


def as_debugger(claim: Claim, lines: Lines) -> Claim:
    """The claim, as information where no debugger is started, or starting one is what a function is for."""
    if _is_to_debug(claim, lines) or _is_a_choice(claim, lines):
        return replace(claim, severity=Severity.INFO)
    if _is_of_the_same_name(claim, lines):
        return replace(claim, severity=Severity.INFO, confidence=Confidence.LOW)
    return claim
