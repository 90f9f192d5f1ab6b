"""The catalogues of the pages' texts fit the code, and the files that Django reads fit the catalogues."""

from __future__ import annotations

import gettext
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from frontend import catalogues
from frontend.catalogues import Entry, Text

LANGUAGES = catalogues.languages()
MOST_NEW = (
    0.03  # of the texts may wait for their translation, so that who writes one need not speak every language
)
NAMES = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\}|<[^>]+>|&\w+;")
"""What stands for data, and HTML: a translation has the same."""


def entries(language: str) -> dict[str, Entry]:
    return catalogues.read(catalogues.files(language)[0].read_text(encoding="utf-8"))


def test_there_is_a_second_language() -> None:
    assert LANGUAGES == ["de"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_next_to_every_text_is_translated_and_none_is_doubted(language: str) -> None:
    """`./wrench manage write_texts` puts new texts into the catalogues; `--check` wants every one translated."""
    known, wanted = entries(language), catalogues.gather()
    missing = [text for text in wanted if text not in known or not known[text].is_whole]
    assert len(missing) <= len(wanted) * MOST_NEW, missing
    assert [text for text, entry in known.items() if text in wanted and entry.is_fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_what_stands_for_data(language: str) -> None:
    odd = []
    for text, entry in entries(language).items():
        allowed = [sorted(NAMES.findall(one)) for one in (text, entry.plural) if one]
        odd += [said for said in entry.said if sorted(NAMES.findall(said)) not in allowed]
    assert odd == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_file_is_that_of_the_catalogue(language: str) -> None:
    binary = catalogues.files(language)[1].read_bytes()
    assert binary == catalogues.compiled(language, entries(language)), "run write_texts"


@pytest.mark.parametrize("language", LANGUAGES)
def test_python_reads_from_it_what_the_catalogue_says(language: str) -> None:
    with catalogues.files(language)[1].open("rb") as file:
        read = gettext.GNUTranslations(file)
    for text, entry in entries(language).items():
        if entry.plural:
            assert tuple(read.ngettext(text, entry.plural, n) for n in (1, 2)) == entry.said
            assert read.ngettext(text, entry.plural, 0) == entry.said[1]
        else:
            assert read.gettext(text) == entry.said[0]


@pytest.mark.skipif(
    shutil.which("msgfmt") is None, reason="GNU gettext is not installed: its own check is left out"
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_gettext_finds_no_fault_in_it(language: str, tmp_path: Path) -> None:
    source, out = catalogues.files(language)[0], tmp_path / "django.mo"
    told = subprocess.run(
        ["msgfmt", "--check-format", "-o", str(out), str(source)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")
    with out.open("rb") as theirs, catalogues.files(language)[1].open("rb") as ours:
        assert gettext.GNUTranslations(theirs)._catalog == gettext.GNUTranslations(ours)._catalog  # type: ignore[attr-defined]  # all that is in it


def test_a_text_that_a_catalogue_cannot_write_plainly_comes_back_as_it_was() -> None:
    odd = 'a "b" \\ c\n\td\\n %%'
    texts = {odd: Text(odd), "%(n)s x": Text("%(n)s x", "%(n)s y")}
    told = {
        odd: Entry(plural="", said=("ä\nö",)),
        "%(n)s x": Entry(plural="%(n)s y", said=("1", "2"), is_fuzzy=True),
    }
    assert catalogues.read(catalogues.written("de", told, texts)) == told
    made = gettext.GNUTranslations(io.BytesIO(catalogues.compiled("de", told)))
    assert (made.gettext(odd), made.gettext("%(n)s x")) == ("ä\nö", "%(n)s x")


def test_what_is_no_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="no line of a catalogue"):
        catalogues.read("msgid here")
