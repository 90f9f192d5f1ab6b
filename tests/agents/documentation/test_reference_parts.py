"""Parts of the API reference by themselves: prose of docstrings, addresses of sources, orders of bases."""

from __future__ import annotations

import pytest

from agents.documentation.reference.forge import source_of
from agents.documentation.reference.inheritance import Lineage
from agents.documentation.reference.prose import markdown, summary
from agents.symbols import Docstring, Module, Symbol, Symbols

COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("See :class:`~a.b.C`, :meth:`do <a.b.C.do>` and ``x``.", "See `a.b.C`, `a.b.C.do` and `x`."),
        ("`Docs <https://x.y/z>`_ and <https://c.d>", "[Docs](https://x.y/z) and https://c.d"),
        ("[a](javascript:x) [b](https://c.d) ![e](https://f.g/h.png)", "a [b](https://c.d) e"),
        ("Use it::\n\n    x = 1\n\nThen", "Use it:\n\n```python\nx = 1\n```\n\nThen"),
        (".. note:: Mind\n   the gap.", "> **Note.** Mind\n> the gap."),
        (".. deprecated:: 1.2\n   Use `b`.", "> **Deprecated since 1.2.** Use `b`."),
        ("Title\n=====\n\n# Other\ntext", "**Title**\n\n**Other**\n\ntext"),
        (">>> 1 + 1\n2\n\nend", "```pycon\n>>> 1 + 1\n2\n```\n\nend"),
        ("<script>&lt;</script>", "&lt;script>&amp;lt;&lt;/script>"),
        ("`` a lone ` here", "&#96;&#96; a lone &#96; here"),
        ("password in https://me:pw@host/x", "password in https://me:[redacted]@host/x"),
        ("one\ntwo\n- three", "one  \ntwo\n- three"),
        (".. _label:\n\ntext", "text"),
    ],
)
def test_marks_of_authors_become_harmless_markdown(text: str, wanted: str) -> None:
    assert markdown(text) == wanted


def test_summary_is_the_first_sentence() -> None:
    text = "Give `a.b` back. Then more.\n\nAnd more."
    assert summary(Docstring(text=text, line=1, end_line=3)) == "Give `a.b` back."


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/us/it.git", f"https://github.com/us/it/blob/{COMMIT}/a/b.py#L3"),
        ("git@github.com:us/it.git", f"https://github.com/us/it/blob/{COMMIT}/a/b.py#L3"),
        ("https://me:pw@gitlab.com/us/sub/it", f"https://gitlab.com/us/sub/it/-/blob/{COMMIT}/a/b.py#L3"),
        ("ssh://git@codeberg.org/us/it", f"https://codeberg.org/us/it/src/commit/{COMMIT}/a/b.py#L3"),
        ("https://bitbucket.org/us/it", f"https://bitbucket.org/us/it/src/{COMMIT}/a/b.py#lines-3"),
        ("https://gitlab.us.example:8443/it", f"https://gitlab.us.example:8443/it/-/blob/{COMMIT}/a/b.py#L3"),
        ("https://unknown.example/us/it", None),
        ('https://github.com"><script>/us/it', None),
        ("https://github.com/../it", None),
    ],
)
def test_lines_are_found_at_the_forge(url: str, address: str | None) -> None:
    assert source_of({"target": {"kind": "git", "url": url}}, COMMIT)("a/b.py", 3) == address


def test_without_a_commit_no_forge_is_asked() -> None:
    request = {"target": {"kind": "git", "url": "https://github.com/us/it"}}
    assert source_of(request, "sha256:0123")("a.py", 1) is None
    assert source_of({"target": {"kind": "path", "path": "/x"}}, COMMIT)("a.py", 1) is None


def test_bases_are_asked_in_pythons_order() -> None:
    def a_class(name: str, *bases: str) -> Symbol:
        return Symbol(
            name=name, path=f"m.{name}", kind="class", public=True, bases=tuple(((b, f"m.{b}"),) for b in bases),
            members=(Symbol(name="f", path=f"m.{name}.f", kind="function", public=True),),
        )  # fmt: skip

    classes = (
        a_class("A"),
        a_class("B", "A"),
        a_class("C", "A"),
        a_class("D", "B", "C"),
        a_class("X", "Y", "A"),
    )
    module = Module(
        name="m", path="m", kind="module", public=True, file="m.py", members=(*classes, a_class("Y", "X"))
    )
    lineage = Lineage(Symbols(modules=(module,)))
    assert lineage.ancestors("m.D") == ["m.B", "m.C", "m.A"]
    assert set(lineage.ancestors("m.X")) == {"m.Y", "m.A"}
