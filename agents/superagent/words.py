"""Text to words: what a goal and an operation's manual have in common is compared by stems.

Method: Snowball's English stemmer (Porter 1980); BM25 with k1 = 1.2, b = 0.75 (Robertson and Zaragoza 2009).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import snowballstemmer

from agents.superagent.lexicon import LEXICON

K1 = 1.2  # how soon more of the same word stops to matter
B = 0.75  # how much long texts are held back
_STEMMER = snowballstemmer.stemmer("english")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_CONTRACTED = (
    (re.compile(r"\b(?:can't|cannot|can not)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|should|would|could|need|must|have|has)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(what|that|there|here|where|who|it|let)'s\b"), r"\1 is"),
    (re.compile(r"\b(i|you|we|they)'(?:d|ll|ve|re|m)\b"), r"\1"),
    (re.compile(r"n\+1"), "nplusone"),
    (re.compile(r"\bc\+\+"), "cplusplus"),
    (re.compile(r"\b(e\.g|i\.e|etc)\b\.?"), ""),
)  # fmt: skip
STOP_WORDS = LEXICON.words["stop"]


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Reduce a word to its stem: "vulnerabilities" to "vulner"."""
    return str(_STEMMER.stemWord(word))


def normalised(text: str) -> str:
    """Lower case, plain quotes, contractions written out."""
    lowered = (
        unicodedata.normalize("NFKC", text).lower().replace("’", "'").replace("‘", "'").replace("`", " ")
    )
    for pattern, written in _CONTRACTED:
        lowered = pattern.sub(written, lowered)
    return lowered


def words(text: str) -> list[str]:
    """Give the words of a text in order."""
    return [word.removesuffix("'s").replace("'", "") for word in _WORD.findall(normalised(text))]


def stems(text: str) -> list[str]:
    """Give the stems of a text in order, stop words included."""
    return [stem(word) for word in words(text)]


def content_stems(text: str) -> list[str]:
    """Give the stems that carry meaning."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


class Ranking:
    """BM25 over named texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._counts = {name: Counter(content_stems(text)) for name, text in texts.items()}
        self._lengths = {name: sum(counts.values()) for name, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / max(len(texts), 1) or 1.0
        self._holders = Counter(word for counts in self._counts.values() for word in counts)

    def weight(self, word: str) -> float:
        """How telling a stem is: rare ones are. A stem that no text holds is as telling as can be."""
        held = self._holders[word]
        return math.log(1 + (len(self._counts) - held + 0.5) / (held + 0.5))

    def scores(self, query: Sequence[str]) -> dict[str, float]:
        """Score each text for the stems of a query; 0 for nothing in common."""
        return {name: sum(self._score(name, word) for word in set(query)) for name in self._counts}

    def coverage(self, name: str, query: Iterable[str]) -> float:
        """How much of the query's weight a text holds, from 0 to 1."""
        wanted = set(query)
        total = sum(self.weight(word) for word in wanted)
        held = sum(self.weight(word) for word in wanted if self._counts[name][word])
        return held / total if total else 0.0

    def _score(self, name: str, word: str) -> float:
        count = self._counts[name][word]
        if not count:
            return 0.0
        length = 1 - B + B * self._lengths[name] / self._mean
        return self.weight(word) * count * (K1 + 1) / (count + K1 * length)
