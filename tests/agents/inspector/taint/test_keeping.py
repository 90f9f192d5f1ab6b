"""A run that takes over what an earlier one kept says the same as a fresh one, hop for hop, whatever was edited."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.inspector.taint import analysis, records
from agents.inspector.taint.engine import ROOT_STEPS, Engine
from agents.inspector.taint.frames import Budget
from agents.inspector.taint.keeping import Keeper, Root
from agents.inspector.taint.ledger import Trace
from agents.inspector.taint.tokens import Tokens
from tests.agents.inspector.taint.edits import edit, edit_bodies, written

LONG = repr(["x" * 190] * 60)  # more than is kept of a summary: who asks for it has its root executed again


def _run(
    root: Path, before: records.Known | None, *, milliseconds: int = 100_000
) -> tuple[Engine, dict[str, Any]]:
    names = sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())

    def engine(known: records.Known | None) -> Engine:
        return Engine(
            root, [one for one in names if one.endswith(".py")],
            templates=[one for one in names if one.endswith(".html")], known=known, keeping=True,
            root_milliseconds=milliseconds, file_milliseconds=1_000_000,
        )  # fmt: skip

    one, result = analysis.analysed(engine, before)
    told = analysis.as_data(result)
    return one, {key: told[key] for key in ("findings", "harmless", "not_analysed", "files", "functions")}


@pytest.mark.parametrize(
    ("seed", "rounds", "change"),
    [*((seed, 15, edit) for seed in range(4)), *((seed, 12, edit_bodies) for seed in range(2))],
)
def test_what_is_taken_over_equals_a_fresh_run(
    tmp_path: Path, seed: int, rounds: int, change: Callable[[Path, random.Random], None]
) -> None:
    rng = random.Random(seed)
    root, kept = tmp_path / "tree", tmp_path / "kept"
    written(root)
    engine, _ = _run(root, None)
    for _ in range(rounds):
        assert engine.keeper is not None
        records.write(kept, engine.keeper.now, ROOT_STEPS)
        change(root, rng)
        before = records.read(kept, ROOT_STEPS)
        assert before is not None
        engine, told = _run(root, before)
        fresh, expected = _run(root, None)
        assert told == expected
        engine = rng.choice([engine, fresh])


def test_an_unchanged_program_executes_no_root(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    written(root)
    engine, expected = _run(root, None)
    assert engine.keeper is not None
    assert len(engine.keeper.now.records) == len(engine.roots)
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    again, told = _run(root, records.read(kept, ROOT_STEPS))
    assert again.keeper is not None
    assert told == expected
    assert again.keeper.taken == len(engine.roots)


def test_the_fields_of_a_file_s_forms_are_known_without_its_functions(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "forms.py").write_text(
        "from django import forms\n\ndef made():\n    class Order(forms.Form):\n        next = forms.CharField()\n"
        "        def clean_next(self):\n            return self.cleaned_data['next']\n    return Order\n"
    )
    view = (
        "import os\n\ndef show(request, form):\n    os.system(form.cleaned_data['next'] + request.GET['a'])\n"
    )
    (root / "views.py").write_text(view)
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "views.py").write_text(f"{view}    os.system(form.cleaned_data['other'])\n")
    again, told = _run(root, records.read(kept, ROOT_STEPS))
    module = again.project.at("forms.py")
    assert module is not None
    assert module.blank
    assert module.told.fields == (("next", "CharField"), ("next", "~checked"))
    assert told == _run(root, None)[1]


def test_what_a_root_binds_in_a_closure_of_the_program_ends_with_it(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "a.py").write_text("from box import get, put\n\ndef both():\n    return get, put\n")
    (root / "b.py").write_text("import sys\nfrom box import put\n\ndef main():\n    put(sys.argv[1])\n")
    (root / "box.py").write_text(
        "def make():\n    kept = ''\n    def put(text):\n        nonlocal kept\n        kept = text\n"
        "    def get():\n        return kept\n    return put, get\n\nput, get = make()\n"
    )
    shown = "import os\nfrom box import get\n\ndef show():\n    os.system(get())\n"
    (root / "c.py").write_text(shown)
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "c.py").write_text(shown.replace("get())", "get())  # more"))

    again, told = _run(root, records.read(kept, ROOT_STEPS))

    assert again.keeper is not None
    assert again.keeper.taken == len(again.roots) - 1
    assert told == _run(root, None)[1]


def test_a_root_executed_again_sees_no_closure_as_the_root_that_needs_it_left_it(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text(
        f"from box import get\n\ndef early():\n    return helper()\n\ndef helper():\n    return get(), {LONG}\n"
    )
    (root / "b.py").write_text("from a import helper\n\ndef asks():\n    return helper()\n")
    (root / "box.py").write_text(
        "def make():\n    kept = ''\n    def put(text):\n        nonlocal kept\n        kept = text\n"
        "    def get():\n        return kept\n    return put, get\n\nput, get = make()\n"
    )
    (root / "c.py").write_text(
        "import os, sys\nfrom a import helper\nfrom box import put\n\n"
        "def main():\n    put(sys.argv[1])\n    print()\n"
    )
    _, told = _edited(root, tmp_path / "kept", "c.py", "print()", "os.system(helper()[0])")
    assert told == _run(root, None)[1]


def test_a_root_executed_again_finds_what_was_made_before_its_file_was_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "a.py").write_text(
        "import os\nkept = []\n\ndef on(callback):\n    kept.append(callback)\n\n"
        "def early(text):\n    on(lambda one: one)\n    return helper(text)\n\n"
        f"def helper(text):\n    return text, {LONG}\n\n"
        "def late(text):\n    os.system(text)\n\n"
        + "".join(f"on({number})\n" for number in range(30))  # so that it is known by the lambda's node
        + "early(1)\n"
    )
    shown = (
        "import sys\nfrom a import helper, late\n\ndef first():\n    late(sys.argv[1])\n\n"
        "def second(text):\n    return helper(text)\n"
    )
    (root / "b.py").write_text(shown)
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "b.py").write_text(shown.replace("late(s", "late( s").replace("helper(t", "helper( t"))
    again: list[int] = []
    recalled = Keeper.recalled

    def noted(keeper: Keeper, number: int, trace: Trace) -> None:
        recalled(keeper, number, trace)
        again.append(number)

    monkeypatch.setattr(Keeper, "recalled", noted)

    second, told = _run(root, records.read(kept, ROOT_STEPS))

    assert second.keeper is not None
    assert [second.roots[one].function.name for one in again] == ["early"]
    assert second.keeper.taken == len(second.roots) - 3  # without it and the two that were changed
    assert told == _run(root, None)[1]


@pytest.mark.parametrize("seed", range(3))
def test_lines_that_come_and_go_between_functions_have_nothing_executed_again(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    root, kept = tmp_path / "tree", tmp_path / "kept"
    written(root)
    engine, first = _run(root, None)
    for _ in range(3):
        assert engine.keeper is not None
        records.write(kept, engine.keeper.now, ROOT_STEPS)
        for path in root.rglob("*.py"):
            lines = path.read_text().split("\n")
            tops = [n for n, line in enumerate(lines) if line.startswith(("def ", "class ", "@", "import "))]
            for at in sorted(rng.sample(tops, min(2, len(tops))), reverse=True):
                if not at or not lines[at - 1].strip():
                    before = max(0, at - 1)  # an empty line
                    lines[before:at] = rng.choice([[], ["# one", "", "# two"], ["", "# a line", ""]])
            path.write_text("\n".join(lines))
        engine, told = _run(root, records.read(kept, ROOT_STEPS))
        assert engine.keeper is not None
        assert engine.keeper.taken == len(engine.roots)
        assert told == _run(root, None)[1]
    assert len(told["findings"]) == len(first["findings"])


def test_a_function_executed_again_is_seen_to_read_a_request(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "a.py").write_text("from b import act\n\ndef show(request):\n    act(request.POST['a'])\n")
    acting = "import os\n\ndef act(text):\n    os.system(text)\n"
    (root / "b.py").write_text(acting)
    engine, first = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "b.py").write_text(acting.replace("text)\n", "text + 'x')\n"))

    again, told = _run(root, records.read(kept, ROOT_STEPS))

    assert again.keeper is not None
    assert again.keeper.taken == 0
    assert [one["kind"] for one in first["findings"]] == ["command"]
    assert told == _run(root, None)[1]


def test_a_function_whose_time_was_up_is_taken_over_and_can_be_executed_again(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "a.py").write_text(
        f"import os, sys\n\ndef early(text):\n    os.system(text)\n    return text, {LONG}\n\n"
        "def long():\n    early(sys.argv[1])\n" + "    x = 1 + 2 + 3 + 4 + 5\n" * 400
    )
    shown = "import os, sys\nfrom a import early\n\ndef show():\n    os.system(early(sys.argv[1])[0])\n"
    (root / "b.py").write_text(shown)
    engine, first = _run(root, None, milliseconds=0)
    assert engine.keeper is not None
    assert [one["what"] for one in first["not_analysed"]] == ["long()"]
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "b.py").write_text(f"{shown}    print()\n")

    again, told = _run(root, records.read(kept, ROOT_STEPS))

    assert again.keeper is not None
    assert again.keeper.taken == 1  # `early`: what `long` made was asked for
    assert told == first


def test_what_closures_see_is_told_alike_in_any_order(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text(
        "class A:\n    def __init__(self, log=None):\n        self.one = lambda text: self\n"
        "        self.two = lambda text: (self, log)\n\nmade = A()\n"
    )
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    names = ["one", "two"]
    fields = engine.ledger.classes["a.py", "A"][0].fields

    def tokens(order: list[str]) -> dict[str, str]:
        fresh = Tokens(engine.project.loaded(), [])
        return {name: fresh.value(fields[name]) for name in order}

    assert tokens(names) == tokens(names[::-1])


def _edited(root: Path, kept: Path, path: str, old: str, new: str) -> tuple[Engine, dict[str, Any]]:
    """A run after an edit, that takes over what one before it kept."""
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))
    return _run(root, records.read(kept, ROOT_STEPS))


CALLED = """\
import os

