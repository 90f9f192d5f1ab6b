"""What a linter's rule calls a mistake and its writer meant: by the source around it, line by line."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from agents.conventions import is_settings
from agents.findings import Confidence, Severity
from agents.inspector.analyzers.base import Claim
from agents.inspector.analyzers.debugging import as_debugger
from agents.inspector.analyzers.lines import Lines, before, heads, indent_of

_RAISES = re.compile(r"^\s*(?:async\s+)?with\b.*(?:raises|Raises|assertWarns|warns|suppress)\w*\s*\(")
_TRIES, _CATCHES = re.compile(r"\s*try:\s*(?:#.*)?$"), re.compile(r"\s*except\b")
_STRIPPED = re.compile(r"""strip\(\s*[bru]*(["'])(?P<characters>.+?)\1\s*\)""")
_MUTABLE = re.compile(r"[\[{]|(?:\w+\.)*(?:list|dict|set|bytearray|defaultdict|OrderedDict|Counter|deque)\(")

_FLOAT = re.compile(r"-?[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?")
_LITERAL = r"""[rRuU]?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_CONSTANT = re.compile(
    rf"(?:\w+\.)*(?:mark_safe|Markup|SafeString|SafeText)\(\s*{_LITERAL}(?:\s+{_LITERAL})*\s*,?\s*\)"
)
_CONSTRUCTOR = r"(?:super\([^()]*\)|[\w.]+)\.__init__\("
_CONSTRUCTS = re.compile(rf"\s*return\s+{_CONSTRUCTOR}")
_HANDS_ON = re.compile(r"\s*return\s+(?:self|cls|super\(\))\.\w+\(")
_RETURNS_NAME = re.compile(r"\s*return\s+(\w+)\s*$")
MOST_OF_CONSTRUCTOR = 80  # lines above a return in which what it returns is looked for
_UNDEFINED = re.compile(r"Undefined name `(\w+)`")
_IMPORTS = re.compile(r"\s*(?:from\s+[\w.]+\s+)?import\b")
# Names that the program which runs a file of this name puts in.
_PUT_IN = {
    "conf.py": frozenset({"tags"}),  # Sphinx
    "jupyter_config.py": frozenset({"c", "get_config"}),
    "ipython_config.py": frozenset({"c", "get_config"}),
}
_IN_SESSIONS = frozenset({"get_ipython", "__IPYTHON__"})  # of IPython, wherever the file is
_EXPLICABLE = frozenset({"S110", "S112"})
MOST_EXPLAINED = 12  # lines of a handler in which its reason is looked for
_REMARK = re.compile(r"#\s*(\S.*)")
_DIRECTIVE = re.compile(r"(?i)noqa|nosec|pragma|type:|pylint|fmt:|todo|fixme|xxx|hack")


def is_meant(claim: Claim, lines: Lines, *, in_test_code: bool) -> bool:
    """Tell whether this is what its writer wanted."""
    judge = _JUDGES.get(claim.rule)
    return judge is not None and judge(claim, lines, in_test_code)


def _is_fixture(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """A fixture of pytest is imported, and named again as the parameter that it fills: no definition is lost."""
    before = lines.line(claim.path, claim.line)[: claim.column - 1]
    return in_test_code and (before.rstrip().endswith(("(", ",")) or not before.strip())


def _is_expected_to_fail(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`with raises(TypeError): a < b`: the comparison is what is tried; so it is alone between `try` and `except`."""
    indent = indent_of(lines.line(claim.path, claim.line))
    if _TRIES.match(lines.line(claim.path, claim.line - 1)) and _CATCHES.match(
        lines.line(claim.path, claim.end_line + 1)
    ):
        return True
    for number in range(claim.line - 1, max(0, claim.line - 12), -1):
        text = lines.line(claim.path, number)
        if text.strip() and indent_of(text) < indent:
            return in_test_code and bool(_RAISES.match(text))
    return False


def _strips_one_character(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`strip("--")` removes what `strip("-")` removes: no word was meant."""
    del in_test_code
    found = _STRIPPED.search(lines.line(claim.path, claim.line), claim.column - 1)
    return found is not None and len(set(found["characters"])) == 1


_JOINED = re.compile(r"\s*except\*?[\s(]+[\w.]+\s+(?:or|and)\s")


def _is_one_of_two(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`except A or B`: it is an exception, though one only. PLW0711 says so; told twice it would be another fault."""
    del in_test_code
    return _JOINED.match(lines.line(claim.path, claim.line)) is not None


def _is_unchangeable(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """A default made by a call of something is not known to be mutable; a display or container is."""
    del in_test_code
    return _MUTABLE.match(lines.line(claim.path, claim.line)[claim.column - 1 :]) is None


def _has_timeout(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """A timeout that is computed is one, too."""
    del in_test_code
    return re.search(r"\btimeout\s*=\s*(?!None\b)", _written(claim, lines)) is not None


MOST_OF_A_CALL = 40  # lines


def _written(claim: Claim, lines: Lines) -> str:
    """All lines of a call, as one: some tools name those of the function's name only."""
    text = lines.line(claim.path, claim.line)[claim.column - 1 :]
    for number in range(claim.line + 1, claim.line + MOST_OF_A_CALL):
        if number > claim.end_line and text.count("(") <= text.count(")"):
            break
        text += lines.line(claim.path, number)
    return text


_MARKS = re.compile("[\u200e\u200f\u061c]")  # they set one letter's direction, and reorder no code
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def _reorders_nothing(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """A mark after Arabic or Hebrew letters, in a language's own name: only embeddings and overrides hide code."""
    del in_test_code
    last = max(claim.line + 1, claim.end_line)  # the end is the begin of the line after
    text = "".join(lines.line(claim.path, number) for number in range(claim.line, last))
    return _MARKS.search(text) is not None and _REORDERING.search(text) is None


_FIELD = re.compile(r"Class field `(\w+)`")


def _is_only_announced(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`owner: "User"` above `owner = ForeignKey(...)` tells the type of the attribute that is defined below."""
    del in_test_code
    named = _FIELD.match(claim.message)
    indent = indent_of(lines.line(claim.path, claim.line))
    if named is None:
        return False
    written = re.compile(rf"\s{{{indent}}}{named[1]}\s*(?P<annotation>:[^=]*)?(?P<value>=)?")
    announced = False
    for number in range(claim.line - 1, 0, -1):
        text = lines.line(claim.path, number)
        if text.strip() and indent_of(text) < indent:
            if not text.lstrip().startswith((")", "]", "}")):
                break
            continue
        found = written.match(text)
        if found is None or not (found["annotation"] or found["value"]):
            continue
        if found["value"]:
            return False
        announced = True
    return announced


_DEFINES = re.compile(r"\s*(?:async\s+def|def|class)\b")


def _is_used_between(claim: Claim, lines: Lines) -> bool:
    """Tell whether the class itself reads the attribute before it defines it anew: a decorator, another attribute."""
    named = _FIELD.match(claim.message)
    if named is None:
        return False
    indent = indent_of(lines.line(claim.path, claim.line))
    defined = re.compile(rf"\s{{{indent}}}{named[1]}\s*(?::[^=]*)?=")
    read = re.compile(rf"(?<![\w.'\"]){named[1]}\b(?!\s*=[^=]|['\"])")
    first = next((at for at in before(claim) if defined.match(lines.line(claim.path, at))), claim.line)
    in_class = False  # and not in the body of a method
    for number in range(first + 1, claim.line):
        text = lines.line(claim.path, number)
        if text.strip() and indent_of(text) <= indent:
            in_class = _DEFINES.match(text) is None
        if in_class and read.search(text.partition("#")[0]):
            return True
    return False


def _is_no_mistake(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    return _is_only_announced(claim, lines, in_test_code) or _is_used_between(claim, lines)


def _returns_nothing(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`return super().__init__()` in a constructor returns None."""
    del in_test_code
    written = lines.line(claim.path, claim.line)
    if _CONSTRUCTS.match(written):
        return True
    named = _RETURNS_NAME.match(written)
    if named is None:
        return False
    bound = re.compile(rf"\s*{named[1]}\s*=\s*(?P<value>.*)")
    for number in range(claim.line - 1, max(0, claim.line - MOST_OF_CONSTRUCTOR), -1):
        found = bound.match(lines.line(claim.path, number))
        if found is not None:
            return re.match(_CONSTRUCTOR, found["value"]) is not None
    return False


def _names_the_major(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`version_info.major >= 3 and version_info.minor >= 11`: the major version is compared, too."""
    del in_test_code
    return re.search(r"version_info(?:\.major|\[0\])", lines.line(claim.path, claim.line)) is not None


def _marks_a_constant(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`mark_safe("<br>")`: nobody can put anything into a text that stands in the source."""
    del in_test_code
    text = "\n".join(lines.line(claim.path, number) for number in range(claim.line, claim.end_line + 1))
    return _CONSTANT.match(text, claim.column - 1) is not None


def _is_exact(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`Decimal(0.5)` is exactly that, `Decimal(0.1)` is not."""
    del in_test_code
    found = _FLOAT.match(lines.line(claim.path, claim.line), claim.column - 1)
    return found is not None and Decimal(float(found[0])) == Decimal(found[0].replace("_", ""))


_UNWANTED = re.compile(r"`(?:_+|_?(?:unused|dummy|ignored?|junk|trash|discard(?:ed)?|nothing|whatever)\d*)`")


def _throws_away(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`target, dummy, dummy = ...`: nobody wants either."""
    del lines, in_test_code
    return _UNWANTED.search(claim.message) is not None


_PART_OF_ADDRESS = re.compile(r"Parameter `(\w+?)(?:_(?:id|pk|slug|name|uuid))?`")


def _is_asked_elsewhere(claim: Claim, lines: Lines) -> bool:
    """Tell whether what a route depends on may read it: `dependencies=[...]`, `case: CurrentCase`."""
    named = _PART_OF_ADDRESS.match(claim.message)
    if named is None:
        return False
    text = ""
    for number in range(claim.line, claim.line + MOST_OF_A_CALL):
        line = lines.line(claim.path, number)
        text += f"{line}\n"
        if "def " in text and line.rstrip().endswith(":"):
            break
    return "dependencies=" in text or re.search(rf"\b\w*{named[1]}\w*\s*:\s*[A-Z]", text) is not None


_TELLS_A_TYPE = re.compile(r"\s*\w+\s*:\s*[^=]+=")  # `row: Row = row`: said to a checker of types
_SAYS_ITS_ZONE = re.compile(
    r"""\.replace\(\s*tzinfo\s*=\s*(?!None\b)|\+\s*[bruf]*(["'])Z\1|(["'])[^"']*%[^"']*Z\2"""
    # no zone is lost where none can be kept: of a day, of an hour
    r"""|^[\w.]*\([^()]*\)\.(?:(?:date|time|weekday|isoweekday|isocalendar|utctimetuple)\(\)|(?:year|month|day|hour)\b)"""
)
_HANDS_ALL_ON = re.compile(r"\(\s*\*\*|,\s*\*\*\w")


_CONTEXT_VARIABLE = re.compile(r"\s*(_\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?ContextVar\b")


def _is_only_copied(claim: Claim, lines: Lines) -> bool:
    """A module's own context variable of which each reader makes another dictionary: nobody changes the default."""
    named = _CONTEXT_VARIABLE.match(lines.line(claim.path, claim.line))
    return named is not None and lines.is_only_copied(claim.path, named[1])


def _may_come_in(claim: Claim, lines: Lines) -> bool:
    named = _UNDEFINED.match(claim.message)
    return lines.gives_globals(claim.path) or (named is not None and lines.imports_part(claim.path, named[1]))


def _is_put_in(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`tags` in Sphinx's `conf.py`: who runs the file puts the name in. Nor is it lost where Python 2 has it."""
    del in_test_code
    named = _UNDEFINED.match(claim.message)
    if named is None:
        return False
    put_in = _PUT_IN.get(claim.path.rpartition("/")[2], frozenset()) | _IN_SESSIONS
    return named[1] in put_in or (named[1] in _OF_PYTHON_2 and _is_for_python_2(claim, lines))


_OF_PYTHON_2 = frozenset({
    "apply", "basestring", "buffer", "cmp", "coerce", "execfile", "file", "intern", "long", "raw_input", "reduce",
    "reload", "unichr", "unicode", "xrange",
})  # fmt: skip
_ASKS_PYTHON = re.compile(
    r"(?i)\s*(?:el)?if\b.*(?:version_info|hexversion|\bis_?py|\bpy_?[23]k?\b|\bpython_?[23])"
)


def _is_for_python_2(claim: Claim, lines: Lines) -> bool:
    """Tell whether a branch is only for one version of Python: `if sys.version_info[0] < 3:`, or its `else:`."""
    return any(_ASKS_PYTHON.match(head) for head in heads(claim, lines))


_NEAR_BELOW = 20  # lines


def _is_tried_below(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """A special method that is wrong in a test, which expects the error soon after."""
    below = range(claim.line + 1, claim.line + _NEAR_BELOW)
    return in_test_code and any(_RAISES.match(lines.line(claim.path, number)) for number in below)


_OF_LISTS = re.compile(r"\s*__all__\s*\+?=\s*[\w.]+(?:\s*\+\s*[\w.]+)+\s*(?:#.*)?$")


def _is_of_lists(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`__all__ = models_all + aggregates_all`: lists that other modules name."""
    del in_test_code
    return _OF_LISTS.match(lines.line(claim.path, claim.line)) is not None


_TO_ITSELF = re.compile(r"\s*(\w+)\s*=\s*\1\s*(?:#.*)?$")


def _offers_a_built_in(claim: Claim, lines: Lines, in_test_code: bool) -> bool:
    """`str = str` outside of functions: others import it from here, by one name for all versions of Python."""
    del in_test_code
    named = _TO_ITSELF.match(lines.line(claim.path, claim.line))
    return (
        named is not None
        and (hasattr(builtins, named[1]) or named[1] in _OF_PYTHON_2)
        and not any(_DEFINES.match(head) for head in heads(claim, lines))
    )


_OPENS = re.compile(
    r"\s*(?:async|def|class|if|elif|else|for|while|with|try|except|finally|match|case)\b.*[:(,\[{]\s*(?:#.*)?$"
)


def _is_of_a_function(claim: Claim, lines: Lines) -> bool:
    """Tell whether a name is a function's own here, so that the module's of the same name stays."""
    indent = indent_of(lines.line(claim.path, claim.line))
    for number in before(claim):
        text = lines.line(claim.path, number)
        if _OPENS.match(text) and indent_of(text) < indent:  # other lines may be a long text's
            indent = indent_of(text)
            if _DEFINES.match(text):
                return not text.lstrip().startswith("class")
    return False


_HIDES = re.compile(r"Import `\w+` from line (\d+)")
_ANY_VERSION = re.compile(
    r"\b(?:SSLv23_METHOD|PROTOCOL_SSLv23)\b"
)  # what both sides know best, by an old name
_OLD_VERSION = re.compile(r"\b(?:PROTOCOL_)?(?:SSLv[23]|TLSv1(?:_1)?)(?:_METHOD)?\b")


def _hides_for_a_function(claim: Claim, lines: Lines) -> bool:
    hidden = _HIDES.match(claim.message)
    return (
        hidden is not None
        and not indent_of(lines.line(claim.path, int(hidden[1])))
        and _is_of_a_function(claim, lines)
    )


def _negotiates(claim: Claim, lines: Lines) -> bool:
    written = _written(replace(claim, column=1), lines)
    return _ANY_VERSION.search(written) is not None and _OLD_VERSION.search(written) is None


_RETURNS = re.compile(r"\)\s*->\s*[\w\[\]., |]*$")  # what is given, told to checkers of types


def as_sure(claim: Claim, lines: Lines) -> Claim:
    """The claim as the lines around it weigh it: less sure if its writer says why an error is swallowed or what is
    missing may be handed on; less grave if a name is lost in an annotation only, or to a second import, or may come
    from elsewhere, or if a time of UTC says so at once, or if what is shared is only copied.
    """
    line = lines.line(claim.path, claim.line)
    if claim.rule in ("DTZ003", "DTZ004") and _SAYS_ITS_ZONE.search(line[claim.column - 1 :]):
        return replace(claim, severity=Severity.INFO)
    if claim.rule == "B039" and _is_only_copied(claim, lines):
        return replace(claim, severity=Severity.INFO)
    if claim.rule == "S113" and _HANDS_ALL_ON.search(_written(claim, lines)):
        return replace(
            claim, severity=Severity.LOW, confidence=Confidence.LOW
        )  # `**options`: whoever calls may say
    if claim.rule == "F821" and (
        line[claim.column - 2 : claim.column - 1] in ("'", '"')
        or (_RETURNS.search(line[: claim.column - 1]) and lines.defers_types(claim.path))
    ):
        return replace(claim, severity=Severity.LOW)
    if claim.rule == "PLE0101" and _HANDS_ON.match(line):
        return replace(claim, severity=Severity.LOW)  # to a method that most likely gives nothing back
    if claim.rule == "F821" and _may_come_in(claim, lines):
        return replace(claim, severity=Severity.LOW, confidence=Confidence.LOW)
    if claim.rule == "FAST003" and _is_asked_elsewhere(claim, lines):
        return replace(claim, severity=Severity.LOW, confidence=Confidence.LOW)
    if claim.rule == "PLW0127" and _TELLS_A_TYPE.match(line):
        return replace(claim, severity=Severity.INFO)
    if claim.rule == "F403" and (claim.path.endswith(("__init__.py", ".pyi")) or is_settings(claim.path)):
        # a package gathers what its modules offer, settings begin with those of all machines, types lose no names
        return replace(claim, severity=Severity.INFO)
    if claim.rule == "F811" and "`_`" in claim.message:
        return replace(claim, severity=Severity.INFO)  # `made, _ = ...`: it is thrown away
    if claim.rule == "F811" and _IMPORTS.match(line):
        return replace(claim, severity=Severity.LOW)
    if claim.rule == "F402" and _hides_for_a_function(claim, lines):
        return replace(claim, severity=Severity.LOW)
    if claim.rule == "S503" and _negotiates(claim, lines):
        return replace(claim, severity=Severity.INFO)
    if claim.rule == "PLW0127" and "," in line.partition("=")[0]:
        return replace(claim, severity=Severity.INFO)  # `kind, body = body["kind"], body`: others change
    if claim.rule == "T100":
        return as_debugger(claim, lines)
    if claim.rule not in _EXPLICABLE:
        return claim
    body = [lines.line(claim.path, number) for number in range(claim.line + 1, claim.line + MOST_EXPLAINED)]
    ends = (at for at, text in enumerate(body) if text.strip() and indent_of(text) <= indent_of(line))
    told = [line, *body[: next(ends, len(body))], *_above_try(claim, lines)]
    if any((said := _REMARK.search(text)) and not _DIRECTIVE.match(said[1]) for text in told):
        return replace(claim, confidence=Confidence.LOW)
    return claim


def _above_try(claim: Claim, lines: Lines) -> list[str]:
    """The remark that stands above a handler's `try:`, or first in it."""
    indent = indent_of(lines.line(claim.path, claim.line))
    for number in before(claim):
        text = lines.line(claim.path, number)
        if _TRIES.match(text) and indent_of(text) == indent:
            beside = (lines.line(claim.path, number - 1), lines.line(claim.path, number + 1))
            return [one for one in beside if one.lstrip().startswith("#")]
        if text.strip() and indent_of(text) < indent:
            break
    return []


_JUDGES: dict[str, Callable[[Claim, Lines, bool], bool]] = {
    "F811": _is_fixture,
    "F821": _is_put_in,
    "B015": _is_expected_to_fail,
    "B018": _is_expected_to_fail,
    "B030": _is_one_of_two,
    "B005": _strips_one_character,
    "B039": _is_unchangeable,
    "S113": _has_timeout,
    "RUF032": _is_exact,
    "S308": _marks_a_constant,
    "S704": _marks_a_constant,
    "PLE2502": _reorders_nothing,
    "PLE0101": _returns_nothing,
    "PIE794": _is_no_mistake,
    "YTT203": _names_the_major,
    "YTT204": _names_the_major,
    "PLE0302": _is_tried_below,
    "PLE0303": _is_tried_below,
    "PLE0305": _is_tried_below,
    "PLE0307": _is_tried_below,
    "PLE0308": _is_tried_below,
    "PLE0309": _is_tried_below,
    "PLE0605": _is_of_lists,
    "PLW0127": _offers_a_built_in,
    "PLW0128": _throws_away,
}
