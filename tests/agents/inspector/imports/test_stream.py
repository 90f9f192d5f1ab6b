"""JSON a value at a time: the same as Python's reader, whatever the pieces, and nothing else."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest

from agents.inspector.imports import stream
from agents.inspector.imports.stream import JsonStream, NotJson


def anything(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 4 or kind < 0.4:
        return dice.choice([1, -2.5, 1e30, True, None, 'a"\\b\u00e9\U0001f600[]{}', "", "x" * 10, "\\", '"'])
    if kind < 0.7:
        return [anything(dice, depth + 1) for _ in range(dice.randint(0, 4))]
    return {f"{dice.choice('abc')}{n}": anything(dice, depth + 1) for n in range(dice.randint(0, 4))}


def walked(cursor: JsonStream) -> Any:
    if cursor.is_object():
        return {key: walked(cursor) for key in cursor.members()}
    if cursor.is_array():
        return [walked(cursor) for _ in cursor.items()]
    return cursor.value()


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_it_reads_what_python_reads_in_pieces_of_any_size(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHUNK", chunk)
    dice = random.Random(chunk)
    for _ in range(300):
        wanted = anything(dice)
        raw = json.dumps(wanted, ensure_ascii=dice.random() < 0.5, indent=dice.choice([None, 2])).encode()
        for read in (walked, JsonStream.value):
            cursor = JsonStream(io.BytesIO(raw))
            assert read(cursor) == wanted
            cursor.end()
        cursor = JsonStream(io.BytesIO(raw))
        cursor.skip()
        cursor.end()


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"{", b'{"a"', b'{"a":}', b"[1,", b"[1 2]", b'"a', b"nul", b'{"a":1]', b"\xff", b"[NaN]", b"[1]x",
        b'{"a":tru}', b"{1:2}", b'["\\', b"[,1]", b"[1e]", b"\xed\xa0\x80",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused(bad: bytes) -> None:
    with pytest.raises(NotJson):
        cursor = JsonStream(io.BytesIO(bad))
        cursor.value()
        cursor.end()


def test_deep_and_long_values_are_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for act in (JsonStream.value, JsonStream.skip):
        with pytest.raises(NotJson, match="nested deeper"):
            act(JsonStream(io.BytesIO(deep)))
    with pytest.raises(NotJson, match="longer than 1,000 characters"):
        JsonStream(io.BytesIO(b'"' + b"a" * 2_000 + b'"')).value(1_000)


def test_huge_numbers_are_no_places() -> None:
    assert JsonStream(io.BytesIO(b"[" + b"9" * 5_000 + b"]")).value() == [0]


def test_only_a_value_at_a_time_is_held() -> None:
    class Endless(io.RawIOBase):
        """An array of a hundred megabytes, made while it is read."""

        def __init__(self) -> None:
            self.left = 1_000

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            part = b"[0" if self.left == 999 else b',{"m":"' + b"x" * 100_000 + b'"}' if self.left else b"]"
            return part if self.left >= 0 else b""

    cursor = JsonStream(Endless())  # type: ignore[arg-type]  # all that is asked of it is `read`
    longest = 0
    for _ in cursor.items():
        cursor.value()
        longest = max(longest, len(cursor._text))
    assert longest < 1_000_000
