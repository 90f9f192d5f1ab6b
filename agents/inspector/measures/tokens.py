"""Source text to tokens and kinds of lines, for some twenty languages by three simple lexers.

Good enough to count lines and to compare code; refuses to understand it. Every pattern takes what is not closed up to
the end, so that no text makes one of them look twice at the same place: the time grows with the text alone.
"""

from __future__ import annotations

import keyword
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass

_REST = r"|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<end>\n)|(?P<blank>[^\S\n]+)|(?P<sign>.)"
_SINGLE = r"'(?:[^'\\\n]|\\(?:.|\Z))*(?:'|(?=\n)|\Z)"
_DOUBLE = r'"(?:[^"\\\n]|\\(?:.|\Z))*(?:"|(?=\n)|\Z)'
_BACKTICK = r"`(?:[^`\\]|\\(?:.|\Z))*(?:`|\Z)"
_LONG = r'"""(?:[^"\\]|\\(?:.|\Z)|"(?!""))*(?:"""|\Z)|' + r"'''(?:[^'\\]|\\(?:.|\Z)|'(?!''))*(?:'''|\Z)"
_BLOCK = r"/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)"
_FLAGS = re.DOTALL
_HASH = re.compile(rf"(?P<comment>#[^\n]*)|(?P<text>{_LONG}|{_SINGLE}|{_DOUBLE}){_REST}", _FLAGS)
_SLASH = re.compile(
    rf"(?P<comment>//[^\n]*|{_BLOCK})|(?P<text>{_SINGLE}|{_DOUBLE}|{_BACKTICK}){_REST}", _FLAGS
)
_RUST = re.compile(rf"(?P<comment>//[^\n]*|{_BLOCK})|(?P<text>{_DOUBLE}){_REST}", _FLAGS)  # 'a is a lifetime
_DASH = re.compile(rf"(?P<comment>--[^\n]*)|(?P<text>{_SINGLE}|{_DOUBLE}){_REST}", _FLAGS)
LEXERS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("python", "ruby", "perl", "shell"), _HASH),
    **dict.fromkeys(
        [
            "c",
            "cpp",
            "csharp",
            "go",
            "java",
            "javascript",
            "kotlin",
            "objective-c",
            "php",
            "scala",
            "solidity",
            "swift",
            "typescript",
            "zig",
        ],
        _SLASH,
    ),
    "rust": _RUST,
    **dict.fromkeys(("lua", "sql"), _DASH),
}
"""Language -> its lexer. Others are not measured."""

_COMMON = (
    "if else for while do switch case break continue return function var let const new class struct enum interface "
    "public private protected static void int long float double bool string char import package func type map go "
    "defer range select fn impl trait pub use mod match end def begin then elsif unless module throw throws catch "
    "try finally extends implements this super null true false nil"
)
_WORDS = frozenset(keyword.kwlist) | frozenset(_COMMON.split())
_NAME = 0  # the number of every name where names do not matter


@dataclass(slots=True)
class Lexed:
    """One file: its tokens as numbers with the line of each, and what its lines are."""

    path: str
    tokens: array[int]
    lines: array[int]
    code: set[int]
    comment: set[int]
    blank: int


class Lexer:
    """Numbers for tokens, shared by the files that are compared."""

    def __init__(self, *, ignore_names: bool = False) -> None:
        self._numbers: dict[str, int] = {}
        self._ignore_names = ignore_names

    def lex(self, path: str, text: str, language: str) -> Lexed:
        """Read a file. `language` is a key of LEXERS."""
        lexed = Lexed(path, array("q"), array("L"), set(), set(), 0)
        line, fresh = 1, True  # fresh: nothing but blanks so far on this line
        for match in LEXERS[language].finditer(text):
            kind, token = match.lastgroup, match[0]
            if kind == "end":
                line, fresh = line + 1, True
                continue
            if kind == "blank":
                continue
            last = line + token.count("\n")
            is_remark = kind == "comment" or (kind == "text" and fresh and _stands_alone(text, match.end()))
            (lexed.comment if is_remark else lexed.code).update(range(line, last + 1))
            if not is_remark:
                lexed.tokens.append(self._number(token, kind))
                lexed.lines.append(line)
            line, fresh = last, False
        total = text.count("\n") + (bool(text) and not text.endswith("\n"))
        lexed.comment -= lexed.code
        lexed.blank = total - len(lexed.code) - len(lexed.comment)
        return lexed

    def _number(self, token: str, kind: str | None) -> int:
        if self._ignore_names and kind == "name" and token not in _WORDS:
            return _NAME
        return self._numbers.setdefault(token, len(self._numbers) + 1)


def _stands_alone(text: str, end: int) -> bool:
    """True for a text that is a line of its own, as a docstring is."""
    rest = text[end : end + 80].partition("\n")[0]
    return not rest.strip() or rest.lstrip().startswith("#")
