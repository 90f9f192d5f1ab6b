"""Templates of the tree: which context variables they write without escaping.

Jinja and Django templates alike: `{{ name|safe }}`, `{{ name }}` within `{% autoescape off %}`, and names that reach
such a place through `{% set %}`, `{% with %}` or a `for`. Read as text; nothing is executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1 << 20
_TAG = re.compile(r"\{\{(?P<output>.*?)\}\}|\{%-?\s*(?P<word>\w+)(?P<rest>.*?)-?%\}|\{#.*?#\}", re.DOTALL)
_ROOT = re.compile(r"^\s*-?\s*\(?\s*([A-Za-z_]\w*)")
_FILTERS = re.compile(r"\|\s*(\w+)")
_PARTS = re.compile(r"^\s*-?\s*\(?\s*[A-Za-z_]\w*((?:\.\w+)+)(\(?)")
# Of a form's field: what its developer wrote, or what escapes itself.
_OF_FIELDS = frozenset(
    {"help_text", "label", "label_tag", "errors", "non_field_errors", "legend_tag", "media"}
)
_FILLED_IN = frozenset({"value", "data", "initial", "raw_data", "object_data", "cleaned_data", "instance"})
_UNSAFE = frozenset({"safe", "safeseq"})
_ESCAPING = frozenset(
    {"e", "escape", "forceescape", "urlencode", "tojson", "striptags", "escapejs", "int", "length", "bleach"}
)
# Of Jinja and Django: what comes out is what goes in, in other letters or of another length.
_PASSING = _UNSAFE | frozenset({
    "default", "d", "default_if_none", "first", "last", "join", "list", "lower", "upper", "title", "capitalize",
    "capfirst", "trim", "replace", "string", "format", "indent", "wordwrap", "truncate", "truncatechars",
    "truncatewords", "truncatechars_html", "truncatewords_html", "center", "ljust", "rjust", "linebreaks",
    "linebreaksbr", "linenumbers", "cut", "add", "random", "reverse", "sort", "unique", "map", "select", "slice",
    "batch", "wordcount", "stringformat", "pprint", "attr", "dictsort", "unordered_list", "urlize", "urlizetrunc",
    "mark_safe",
})  # fmt: skip
# `form.title(class_="wide")`: a field of WTForms, which writes itself and escapes what it holds.
_WRITES_ITSELF = re.compile(r"^\s*-?\s*(?:(?:\w*_)?[fF]orm|\w+Form)(?:\.\w+|\[[^\]]*\])\(")


@dataclass(frozen=True, slots=True)
class Hole:
    """A context variable written as it is, or as a filter of the project's own leaves it."""

    variable: str
    path: str
    line: int
    filtered: str = ""
    parts: tuple[str, ...] = ()  # `event`, `name` of `order.event.name`, if they are known
    is_data: bool = False  # of a form's field what somebody filled in, and not the field as it writes itself


class Pages:
    """The templates by the name that a program gives them."""

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self._root = root
        self._by_name: dict[str, str] = {}
        self._holes: dict[str, list[Hole]] = {}
        for path in paths:
            for marker in ("templates/", "jinja2/", "views/"):
                place = path.rfind(marker)
                if place >= 0 and (place == 0 or path[place - 1] == "/"):
                    self._by_name.setdefault(path[place + len(marker) :], path)

    def knows(self, name: str) -> bool:
        """Tell whether the tree has this template."""
        return name in self._by_name

    def holes(self, name: str) -> list[Hole]:
        """The unescaped variables of a template, those of what it includes and extends too."""
        return self._of(name, set())

    def _of(self, name: str, seen: set[str]) -> list[Hole]:
        path = self._by_name.get(name)
        if path is None or path in seen:
            return []
        seen.add(path)
        if path not in self._holes:
            self._holes[path] = _holes(self._read(path), path)
        found = list(self._holes[path])
        for other in re.findall(r"\{%-?\s*(?:include|extends)\s+[\"']([^\"']+)[\"']", self._read(path)):
            found += self._of(other, seen)
        return found

    def _read(self, path: str) -> str:
        try:
            data = (self._root / path).read_bytes()
        except OSError:
            return ""
        return data.decode("utf-8", "replace") if len(data) <= MAX_BYTES else ""


def unescaped(text: str, *, escaping: bool = True) -> set[str]:
    """The variables that a template's text writes as they are; all if its engine does not escape."""
    return {hole.variable for hole in _holes(text, "" if escaping else "text.txt")}


def _holes(text: str, path: str) -> list[Hole]:
    found: list[Hole] = []
    names: dict[str, str] = {}
    escaping = [not path.endswith((".txt", ".md", ".sql", ".xml.txt"))]
    for tag in _TAG.finditer(text):
        word, rest = tag["word"], tag["rest"] or ""
        if word == "autoescape":
            escaping.append(not ("off" in rest or "false" in rest.lower()))
        elif word == "endautoescape" and len(escaping) > 1:
            escaping.pop()
        elif word == "set":
            _rename(names, *rest.partition("=")[::2])
        elif word == "with":
            for name, value in re.findall(r"(\w+)\s*=\s*([^\s,]+)", rest):
                _rename(names, name, value)
        elif word == "for" and " in " in rest:
            left, _, right = rest.partition(" in ")
            for name in left.split(","):
                _rename(names, name, right)
        elif tag["output"] is not None:
            _output(
                tag["output"], found, names, path, text.count("\n", 0, tag.start()) + 1, escaping=escaping[-1]
            )
    return found


def _rename(names: dict[str, str], name: str, value: str) -> None:
    root = _ROOT.match(value)
    if root and name.strip().isidentifier():
        names[name.strip()] = names.get(root[1], root[1])


def _output(
    text: str, found: list[Hole], names: dict[str, str], path: str, line: int, *, escaping: bool
) -> None:
    root = _ROOT.match(text)
    if root is None:
        return
    filters = set(_FILTERS.findall(text))
    if (escaping and not filters & _UNSAFE) or filters & _ESCAPING:
        return
    parts = _PARTS.match(text)
    read = tuple(parts[1].split(".")[1:]) if parts is not None else ()
    if not _OF_FIELDS.isdisjoint(read) or _WRITES_ITSELF.match(text):
        return
    own = min(filters - _PASSING, default="")
    is_data = not _FILLED_IN.isdisjoint(read)
    if parts is not None and parts[2]:
        read = read[:-1]  # what a method gives is of anything that its object holds
    found.append(
        Hole(names.get(root[1], root[1]), path, line, own, () if root[1] in names else read, is_data)
    )
