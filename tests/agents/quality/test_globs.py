"""Patterns of paths: what they mean, and that none of them takes long."""

from __future__ import annotations

import time

import pytest

from agents.quality.globs import Globs, fault_of, name_matches


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("docs", "docs/a.md", True),
        ("docs", "src/docs/deep/a.md", True),
        ("docs/", "docs/a.md", True),
        ("/docs", "src/docs/a.md", False),
        ("/docs", "docs/a.md", True),
        ("*.min.js", "static/app.min.js", True),
        ("*.min.js", "static/app.js", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/a.py", "src/a.py", True),
        ("src/**/a.py", "src/x/y/a.py", True),
        ("**/gen/*_pb2.py", "a/b/gen/x_pb2.py", True),
        ("a?c", "abc/x", True),
        ("a?c", "abbc", False),
        ("doc", "docs/a.md", False),
        ("a/**", "b/a/x", False),
    ],
)
def test_a_pattern_means_what_the_manual_says(pattern, path, meant):
    assert Globs([pattern]).match(path) is meant


def test_patterns_that_would_blow_up_a_regular_expression_take_no_time():
    pattern, path = "/".join(["**", "*a" * 20] * 7) + "/b", "/".join(["a" * 120] * 30)
    began = time.perf_counter()
    assert [Globs([pattern]).match(path), name_matches("*a" * 140 + "b", "a" * 4000)] == [False, False]
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "pattern", ["", "/", "../x", "a/../../b", "a\0b", "a\\b", "x" * 301, "a/" * 41, "\x1b[31m"]
)
def test_a_pattern_that_is_none_is_refused_with_words(pattern):
    assert fault_of(pattern).startswith("a pattern ")
