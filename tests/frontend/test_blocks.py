"""A template that opens a block of its own must not take the name of one that it inherits."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.template import Engine, engines
from django.template.base import Template
from django.template.loader_tags import BlockNode, ExtendsNode

FOLDERS = (Path("frontend/templates"), Path("api/templates"))
NAMES = sorted(path.relative_to(folder).as_posix() for folder in FOLDERS for path in folder.rglob("*.html"))

FRAMES = ("frontend/base.html", "frontend/project.html")  # one of them, where the view says which


def compiled(name: str) -> Template:
    engine = engines["django"]
    found = engine.get_template(name)
    template = getattr(found, "template", None)
    assert isinstance(template, Template)
    return template


def blocks(template: Template) -> set[str]:
    return {
        node.name for node in template.nodelist.get_nodes_by_type(BlockNode) if isinstance(node, BlockNode)
    }


def opened(template: Template) -> set[str]:
    """Give the blocks within blocks: what a template offers to those that extend it."""
    return {
        inner.name
        for node in template.nodelist.get_nodes_by_type(BlockNode)
        for inner in node.nodelist.get_nodes_by_type(BlockNode)
        if isinstance(inner, BlockNode)
    }


def inherited(template: Template) -> set[str]:
    found: set[str] = set()
    for node in template.nodelist.get_nodes_by_type(ExtendsNode):
        assert isinstance(node, ExtendsNode)
        for name in FRAMES if node.parent_name.is_var else (node.parent_name.resolve({}),):
            found |= blocks(compiled(name)) | inherited(compiled(name))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_blocks_within_blocks_have_names_of_their_own(name: str) -> None:
    template = compiled(name)
    assert opened(template) & inherited(template) == set()


def test_a_taken_name_is_seen() -> None:
    engine = Engine(
        loaders=[
            (
                "django.template.loaders.locmem.Loader",
                {"base": "{% block body %}{% endblock %}{% block main %}{% endblock %}"},
            )
        ]
    )
    child = engine.from_string(
        "{% extends 'base' %}{% block main %}{% block body %}{% endblock %}{% endblock %}"
    )
    assert opened(child) == {"body"}
    assert blocks(engine.get_template("base")) == {"body", "main"}
