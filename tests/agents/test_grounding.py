"""A text may name only what the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import grounding
from agents.grounding import Index, Ungrounded, Unresolved
from agents.symbols import read, sources
from tests.agents.inspector.trees import plant

CODE = '''
class Parcel:
    """A parcel."""

    limit = 20

    def price(self, weight_grams, *, country="GB"):
        """Price it."""
        if weight_grams > self.limit:
            raise TooHeavy(weight_grams)


class TooHeavy(Exception):
    """No carrier takes it."""
'''


@pytest.fixture
def index(tmp_path: Path) -> Index:
    tree = plant(
        tmp_path / "tree", {"shop/__init__.py": "", "shop/parcels.py": CODE, "docs/guide.md": "# Guide\n"}
    )
    (tmp_path / "scratch").mkdir()
    found = sources.listed(tree)
    symbols = read(found, scratch=tmp_path / "scratch")
    return grounding.index_of(symbols, paths=found.paths, folders=found.folders, words={"SHOP_DEBUG"})


@pytest.mark.parametrize(
    "text",
    [
        "`Parcel.price()` takes `weight_grams` and raises `TooHeavy`; see `shop.parcels` and `price`.",
        "In `shop/parcels.py:7` and [the guide](docs/guide.md#top), [here](<docs/guide.md>).",
        "`dict`, `ValueError`, `os.path.join`, `None`, `--verbose`, `3`, `a + b`, `'x'` are not the project's.",
        "Set `SHOP_DEBUG`. See [elsewhere](https://example.org/nothing.md) and [below](#below).",
        "```python\nnothing_of_this.is_checked()\n```\n",
        r"A name \` with an escaped backtick, [below](#below\`nothing), then `Parcel` and \\`price`.",
        "An unpaired ` backtick, and ``two `inside` ticks``.",
    ],
)
def test_text_that_names_what_is_there_is_given_back(index: Index, text: str) -> None:
    assert grounding.demand(text, index) == text


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        ("`Parcel.weigh()` does it", "name", "Parcel.weigh()"),
        ("takes `weight_kg`", "name", "weight_kg"),
        ("raises `TooLight`", "name", "TooLight"),
        ("in `shop/boxes.py`", "path", "shop/boxes.py"),
        ("in `shop/parcels.py:900`", "path", "shop/parcels.py:900"),
        ("[guide](docs/manual.md)", "path", "docs/manual.md"),
        ("[out](../../etc/passwd)", "path", "../../etc/passwd"),
        ("``shop.boxes``", "name", "shop.boxes"),
        (r"A name \` of odd marks, then `invented_name`", "name", "invented_name"),
        (r"A backslash \\`invented_name`", "name", "invented_name"),
        ("```\nclosed\n```\nthen `invented_name`", "name", "invented_name"),
    ],
)
def test_text_that_names_what_is_not_there_is_refused(index: Index, text: str, kind: str, named: str) -> None:
    with pytest.raises(Ungrounded) as caught:
        grounding.demand(text, index)
    assert [(fault.kind, fault.text) for fault in caught.value.faults] == [(kind, named)]
    assert repr(named) in str(caught.value)


def test_every_fault_is_listed_once(index: Index) -> None:
    text = "`nope`, `nope` and `nada/none.py`"
    assert [fault.text for fault in grounding.check(text, index)] == ["nope", "nada/none.py"]


def test_links_start_at_the_folder_of_their_page(index: Index) -> None:
    assert grounding.check("[guide](guide.md)", index, base="docs") == ()
    assert len(grounding.check("[guide](guide.md)", index)) == 1


def test_claims_about_a_function_are_compared_with_it(index: Index) -> None:
    path = "shop.parcels.Parcel.price"
    assert (
        grounding.check_function(path, index, parameters=["weight_grams", "country"], raises=["TooHeavy"])
        == ()
    )
    assert grounding.check_function(path, index, parameters=["express"], raises=["ValueError"]) == (
        Unresolved(kind="parameter", text="express", why=f"{path} has no such parameter"),
        Unresolved(kind="error", text="ValueError", why=f"{path} does not raise it"),
    )
    assert [fault.kind for fault in grounding.check_function("shop.nothing", index)] == ["name"]
