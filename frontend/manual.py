"""The product's own documentation, as it is shipped under docs/: which pages there are, what they say, searched.

Trusts their text as little as any other: HTML in it is shown as text, and links lead to pages that are there, to a
place on the page, or to http(s).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

_ROW = re.compile(r"^\| \[([^\]]+)\]\(([^)#]+)\.md\)[^|]* \| (.+) \|$", re.M)
_TITLE = re.compile(r"^# (.+)$", re.M)
_MARKS = re.compile(r"[`*|#>]|\[|\]\([^)]*\)")
AROUND = 80  # characters that a search shows on each side


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its path below docs/ without .md, its title, whom it is for (empty: it is not in the list)."""

    path: str
    title: str
    about: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A page that a search found, and the words around the first place."""

    page: Page
    excerpt: str


@cache
def pages() -> Mapping[str, Page]:
    """Give all pages by path; those of the list first, in its order. Read once: they change with the product."""
    root = Path(settings.BASE_DIR) / "docs"
    texts = {
        one.relative_to(root).with_suffix("").as_posix(): one.read_text(encoding="utf-8")
        for one in sorted(root.rglob("*.md"))
    }
    listed = {path: (title, about) for title, path, about in _ROW.findall(texts.pop("README"))}
    order = [*(path for path in listed if path in texts), *(path for path in texts if path not in listed)]
    return {path: _page(path, texts[path], *listed.get(path, ("", ""))) for path in order}


def _page(path: str, text: str, title: str, about: str) -> Page:
    heading = _TITLE.search(text)
    return Page(path=path, title=title or (heading[1] if heading else path), about=_plain(about), text=text)


def search(words: str) -> list[Hit]:
    """Give the pages that have all words, those first that have them in their title."""
    wanted = words.casefold().split()
    hits = [
        Hit(page=page, excerpt=_excerpt(page.text, wanted[0]))
        for page in pages().values()
        if wanted and all(word in f"{page.title}\n{page.about}\n{page.text}".casefold() for word in wanted)
    ]
    return sorted(hits, key=lambda hit: not all(word in hit.page.title.casefold() for word in wanted))


def _excerpt(text: str, word: str) -> str:
    """The words around the first place that has one, whole ones; the title stands above them already."""
    plain = _plain(_TITLE.sub("", text, count=1))
    at = max(plain.casefold().find(word), 0)
    first = plain.find(" ", at - AROUND, at) + 1 if at > AROUND else 0
    last = plain.rfind(" ", at, at + AROUND) if at + AROUND < len(plain) else len(plain)
    return f"{'… ' if first else ''}{plain[first:last]}{' …' if last < len(plain) else ''}"


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub("", text).split())


def written(page: Page) -> SafeString:
    """Write a page as HTML of our own making, without its title."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = list(_with_links(markdown.parse(_TITLE.sub("", page.text, count=1)), page.path))
    made: str = markdown.renderer.render(tokens, markdown.options, {})
    # what may scroll sideways is reached by key; text cannot look like these, since its < is escaped
    made = made.replace("<table>", '<div class="prose-wide" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
    return SafeString(made.replace("<pre>", '<pre tabindex="0">'))


def _with_links(tokens: list[Token], path: str) -> Iterator[Token]:
    """Give headings a place to be linked to, and links an address."""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slugify(tokens[at + 1].content))
        for child in token.children or ():
            if child.type == "link_open":
                href = _href(str(child.attrs.pop("href", "")), path)
                child.attrs = {"href": href} if href else {}
        yield token


def _href(link: str, path: str) -> str:
    if link.startswith(("https://", "http://", "#")):
        return link
    target, hash_, place = link.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.removesuffix(".md")))
    return f"{reverse('frontend:help-page', args=[found])}{hash_}{place}" if found in pages() else ""