def called(text):
    more = "x"
    return text.strip() + more

def outer(text):
    return called(text)
"""
CALLS = "import os, sys\nfrom a import called, outer\n" + "".join(
    f"\ndef f{number}():\n    os.system({name}(sys.argv[1]))\n"
    for number, name in enumerate(["called", "called", "outer", "outer"])
)


@pytest.mark.parametrize(
    ("old", "new", "executed"),
    [
        ("    return text.s", "    changed = 1\n    return text.s", ["called", "outer", "f0"]),
        ('more = "x"', "more = ''  # shorter", ["called", "outer", "f0"]),
        ("text.strip() + more", '"ls"', ["called", "outer", "f0", "f1", "f2", "f3"]),
        ("text):\n    more", "text, one=1):\n    more", ["called", "outer", "f0", "f1", "f2"]),
    ],
)
def test_only_who_made_a_summary_is_executed_if_it_tells_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, executed: list[str]
) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text(CALLED)
    (root / "b.py").write_text(CALLS)
    traced: list[str] = []
    original = Engine._traced

    def noted(engine: Engine, one: Root, budget: Budget) -> Trace:
        traced.append(one.function.name)
        return original(engine, one, budget)

    engine, _ = _run(root, None)
    assert engine.keeper is not None
    monkeypatch.setattr(Engine, "_traced", noted)
    records.write(tmp_path / "kept", engine.keeper.now, ROOT_STEPS)
    (root / "a.py").write_text(CALLED.replace(old, new))

    _, told = _run(root, records.read(tmp_path / "kept", ROOT_STEPS))

    assert traced == executed
    assert told == _run(root, None)[1]


def test_what_is_kept_is_read_back_whole_if_a_private_summary_held_it_first(tmp_path: Path) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    (root / "a.py").write_text(
        "class A:\n    pass\n\ndef get(a: A):\n    return a.x, lambda: a\n\n"
        "def one(a: A, b: A):\n    a.x = []\n    get(b)\n\ndef two(a: A):\n    return a.x\n"
    )
    engine, _ = _run(root, None)
    assert engine.keeper is not None
    assert engine.keeper.now.contents
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    known = records.read(kept, ROOT_STEPS)
    assert known is not None
    assert known.contents == engine.keeper.now.contents


FIELDS = """\
import os, sys

