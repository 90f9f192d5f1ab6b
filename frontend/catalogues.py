"""Catalogues of the pages' texts: gathered from the code, kept as .po for translators, compiled to .mo for Django.

    templates, views, forms ──gather──> texts ──merge──> locale/<language>/LC_MESSAGES/django.po ──> django.mo

Needs no gettext tools: Django compiles templates and tells their texts, Python parses its own code, and a .mo file is
two sorted tables (GNU gettext manual, 10.3). Plural forms are those of English and German: one, and all others.
Invariant: what `compiled` makes of a .po is byte for byte the .mo beside it; a house test holds both to the code.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.template import Template
from django.template.base import Lexer, Variable
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

LOCALE = Path(__file__).resolve().parent / "locale"
PACKAGES = ("frontend", "api", "accounts")
"""Whose templates and modules have texts of pages."""
ONE = frozenset({"_", "gettext", "gettext_lazy", "gettext_noop"})
MANY = frozenset({"ngettext", "ngettext_lazy"})
HEADER = """\
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
Language: {language}
MIME-Version: 1.0
Plural-Forms: nplurals=2; plural=(n != 1);
"""
_IN_TAG = re.compile(r"""_\((?:"([^"]*)"|'([^']*)')\)""")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(slots=True)
class Text:
    """A text of the pages, `plural` if it counts something, and the files that it stands in."""

    singular: str
    plural: str = ""
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A text in a catalogue with its translations: one, or two if it counts something. Empty: it has none yet."""

    plural: str
    said: tuple[str, ...]
    is_fuzzy: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every form is translated, and nobody doubts it."""
        return all(self.said) and not self.is_fuzzy


def gather() -> dict[str, Text]:
    """Give the texts of all pages by their English, in the order of files and lines."""
    found: dict[str, Text] = {}
    root = Path(settings.BASE_DIR)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.html")):
            _keep(found, path.relative_to(root), _of_template(path.read_text(encoding="utf-8")))
        for path in sorted((root / package).rglob("*.py")):
            _keep(found, path.relative_to(root), _of_module(path.read_text(encoding="utf-8")))
    return found


def _keep(found: dict[str, Text], place: Path, texts: Iterator[tuple[str, str]]) -> None:
    for singular, plural in texts:
        text = found.setdefault(singular, Text(singular))
        text.plural = text.plural or plural
        if str(place) not in text.places:
            text.places.append(str(place))


def _of_template(source: str) -> Iterator[tuple[str, str]]:
    nodes = Template(source).nodelist
    for node in nodes.get_nodes_by_type(TranslateNode):
        assert isinstance(node, TranslateNode)
        said = node.filter_expression.var
        if isinstance(said, Variable) and isinstance(said.literal, str):
            yield said.literal.replace("%", "%%"), ""
    for node in nodes.get_nodes_by_type(BlockTranslateNode):
        assert isinstance(node, BlockTranslateNode)
        singular, _names = node.render_token_list(node.singular)
        plural = node.render_token_list(node.plural)[0] if node.plural else ""
        yield singular, plural
    for token in Lexer(source).tokenize():
        if token.token_type.name in {"VAR", "BLOCK"}:
            for double, single in _IN_TAG.findall(token.contents):
                yield (double or single).replace("%", "%%"), ""


