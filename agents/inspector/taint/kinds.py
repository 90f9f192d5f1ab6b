"""The kinds of danger that the engine knows: one bit, one rule and one row each.

A kind is a bit so that "cleaned for SQL and for shells" is one integer. Some bits name no danger: they say what
was done to a value (RESOLVED: a path without links and dots), which a guard may demand.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A danger: its bit, rule, CWE numbers, severity if the input comes from outside, what happens in words."""

    bit: int
    name: str
    rule: str
    cwe: tuple[int, ...]
    severity: str
    title: str
    local: str = ""  # severity if only the person who starts the program can choose the input; "" is not told


_ROWS: tuple[tuple[str, str, tuple[int, ...], str, str, str], ...] = (
    ("sql", "taint-sql", (89,), "high", "SQL built from input", "low"),
    ("command", "taint-command", (78,), "critical", "Shell command built from input", "low"),
    ("path", "taint-path", (22,), "high", "File path chosen by input", ""),
    ("xss", "taint-xss", (79,), "high", "Input written into HTML without escaping", ""),
    ("redirect", "taint-redirect", (601,), "medium", "Redirect to an address chosen by input", ""),
    ("xpath", "taint-xpath", (643,), "high", "XPath built from input", ""),
    ("ldap", "taint-ldap", (90,), "high", "LDAP query built from input", ""),
    ("xxe", "taint-xxe", (611,), "high", "XML from outside parsed with external entities", ""),
    ("deserialisation", "taint-deserialisation", (502,), "critical", "Object deserialised from input", "low"),
    ("template", "taint-template", (1336, 94), "critical", "Template text chosen by input", ""),
    ("code", "taint-code", (95, 94), "critical", "Code chosen by input", "low"),
    ("trust", "taint-trust-boundary", (501,), "low", "Unchecked input stored where it is trusted", ""),
    ("ssrf", "taint-ssrf", (918,), "high", "Request sent to an address chosen by input", ""),
    ("log", "taint-log", (117,), "info", "Input written into a log unchanged", ""),
    ("header", "taint-header", (113,), "medium", "HTTP header built from input", ""),
    ("cookie", "taint-cookie", (20,), "low", "Cookie set from input", ""),
    ("regex", "taint-regex", (1333, 730), "low", "Regular expression built from input", ""),
    (
        "archive",
        "taint-archive",
        (22,),
        "high",
        "Archive from outside unpacked without a check of its names",
        "low",
    ),
    ("cookie_flags", "cookie-flags", (614, 1004), "medium", "Cookie without its protective flags", ""),
    ("hash", "weak-hash", (327, 328), "low", "Broken hash function", ""),
    ("random", "weak-random", (330, 338), "medium", "Secret made of predictable random numbers", "medium"),
    ("debug", "debug-mode", (489, 94), "high", "Server started in debug mode", ""),
    ("secret_log", "secret-logged", (532, 312), "medium", "Secret written into a log", ""),
    ("exposure", "stack-trace-sent", (209,), "low", "Stack trace sent to whoever asks", ""),
    ("nosql", "taint-nosql", (943,), "high", "Query of a document database built from input", ""),
    ("tls", "weak-tls", (327, 326), "medium", "Outdated version of TLS allowed", ""),
    ("certificate", "unverified-certificate", (295,), "high", "Certificate or host key not verified", ""),
    ("key_size", "weak-key", (326,), "medium", "Key too short", ""),
    ("cipher", "weak-cipher", (327,), "medium", "Broken cipher, or a mode that shows patterns", ""),
    (
        "signature",
        "unverified-token",
        (347, 345),
        "high",
        "Token accepted without a look at its signature",
        "",
    ),
    (
        "forgery",
        "forgery-protection-off",
        (352,),
        "medium",
        "Protection against forged requests switched off",
        "",
    ),
)

KINDS: dict[str, Kind] = {
    row[0]: Kind(1 << number, row[0], row[1], row[2], row[3], row[4], row[5])
    for number, row in enumerate(_ROWS)
}
BY_BIT: dict[int, Kind] = {kind.bit: kind for kind in KINDS.values()}

RESOLVED = 1 << 40  # a path without ".." and links
BASED = 1 << 41  # a text that begins with a constant, so its begin cannot be chosen
PARSED = 1 << 42  # part of a parsed address that names its host
OWN = (
    1 << 43
)  # the request's own path: a view that it leads to is not reached by `//host`, its variants may be
STRIPPED = 1 << 44  # it does not begin with a slash
BELOW = 1 << 49  # told relative to a folder: it leads out only by a `..` at its begin
LETTER = 1 << 51  # one letter of a text
SEGMENT = 1 << 52  # of a source: one part of an address, in which no slash can be
ROOTED = 1 << 45  # an absolute path without "..": what follows its slash stays below any folder
STRUCTURE = 1 << 48  # parsed data: it may be a dictionary where a text was meant
BEGIN = (
    RESOLVED | OWN | STRIPPED | ROOTED | BELOW
)  # what is not true any more once something stands before it
WITHIN = {"'": 1 << 46, '"': 1 << 47}  # put between such marks: a literal, if the mark does not occur in it
_DANGERS = (1 << len(_ROWS)) - 1
RANDOM = KINDS["random"].bit
# Of which it is also told where nothing dangerous arrives: rules that only look at patterns claim them.
WITNESSED = sum(
    KINDS[name].bit for name in ("sql", "command", "code", "deserialisation", "xss", "ssrf", "xxe")
)
EXPOSURE = KINDS["exposure"].bit
INJECTIONS = _DANGERS & ~RANDOM  # what conversion to a number makes impossible
# What the sources of an origin are clean for from the begin: nobody injects by a stack trace.
CLEAN_BY_ORIGIN = {"random": INJECTIONS, "trace": _DANGERS & ~EXPOSURE}
SECRETS = KINDS["secret_log"].bit
CLEAN_INPUT = RANDOM | EXPOSURE | SECRETS
EVERYTHING = _DANGERS


def mask(names: str) -> int:
    """The bits of kinds by name, separated by blanks; `all` is every injection. Raises KeyError."""
    found = 0
    for name in names.split():
        found |= INJECTIONS if name == "all" else _MARKS.get(name) or KINDS[name].bit
    return found


_MARKS = {"resolved": RESOLVED, "based": BASED, "parsed": PARSED, "own": OWN, "structure": STRUCTURE}