class Timer:
    def __init__(self, interval, function):
        self.interval = interval
        self.function = function

class Server:
    def run(self):
        command = sys.argv[1]
        Timer(lambda: command, self.work)
        self.done = lambda text: os.system(command + text)

    def work(self, text):
        os.system(text)
"""
READERS = """\
import sys
from fields import Server, Timer

def tick(timer: Timer):
    timer.function(timer.interval())

def end(server: Server):
    server.done(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("path", "old", "new", "executed"),
    [
        ("fields.py", "command = s", "changed = 1\n        command = s", ["Server.run"]),
        ("fields.py", "command + text", "text", ["Server.run", "end"]),
        ("fields.py", "= sys.argv[1]", "= 'ls'", ["Server.run", "tick", "end"]),
        ("readers.py", "timer.function(", "print()\n    timer.function(", ["tick"]),
    ],
)
def test_who_reads_a_field_is_executed_only_if_closures_in_it_tell_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str, executed: list[str]
) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "fields.py").write_text(FIELDS)
    (root / "readers.py").write_text(READERS)
    engine, first = _run(root, None)
    assert engine.keeper is not None
    assert {one["line"] for one in first["findings"]} == {12, 15}
    records.write(tmp_path / "kept", engine.keeper.now, ROOT_STEPS)
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))
    traced: list[str] = []
    original = Engine._traced

    def noted(engine: Engine, one: Root, budget: Budget) -> Trace:
        traced.append(one.function.name)
        return original(engine, one, budget)

    monkeypatch.setattr(Engine, "_traced", noted)
    _, told = _run(root, records.read(tmp_path / "kept", ROOT_STEPS))

    assert traced == executed
    assert told == _run(root, None)[1]


