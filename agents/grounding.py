"""Is what a text says of the code true as far as names go? One check for every text that is made about a project.

    demand(text, index)          # raises Ungrounded with all that does not resolve

Each name in backquotes, each relative link, each parameter and each raised error that a text claims must be in the
index of the code: its symbols, its files, its parameters, the words of its settings. A text in which anything does
not resolve is refused whole: a reader cannot tell the invented name from the true ones.

What counts as a claim: a code span that looks like a name (`pkg.mod`, `name()`, `Class.attr`), a path (`a/b.py`), or
the target of a relative Markdown link. Fenced blocks, HTTP addresses, literals (numbers, quoted text, flags such as
`--verbose`) and Python's own names are no claims about the project.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote

from agents.symbols import Symbols

NAMED = 20  # of the faults, in an error's text

_FENCE = re.compile(
    r"^( {0,3})(`{3,}|~{3,}).*?^ {0,3}\2[`~]*\s*$|^( {0,3})(`{3,}|~{3,}).*\Z", re.MULTILINE | re.DOTALL
)
# A code span, with its backquotes and its content as groups; or a mark that a backslash makes plain text.
_SPAN = re.compile(r"\\[!-/:-@\[-`{-~]|(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?<!\\)\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)")
_NAME = re.compile(r"@?\*{0,2}[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_PATH = re.compile(
    r"(?:\.{1,2}/)*[\w.@+-]+(?:/[\w.@+-]+)+/?|[\w-]+\.(?:py|md|rst|toml|cfg|ini|ya?ml|json|txt|sql|sh|html|css|js)"
)
_PLACE = re.compile(r"(.+?):(\d+)(?:-(\d+))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#")
_STDLIB = frozenset(sys.stdlib_module_names)
_KNOWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"self", "cls", "args", "kwargs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """Something that a text names and the code does not have. `kind`: name, path, parameter or error."""

    kind: str
    text: str
    why: str


class Ungrounded(Exception):
    """A text names what the code does not have; `faults` holds all of it, the message the first of them."""

    def __init__(self, faults: tuple[Unresolved, ...]) -> None:
        self.faults = faults
        shown = "; ".join(f"{fault.kind} {fault.text!r}: {fault.why}" for fault in faults[:NAMED])
        more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        super().__init__(f"the text names what the code does not have: {shown}{more}")


@dataclass(slots=True, kw_only=True)
class Index:
    """What there is to name. Made by `index_of`; `words` are further names that are true, such as settings."""

    symbols: dict[str, tuple[str, ...]] = field(default_factory=dict)  # qualified name -> its parameters
    raises: dict[str, frozenset[str]] = field(
        default_factory=dict
    )  # function -> last parts of what it raises
    suffixes: set[str] = field(
        default_factory=set
    )  # every tail of a qualified name: "Class.method", "method"
    paths: set[str] = field(default_factory=set)
    lines: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    def has_name(self, name: str) -> bool:
        """Tell whether code, or Python itself, has such a name."""
        if name in self.words:
            return True
        name = name.removesuffix("()").lstrip("@*")
        if name in self.suffixes or name in self.words or name in _KNOWN:
            return True
        first, _, rest = name.partition(".")
        return first in _STDLIB or (bool(rest) and first in _KNOWN)

    def has_path(self, path: str) -> bool:
        """Tell whether the tree has such a file or folder."""
        clean = str(PurePosixPath(path)).lstrip("/")
        return clean in self.paths or clean == "."


def index_of(
    symbols: Symbols, *, paths: Iterable[str] = (), folders: Iterable[str] = (), words: Iterable[str] = ()
) -> Index:
    """Make the index of a tree's symbols and files."""
    index = Index(paths={*paths, *folders}, words=set(words))
    for module, symbol in symbols.walk():
        parameters = tuple(parameter.name for parameter in symbol.parameters)
        index.symbols[symbol.path] = parameters
        if symbol.kind == "function":
            index.raises[symbol.path] = frozenset(one.name.rpartition(".")[2] for one in symbol.raises)
        parts = symbol.path.split(".")
        index.suffixes.update(".".join(parts[start:]) for start in range(len(parts)))
        index.suffixes.update(parameters)
        index.suffixes.update(one.name for one in symbol.raises)
        index.suffixes.update(one.target for one in symbol.raises)
        if symbol.kind == "module":
            index.suffixes.update(".".join(parts[:end]) for end in range(1, len(parts)))
            index.lines[module.file] = max(index.lines.get(module.file, 0), symbol.end_line)
    index.suffixes.discard("")
    return index


