"""How surely a hit is true, beside the unknown code on its way (`Taint.weak`).

    a part that a text has not   `name['id']`, `name.folder` of a query parameter that was not read as JSON or the
                                 like: the value is something else that the parameter was put into, and most likely
                                 another part of that
    a long way                   each function that a value is handed to may look at it, or hand on another part of an
                                 object; of what was read in real projects short ways were true, long ones rarely
    a line of a header           a header of a request is one line, so it begins no second one elsewhere
    a path from afar             of paths of files that were chosen in one function and opened in another, one in ten
                                 was true in the projects that nobody had tuned on: rows and checks lie between
    a cookie sent back           nobody sets another one's cookie: a page or a redirect that it chooses needs a second
                                 weakness, on a neighbouring host
    a file that is open          an uploaded file that is handed to what would open a name
    a number from afar           what was drawn in one function and gets the name of a secret in another is hardly one
    one part of an address       no slash is in it, so as a path it can be nothing but `..`, which is no file; nor is
                                 one in what Django leaves of the name of an uploaded file
    an answer of others          what a view returns just as a function gave it that is not known is an answer of
                                 that function's, and hardly the parameter that it was given
    an object of statements      what an unknown function gave is run as SQL: most likely one that binds values
    the head of an answer        `.headers` of what an unknown function gave: what another server answered
    all fields at once           a dictionary in a log is written as repr() does, on one line
    a stream of others           what an unknown function opened is sent, and opened no more
    an address of others         `get_log_url(item, number)`: begin and host are that function's
    the own command line         whoever starts a program may start any: of twelve such commands that were read, all
                                 in tools of developers, none gave anybody anything

What is less sure is read later, and what has more than three doubts is mere information. Silent is only what cannot
be, and what is no danger to anybody (`is_nothing`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.inspector.taint import kinds
from agents.inspector.taint.frames import FOR_STAFF, IN_TESTS, ON_REQUEST, SET_LATER, UNNAMED
from agents.inspector.taint.structures import Hit
from agents.inspector.taint.taints import DECODED, ONE_FIELD, STRUCTURED, Source, Trail

# Sources that are a dictionary of texts, and those that are one text.
_DICTIONARIES = frozenset(
    {
        "a query parameter",
        "a form field",
        "a form field or query parameter",
        "a cookie",
        "a header of the request",
    }
)
_REFERER = "the Referer header"
_TEXTS = frozenset({"a part of the address", "the request's path", "the query string", _REFERER})
_UPLOADED = "an uploaded file"
_SENT_FILES = frozenset({_UPLOADED, "the request's data"})
_NAME_OF_FILE = re.compile(r"\]\.name$")
_OF_DJANGOS_FILE = re.compile(r"\]\.name(?!\w)")  # which has no letters that cannot be printed
_PAGES = frozenset({"the request's path", "the request's address"})
_OF_REFERER = re.compile(r"(?i)^\['(?:http_)?referr?er'\]")
_HEADER = "a header of the request"
_LINES = (kinds.KINDS["log"].bit, kinds.KINDS["header"].bit)
OF_TEMPLATES = "a value that a template hands over"
_PATH = kinds.KINDS["path"].bit
_XSS = kinds.KINDS["xss"].bit
_TRUST = kinds.KINDS["trust"].bit
_SQL = kinds.KINDS["sql"].bit
_LOG = kinds.KINDS["log"].bit
_REDIRECT = kinds.KINDS["redirect"].bit
_HASH = kinds.KINDS["hash"].bit
_COOKIE = kinds.KINDS["cookie"].bit
_SSRF = kinds.KINDS["ssrf"].bit
_COMMAND = kinds.KINDS["command"].bit
_CODE = kinds.KINDS["code"].bit
_NO_SHELL = re.compile(
    r"^subprocess\.\w+\(\)$|^pty\.spawn\(\)$|^os\.(?:exec|spawn|posix_spawn)\w*\(\)$|, as the program$"
)
_SENT_BACK = frozenset(kinds.KINDS[name].bit for name in ("redirect", "xss", "header"))
_PART = re.compile(r"\.(?P<attribute>\w+)|\['(?P<key>[^']*)'\]")
# Of what libraries give in the place of a plain text: a cookie's morsel, a field with its file.
_OF_WRAPPERS = frozenset({"value", "data", "file", "filename", "text", "raw", "name", "content", "body"})
_HANDED = "passed to "
_NO_MAKING = ("assigned to", "is of a function")
_UNKNOWN_CALL = re.compile(r"^passed through (?P<name>[\w.()]*)\(\), which is not known$")
_MAKES_TEXT = re.compile(
    r"(?i)text|html|page|format|str|markdown|render|message|content|body|escape|join|replace"
)
_MAKES_ADDRESS = re.compile(
    r"(?i)^_*(?:get|build|make)_\w*(?:url|uri|link|href|location)$|^_*url_for|^_*reverse$"
)
_ADDRESSES = frozenset(kinds.KINDS[name].bit for name in ("redirect", "ssrf"))
_MAKES_SQL = re.compile(r"(?i)sql|text|format|str|join|replace|render|template|escape|quote")
_ANSWERED = re.compile(r"\.(?:headers|status_code|reason_phrase)\b")  # what an answer has, and no text
_OPENS = re.compile(
    r"(?i)stream|open(?!ing)|read(?!y)|handle|buffer|download|fetch|get_(?:file|content|object|blob)$"
)
_PAGE = re.compile(r"^the page that the (?:view|function) returns$")
_AT_ONCE = frozenset({"the request's data", "the request's JSON"})  # mostly dictionaries
_OWN_NAME = re.compile(r"\[0\](?![.\[])")  # of the command line: the program itself
FAR = 3  # functions behind which a path is hardly ever the one that was chosen
LONG, VERY_LONG = 5, 10  # functions that a value is handed to


def doubt(hit: Hit) -> int:
    """How much less sure it is; to be added to `weak`."""
    found = 0
    if has_impossible_part(hit.source.source):
        found += 2
    if hit.kind == _PATH and is_open_file(hit):
        found += 3
    handed = sum(one.what.startswith(_HANDED) for one in _hops(hit.trail))
    if hit.kind in _LINES and hit.source.source.what == _HEADER:
        found += 2
    if hit.kind == _PATH and is_stream_of_others(hit.trail):
        found += 2
    if hit.kind == _PATH and handed:
        found += 1 + (handed >= FAR)
    if hit.kind in _SENT_BACK and hit.source.source.what == "a cookie":
        found += 1
    if hit.kind in _ADDRESSES and is_address_of_others(hit.trail):
        found += 1
    if hit.kind == _PATH and is_segment(hit.source.source):
        found += 1
    if hit.kind == _XSS and _PAGE.match(hit.sink) and is_answer_of_others(hit.trail):
        found += 2
    if hit.kind == _SQL:
        found += _of_a_statement(hit)
    if hit.kind in (_COMMAND, _CODE) and hit.source.source.origin == "local":
        found += 1
    if hit.source.weak and _ANSWERED.search(hit.source.source.selector):
        found += 2
    if hit.kind == _LOG and is_all_at_once(hit.source.source):
        found += 2
    if hit.kind == kinds.RANDOM and handed:
        found += 1 + 2 * (handed >= FAR)
    return found + (handed > LONG) + (handed > VERY_LONG)


def _of_a_statement(hit: Hit) -> int:
    """How likely an object of statements is run, which binds what it was given: SQLAlchemy runs few texts as such."""
    maker = _maker(hit.trail)
    if maker is None or _MAKES_SQL.search(maker) is not None:
        return 0
    return 1 + hit.sink.startswith("sqlalchemy.")


def is_nothing(hit: Hit) -> bool:
    """Tell whether it cannot be (an open file that is opened as a name, all fields at once in a log), or is idle."""
    source = hit.source.source
    if is_idle(hit):
        return True
    if hit.kind == _LOG:
        ways = [one.what for one in _hops(hit.trail)]
        known = source.what in _DICTIONARIES and is_all_at_once(source)
        return known and all(one.startswith(("comes from", "put into a text")) for one in ways)
    if hit.kind != _PATH or not is_open_file(hit):
        return False
    return all(one.what.startswith(("comes from", "assigned to", _HANDED)) for one in _hops(hit.trail))


def is_segment(source: Source) -> bool:
    """Tell whether it is one part of an address, as it came, or the name that Django leaves of an uploaded file."""
    if source.what in _SENT_FILES and _NAME_OF_FILE.search(source.selector):
        return True
    return bool(source.cleaned & kinds.SEGMENT) and not source.selector.endswith(DECODED)


def is_answer_of_others(trail: Trail | None) -> bool:
    """Tell whether an unknown function gave it, whose name does not say that it makes texts."""
    maker = _maker(trail)
    return maker is not None and _MAKES_TEXT.search(maker) is None


def is_address_of_others(trail: Trail | None) -> bool:
    """Tell whether an unknown function gave it whose name says that it makes addresses: `get_log_url(item, name)`."""
    maker = _maker(trail)
    return maker is not None and _MAKES_ADDRESS.search(maker) is not None


def _maker(trail: Trail | None) -> str | None:
    """The name of the unknown function that gave it just so; None if none did."""
    last = next((one.what for one in _hops(trail) if not one.what.startswith(_NO_MAKING)), "")
    found = _UNKNOWN_CALL.match(last)
    return None if found is None else found["name"].rpartition(".")[2]


def is_stream_of_others(trail: Trail | None) -> bool:
    """Tell whether an unknown function gave it whose name says that it opens: `store.stream_read_file(path)`."""
    maker = _maker(trail)
    return maker is not None and _OPENS.search(maker) is not None


def is_all_at_once(source: Source) -> bool:
    """Tell whether it is all fields of a request, and not one of them."""
    if source.identity.startswith(ONE_FIELD):
        return False
    if source.selector.endswith(STRUCTURED):
        return True  # a text that was read as JSON, as a whole
    is_whole = not source.selector or source.selector.endswith(".errors")  # what a form says is wrong
    return is_whole and (source.what in _DICTIONARIES or source.what in _AT_ONCE)


# What is told of a fact, by how it ends, and of a kind, whatever its way.
_OF_FACTS = {
    IN_TESTS: "What the program does otherwise is not concerned.",
    ON_REQUEST: "Whoever runs the program decides.",
    SET_LATER: "Whether they are is decided there.",
    UNNAMED: "It matters only if nobody else may read or change it.",
}
_OF_KINDS = {
    _TRUST: "It matters only if what the session keeps is believed later.",
    _COOKIE: "Whoever sends it gets it back, and nobody else.",
}


def harmless(hit: Hit) -> str:
    """Why it is mere information; "" if it is not.

    A hash of which no word says that it protects something; a program that whoever starts this one names to it,
    without any shell; the name of a template or a file that a page's author writes into the page (what is shown may
    be anybody's text); what a session of a framework keeps, and what comes back in a cookie; servers that staff
    names; what is wrong only while the program is tested or if a setting asks for it, and flags of a cookie that are
    set after it or whose name tells of no secret.
    """
    source = hit.source.source
    if source.what == OF_TEMPLATES:
        return "" if hit.kind == _XSS else "Only who writes a page chooses it."
    if source.origin == "fact":
        known = next((reason for end, reason in _OF_FACTS.items() if source.what.endswith(end)), "")
        if known or hit.kind != _HASH:
            return known
        return "No word around says that it protects anything." if hit.source.weak else ""
    if hit.kind == _SSRF and is_for_staff(hit.trail):  # all of what was read of that kind was a setting
        return "Which servers it talks to is for staff to say."
    if is_of_whoever_starts(hit):
        return "No shell reads it, and whoever starts the program may run anything anyway."
    return _OF_KINDS.get(hit.kind, "")


def is_back_where_one_was(hit: Hit) -> bool:
    """Tell whether a redirect leads to what the Referer says: who comes from a stranger's page goes there again."""
    if hit.kind != _REDIRECT:
        return False
    source = hit.source.source
    return source.what == _REFERER or (source.what == _HEADER and bool(_OF_REFERER.search(source.selector)))


