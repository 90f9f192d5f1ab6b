"""A summary that was written down and made again tells the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inspector.taint import contents
from agents.inspector.taint.engine import Engine
from agents.inspector.taint.ledger import Entry
from agents.inspector.taint.origins import AT, Origins
from agents.inspector.taint.shelves import Shelf
from agents.inspector.taint.structures import Summary
from agents.inspector.taint.taints import Place, Source, Taint, Trail
from agents.inspector.taint.values import UNKNOWN, Attribute, Value
from tests.agents.inspector.taint.edits import written
from tests.agents.inspector.taint.test_keeping import _run


def _entries(engine: Engine) -> list[Entry]:
    assert engine.keeper is not None
    made = (one for record in engine.keeper.now.records.values() for one in record.made)
    return [one for one in made if isinstance(one, Entry)]


def test_all_that_can_be_written_tells_the_same_when_it_is_made_again(tmp_path: Path) -> None:
    written(tmp_path)
    engine, _ = _run(tmp_path, None)
    assert engine.keeper is not None
    kept = {one.token: one for one in _entries(engine) if one.token in engine.keeper.now.contents}
    assert len(kept) >= 7
    held = {name: value for value, name in engine.keeper.origins._first.values()}
    shelf = engine.keeper._shelf
    for serial, (token, entry) in enumerate(kept.items()):
        made = contents.made(engine.keeper.now.contents[token], serial, shelf._find, held.__getitem__)
        assert engine.keeper.tokens.summary(made, entry.sharing) == token
        assert (made.serial, made.returns) == (serial, entry.summary.returns)


def _summary(value: Value) -> Summary:
    return Summary(result=value, serial=7)


def _nobody(thing: object) -> list[str]:
    raise contents.Unwritable


def _nowhere(told: object) -> Value:
    raise LookupError(told)


def _own(value: Value) -> str:
    return ""


def test_labels_trails_and_odd_constants_come_back() -> None:
    label = Source("#7.0", None, "label", selector="[0]", cleaned=1 << 50)
    hop = Trail(Trail(None, Place("a.py", 3, 1), "x", "read"), Place("b.py", 4, 2), "", "passed")
    value = Value(
        (Taint(label, 5, hop, 2),), shape="dict", exact=True,
        items={
            "a\n\u2028": Value(const=b"\xff\0"), 1: Value(const="\udc80"),
            Attribute("a"): UNKNOWN, None: Value(const=1), 2: Value(const=1.5),
        },
        rest=Value(prefix="x", name="@y"),
    )  # fmt: skip

    text = contents.written(_summary(value), _nobody, _own)
    made = contents.made(text, 9, _nowhere, _nowhere).result

    assert "\n" not in text
    assert made.taints[0].source.what == "#9.0"
    assert made.taints[0].trail is not None
    assert [(one.place, one.variable, one.what) for one in made.taints[0].trail.hops()] == [
        (Place("a.py", 3, 1), "x", "read"), (Place("b.py", 4, 2), "", "passed"),
    ]  # fmt: skip
    assert made.items is not None
    assert [(key, one.const) for key, one in made.items.items() if one.known] == [
        ("a\n\u2028", b"\xff\0"), (1, "\udc80"), (None, 1), (2, 1.5),
    ]  # fmt: skip
    assert made.items[Attribute("a")] is UNKNOWN
    assert made.rest is not None
    assert (made.rest.prefix, made.rest.name, made.exact) == ("x", "@y", True)


@pytest.mark.parametrize(
    "value",
    [
        Value((Taint(Source("#8.0", None, "label"), 0, None),)),
        Value(const=float("inf")),
        Value(const=1 << 5000),
        Value(items={(1, 2): UNKNOWN}),
        Value(prefix="x" * contents.MOST_LETTERS),
    ],
    ids=["another's label", "what is no number", "a huge number", "an odd key", "too long"],
)
def test_what_has_no_form_is_refused(value: Value) -> None:
    with pytest.raises(contents.Unwritable):
        contents.written(_summary(value), _nobody, _own)


def test_an_object_held_twice_or_elsewhere_is_one_object_again() -> None:
    own, other = Value(name="@own"), Value(name="@other")
    value = Value(shape="tuple", items={0: own, 1: other, 2: own}, rest=own)

    text = contents.written(_summary(value), _nobody, lambda one: "there" if one is other else "")
    made = contents.made(text, 9, _nowhere, {"there": other}.__getitem__).result

    assert made.items is not None
    assert made.items[1] is other
    assert made.items[0] is made.items[2] is made.rest
    assert made.items[0] is not own
    with pytest.raises(LookupError):
        contents.made(text, 9, _nowhere, _nowhere)


def test_what_a_root_left_comes_back_if_it_holds_nothing_else() -> None:
    source = Source("a header", Place("a.py", 3, 1), "remote", selector="['x']", identity="request")
    value = Value((Taint(source, 3, None, 1),), shape="list", name="@x")

    made = contents.made_value(contents.written_value(value, _nobody, ""), _nowhere, _nowhere)

    assert (made.taints[0].source.key, made.taints[0].cleaned, made.taints[0].weak) == (source.key, 3, 1)
    assert (made.shape, made.name) == ("list", "@x")
    of_another = contents.written_value(value, _nobody, "there")
    assert contents.made_value(of_another, _nowhere, {"there": value}.__getitem__) is value
    with pytest.raises(contents.Unwritable):
        contents.written_value(Value(rest=value), _nobody, "")


def test_what_is_not_there_any_more_is_not_found(tmp_path: Path) -> None:
    written(tmp_path)
    engine, _ = _run(tmp_path, None)
    shelf = Shelf(engine.ledger, engine.project, Origins(), {})
    for told in (["function", "a.py", "f", 0], ["module", "gone.py"], ["class", "a.py", "C", 0]):
        with pytest.raises(LookupError):
            shelf._find(told)


def test_objects_held_twice_or_before_are_told() -> None:
    one = Value(name="@one")
    origins = Origins()
    assert origins.hold(one, "a.py:one") == "a.py:one"
    assert origins.hold(one, "b.py:one") == "a.py:one"
    own = Value(name="@own")
    assert (
        origins.tell(_summary(Value(shape="tuple", items={0: own, 1: own, 2: one})), "s") == "2@a.py:one 4=3"
    )
    assert origins.tell(_summary(own), "t") == f"1@s{AT}3"
    assert origins.tell(_summary(UNKNOWN), "u") == ""
