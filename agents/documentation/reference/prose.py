"""What authors write in docstrings, made Markdown that can be shown: the same text for every form of the reference.

Google, NumPy and Sphinx sections were taken apart by griffe; what is left is prose, in Markdown or reStructuredText.
Its usual marks (roles, directives, literal blocks, doctests) become Markdown; the rest stays as it is written.

Invariant: outside of code the result holds no raw HTML, no heading, and no link but to http(s) addresses.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from agents.redaction import redact_tokens
from agents.reporting.visible import visible
from agents.symbols import Docstring, Item, Section, Tokens

MAX_CHARACTERS = 20_000  # of one docstring; the longest of real projects is below
SHORT = 80  # characters of a text that is remembered
WRAPPED = 58  # characters; nobody wraps lines as short as that
MAX_ITEMS = 200  # of one list of parameters or errors

TITLES = {
    "parameters": "Parameters",
    "other parameters": "Other parameters",
    "type parameters": "Type parameters",
    "raises": "Raises",
    "warns": "Warns",
    "returns": "Returns",
    "yields": "Yields",
    "receives": "Receives",
    "attributes": "Attributes",
    "functions": "Functions",
    "classes": "Classes",
    "modules": "Modules",
    "type aliases": "Type aliases",
}
_NOTES = {
    "note", "warning", "tip", "hint", "important", "caution", "danger", "attention", "error", "seealso", "todo",
    "versionadded", "versionchanged", "deprecated", "admonition",
}  # fmt: skip
_SPOKEN = {"seealso": "See also", "versionadded": "Added in", "versionchanged": "Changed in"}
_CODE = {
    "code",
    "code-block",
    "sourcecode",
    "literalinclude",
    "ipython",
    "doctest",
    "testcode",
    "parsed-literal",
}
_DIRECTIVE = re.compile(r"^(\s*)\.\. ([\w-]+)::[ \t]*(.*)$")
_COMMENT = re.compile(r"^\s*\.\.(?: |$)(?!\s*\[)")
_ROLE = re.compile(r":(?:[a-z]+:)?[a-z-]+:`([^`\n]+)`(?!`)")
_RST_LINK = re.compile(r"(?<![`\w])`([^`<>]+)<(https?://[^>\s]+)>`__?")
_LIST = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s")
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_RUN = re.compile("`+")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"^(=+|-+|~+|\^+|\"+|#+|\*+)\s*$")
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(\s*<?([^()\s<>]*)>?(?:\s+[\"'][^\"'()]*[\"'])?\s*\)")
_ADDRESS = re.compile(r"<(https?://[^<>\s]+)>")
_WEB = re.compile(r"https?://[^\s<>()\"'`\\]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Paragraphs, as Markdown."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Paragraphs that stand apart: a warning, a deprecation."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry of a list: `text` is Markdown."""

    name: str
    annotation: Tokens
    default: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of parameters, errors, returned values. `more` counts those that are left out."""

    title: str
    rows: tuple[Row, ...]
    more: int = 0


Block = Prose | Note | Listing


def plain(text: str) -> str:
    """Text of a repository without tokens and passwords, and with everything invisible made visible."""
    return _plain_word(text) if len(text) < SHORT else visible(redact_tokens(text))


@lru_cache(maxsize=100_000)
def _plain_word(text: str) -> str:
    """The same for names, which come again and again."""
    return visible(redact_tokens(text))


def blocks(docstring: Docstring | None) -> tuple[Block, ...]:
    """Give the parts of a docstring, in its order."""
    if docstring is None:
        return ()
    if len(docstring.text) > MAX_CHARACTERS:
        kept = docstring.text[:MAX_CHARACTERS].rpartition("\n")[0] or docstring.text[:MAX_CHARACTERS]
        told = f"The docstring has {len(docstring.text) - len(kept):,} more characters; the source has them."
        return (Prose(text=markdown(kept)), Note(kind="note", title="Cut", text=told))
    sections = docstring.sections or (Section(kind="text", text=docstring.text),)
    return tuple(block for section in sections for block in _blocks(section))


def summary(docstring: Docstring | None) -> str:
    """Give the first sentence or line of a docstring, as Markdown on one line."""
    if docstring is None:
        return ""
    first = docstring.text.strip().split("\n\n", 1)[0][:600]
    line = " ".join(markdown(first).split())
    if line.startswith((">", "```", "|")):
        return ""
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z`\[*])", line, maxsplit=1)[0]
    return sentence if len(sentence) <= 240 and sentence.count("`") % 2 == 0 else _cut(line, 240)


def _cut(line: str, most: int) -> str:
    """Shorten, but not inside of a code span or link."""
    if len(line) <= most:
        return line
    kept = line[:most].rpartition(" ")[0]
    while kept and (
        kept.count("`") % 2 or kept.count("[") != kept.count("]") or kept.count("(") != kept.count(")")
    ):
        kept = kept.rpartition(" ")[0]
    return f"{kept} …" if kept else ""


def _blocks(section: Section) -> Iterator[Block]:
    if section.kind == "examples":
        yield Prose(text="\n\n".join(filter(None, ["**Examples**", *map(_example, section.items)])))
    elif section.kind in ("admonition", "deprecated"):
        kind = section.items[0].name if section.items and section.kind == "admonition" else section.kind
        yield Note(kind=kind, title=_note_title(section, kind), text=markdown(section.text))
    elif section.items or section.kind in TITLES:
        title = section.title or TITLES.get(section.kind, section.kind.capitalize())
        rows = tuple(map(_row, section.items[:MAX_ITEMS]))
        if rows:
            yield Listing(title=plain(title), rows=rows, more=max(0, len(section.items) - MAX_ITEMS))
    elif text := markdown(section.text):
        yield Prose(text=text)


def _note_title(section: Section, kind: str) -> str:
    if section.kind == "deprecated":
        version = section.items[0].name if section.items else ""
        return f"Deprecated since {plain(version)}" if version else "Deprecated"
    return plain(section.title or _SPOKEN.get(kind, kind.capitalize()))


def _example(item: Item) -> str:
    if item.name == "examples":
        return fenced(item.description, "pycon" if ">>>" in item.description else "python")
    return markdown(item.description)


def _row(item: Item) -> Row:
    """One entry; its lines are wrapped more narrowly than others, so none of their ends is meant."""
    text = markdown(item.description).replace("  \n", "\n")
    return Row(name=item.name, annotation=item.annotation, default=item.default, text=text)


def fenced(code: str, language: str = "") -> str:
    """Put lines in a code block that their own backticks cannot end."""
    code = plain(code).strip("\n").rstrip()
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{re.sub(r'[^A-Za-z0-9+-]', '', language)}\n{code}\n{fence}"


def markdown(text: str) -> str:
    """Make Markdown of prose. Code blocks stay as they are, everything else becomes harmless."""
    lines = plain(text).expandtabs(4).split("\n")
    out: list[str] = []
    at = 0
    while at < len(lines):
        at = _step(lines, at, out)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def _step(lines: list[str], at: int, out: list[str]) -> int:
    """Take the line at `at`, and what belongs to it; give the number of the next."""
    line = lines[at]
    if not line.strip():
        out.append("")
        return at + 1
    if fence := _FENCE.match(line):
        return _take_fence(lines, at, fence[1], out)
    if line.lstrip().startswith(">>>"):
        return _take_while(lines, at, out, "pycon", lambda one: bool(one.strip()))
    if directive := _DIRECTIVE.match(line):
        return _take_directive(lines, at, directive, out)
    if _COMMENT.match(line):
        return _body(lines, at + 1, _indent(line))[1]
    following = lines[at + 1] if at + 1 < len(lines) else ""
    if (
        line.strip()
        and _UNDERLINE.match(following)
        and len(following.strip()) >= max(3, len(line.rstrip()) - 2)
    ):
        out += ["", f"**{safe(line.strip().strip('*'))}**", ""]
        return at + 2
    if _HEADING.match(line):
        out += ["", f"**{safe(line.strip(' #*')) or '…'}**", ""]
        return at + 1
    if _UNDERLINE.match(line):
        return at + 1  # an overline, or a rule
    if line.rstrip().endswith("::"):
        return _take_literal(lines, at, out)
    return _take_paragraph(lines, at, out)


def _take_fence(lines: list[str], at: int, fence: str, out: list[str]) -> int:
    end = at + 1
    while end < len(lines) and not re.match(rf"\s*{re.escape(fence[0])}{{{len(fence)},}}\s*$", lines[end]):
        end += 1
    language = lines[at].strip().strip("`~").split()
    code = textwrap.dedent("\n".join(lines[at + 1 : end]))
    out += ["", fenced(code, language[0] if language else ""), ""]
    return end + 1


def _take_while(
    lines: list[str], at: int, out: list[str], language: str, goes_on: Callable[[str], bool]
) -> int:
    end = at
    while end < len(lines) and goes_on(lines[end]):
        end += 1
    out += ["", fenced(textwrap.dedent("\n".join(lines[at:end])), language), ""]
    return max(end, at + 1)


def _take_literal(lines: list[str], at: int, out: list[str]) -> int:
    """Take a paragraph that ends with `::`, and the indented block behind it."""
    line = lines[at].rstrip()
    body, end = _body(lines, at + 1, _indent(line))
    if not body.strip():
        return _take_paragraph(lines, at, out)
    told = line[:-1] if line != line.strip(":") and line.strip() != "::" else ""
    out += [safe(told.strip()), "", fenced(body, "pycon" if ">>>" in body else "python"), ""]
    return end


def _take_directive(lines: list[str], at: int, match: re.Match[str], out: list[str]) -> int:
    name, argument = match[2].lower(), match[3].strip()
    body, end = _body(lines, at + 1, len(match[1]))
    if name in _CODE:
        code = re.sub(r"\A(?:\s*:[\w-]+:.*\n?)+", "", body)
        out += ["", fenced(textwrap.dedent(code.strip("\n")), argument or "python"), ""]
    elif name in _NOTES:
        title = _SPOKEN.get(name, name.capitalize())
        if name in ("versionadded", "versionchanged", "deprecated"):
            version, _, rest = argument.partition(" ")
            title = f"{'Deprecated since' if name == 'deprecated' else title} {plain(version)}".strip()
            argument = rest
        inner = (
            markdown("\n".join(filter(None, [argument, "", textwrap.dedent(body)])))
            if len(match[1]) < 40
            else ""
        )
        told = f"**{safe(title)}.** {inner}".rstrip()
        out += ["", *(f"> {one}".rstrip() for one in told.split("\n")), ""]
    elif body.strip() and name not in ("toctree", "contents", "image", "figure", "index", "rubric", "math"):
        out += ["", markdown(textwrap.dedent(body)) if len(match[1]) < 40 else "", ""]
    elif name == "rubric":
        out += ["", f"**{safe(argument)}**", ""]
    return end


def _body(lines: list[str], at: int, indent: int) -> tuple[str, int]:
    """Give the lines that are indented deeper than `indent`, and the number of the line behind them."""
    end = at
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > indent):
        end += 1
    return textwrap.dedent("\n".join(lines[at:end])).strip("\n"), end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _take_paragraph(lines: list[str], at: int, out: list[str]) -> int:
    """Take the lines up to an empty one, or to one that begins something else; code spans may cross line ends."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _begins(lines, end):
        end += 1
    out += _paragraph(lines[at:end])
    return end


