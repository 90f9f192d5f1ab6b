"""Cuts what looks like a secret out of lines that other tools quote.

The secret scan cuts exactly what it found; this is the net under every other snippet and message, for a line of
interest to one tool may hold a password that another one reports. It errs on the side of cutting.
"""

from __future__ import annotations

import re

CUT = "[redacted]"

_TOKENS = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|[sr]k_(?:live|test)_\w{10,}|sk-[\w-]{20,}|npm_\w{20,}|pypi-[\w-]{20,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|AIza[\w-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
_IN_URL = re.compile(r"(://[^/\s:@'\"]*:)[^/\s@'\"]+(@)")
_NAMED = re.compile(
    r"(?P<name>[\w\-.\"'\[\]]*(?:passw(?:or)?d|passwd|pwd|secret|token|api_?key|apikey|private_?key|credential|auth)"
    r"[\w\-\"'\]]*\s*(?::\s*\w+\s*)?(?:==?|:|,|!=)\s*)(?P<prefix>[rbuf]{0,2})(?P<quote>[\"'`])(?P<value>(?:\\.|(?!(?P=quote)).)+)(?P=quote)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<value>[A-Za-z0-9+/=_\-]{20,})(?P=quote)")


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret replaced by CUT."""
    text = _TOKENS.sub(CUT, text)
    text = _IN_URL.sub(rf"\g<1>{CUT}\g<2>", text)
    text = _NAMED.sub(lambda m: f"{m['name']}{m['prefix']}{m['quote']}{CUT}{m['quote']}", text)
    return _QUOTED.sub(_cut_if_random, text)


def _cut_if_random(match: re.Match[str]) -> str:
    value = match["value"]
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    is_hex = re.fullmatch(r"[0-9a-fA-F]{32,}", value) is not None
    if (
        kinds == 3
        or is_hex
        or (kinds == 2 and re.search("[0-9]", value) and "_" not in value and "-" not in value)
    ):
        return f"{match['quote']}{CUT}{match['quote']}"
    return match[0]


_LITERAL = re.compile(r"(?P<quote>\"\"\"|'''|[\"'])(?:\\.|(?!(?P=quote)).)+(?P=quote)", re.DOTALL)


def redact_literals(text: str) -> str:
    """Cut every quoted text: for lines of which a tool says that they hold a secret, but not where."""
    return _LITERAL.sub(lambda match: f"{match['quote']}{CUT}{match['quote']}", text)
