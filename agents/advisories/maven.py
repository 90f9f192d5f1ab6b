"""The order of Maven's versions: `ComparableVersion` of Maven 3.9, in as few lines as it allows.

A version is a tree: numbers and words in lists, where a hyphen, or a change between digits and letters, opens a list
in the list. Method: https://maven.apache.org/pom.html#version-order-specification, checked with that class's tests.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import TypeAlias

_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
_RELEASE = (0, _QUALIFIERS.index(""), "")

Item: TypeAlias = "int | str | tuple[str, int] | list[Item]"  # a pair: a word with a number, as in rc1


def compare(left: str, right: str) -> int:
    """Give -1, 0 or 1 as left is older than, as old as, or newer than right."""
    return _compare(_parsed(left), _parsed(right))


def _compare(left: Item, right: Item | None) -> int:
    if right is None:
        return _against_nothing(left)
    if _kind(left) != _kind(right):
        if isinstance(left, (str, tuple)) and isinstance(
            right, (str, tuple)
        ):  # a word against a word with a number
            first, second = (left, right[0]) if isinstance(left, str) else (left[0], right)
            return _order(_rank(first), _rank(str(second))) or (-1 if isinstance(left, str) else 1)
        return -1 if _kind(left) < _kind(right) else 1
    if isinstance(left, list) and isinstance(right, list):
        return _compare_lists(left, right)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return _order((_rank(left[0]), left[1]), (_rank(right[0]), right[1]))
    if isinstance(left, str) and isinstance(right, str):
        return _order(_rank(left), _rank(right))
    return _order(left, right)


def _kind(item: Item) -> int:
    """Words stand before lists (1-sp < 1-1), lists before numbers (1-1 < 1.1)."""
    return {str: 0, tuple: 1, list: 2, int: 3}[type(item)]


def _compare_lists(left: list[Item], right: list[Item]) -> int:
    for one, other in zip_longest(left, right):
        found = -_compare(other, None) if one is None else _compare(one, other)
        if found:
            return found
    return 0


def _against_nothing(item: Item) -> int:
    if isinstance(item, int):
        return int(item != 0)
    if isinstance(item, list):
        return next((found for one in item if (found := _against_nothing(one))), 0)
    return _order(_rank(item if isinstance(item, str) else item[0]), _RELEASE)


def _rank(word: str) -> tuple[int, int, str]:
    return (0, _QUALIFIERS.index(word), "") if word in _QUALIFIERS else (1, 0, word)


def _order(left: object, right: object) -> int:
    return int(left > right) - int(left < right)  # type: ignore[operator]  # both are of one ordered type


class _Parser:
    """Reads a version from left to right; `lists` holds the lists that are open, the innermost last."""

    def __init__(self) -> None:
        self.root: list[Item] = []
        self.lists = [self.root]
        self.token = ""
        self.in_digits = False
        self.is_combination = False

    def open_list(self) -> None:
        inner: list[Item] = []
        self.lists[-1].append(inner)
        self.lists.append(inner)

    def close_token(self) -> None:
        self.lists[-1].append(_item(self.token, self.in_digits, self.is_combination) if self.token else 0)
        self.token, self.is_combination = "", False

    def take(self, character: str, following: str) -> None:
        if character == ".":
            self.close_token()
        elif character == "-":
            if self.token and not self.in_digits and following.isdigit() and following.isascii():
                self.is_combination = True  # x-1 counts as x1
                return
            self.close_token()
            self.open_list()
        else:
            self._letter_or_digit(character)

    def _part_word(self) -> None:
        """`.x` counts as `-x` for every word."""
        if self.lists[-1]:
            self.open_list()

    def _letter_or_digit(self, character: str) -> None:
        is_digit = character.isdigit() and character.isascii()
        if self.token and is_digit and not self.in_digits:
            self.is_combination = True
            self._part_word()
        elif self.token and not is_digit and self.in_digits:
            self.close_token()
            self.open_list()
        self.in_digits = is_digit
        self.token += character


def _item(token: str, in_digits: bool, is_combination: bool) -> Item:
    if is_combination:
        word = token.rstrip("0123456789")
        return (_word(word, followed=True), int(token[len(word) :]))
    return int(token) if in_digits else _word(token, followed=False)


def _word(token: str, *, followed: bool) -> str:
    word = _SHORT.get(token, token) if followed else token
    return _ALIASES.get(word, word)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> list[Item]:
    parser = _Parser()
    lowered = text.lower()
    for character, following in zip_longest(lowered, lowered[1:], fillvalue=""):
        parser.take(character, following)
    if parser.token:
        if not parser.in_digits:
            parser._part_word()
        parser.close_token()
    for found in reversed(parser.lists):
        _normalise(found)
    return parser.root


def _normalise(items: list[Item]) -> None:
    """Drop what means nothing at the end, and before a word: 1.0.0 is 1, 1.0-rc is 1-rc."""
    for place in range(len(items) - 1, -1, -1):
        last = items[place]
        if last in (0, "", []):
            after = items[place + 1] if place + 1 < len(items) else ""
            head = after[0] if isinstance(after, list) and after else after
            if isinstance(head, (str, tuple)):
                del items[place]
        elif not isinstance(last, list):
            break
