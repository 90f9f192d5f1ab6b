"""Texts from servers and repositories, made safe for a terminal."""

from __future__ import annotations

import unicodedata


def clean(text: object) -> str:
    """Return a text that came from a repository without what would steer the terminal."""
    return "".join(
        " " if char in "\n\t\r" else char
        for char in str(text)
        if char in "\n\t\r" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"}
    )
