"""Source as pages show it: numbered lines in colours, as safe HTML.

Pygments only names the kinds of words; what becomes HTML is escaped here, and colours are classes of the style sheet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Token

MOST_COLOURED = 200_000  # characters; what is longer is shown plain
COLOUR_SECONDS = 0.5  # foreign text may be made to take long; what comes after is shown plain

_LANGUAGES = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript",
    "jsx": "javascript",
    "ts": "typescript", "tsx": "typescript", "css": "css", "html": "html+django", "htm": "html", "json": "json",
    "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "sql": "sql", "sh": "bash", "go": "go",
    "java": "java", "rb": "ruby", "php": "php", "c": "c", "h": "c", "cpp": "cpp", "cs": "csharp", "rs": "rust",
    "kt": "kotlin", "swift": "swift", "xml": "xml", "tf": "terraform",
}  # fmt: skip
_NAMES = {"Dockerfile": "docker", "Makefile": "make"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a listing."""

    number: int
    html: SafeString
    is_marked: bool = False


def coloured(texts: list[str], path: str, *, first: int = 1) -> list[Line]:
    """Give lines of a file, which begin with the line `first`, for a listing."""
    lexer = _lexer(path.rpartition("/")[2])
    if lexer is None or sum(map(len, texts)) > MOST_COLOURED:
        return [Line(number=first + n, html=format_html("{}", text)) for n, text in enumerate(texts)]
    parts: list[list[SafeString]] = [[]]
    for kind, text in _merged(_words(lexer, "\n".join(texts))):
        for place, piece in enumerate(text.split("\n")):
            if place:
                parts.append([])
            if piece:
                parts[-1].append(_word(kind, piece))
    parts += [[] for _ in range(len(texts) - len(parts))]
    return [
        Line(number=first + n, html=format_html_join("", "{}", ((word,) for word in part)))
        for n, part in enumerate(parts[: len(texts)])
    ]


def _words(lexer: Any, text: str) -> Iterator[tuple[str, str]]:
    """Give (class, text) over a text, all of it."""
    ends, told = time.monotonic() + COLOUR_SECONDS, 0
    for _place, kind, piece in lexer.get_tokens_unprocessed(text):
        yield STANDARD_TYPES.get(kind, "") if kind is not Token.Text else "", piece
        told += len(piece)
        if time.monotonic() > ends:
            yield "", text[told:]
            return


def _merged(words: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Give neighbours of one class as one word."""
    for kind, group in groupby(words, key=itemgetter(0)):
        yield kind, "".join(text for _, text in group)


def _word(kind: str, text: str) -> SafeString:
    return format_html('<span class="{}">{}</span>', kind, text) if kind else format_html("{}", text)


@lru_cache(maxsize=64)
def _lexer(name: str) -> Any:
    language = _NAMES.get(name) or _LANGUAGES.get(name.rpartition(".")[2].lower())
    return None if language is None else get_lexer_by_name(language, stripnl=False, ensurenl=False)