def _paragraph(lines: list[str]) -> list[str]:
    """Keep the line ends that the author meant: where the next word would have fitted on the line."""
    meant = [_is_meant(one, other) for one, other in pairwise(lines)]
    first = _indent(lines[0])
    if (
        meant
        and all(meant)
        and any(_indent(line) >= first + 2 for line in lines)
        and not _LIST.match(lines[0])
    ):
        return ["", fenced(textwrap.dedent("\n".join(lines)), "python"), ""]
    shown = [line + "  " * (number < len(meant) and meant[number]) for number, line in enumerate(lines)]
    return [safe("\n".join(shown))]


def _is_meant(line: str, following: str) -> bool:
    if _LIST.match(following) or line.lstrip().startswith("|"):
        return False
    word = following.split()[0] if following.strip() else ""
    return len(line.strip()) + 1 + len(word) <= WRAPPED


def _begins(lines: list[str], at: int) -> bool:
    line = lines[at]
    following = lines[at + 1] if at + 1 < len(lines) else ""
    return bool(
        _FENCE.match(line)
        or _DIRECTIVE.match(line)
        or _COMMENT.match(line)
        or _UNDERLINE.match(following)
        or _HEADING.match(line)
        or line.lstrip().startswith(">>>")
        or line.rstrip().endswith("::")
    )