def test_what_two_calls_give_is_told_apart_from_one_object_given_twice(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a.py").write_text(
        "import os\n\ndef new():\n    return os.environ.copy()\n\n"
        "def one():\n    return inner()\n\ndef inner():\n    return new()\n"
    )
    (root / "b.py").write_text("from a import new, one\n\ndef use():\n    new()\n    one()\n")
    (root / "c.py").write_text(
        "import os\nfrom a import new, one\n\ndef show():\n    first = new()\n    second = one()\n"
        "    first.extra = input()\n    os.system(second.extra)\n"
    )
    _, told = _edited(root, tmp_path / "kept", "a.py", "return new()", "return os.environ.copy()")
    assert told == _run(root, None)[1]


@pytest.mark.parametrize("damage", ["shorter", "changed", "foreign", "absent"])
def test_a_file_that_is_not_sound_is_not_believed(tmp_path: Path, damage: str) -> None:
    written(tmp_path / "tree")
    engine, _ = _run(tmp_path / "tree", None)
    assert engine.keeper is not None
    kept = tmp_path / "kept"
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    body = kept.read_bytes()
    bounds = ROOT_STEPS
    if damage == "shorter":
        kept.write_bytes(body[:-1])
    elif damage == "changed":
        kept.write_bytes(body[:40] + bytes([body[40] ^ 1]) + body[41:])
    elif damage == "foreign":
        bounds = ROOT_STEPS + 1
    else:
        kept.unlink()
    assert records.read(kept, bounds) is None


_SETS = """\
class Job:
    @property
    def name(self):
        return self._name
    {decorator}
    def name(self, value):
        self._name = {value}

class Failed(Exception):
    pass

def failed(text):
    raise Failed({text})
"""
_RUNS = """\
import os, sys
from job import Failed, Job, failed

def named():
    job = Job()
    job.name = sys.argv[1]
    os.system(job.name)

def caught():
    try:
        failed(sys.argv[2])
    except Failed as error:
        os.system(str(error))
"""


@pytest.mark.parametrize("change", ["value", "text", "decorator"])
def test_changed_setters_and_errors_reach_who_depends_on_them(tmp_path: Path, change: str) -> None:
    root, kept = tmp_path / "tree", tmp_path / "kept"
    root.mkdir()
    before = {"decorator": "@name.setter", "value": "value", "text": "text"}
    after = before | {change: {"decorator": "@name.deleter"}.get(change, "'x'")}
    (root / "main.py").write_text(_RUNS)
    (root / "job.py").write_text(_SETS.format(**before))
    engine, first = _run(root, None)
    assert engine.keeper is not None
    records.write(kept, engine.keeper.now, ROOT_STEPS)
    (root / "job.py").write_text(_SETS.format(**after))

    told = _run(root, records.read(kept, ROOT_STEPS))[1]

    assert [one["line"] for one in first["findings"]] == [7, 13]
    assert told == _run(root, None)[1]
    assert told["findings"] != first["findings"] or change == "decorator"