def _of_module(source: str) -> Iterator[tuple[str, str]]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        said = [
            one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        if name in ONE and len(said) == 1:
            yield said[0], ""
        elif name in MANY and len(said) == 2:
            yield said[0], said[1]


def merged(texts: Mapping[str, Text], known: Mapping[str, Entry]) -> dict[str, Entry]:
    """Give the entries that a catalogue must have: what is known stays, what is new is empty, what is gone goes."""
    entries = {}
    for singular, text in texts.items():
        old = known.get(singular)
        if old is not None and bool(old.plural) == bool(text.plural):
            entries[singular] = Entry(plural=text.plural, said=old.said, is_fuzzy=old.is_fuzzy)
        else:
            entries[singular] = Entry(plural=text.plural, said=("", "") if text.plural else ("",))
    return entries


def read(source: str) -> dict[str, Entry]:
    """Read a .po file. Raises ValueError with the line that is none of it."""
    entries: dict[str, Entry] = {}
    for block in re.split(r"\n\s*\n", source):
        values: dict[str, str] = {}
        name, is_fuzzy = "", False
        for line in block.splitlines():
            if line.startswith("#"):
                is_fuzzy = is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            elif line.startswith('"'):
                values[name] += _unquoted(line)
            elif line.strip():
                name, _space, rest = line.partition(" ")
                values[name] = _unquoted(rest)
        if values.get("msgid"):
            said = (values["msgstr"],) if "msgstr" in values else (values["msgstr[0]"], values["msgstr[1]"])
            entries[values["msgid"]] = Entry(
                plural=values.get("msgid_plural", ""), said=said, is_fuzzy=is_fuzzy
            )
    return entries


def written(language: str, entries: Mapping[str, Entry], texts: Mapping[str, Text]) -> str:
    """Write a .po file."""
    blocks = [f'msgid ""\nmsgstr ""\n{_lines(HEADER.format(language=language))}']
    for singular, entry in entries.items():
        lines = [f"#: {place}" for place in texts[singular].places] if singular in texts else []
        lines += ["#, fuzzy"] if entry.is_fuzzy else []
        lines += [f"msgid {_quoted(singular)}"]
        lines += [f"msgid_plural {_quoted(entry.plural)}"] if entry.plural else []
        names = ["msgstr[0]", "msgstr[1]"] if entry.plural else ["msgstr"]
        lines += [f"{name} {_quoted(said)}" for name, said in zip(names, entry.said, strict=True)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def compiled(language: str, entries: Mapping[str, Entry]) -> bytes:
    """Make the .mo file of those entries that are whole; Django shows English for the others."""
    pairs = {"": HEADER.format(language=language)}
    for singular, entry in entries.items():
        if entry.is_whole:
            key = f"{singular}\0{entry.plural}" if entry.plural else singular
            pairs[key] = "\0".join(entry.said)
    rows = sorted((key.encode(), value.encode()) for key, value in pairs.items())
    size, head = len(rows), 28
    start = head + size * 16  # two tables of (length, offset)
    keys = b"".join(key + b"\0" for key, _value in rows)
    values = b"".join(value + b"\0" for _key, value in rows)
    magic = struct.pack("<7I", 0x950412DE, 0, size, head, head + size * 8, 0, start)
    first = _table([key for key, _value in rows], start)
    second = _table([value for _key, value in rows], start + len(keys))
    return magic + first + second + keys + values


def _table(texts: Sequence[bytes], start: int) -> bytes:
    """Write where texts lie that follow each other from `start` on, each with a NUL behind it."""
    table, at = b"", start
    for text in texts:
        table += struct.pack("<II", len(text), at)
        at += len(text) + 1
    return table


def files(language: str) -> tuple[Path, Path]:
    """Give where the .po and the .mo of a language lie."""
    folder = LOCALE / language / "LC_MESSAGES"
    return folder / "django.po", folder / "django.mo"


def languages() -> list[str]:
    """Give the languages that pages are translated into: all but English."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def _quoted(text: str) -> str:
    if "\n" in text.rstrip("\n"):
        return f'""\n{_lines(text)}'
    return f'"{_escaped(text)}"'


def _lines(text: str) -> str:
    return "\n".join(f'"{_escaped(line)}"' for line in text.splitlines(keepends=True))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def _unquoted(text: str) -> str:
    bare = text.strip()
    if len(bare) < 2 or bare[0] != '"' or bare[-1] != '"':
        raise ValueError(f"this is no line of a catalogue: {text!r}; a text stands between quotes")
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), bare[1:-1])