def safe(text: str) -> str:
    """Make a paragraph harmless: roles and links become Markdown's, tags become text."""
    text = _RST_LINK.sub(lambda m: f"[{' '.join(m[1].split())}]({m[2]})", text)
    text = _ROLE.sub(_role, text)
    out, at = [], 0
    for start, end, inner in _spans(text):
        out += [_harmless(text[at:start]), code(inner)]
        at = end
    return "".join([*out, _harmless(text[at:])])


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each code span: where it starts and ends, and what is in it. Linear, whatever backticks there are."""
    runs = [(match.start(), match.end()) for match in _RUN.finditer(text)]
    later: dict[int, list[int]] = {}
    for number in range(len(runs) - 1, -1, -1):
        start, end = runs[number]
        later.setdefault(end - start, []).append(number)
    opener = 0
    while opener < len(runs):
        start, end = runs[opener]
        closers = later[end - start]
        while closers and closers[-1] <= opener:
            closers.pop()
        if not closers:
            opener += 1
            continue
        closer = closers.pop()
        yield start, runs[closer][1], text[end : runs[closer][0]]
        opener = closer + 1


def _role(match: re.Match[str]) -> str:
    """The name that a role speaks of: of `title <name>`, the name."""
    title, _, name = match[1].rstrip("> ").rpartition("<")
    told = name if match[1].rstrip().endswith(">") and title else match[1]
    return f"`{told.strip().lstrip('~!') or match[1]}`"


def code(text: str) -> str:
    """A code span, whatever backticks it holds."""
    text = " ".join(plain(text).split())
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text else ""


def _harmless(text: str) -> str:
    """Escape what would be a tag, an entity or a link; keep links to http(s) addresses."""
    out, at = [], 0
    for match in _LINK.finditer(text):
        out.append(_escaped(text[at : match.start()]))
        told = _escaped(match[2])
        out.append(f"[{told}]({match[3]})" if _WEB.match(match[3]) and not match[1] else told)
        at = match.end()
    return "".join([*out, _escaped(text[at:])])


def _escaped(text: str) -> str:
    text = _ADDRESS.sub(lambda m: m[1], text)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("`", "&#96;")
    return text.replace("<", "&lt;").replace("](", "]\\(").replace("]:", "]\\:").replace("![", "!\\[")
