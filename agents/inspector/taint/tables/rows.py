"""The rows of which the frameworks' tables are made: the manual for adding one.

A table is a module of this package with a tuple ROWS; `tables.TABLES` lists the modules. Nothing of the
interpreter knows a framework: what Flask is stands in `flask.py`, as data.

Names are dotted: `flask.request.args` is what `from flask import request as r; r.args` reads, whatever it is
called in the program. `@type` is an instance: `gives("sqlite3.connect", "@db.Connection")` says what a call
returns, `sink("@db.Connection.execute", ...)` speaks of that object's method. Types are names of our own.
`@type.*` (or `module.*`) speaks of every attribute without a row of its own. A name that begins with a dot
(`.execute`) speaks of a method of that name on an object of which nothing is known.

    source(name, what)                 reading or calling it gives input from outside; origin "remote" (a stranger
                                       chooses it), "local" (who starts the program does) or "random" (predictable),
                                       "trace" (what the program tells of its inside);
                                       but="REQUEST_METHOD SERVER_*": keys whose value no stranger chooses
    gives(name, type)                  calling it, or reading it, gives an instance of the type ("@...")
    same(name, other)                  the name is another one's alias; also for whole types: same("@a.B", "@c.D");
                                       same("@a.B.*", "@c.D"): attributes without a row of their own are of that type
    sink(name, kind, "0 sql")          the argument at position 0, or with the keyword sql, must not be tainted;
                                       "*" means every argument, "self" the object itself, "=" what is assigned to it
         when="shell=True"             only if; conditions separated by ";", keyword=literal or keyword!=literal (also
                                       true when absent), "2:keyword" for one that may be given by position;
                                       "1:bits<2048", "0:mode in ssl.A,ssl.B" (names of what the value is),
                                       "autoescape absent"
         weak=1                        0 sure, 1 doubtful (medium confidence), 2 a guess (low confidence)
         of_file=True                  it is the name of a file: a constant says nothing of what is in there
         whole=True                    only if the argument's begin is tainted (an address, not its query)
    wrong(name, kind, words)           calling or assigning it is wrong by itself, wherever its values come from;
                                       `when` as for sinks, the assigned value is at 0; of `x.__setitem__`: key, value
         review=True                   it may be wrong, so that it is information for who reviews
    clean(name, "xss", ...)            what comes out is clean for these kinds ("all": for every injection)
    passes(name)                       what goes in comes out (what the standard library does unless told otherwise)
    stops(name)                        what goes in does not come out (len, database queries)
    guard(name, "redirect", "0")       its being true means that the argument is clean for these kinds;
                                       need="resolved": only if a path was resolved before;
                                       holds=False: its being false means that; whole=True: for all that the
                                       argument is a part of (an address whose host was looked up);
                                       "doubt" as a kind only lowers confidence; "self" also for a property
    exits(name)                        it does not return
    constant(name, value)              it is this text or number
    shared(name)                       what is kept in its attributes is kept for all functions that serve a request;
                                       under its keys if the name ends with `__getitem__`
    special(name, function)            a function of `specials`, for what no row can say
    entry(...)                         see below: functions that a framework calls
    request_parameter(import, type)    in modules that import this, a parameter named `request` is of this type

    entry(".route", returns="html", parameters="remote")   functions decorated so: their parameters come from outside,
                                       what they return is sent as HTML ("json": never rendered). The name is that of
                                       the decorator: "@flask.Flask.route", or ".route" on an unknown object;
                                       weak=1 if not all that it is called with comes from outside;
                                       early=True: it is called before those that answer; `what`
                                       names the parameters in a sentence, if they are no parts of an address
    handler("tornado.web.RequestHandler", "get post", parameters="remote")   the same for methods of these names in
                                       classes with this base; "do_*" stands for every name that begins so
    signature("environ start_response", "@wsgi.Environ", "@wsgi.Start")   functions with parameters of these names, in
                                       this order: a protocol calls them; the types are those of the parameters

Names also hold where the framework itself is the tree under analysis, or lies in it as a copy: what stands in the
tables is believed there, too, before its own code is.

A row that names an unknown kind, an empty argument list, a condition that is no literal or a type without `@` raises
BadRow when the tables are loaded, and a name with two sources is an error too: a typo must not become a silent hole.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agents.inspector.taint import kinds
from agents.inspector.taint.values import WEAKEN


class BadRow(Exception):
    """A table's row says nothing that the engine can use."""


Origin = Literal["remote", "local", "random", "trace"]


@dataclass(frozen=True, slots=True)
class Condition:
    """`keyword=literal` or `keyword!=literal`; `position` is -1 if it can be given by keyword only."""

    keyword: str
    position: int
    equal: bool
    literal: Any
    form: Literal["literal", "below", "named", "absent"] = "literal"