def is_for_staff(trail: Trail | None) -> bool:
    """Tell whether what it comes from is read where only staff may come."""
    return any(one.what.endswith(FOR_STAFF) for one in _hops(trail))


def is_of_whoever_starts(hit: Hit) -> bool:
    """Tell whether whoever starts the program names another program to it, which no shell starts."""
    is_own = hit.kind == _COMMAND and hit.source.source.origin == "local"
    return is_own and _NO_SHELL.search(hit.sink) is not None


def is_idle(hit: Hit) -> bool:
    """Tell whether nobody can do anything by it, so that it is not told.

    A line of a header, or the name that Django leaves of an uploaded file, which hold no line end unless they were
    decoded since, in a log or another header; an entry of a
    log of which it is doubtful that input reaches it, since that is mere information even if it is sure; a part of a
    number that was drawn; a module that whoever starts the program names to it, and the program's own name; the own
    address in a session.
    """
    source = hit.source.source
    is_line = source.what == _HEADER or (
        source.what == _UPLOADED and _OF_DJANGOS_FILE.search(source.selector) is not None
    )
    if hit.kind in _LINES and is_line:
        return DECODED not in source.selector
    if hit.kind == _LOG:
        return bool(hit.source.weak + doubt(hit) > 1)
    if source.origin == "random":
        return any(one["attribute"] for one in _PART.finditer(source.selector))
    if source.origin == "local":
        return bool(_OWN_NAME.match(source.selector)) or hit.sink.startswith("importlib.")
    return hit.kind == _TRUST and source.what in _PAGES and not source.selector


def has_impossible_part(source: Source) -> bool:
    """Tell whether it is a part of a text that only an object or a dictionary has."""
    if source.origin == "random":  # a number or a text that was drawn
        return _PART.search(source.selector) is not None
    if (source.what not in _TEXTS and source.what not in _DICTIONARIES) or STRUCTURED in source.selector:
        return False
    parts = [(one["attribute"], one["key"]) for one in _PART.finditer(source.selector)]
    asked = next((number for number, (_, key) in enumerate(parts) if key is not None), -1)
    if asked < 0 and source.what in _DICTIONARIES:
        return False  # of a form that was made of all of them
    return any(key is not None or attribute not in _OF_WRAPPERS for attribute, key in parts[asked + 1 :])


def is_open_file(hit: Hit) -> bool:
    """Tell whether it is an uploaded file itself, which is read: no name by which another one is opened."""
    source = hit.source.source
    if source.what != _UPLOADED or any(_UNKNOWN_CALL.match(one.what) for one in _hops(hit.trail)):
        return False
    return all(one["attribute"] in (None, "file") for one in _PART.finditer(source.selector))


def _hops(trail: Trail | None) -> Iterator[Trail]:
    while trail is not None:
        yield trail
        trail = trail.before
