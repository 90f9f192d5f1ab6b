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
# What _NAMED needs; asked first, since it tries every beginning of every word.
_NAMES = re.compile("passw|pwd|secret|token|api_?key|private_?key|credential|auth", re.IGNORECASE)
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<value>[^\s\"'{}]{10,})(?P=quote)")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_WORDS = re.compile(r"[\W_]")
_LITERAL = re.compile(r"(?P<quote>\"\"\"|'''|[\"'])(?:\\.|(?!(?P=quote)).)+(?P=quote)", re.DOTALL)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret replaced by CUT."""
    text = _TOKENS.sub(CUT, text)
    if "://" in text:
        text = _IN_URL.sub(rf"\g<1>{CUT}\g<2>", text)
    if _NAMES.search(text):
        text = _NAMED.sub(lambda m: f"{m['name']}{m['prefix']}{m['quote']}{CUT}{m['quote']}", text)
    return _QUOTED.sub(_cut_if_random, text)


def redact_tokens(text: str) -> str:
    """Cut what is a secret by its form alone: for prose, in which words such as "token" stand beside examples."""
    return _IN_URL.sub(rf"\g<1>{CUT}\g<2>", _TOKENS.sub(CUT, text))


def redact_literals(text: str) -> str:
    """Cut every quoted text: for lines of which a tool says that they hold a secret, but not where."""
    return _LITERAL.sub(lambda match: f"{match['quote']}{CUT}{match['quote']}", text)


def _cut_if_random(match: re.Match[str]) -> str:
    value = match["value"]
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    is_one_word = _WORDS.search(value) is None and len(value) >= 20
    if kinds == 3 or _HEX.fullmatch(value) or (is_one_word and kinds == 2 and re.search("[0-9]", value)):
        return f"{match['quote']}{CUT}{match['quote']}"
    return match[0]
