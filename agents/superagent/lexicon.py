"""Loads the tables of words, `lexicon.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTable:
    """A topic as the file has it. `operations`: those that serve it and no other topic; `written`: the topics
    that an order to write what this one is about leads to.
    """

    name: str
    title: str
    anchors: str
    phrases: tuple[str, ...]
    agent: str = ""
    operations: str = ""
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The file in typed form. `patterns` match whole words of normalised text."""

    topics: tuple[TopicTable, ...]
    patterns: Mapping[str, re.Pattern[str]]
    words: Mapping[str, frozenset[str]]


def load(file: Path) -> Lexicon:
    """Read the tables. Raises tomllib.TOMLDecodeError, KeyError or re.error for a file with faults."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    topics = tuple(
        TopicTable(
            name=name,
            title=table["title"],
            anchors=table["anchors"],
            phrases=tuple(_listed(table["phrases"])),
            agent=table.get("agent", ""),
            operations=table.get("operations", ""),
            written=table.get("written", ""),
        )
        for name, table in data["topics"].items()
    )
    return Lexicon(
        topics=topics,
        patterns={name: whole_words(_listed(text)) for name, text in data["patterns"].items()},
        words={name: frozenset(text.split()) for name, text in data["words"].items()},
    )


def whole_words(patterns: list[str]) -> re.Pattern[str]:
    """Match any of the patterns as whole words, the longest first; a blank stands for blanks or a hyphen."""
    parts = [pattern.replace(" ", r"[\s-]+") for pattern in sorted(patterns, key=len, reverse=True)]
    return re.compile(r"\b(?:" + "|".join(parts) + r")\b")


def _listed(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",") if part.strip()]


LEXICON = load(Path(__file__).with_name("lexicon.toml"))