def check(text: str, index: Index, *, base: str = "") -> tuple[Unresolved, ...]:
    """Give everything that a Markdown text names and the index lacks. Relative links start at the folder `base`."""
    prose = _FENCE.sub("", text)
    faults = []

    def without(span: re.Match[str]) -> str:
        if fault := _span(span[2].strip(), index):
            faults.append(fault)
        return ""

    rest = replaced(prose, without)
    faults += [fault for match in _LINK.finditer(rest) if (fault := _link(match[1], index, base))]
    return tuple(dict.fromkeys(faults))


def replaced(text: str, by: Callable[[re.Match[str]], str]) -> str:
    """Replace the code spans of Markdown, of which a match has the content as its second group."""
    return _SPAN.sub(lambda match: match[0] if match[1] is None else by(match), text)


def demand(text: str, index: Index, *, base: str = "") -> str:
    """Give the text back if everything in it resolves. Raises Ungrounded."""
    faults = check(text, index, base=base)
    if faults:
        raise Ungrounded(faults)
    return text


def check_function(
    path: str, index: Index, *, parameters: Iterable[str] = (), raises: Iterable[str] = ()
) -> tuple[Unresolved, ...]:
    """Give what a text claims of one function in vain: parameters, errors that it raises itself."""
    if path not in index.symbols:
        return (Unresolved(kind="name", text=path, why="there is no such function"),)
    has = set(index.symbols[path])
    faults = [
        Unresolved(kind="parameter", text=name, why=f"{path} has no such parameter")
        for name in parameters
        if name.lstrip("*") not in has
    ]
    known = index.raises.get(path, frozenset())
    faults += [
        Unresolved(kind="error", text=name, why=f"{path} does not raise it")
        for name in raises
        if name.rpartition(".")[2] not in known
    ]
    return tuple(faults)


def _span(span: str, index: Index) -> Unresolved | None:
    if _NAME.fullmatch(span):
        if index.has_name(span) or index.has_path(span):
            return None
        return Unresolved(
            kind="name", text=span, why="no module, class, function, attribute or parameter has it"
        )
    place = _PLACE.fullmatch(span)
    path, last = (place[1], int(place[3] or place[2])) if place else (span, 0)
    if not _PATH.fullmatch(path):
        return None
    if not index.has_path(path):
        return Unresolved(kind="path", text=span, why="the tree has no such file or folder")
    if last and path in index.lines and last > index.lines[path]:
        return Unresolved(kind="path", text=span, why=f"the file has {index.lines[path]} lines")
    return None


def _link(target: str, index: Index, base: str) -> Unresolved | None:
    path = unquote(target.partition("#")[0].partition("?")[0])
    if not path or _SCHEME.match(target):
        return None
    joined = joined_path(path.lstrip("/"), base="" if path.startswith("/") else base)
    if joined is None:
        return Unresolved(kind="path", text=target, why="it leads out of the tree")
    if not index.has_path(joined):
        return Unresolved(kind="path", text=target, why="the tree has no such file or folder")
    return None


def joined_path(path: str, *, base: str = "") -> str | None:
    """Resolve a relative path against a folder of the tree; None if it leads out. "" is the tree itself."""
    parts = [part for part in base.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."
