"""Makes text from a repository safe to show: what would act on a reader or a terminal becomes visible.

Escaping for HTML, Markdown or JSON is the form's own business; this comes before it.
"""

from __future__ import annotations

import re

# Colours, cursor movements, window titles and hyperlinks of terminals.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[@-Z\\-_])", re.DOTALL)
# Controls; marks that reorder text (trojan source); characters without width that split or hide words.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Drop terminal sequences, show every other invisible character by its number. Keeps tabs and line ends."""
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _INVISIBLE.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def one_line(text: str) -> str:
    """The same on a single line: for paths, titles and table cells."""
    return visible(text).replace("\n", "<U+000A>").replace("\t", " ")
