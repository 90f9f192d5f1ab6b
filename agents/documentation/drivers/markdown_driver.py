"""Renders Markdown to HTML; started by `agents.documentation.reference.rendering`.

    python -I markdown_driver.py ORDERS      ORDERS is JSON: texts (list of Markdown), seconds (for each)

Prints JSON: for each text its HTML, or null if it took too long. Raw HTML is text, links lead to http(s) only, images
are not loaded. A code span is `<code>...</code>` without attributes, which appears nowhere else.
"""

import json
import signal
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

MAX_HIGHLIGHTED = 20_000  # characters of a block that is coloured
LANGUAGES = {
    "python",
    "pycon",
    "py",
    "json",
    "toml",
    "ini",
    "console",
    "bash",
    "sh",
    "sql",
    "html",
    "yaml",
    "xml",
}


class TooSlow(Exception):
    """A text took longer than it may."""


class Renderer(RendererHTML):
    """HTML that stands inside of a page, in which nothing acts."""

    def fence(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        words = tokens[number].info.split()
        return block(tokens[number].content, words[0].lower() if words else "")

    def code_block(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        return block(tokens[number].content, "")

    def code_inline(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        return f"<code>{escape(tokens[number].content)}</code>"

    def image(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        return escape(tokens[number].content)

    def heading_open(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        return "<p><strong>"

    def heading_close(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        return "</strong></p>\n"

    def link_open(self, tokens: Sequence[Token], number: int, options: Any, env: Any) -> str:
        target = str(tokens[number].attrGet("href") or "")
        if not target.startswith(("http://", "https://")):
            return "<a>"
        return f'<a class="out" href="{escape(target)}" rel="noopener noreferrer nofollow">'


def block(code: str, language: str) -> str:
    """Colour a block of code."""
    if language in LANGUAGES and len(code) <= MAX_HIGHLIGHTED:
        try:
            told: str = highlight(code, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
            return f"<pre>{told}</pre>\n"
        except ClassNotFound:
            pass
    return f"<pre>{escape(code)}</pre>\n"


def ring(number: int, frame: Any) -> None:
    raise TooSlow


def main(orders: dict[str, Any]) -> None:
    """Render each text by itself, so that a bad one spoils no other."""
    sys.setrecursionlimit(3_000)
    markdown = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}, renderer_cls=Renderer).enable(
        "table"
    )
    signal.signal(signal.SIGALRM, ring)
    answer: list[str | None] = []
    for text in orders["texts"]:
        signal.setitimer(signal.ITIMER_REAL, orders["seconds"])
        try:
            answer.append(markdown.render(text).strip())
        except (TooSlow, Exception, RecursionError):
            answer.append(None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
