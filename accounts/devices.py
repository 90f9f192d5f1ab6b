"""What a User-Agent says in words that people know: "Firefox on Linux".

A guess for the eye, never for a decision: anybody can send any. Knows no sessions.
"""

from __future__ import annotations

import re

# the first that fits: browsers name their ancestors too
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"\w[\w.-]{0,39}(?=/[\w.+-]+)")


def name(user_agent: str) -> str:
    """Name the device. What is no browser is named by its first word; what says nothing is unknown."""
    browser = _first(_BROWSERS, user_agent) if user_agent.startswith("Mozilla/") else ""
    if not browser:
        program = None if user_agent.startswith("Mozilla/") else _PROGRAM.match(user_agent)
        return program[0] if program else user_agent[:60] or "unknown device"
    system = _first(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if system else browser


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((word for mark, word in known if mark in text), "")
