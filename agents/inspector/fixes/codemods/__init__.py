"""Which codemod mends which rule. A new codemod is one function in a module here and its rules below.

A codemod is given a `Site`. It looks for the call at the finding, asks for edits, and may leave a note. It raises
`Refused` with a reason for people where the fault cannot be mended without knowing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.inspector.fixes.codemods import calls, guards, secrecy, shell, sql, xml
from agents.inspector.fixes.site import Site

Codemod = Callable[[Site], None]


@dataclass(frozen=True, slots=True)
class Mend:
    """One codemod: its name, what it does for people, and the canonical rules that it mends."""

    name: str
    title: str
    codemod: Codemod
    rules: tuple[str, ...]


MENDS: tuple[Mend, ...] = (
    Mend(
        "parameterise-sql",
        "Hand values to the database as parameters",
        sql.parameterise,
        ("S608", "taint-sql"),
    ),
    Mend(
        "no-shell",
        "Start the program by an argument list, without a shell",
        shell.without_shell,
        ("S602", "S604", "S605", "taint-command"),
    ),
    Mend("safe-yaml", "Load plain YAML only", calls.safe_yaml, ("S506", "taint-deserialisation")),
    Mend("secrets-module", "Take unpredictable numbers", secrecy.unpredictable, ("S311", "weak-random")),
    Mend("strong-hash", "Hash by SHA-256", secrecy.strong_hash, ("S303", "S324", "weak-hash")),
    Mend("request-timeout", "Give up waiting after a while", calls.timeout, ("S113",)),
    Mend("verify-tls", "Verify TLS certificates", calls.verify_tls, ("S501", "S323")),
    Mend("tar-filter", "Unpack no member outside the folder", calls.tar_filter, ("S202", "taint-archive")),
    Mend("no-debug", "Start Flask without its debugger", calls.no_debug, ("S201",)),
    Mend("mkstemp", "Make the temporary file at once", calls.mkstemp, ("S306",)),
    Mend("cookie-flags", "Protect the cookie", calls.cookie_flags, ("cookie-flags",)),
    Mend(
        "no-entities",
        "Follow no entities of XML",
        xml.no_entities,
        ("taint-xxe", "S313", "S314", "S315", "S316", "S317", "S318", "S319"),
    ),
    Mend("contain-path", "Refuse paths outside the folder", guards.contain_path, ("taint-path",)),
    Mend("local-redirect", "Redirect within the site only", guards.local_redirect, ("taint-redirect",)),
)

BY_RULE: Mapping[str, Mend] = {rule: mend for mend in MENDS for rule in mend.rules}
