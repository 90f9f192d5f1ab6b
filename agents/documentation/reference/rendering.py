"""Docstrings from Markdown to HTML, in a process of its own: odd text costs its own rendering, never the step's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape, unescape
from pathlib import Path

from agents import documentation
from agents.drivers.asking import DriverFailed, answer_of

TIMEOUT_SECONDS = 300
SECONDS_EACH = 2.0
_DRIVER = Path(documentation.__file__).parent / "drivers" / "markdown_driver.py"
_CODE = re.compile(r"<code>([^<]*)</code>")
_LONE_PARAGRAPH = re.compile(r"<p>((?:(?!</?p>).)*)</p>", re.DOTALL)


class ProseUnreadable(Exception):
    """The renderer was killed, or said something that cannot be understood; the message tells which."""


def rendered(
    texts: Iterable[str], *, scratch: Path, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, str]:
    """Render each text. One that takes too long stays text. Raises ProseUnreadable, StepCancelled."""
    wanted = sorted(set(texts))
    try:
        told = answer_of(
            _DRIVER, {"texts": wanted, "seconds": SECONDS_EACH}, list[str | None], who="the renderer of docstrings",
            scratch=scratch, timeout_seconds=TIMEOUT_SECONDS, cancelled=cancelled,
        )  # fmt: skip
        pairs = list(zip(wanted, told, strict=True))
    except DriverFailed as error:
        raise ProseUnreadable(str(error)) from error
    except ValueError as error:
        raise ProseUnreadable(f"the renderer of docstrings gave no valid answer: {error}"[:500]) from error
    return {text: html if html is not None else f"<pre>{escape(text)}</pre>" for text, html in pairs}


def with_links(html: str, linked: Callable[[str], str | None]) -> str:
    """Make links of the code spans that `linked` has an address for."""

    def link(match: re.Match[str]) -> str:
        target = linked(unescape(match[1]))
        return f'<a href="{escape(target)}"><code>{match[1]}</code></a>' if target else match[0]

    return _CODE.sub(link, html)


def inline(html: str) -> str:
    """Take the paragraph's tags off a text that is one paragraph."""
    found = _LONE_PARAGRAPH.fullmatch(html)
    return found[1] if found else html


def html_of(text: str, known: Mapping[str, str]) -> str:
    """The HTML of a text that was rendered."""
    return known.get(text, f"<pre>{escape(text)}</pre>") if text else ""