@dataclass(frozen=True, slots=True)
class ArgumentNames:
    """Which arguments are meant."""

    positions: tuple[int, ...]
    keywords: tuple[str, ...]
    every: bool = False
    itself: bool = False
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row, checked."""

    name: str
    effect: str
    what: str = ""
    origin: Origin = "remote"
    target: str = ""
    bits: int = 0
    arguments: ArgumentNames = ArgumentNames((), ())
    conditions: tuple[Condition, ...] = ()
    weak: int = 0
    whole: bool = False
    need: int = 0
    holds: bool = True
    returns: str = ""
    parameters: str = ""
    literal: str | int = ""
    is_early: bool = False
    is_review: bool = False
    names_file: bool = False
    words: tuple[str, ...] = ()  # names of methods or parameters
    types: tuple[str, ...] = ()


def means(words: tuple[str, ...], name: object) -> bool:
    """Tell whether a name is among the words; `do_*` means what begins so, `*.*` what has a dot, `!x` not x."""
    if not isinstance(name, str) or f"!{name}" in words:
        return False
    return any(
        name == word or (word.endswith("*") and name.startswith(word[:-1])) or (word == "*.*" and "." in name)
        for word in words
    )


@dataclass(slots=True)
class Rules:
    """All rows of one name."""

    sources: list[Row] = field(default_factory=list)
    sinks: list[Row] = field(default_factory=list)
    wrongs: list[Row] = field(default_factory=list)
    guards: list[Row] = field(default_factory=list)
    gives: str = ""
    cleans: int = 0
    stops: bool = False
    passes: bool = False
    exits: bool = False
    special: str = ""
    entry: Row | None = None

    @property
    def says_of_calls(self) -> bool:
        """Tell whether they say what a call does: what only marks entries does not."""
        return bool(
            self.sources or self.sinks or self.wrongs or self.guards or self.gives or self.cleans
            or self.stops or self.passes or self.exits or self.special
        )  # fmt: skip


def source(name: str, what: str, *, origin: Origin = "remote", but: str = "") -> Row:
    """Reading or calling `name` gives input; `what` names it in a sentence ("a query parameter")."""
    if not what or origin not in ("remote", "local", "random", "trace"):
        raise BadRow(
            f"source {name!r}: it needs words for what it is, and an origin that is known, not {origin!r}"
        )
    return Row(_checked(name), "source", what=what, origin=origin, words=tuple(but.split()))


def gives(name: str, target: str) -> Row:
    """Calling or reading `name` gives an instance of `target`."""
    if not target.startswith("@"):
        raise BadRow(f"gives {name!r}: {target!r} is no type, which begins with @")
    return Row(_checked(name), "gives", target=target)


def same(name: str, other: str) -> Row:
    """`name` is an alias of `other`."""
    if name == other:
        raise BadRow(f"same {name!r}: it is its own alias")
    return Row(_checked(name), "same", target=_checked(other))


def sink(
    name: str,
    kind: str,
    arguments: str,
    *,
    when: str = "",
    what: str = "",
    weak: int = 0,
    whole: bool = False,
    of_file: bool = False,
) -> Row:
    """Tainted arguments are dangerous here."""
    return Row(
        _checked(name),
        "sink",
        what=what,
        bits=_bits(name, kind),
        arguments=_arguments(name, arguments),
        conditions=_conditions(name, when),
        weak=weak,
        whole=whole,
        names_file=of_file,
    )


def wrong(name: str, kind: str, words: str, *, when: str = "", weak: int = 0, review: bool = False) -> Row:
    """Calling it is wrong by itself, or, as a `review`, may be: somebody should look."""
    return Row(
        _checked(name),
        "wrong",
        what=words,
        bits=_bits(name, kind),
        conditions=_conditions(name, when),
        weak=weak,
        is_review=review,
    )


def clean(name: str, *kind: str) -> Row:
    """What comes out is clean for these kinds."""
    return Row(_checked(name), "clean", bits=_bits(name, " ".join(kind)))


def passes(name: str) -> Row:
    """What goes in comes out."""
    return Row(_checked(name), "passes")


def stops(name: str) -> Row:
    """What goes in does not come out."""
    return Row(_checked(name), "stops")


def guard(
    name: str, kind: str, arguments: str, *, need: str = "", holds: bool = True, whole: bool = False
) -> Row:
    """Its being true (or false) makes the argument clean."""
    return Row(
        _checked(name),
        "guard",
        bits=WEAKEN if kind == "doubt" else _bits(name, kind),
        arguments=_arguments(name, arguments),
        need=_bits(name, need) if need else 0,
        holds=holds,
        whole=whole,
    )


def exits(name: str) -> Row:
    """It does not return."""
    return Row(_checked(name), "exits")


def constant(name: str, value: str | int) -> Row:
    """It is this constant."""
    return Row(_checked(name), "constant", literal=value)


def shared(name: str) -> Row:
    """Its attributes are kept for whoever serves the same request."""
    return Row(_checked(name), "shared")


def special(name: str, function: str) -> Row:
    """A function of `specials` knows what it does."""
    return Row(_checked(name), "special", target=function)


def entry(
    name: str,
    *,
    returns: str = "",
    parameters: str = "",
    weak: int = 0,
    early: bool = False,
    what: str = "",
) -> Row:
    """Functions with this decorator are called by a framework."""
    if returns not in ("", "html", "json") or parameters not in ("", "remote", "local"):
        raise BadRow(f"entry {name!r}: returns={returns!r} or parameters={parameters!r} is not known")
    return Row(
        _checked(name),
        "entry",
        what=what,
        returns=returns,
        parameters=parameters,
        weak=weak,
        is_early=early,
    )


def handler(base: str, methods: str, *, returns: str = "", parameters: str = "", weak: int = 0) -> Row:
    """Methods of these names, in classes with this base, are called by a framework."""
    made = entry(base, returns=returns, parameters=parameters, weak=weak)
    if not methods.split():
        raise BadRow(f"handler {base!r}: it names no method")
    return replace(made, effect="handler", words=tuple(methods.split()))


def signature(parameters: str, *types: str) -> Row:
    """Functions with these parameters, in this order, are called by a protocol."""
    words = tuple(parameters.split())
    if len(words) < 2 or len(types) > len(words) or not all(one.startswith("@") for one in types):
        raise BadRow(
            f"signature {parameters!r}: two names at least, and a type for each or for the first ones"
        )
    return Row(_checked(words[0]), "signature", words=words, types=types)


def request_parameter(imported: str, target: str) -> Row:
    """In modules that import this, a parameter named `request` is of this type."""
    if not target.startswith("@"):
        raise BadRow(f"request_parameter {imported!r}: {target!r} is no type, which begins with @")
    return Row(_checked(imported), "request", target=target)


def _checked(name: str) -> str:
    if (
        not name
        or " " in name
        or not name.lstrip("@.").replace(".*", "").replace(".", "a").replace("_", "a").isalnum()
    ):
        raise BadRow(f"{name!r} is no dotted name")
    return name


def _bits(name: str, kind: str) -> int:
    try:
        found = kinds.mask(kind)
    except KeyError as error:
        raise BadRow(f"{name!r}: there is no kind {error.args[0]!r}") from None
    if not found:
        raise BadRow(f"{name!r}: it names no kind")
    return found


def _arguments(name: str, text: str) -> ArgumentNames:
    words = text.split()
    if not words:
        raise BadRow(f"{name!r}: it names no argument")
    positions = tuple(int(word) for word in words if word.isdigit())
    keywords = tuple(word for word in words if word.isidentifier() and word != "self")
    marks = {"*", "self", "="}
    if any(not word.isdigit() and not word.isidentifier() and word not in marks for word in words):
        raise BadRow(f"{name!r}: {text!r} are no positions and keywords")
    return ArgumentNames(positions, keywords, "*" in words, "self" in words, "=" in words)


_FORMS = re.compile(
    r"(?:(?P<position>\d+):)?(?P<word>\w+)(?: (?P<absent>absent)| in (?P<names>[\w.,@()]+)|<(?P<below>\d+))"
)


def _of_form(found: re.Match[str]) -> Condition:
    position = int(found["position"]) if found["position"] else -1
    if found["absent"]:
        return Condition(found["word"], position, True, None, "absent")
    if found["names"]:
        return Condition(found["word"], position, True, frozenset(found["names"].split(",")), "named")
    return Condition(found["word"], position, True, int(found["below"]), "below")


def _conditions(name: str, text: str) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        special_form = _FORMS.fullmatch(part)
        if special_form:
            found.append(_of_form(special_form))
            continue
        left, sign, right = part.partition("!=") if "!=" in part else part.partition("=")
        number, colon, word = left.rpartition(":")
        try:
            literal = ast.literal_eval(right)
        except (ValueError, SyntaxError):
            raise BadRow(f"{name!r}: {right!r} in the condition {part!r} is no literal") from None
        if not word.isidentifier() or (colon and not number.isdigit()):
            raise BadRow(f"{name!r}: {left!r} in the condition {part!r} is no keyword")
        found.append(Condition(word, int(number) if number else -1, sign == "=", literal))
    return tuple(found)
