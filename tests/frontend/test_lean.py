"""Our quicker forms of Django's words for templates say what Django's say."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.template import Context, Template, TemplateSyntaxError, engines
from django.urls import NoReverseMatch, get_script_prefix, reverse, set_script_prefix
from django.utils.safestring import mark_safe

from frontend.templatetags import lean

TEXTS = [
    "",
    "a",
    "abcde",
    "abcdef",
    "abcdefghij",
    "ä" * 5,
    "e\u0301" * 5,
    "e\u0301" * 9,
    "<b>&</b>",
    12345,
    1234567,
    None,
]


def written(source: str, **values: Any) -> str:
    return Template(source).render(Context(values))


def plain(source: str, **values: Any) -> str:
    """The same as Django alone writes it."""
    engine = engines["django"].engine
    ours = engine.template_builtins
    engine.template_builtins = [library for library in ours if library is not lean.register]
    try:
        return Template(source).render(Context(values))
    finally:
        engine.template_builtins = ours


@pytest.mark.parametrize("most", [0, 1, 5, 6, 100])
@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_cut_off_as_ever(text: Any, most: int) -> None:
    source = "{{ text|truncatechars:most }}"
    assert written(source, text=text, most=most) == plain(source, text=text, most=most)


def test_short_and_safe_texts_stay_safe_and_others_are_escaped() -> None:
    assert written("{{ text|truncatechars:20 }}", text=mark_safe("<b>x</b>")) == "<b>x</b>"
    assert written("{{ text|truncatechars:20 }}", text="<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"


def test_addresses_are_those_that_reverse_gives() -> None:
    run = uuid4()
    for _ in range(2):
        assert written("{% url 'frontend:run' run %}", run=run) == reverse("frontend:run", args=[run])
        named = written("{% url 'frontend:run' run_id=run as at %}[{{ at }}]", run=run)
        assert named == f"[{reverse('frontend:run', args=[run])}]"
    path = written("{% url 'frontend:code-path' project='a/b' path='x&y/\"z\".py' as at %}{{ at }}")
    assert path == written(
        "{{ at }}", at=reverse("frontend:code-path", kwargs={"project": "a/b", "path": 'x&y/"z".py'})
    )


def test_addresses_heed_the_prefix_below_which_we_are_served() -> None:
    before = get_script_prefix()
    assert written("{% url 'frontend:runs' %}") == "/runs"
    set_script_prefix("/wrench/")
    try:
        assert written("{% url 'frontend:runs' %}") == "/wrench/runs"
    finally:
        set_script_prefix(before)
    assert written("{% url 'frontend:runs' %}") == "/runs"


def test_an_unknown_address_is_told_unless_it_is_only_asked_about() -> None:
    assert written("{% url 'frontend:nowhere' as at %}[{{ at }}]") == "[]"
    with pytest.raises(NoReverseMatch):
        written("{% url 'frontend:nowhere' %}")
    with pytest.raises(TemplateSyntaxError):
        Template("{% url %}")
