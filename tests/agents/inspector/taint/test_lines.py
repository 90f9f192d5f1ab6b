"""A line keeps its name while others come and go; new ones have names that no line had."""

from __future__ import annotations

import ast
import random

import pytest

from agents.inspector.taint import lines, sources

TEXT = "import os\n\n\ndef f(a):\n    return os.path.join(\n        a,\n    )\n\n\nclass B:\n    x = 1\n"


def _names(named: lines.Lines, source: str) -> dict[str, list[int]]:
    """The names of each text."""
    found: dict[str, list[int]] = {}
    for number, text in enumerate(source.splitlines(), start=1):
        found.setdefault(text, []).append(named.name(number))
    return found


def test_names_are_numbers_at_first() -> None:
    named = lines.first(TEXT.encode())
    assert named.is_plain
    assert [named.name(line) for line in range(1, 12)] == list(range(1, 12))


def test_a_line_more_has_a_new_name_and_all_others_keep_theirs() -> None:
    before = lines.first(TEXT.encode())
    changed = TEXT.replace("class B", "# more\nclass B")
    named = lines.after(before, changed.encode())
    new = _names(named, changed)
    assert new.pop("# more") == [13]  # 11 lines, and what ends the file
    assert new == _names(before, TEXT)
    assert lines.after(named, TEXT.encode()).is_plain


def test_a_name_is_never_given_twice() -> None:
    named = lines.first(b"a\nb\n")
    for round_ in range(5):
        named = lines.after(named, f"a\n{round_}\nb\n".encode())
        assert named.name(2) == 4 + round_
    named = lines.unpacked(_json(named))
    assert lines.after(named, b"a\nx\nb\n").name(2) == 9


def _json(named: lines.Lines) -> list[object]:
    runs, free, hashes = named.packed()
    assert isinstance(runs, tuple)
    return [[list(one) for one in runs], free, hashes]


def test_the_names_of_some_lines_in_a_row_are_told() -> None:
    named = lines.after(lines.first(b"a\nb\nc\nd\n"), b"a\nb\nx\nc\nd\n")
    assert named.between(2, 4) == "2+0,6+0,3+0"
    assert named.between(4, 5) == "3+1"


@pytest.mark.parametrize("seed", range(20))
def test_names_and_lines_belong_together_after_any_edits(seed: int) -> None:
    rng = random.Random(seed)
    texts = [rng.choice(["", "a", "b", f"line {number}"]) for number in range(rng.randrange(80))]
    named = lines.first("\n".join(texts).encode())
    given: dict[int, str] = {}
    for _ in range(30):
        for _ in range(rng.choice([1, 1, 3])):
            at = rng.randrange(len(texts) + 1)
            texts[at : at + rng.randrange(3)] = [f"new {rng.random()}"] * rng.randrange(3)
        source = "\n".join(texts).encode()
        named = lines.unpacked(_json(lines.after(named, source)))
        count = len(source.splitlines())
        names = [named.name(line) for line in range(1, count + 2)]
        assert len(set(names)) == len(names)
        assert [named.line(name) for name in names] == list(range(1, count + 2))
        for name, text in zip(names, source.decode().splitlines(), strict=False):
            assert given.setdefault(name, text) == text


def test_a_trees_lines_become_names() -> None:
    before = lines.first(TEXT.encode())
    changed = TEXT.replace("class B", "# more\nclass B").replace("a,\n", "a,\n        a,\n")
    named = lines.after(before, changed.encode())
    tree, expected = ast.parse(changed), ast.parse(changed)
    named.rename(tree)
    for node, same in zip(ast.walk(tree), ast.walk(expected), strict=True):
        if isinstance(node, (ast.stmt, ast.expr)) and isinstance(same, (ast.stmt, ast.expr)):
            assert node.lineno == named.name(same.lineno)
            assert node.end_lineno == named.name(same.end_lineno or 0)


def test_what_is_damaged_is_refused() -> None:
    runs, free, hashes = _json(lines.first(b"a\nb\n"))
    for damaged in ([runs, free, "!"], [runs, free, ""], [[[1, 2]], free, hashes], [runs, "1", hashes]):
        with pytest.raises((ValueError, TypeError)):
            lines.unpacked(damaged)


def test_a_file_that_was_edited_very_often_is_named_anew() -> None:
    source = [f"line {number}" for number in range(1000)]
    before = lines.first("\n".join(source).encode())
    source[::3] = [f"other {number}" for number in range(334)]
    assert lines.after(before, "\n".join(source).encode()).is_plain


def test_what_was_told_before_of_a_changed_file_names_its_lines() -> None:
    source = TEXT.encode()
    before = sources.told(source, ast.parse(source))
    changed = b"# first\n" + source
    after = sources.told(changed, ast.parse(changed), before)
    assert after.lines.name(2) == 1
