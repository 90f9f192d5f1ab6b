"""Old claims are known again in moved files and edited lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

import pytest

from agents import matching
from agents.matching import Known, match

OLD = Known(
    name="old", rule="S608", path="a.py", scope="find", move="m", line_text='db.execute("select"+name)'
)
NEW = replace(OLD, name="new")


def test_file_that_moved_keeps_its_claim() -> None:
    assert match([replace(NEW, path="b/a.py")], [OLD]) == {"new": "old"}


def test_two_copies_take_nothing_from_one_another() -> None:
    first, second = (replace(NEW, name=name, path=name) for name in ("b.py", "c.py"))
    assert match([first, second], [OLD]) == {}


def test_twins_that_all_moved_go_with_their_paths() -> None:
    old = [replace(OLD, name=path, path=path) for path in ("app/log.py", "utils/log.py", "utils/mail.py")]
    paths = ("lib/utils/mail_moved.py", "lib/utils/log_moved.py", "lib/app/log_moved.py")
    new = [replace(NEW, name=path, path=path) for path in paths]
    assert match(new, old) == {
        "lib/app/log_moved.py": "app/log.py",
        "lib/utils/log_moved.py": "utils/log.py",
        "lib/utils/mail_moved.py": "utils/mail.py",
    }
    assert match(new[:2], old) == {}  # one of them is gone: nobody knows which


def test_rename_that_git_tells_decides_between_copies() -> None:
    first, second = (replace(NEW, name=name, path=name) for name in ("b.py", "c.py"))
    assert match([first, second], [OLD], moves={"c.py": "a.py"}) == {"c.py": "old"}


def test_edited_line_is_known_by_the_best_pair() -> None:
    near = replace(OLD, name="near", move="1", line_text='db.execute("select"+names)')
    far = replace(OLD, name="far", move="2", line_text='db.execute("select"+the_names)')
    edited = replace(NEW, move="3", line_text='db.execute("select"+names,1)')
    assert match([edited], [far, near]) == {"new": "near"}


def test_line_that_is_less_alike_is_new() -> None:
    assert match([replace(NEW, move="x", line_text="cursor.run(statement)")], [OLD]) == {}


def test_other_rule_scope_or_path_is_new() -> None:
    for changed in ({"rule": "S602"}, {"scope": "other"}, {"path": "b.py"}):
        assert match([replace(NEW, move="x", line_text=OLD.line_text + "1", **changed)], [OLD]) == {}


def test_each_old_claim_is_given_once() -> None:
    edited = [replace(NEW, name=f"n{n}", move=f"m{n}", line_text=OLD.line_text + str(n)) for n in range(3)]
    assert list(match(edited, [OLD]).values()) == ["old"]


def test_claims_without_text_are_known_by_their_move_alone() -> None:
    blank = replace(OLD, line_text="", move="")
    assert match([replace(blank, name="new")], [blank]) == {}


def test_of_many_edited_lines_of_one_place_some_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    class Counting(SequenceMatcher[str]):
        def set_seq1(self, a: Sequence[str]) -> None:
            nonlocal compared
            compared += bool(a)
            super().set_seq1(a)

    monkeypatch.setattr(matching, "SequenceMatcher", Counting)
    monkeypatch.setattr(matching, "MAX_PAIRS", 300)
    old = [replace(OLD, name=f"o{n}", move=f"o{n}", line_text="x" * 25 + f"{n:05}") for n in range(100)]
    new = [replace(NEW, name=f"n{n}", move=f"n{n}", line_text="x" * 25 + f"{n:05}y") for n in range(100)]
    found = match(new, old)
    assert compared == 300
    assert {name: found[name] for name in ("n0", "n1", "n2")} == {"n0": "o0", "n1": "o1", "n2": "o2"}
    assert len(found) == 3
