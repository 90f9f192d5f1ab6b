"""Colours of terminals: what becomes a class, and that nothing else gets through."""

from __future__ import annotations

import pytest

from frontend.ansi import Pen, Piece, pieces
from frontend.log_lines import asked_for, pattern_of, since

ESC = "\x1b"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", [Piece("plain", "")]),
        ("", []),
        (f"{ESC}[31mred{ESC}[0m not", [Piece("red", "a-red"), Piece(" not", "")]),
        (
            f"{ESC}[1;4;92mok{ESC}[22m on",
            [Piece("ok", "a-bold a-underline a-green"), Piece(" on", "a-underline a-green")],
        ),
        (f"{ESC}[35mx{ESC}[39my", [Piece("x", "a-magenta"), Piece("y", "")]),
        (f"{ESC}[mreset", [Piece("reset", "")]),
        (
            f"{ESC}[38;5;196mx{ESC}[38;2;1;2;3my{ESC}[48;5;31mz",
            [Piece("x", ""), Piece("y", ""), Piece("z", "")],
        ),
        (f"{ESC}[38;5;196;1mx", [Piece("x", "a-bold")]),
        (f"{ESC}[4:3mx{ESC}[999999999999mx{ESC}[38mx", [Piece("x", ""), Piece("x", ""), Piece("x", "")]),
    ],
)
def test_colours_become_classes(line: str, shown: list[Piece]) -> None:
    assert pieces(line, Pen()) == shown


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"a{ESC}[2Jb{ESC}[10;10Hc", "abc"),
        (f"{ESC}]0;title\x07after", "after"),
        (f"{ESC}]8;;https://evil.example{ESC}\\link{ESC}]8;;{ESC}\\", "link"),
        (f"x{ESC}", "x<U+001B>"),
        ("a\x00\x08b", "a<U+0000><U+0008>b"),
        ("user\u202egpj.exe", "user<U+202E>gpj.exe"),
        ("windows\r", "windows"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # the template escapes it
    ],
)
def test_what_else_acts_on_a_terminal_is_dropped_or_shown(line: str, text: str) -> None:
    assert "".join(piece.text for piece in pieces(line, Pen())) == text


def test_pen_outlives_a_line() -> None:
    pen = Pen()
    assert pieces(f"{ESC}[33mfirst", pen) == [Piece("first", "a-yellow")]
    assert pieces(f"second{ESC}[0m", pen) == [Piece("second", "a-yellow")]
    assert pieces("third", pen) == [Piece("third", "")]


def test_what_was_searched_for_is_found_across_colours() -> None:
    line = f"an {ESC}[31mERR{ESC}[0mor, one error"
    assert pieces(line, Pen(), pattern_of("error")) == [
        Piece("an ", ""),
        Piece("ERR", "a-red", True),
        Piece("or", "", True),
        Piece(", one ", ""),
        Piece("error", "", True),
    ]


@pytest.mark.parametrize(
    ("given", "asked"), [("  a b ", "a b"), ("a\0\x1bb", "ab"), ("x" * 300, "x" * 200), ("\ud800", "")]
)
def test_search_is_read_without_controls(given: str, asked: str) -> None:
    assert asked_for(given) == asked


@pytest.mark.parametrize(
    ("seconds", "written"), [(-1, "0.0"), (0.44, "0.4"), (62.5, "1:02.5"), (3_600, "1:00:00.0")]
)
def test_times_of_lines_count_from_the_start(seconds: float, written: str) -> None:
    assert since(seconds) == written
