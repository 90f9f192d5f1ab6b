"""Takes a page of reStructuredText apart, line by line: links, code spans and blocks, as Markdown's are.

Owns: the few marks that name something of the tree: `code-block`, literal blocks, `image`, `include`, `toctree`,
`:doc:`, links and targets. Roles and directives that only Sphinx can resolve are passed over.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

_DIRECTIVE = re.compile(r"(\s*)\.\. (?:\|[^|]+\| )?([\w:.-]+)::(?:\s+(.*))?$")
_TARGET = re.compile(r"\s*\.\. _[^:`]+: (\S.*)$")
_OPTION = re.compile(r"\s+:[\w-]+:")
_ROLE = re.compile(r":(doc|download):`(?:[^`<]*<)?([^`<>]+?)>?`")
_LINK = re.compile(r"`[^`<]*<([^`<>]+)>`__?")
_SPAN = re.compile(r"(?<![`\w])``(?!\s)(.+?)(?<!\s)``")
_ALONE = re.compile(r"``[^`]+``:{0,2}")
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}")
_CODE = frozenset(("code-block", "code", "sourcecode", "highlight-block"))
_FILES = frozenset(("image", "figure", "include", "literalinclude"))
_MADE = frozenset(("genindex", "modindex", "py-modindex", "search", "self"))  # pages that Sphinx makes


@dataclass(slots=True)
class Taken:
    """What a page names: links and spans as (text, line), blocks as (language, text, first line, last line).

    `titles`: lines of spans that stand alone above a block, as the name of the file that it shows.
    """

    links: list[tuple[str, int]] = field(default_factory=list)
    spans: list[tuple[str, int]] = field(default_factory=list)
    blocks: list[tuple[str, str, int, int]] = field(default_factory=list)
    titles: set[int] = field(default_factory=set)


def taken(text: str) -> Taken:
    """Take a page apart. Lines count from 1."""
    lines = text.expandtabs(8).split("\n")
    found, number = Taken(), 0
    while number < len(lines):
        line = lines[number]
        directive = _DIRECTIVE.match(line)
        if directive:
            number = _directive(directive, lines, number, found)
        elif line.rstrip().endswith("::") and not line.lstrip().startswith(".."):
            _inline(line, number, found)
            number = _literal(lines, number, found)
        else:
            _inline(line, number, found)
            number += 1
    starts = sorted(first for _, _, first, _ in found.blocks)
    underlines = [at for at, line in enumerate(lines) if _UNDERLINE.fullmatch(line.rstrip())]
    found.titles = {line for _, line in found.spans if _is_title(lines, line, starts, underlines)}
    return found


def _is_title(lines: list[str], number: int, starts: list[int], underlines: list[int]) -> bool:
    """Tell whether a line is one span, and what follows is a block; a title's section may say something first.

    `starts`: first lines of all blocks, `underlines`: places of what underlines a title, both rising.
    """
    if not _ALONE.fullmatch(lines[number - 1].strip()):
        return False
    block = bisect_right(starts, number)
    if block == len(starts):
        return False
    at = bisect_left(underlines, number)
    if at < len(underlines) and underlines[at] == number:
        return at + 1 == len(underlines) or starts[block] < underlines[at + 1]
    between = (lines[other] for other in range(number, starts[block] - 1))
    return all(not line.strip() or _DIRECTIVE.match(line) or _OPTION.match(line) for line in between)


def _directive(match: re.Match[str], lines: list[str], number: int, found: Taken) -> int:
    """Read a directive; return the line to go on with: its content, unless that is code or a list of pages."""
    name, given = match[2], (match[3] or "").strip()
    if name in _FILES:
        if given and not given.startswith("/"):
            found.links.append((given if "/" in given else f"./{given}", number + 1))
        return number + 1
    if name not in _CODE and name != "toctree":
        _inline(given, number, found)
        return number + 1
    first, last = _body(lines, number + 1, len(match[1]))
    body = [(at, lines[at]) for at in range(first, last)]
    options = [line for _, line in body if _OPTION.match(line)]
    if name == "toctree":
        is_pattern = any(":glob:" in line for line in options)
        found.links.extend([] if is_pattern else _entries(body))
        return last
    while body and (_OPTION.match(body[0][1]) or not body[0][1].strip()):
        body.pop(0)
    if body:
        _block(given.split(" ")[0].lower(), body, found)
    return last


def _literal(lines: list[str], number: int, found: Taken) -> int:
    indent = len(lines[number]) - len(lines[number].lstrip())
    first, last = _body(lines, number + 1, indent)
    body = [(at, lines[at]) for at in range(first, last) if lines[at].strip() or at > first]
    if body:
        _block("", body, found)
    return max(last, number + 1)


def _body(lines: list[str], first: int, indent: int) -> tuple[int, int]:
    """The lines that are indented deeper, blank ones between them included."""
    last = at = first
    while at < len(lines):
        line = lines[at]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indent:
                break
            last = at + 1
        at += 1
    return first, last


def _block(language: str, body: list[tuple[int, str]], found: Taken) -> None:
    text = "\n".join(line for _, line in body)
    found.blocks.append((language, text + "\n", body[0][0], body[-1][0] + 2))


def _entries(body: list[tuple[int, str]]) -> Iterator[tuple[str, int]]:
    for at, line in body:
        entry = line.strip()
        if not entry or _OPTION.match(line):
            continue
        named = re.fullmatch(r".*<([^<>]+)>", entry)
        target = named[1] if named else entry
        if not target.startswith("/") and target not in _MADE and "*" not in target and "://" not in target:
            yield f"./{target}", at + 1


def _inline(line: str, number: int, found: Taken) -> None:
    if target := _TARGET.match(line):
        found.links.append((target[1].strip(), number + 1))
        return
    if line.lstrip().startswith(".. "):
        return  # a comment
    found.spans.extend((text, number + 1) for text in _SPAN.findall(line))
    bare = _SPAN.sub("", line)
    for role, target in _ROLE.findall(bare):
        if not target.startswith("/"):
            found.links.append((f"./{target.strip()}" if role == "doc" else target.strip(), number + 1))
    found.links.extend(
        (target.strip(), number + 1)
        for target in _LINK.findall(_ROLE.sub("", bare))
        if not target.endswith("_")
    )
