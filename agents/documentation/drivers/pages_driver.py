"""Reads pages, and the settings that Python code asks for; started by `agents.documentation.pages`.

    python -I pages_driver.py ORDERS [FOLDER...]      ORDERS is JSON: root, pages, python (paths), max_bytes

Parses only: Markdown by markdown-it, reStructuredText line by line, code blocks by the parser of their language.
Prints JSON: pages with anchors, links, code spans and blocks (`fault` where a block does not parse), `settings`,
`failed`.
"""

import ast
import json
import re
import sys
import textwrap
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path += sys.argv[2:]  # where the packages lie, if this is not the Python that they were installed for

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agents.documentation.drivers.restructured import taken
from agents.drivers.files import clean, read

Told = dict[str, Any]

BLOCKS = ("fence", "code_block")
MAX_BLOCK = 100_000  # characters of a block that is parsed
SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
READERS = re.compile(r"(?:^|\.)(?:environ|getenv|env|config|environ\.get)(?:\.\w+)?$", re.IGNORECASE)
# What people write for "and so on", or for the reader to fill in: not meant to parse.
ELIDED = re.compile(r"\.\.\.|…|<[\w -]+>|\{\{|\{%|^\s*[%!]", re.MULTILINE)
COMPLETE = re.compile(
    r"\b(complete|full|exhaustive) (list|reference|set)\b|\b(all|every) (the |of the )?(available |supported )?"
    r"(environment |configuration )?(settings?|variables?|options?)\b",
    re.IGNORECASE,
)


def main(orders: Told) -> None:
    """Read each file by itself, so that one bad file spoils no other."""
    sys.setrecursionlimit(3_000)
    warnings.simplefilter("ignore")
    root, limit = orders["root"], orders["max_bytes"]
    answer: Told = {"pages": [], "settings": [], "failed": []}
    for kind, paths in (("pages", orders["pages"]), ("settings", orders["python"])):
        for path in paths:
            try:
                text = read(Path(root, path), limit)
                answer[kind] += [page(path, text)] if kind == "pages" else list(settings(path, text))
            except (Exception, RecursionError, MemoryError) as error:  # whatever odd text causes
                answer["failed"].append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
    json.dump(clean(answer), sys.stdout)


def page(path: str, text: str) -> Told:
    """Take a page apart. Lines count from 1."""
    if path.lower().endswith(".rst"):
        return restructured(path, text)
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark", {"maxNesting": 50}).enable("table").parse(text)
    told: Told = {"path": path, "links": [], "spans": [], "blocks": [], "complete": 0}
    slugs: Counter[str] = Counter()
    anchors = set(re.findall(r"<\w+[^>]*?\s(?:id|name)=[\"']([^\"'\s>]+)", text))
    anchors |= set(re.findall(r"\{[^}\n]*#([\w-]+)[^}\n]*\}", text))
    for index, token in enumerate(tokens):
        first, last = (token.map or [0, 1])[0] + 1, max((token.map or [0, 1])[1], 1)
        if token.type == "heading_open":
            slug = slug_of(tokens[index + 1])
            anchors.add(f"{slug}-{slugs[slug]}" if slugs[slug] else slug)
            slugs[slug] += 1
        elif token.type == "fence":
            told["blocks"].append(block(token, first, last))
        elif token.type == "inline":
            inline(token, lines, first, last, told, is_title=is_title(tokens, index))
    told["anchors"] = sorted(anchors)
    return told


def restructured(path: str, text: str) -> Told:
    """The same of reStructuredText, whose anchors only its own tools know."""
    found = taken(text)
    complete = next((n for n, line in enumerate(text.split("\n"), 1) if COMPLETE.search(line)), 0)
    return {
        "path": path,
        "links": [{"target": target, "line": line} for target, line in found.links],
        "spans": [
            {"text": span, "line": line, "is_title": line in found.titles} for span, line in found.spans
        ],
        "blocks": [block_of(*one) for one in found.blocks],
        "complete": complete,
        "anchors": [],
    }


