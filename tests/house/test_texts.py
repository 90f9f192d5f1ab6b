"""Texts that people read are marked for translation: in templates, in views and forms, and in the scripts' data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.base import Lexer, Token, TokenType

from tests.house.checkout import ROOT

EXAMPLES = frozenset({"styleguide_work.html"})  # what stands there is an example of data
PAGES = [path for package in ("frontend", "api") for path in (ROOT / package).rglob("*.html")]
TEMPLATES = sorted(path for path in PAGES if path.name not in EXAMPLES)
NAMES = frozenset(
    {"WrenchAI", "API", "CSV", "JSON", "SARIF", "Flower", "CWE", "Inspector", "min", "ms", "UTC", "wr_"}
)
"""What is called the same in every language."""
READ = frozenset({"aria-label", "title", "placeholder", "alt", "aria-description", "label"})
"""Attributes that people read, beside those of scripts: WORDS_OF_SCRIPTS."""
VOID_OF_WORDS = frozenset({"script", "style", "code", "pre", "kbd"})
"""What lies in these is code, or a key."""
LETTERS = re.compile(r"[^\W\d_]{2,}")
PATHS = re.compile(r"\S*[/.*]\w\S*")  # of files, addresses and scopes
ATTRIBUTES = re.compile(r"\s*([\w-]+=\"[^\"]*\"\s*)+")
LITERAL = re.compile(r"\|(?:default|default_if_none|yesno|add|pluralize):(\"[^\"]*\"|'[^']*')")
WORDS_OF_SCRIPTS = re.compile(r"data-[a-z-]+\Z")


def _tokens(source: str) -> Iterator[Token]:
    """Give the tokens of a template without those inside of blocks that translate, or are never shown."""
    until = ""
    for token in Lexer(source).tokenize():
        name = (
            token.contents.split(maxsplit=1)[0]
            if token.token_type == TokenType.BLOCK and token.contents
            else ""
        )
        if until:
            until = "" if name == until else until
        elif name in {"blocktranslate", "blocktrans"}:
            until = f"end{name}"
        elif name == "comment":
            until = "endcomment"
        else:
            yield token


def shown(source: str) -> str:
    """Give the template's HTML with nothing in place of its tags but the words that stand in them unmarked."""
    parts = []
    for token in _tokens(source):
        if token.token_type == TokenType.TEXT:
            parts.append(token.contents)
        elif token.token_type == TokenType.VAR:
            parts.extend(found.group(1)[1:-1] for found in LITERAL.finditer(token.contents))
    return "".join(parts)


def _has_words(text: str) -> bool:
    bare = PATHS.sub("", text)
    for name in sorted(NAMES, key=len, reverse=True):
        bare = re.sub(rf"\b{re.escape(name)}\b", "", bare)
    return LETTERS.search(bare) is not None


class Reader(HTMLParser):
    """Gathers what people read that no tag translates."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in VOID_OF_WORDS or (tag == "div" and "listing" in (given.get("class") or "").split()):
            self._inside.append(tag)
        for name, value in attrs:
            is_button = tag == "input" and name == "value" and given.get("type") == "submit"
            is_said = WORDS_OF_SCRIPTS.match(name) and " " in (value or "").strip()
            if name in READ or is_button or is_said:
                self._take(value or "", name)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if ATTRIBUTES.fullmatch(data):  # a block of a template that fills in a tag
            self.found += unmarked(f"<i {data}>")
        elif not self._inside:
            self._take(data, "")

    def _take(self, text: str, where: str) -> None:
        if _has_words(text):
            self.found.append(f"{where}: {text.strip()}" if where else text.strip())


def unmarked(source: str) -> list[str]:
    """Give the texts of a template that people read and no catalogue can translate."""
    reader = Reader()
    reader.feed(shown(source))
    reader.close()
    return reader.found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert unmarked(path.read_text()) == []


SAID = frozenset({"info", "success", "warning", "error", "say", "refuse", "add_error", "ValidationError"})
"""What tells people something: its texts are among the arguments."""
SHOWN_AS = frozenset({"label", "help_text", "placeholder", "text", "title", "empty_label"})
VIEWS = sorted(
    set((ROOT / "frontend").rglob("*.py")) - {ROOT / "frontend" / "admin.py"}
)  # the admin is in English


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(one.value) for one in node.values if isinstance(one, ast.Constant))
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from _literals(node.left)


def unmarked_in_code(source: str) -> list[str]:
    """Give the texts that a view or a form tells people and no catalogue can translate."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            shown = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value in SHOWN_AS]
            found.extend(text for value in shown for text in _literals(value))
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [one.value for one in node.keywords if one.arg in SHOWN_AS]
        if called in SAID and not _is_log(node.func):
            given += node.args
        found.extend(text for value in given for text in _literals(value))
    return [text for text in found if " " in text.strip() and _has_words(text)]


def _is_log(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log"
    )


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_of_a_view_is_marked(path: Path) -> None:
    assert unmarked_in_code(path.read_text()) == []


def test_a_text_that_is_not_marked_is_found() -> None:
    source = """{% load i18n %}<p title="Look here">{% translate "Marked" %} {{ x|default:"none yet" }}</p>
    <button aria-label="{% translate 'Marked' %}: {{ x }}">{% blocktranslate %}Marked{% endblocktranslate %}</button>
    <pre>code is no text</pre><p data-copied="It is copied">{{ y|default:_("Marked") }} 3 ms {# nothing #}</p>"""
    assert unmarked(source) == ["title: Look here", "none yet", "data-copied: It is copied"]
    code = """messages.info(request, f"{name} is out of it")
form.add_error("slug", _("Marked"))
Field(label="Days that it holds", help_text=_("Marked"))
log.error("it failed here")"""
    assert unmarked_in_code(code) == [" is out of it", "Days that it holds"]