def slug_of(heading: Token) -> str:
    """The anchor that code hosts give a heading."""
    words = "".join(one.content for one in heading.children or () if one.type in ("text", "code_inline"))
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def is_title(tokens: list[Token], index: int) -> bool:
    """Tell whether a text is one code span above a block: directly, or as the heading of a section with one."""
    children = tokens[index].children or []
    spans = [one for one in children if one.type == "code_inline"]
    words = "".join(one.content for one in children if one.type == "text").strip(" :")
    if len(spans) != 1 or words:
        return False
    if tokens[index - 1].type != "heading_open":
        return any(one.type in BLOCKS for one in tokens[index + 2 : index + 3])
    below = (tokens[at] for at in range(index + 2, len(tokens)))
    section = takewhile(lambda one: one.type != "heading_open", below)
    return any(one.type in BLOCKS for one in section)


def inline(token: Token, lines: list[str], first: int, last: int, told: Told, *, is_title: bool) -> None:
    """Collect the links and code spans of one paragraph, cell or heading."""
    if not told["complete"] and COMPLETE.search(token.content):
        told["complete"] = first
    for child in token.children or ():
        if child.type == "code_inline":
            line = line_of(child.content, lines, first, last)
            told["spans"].append({"text": child.content, "line": line, "is_title": is_title})
        elif child.type in ("link_open", "image"):
            target = str(child.attrGet("href" if child.type == "link_open" else "src") or "")
            told["links"].append({"target": target, "line": line_of(target, lines, first, last)})


def line_of(text: str, lines: list[str], first: int, last: int) -> int:
    start = text.split("\n")[0]
    for number in range(first, min(last, len(lines)) + 1):
        if start in lines[number - 1]:
            return number
    return first


def block(token: Token, first: int, last: int) -> Told:
    words = token.info.strip().split()
    return block_of(words[0].strip("{}.").lower() if words else "", token.content, first, last)


def block_of(language: str, text: str, first: int, last: int) -> Told:
    fault = fault_of(language, text) if len(text) < MAX_BLOCK else ""
    return {"language": language, "text": text[:MAX_BLOCK], "line": first, "end_line": last, "fault": fault}


def fault_of(language: str, text: str) -> str:
    """Say why a block is no text of its language, or "". Blocks with elisions are not meant to be."""
    if ELIDED.search(text) and language not in ("python", "py", "python3"):
        return ""
    try:
        if language in ("python", "py", "python3"):
            return python_fault(text)
        if language == "json":
            json.loads(text)
        elif language == "toml":
            tomllib.loads(text)
        elif language in ("yaml", "yml"):
            for _ in yaml.compose_all(text, Loader=yaml.SafeLoader):
                pass
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        return f"{error}".split("\n")[0][:200] or type(error).__name__
    return ""


def python_fault(text: str) -> str:
    if ">>>" in text or re.search(r"…|<[\w -]+>|\{\{|^\s*[%!$]|^In \[", text, re.MULTILINE):
        return ""
    try:
        compile(textwrap.dedent(text), "block", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if "..." in text:
            return ""  # a piece of a text, with the rest left out
        return f"{getattr(error, 'msg', error)} (line {getattr(error, 'lineno', None) or 1} of the block)"
    return ""


def settings(path: str, text: str) -> Iterator[Told]:
    """Yield the environment variables that a module asks for by name."""
    if not re.search(r"environ|getenv|\benv\b|config", text):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and node.args and READERS.search(dotted(node.func)):
            value: ast.expr = node.args[0]
        elif isinstance(node, ast.Subscript) and dotted(node.value).endswith("environ"):
            value = node.slice
        else:
            continue
        if (
            isinstance(value, ast.Constant)
            and isinstance(value.value, str)
            and SETTING.fullmatch(value.value)
        ):
            yield {"name": value.value, "path": path, "line": value.lineno}


def dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
