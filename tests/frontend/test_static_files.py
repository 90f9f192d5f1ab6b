"""A style sheet is stored with what it imports, so that a browser fetches one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.management import call_command

from frontend.static_files import StaticFiles

CSS = Path(__file__).parents[2] / "frontend" / "static" / "css"


@pytest.fixture
def stored(tmp_path: Path, settings: Any) -> StaticFiles:
    settings.STATIC_ROOT = str(tmp_path / "stored")
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "frontend.static_files.StaticFiles"},
    }
    return StaticFiles(location=settings.STATIC_ROOT, base_url="/static/")


def _collected(stored: StaticFiles, settings: Any, source: Path) -> dict[str, str]:
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = [f"{FileSystemFinder.__module__}.{FileSystemFinder.__name__}"]
    call_command("collectstatic", interactive=False, verbosity=0)
    names = json.loads(Path(stored.path("staticfiles.json")).read_text())["paths"]
    return {name: Path(stored.path(hashed)).read_text() for name, hashed in names.items()}


def test_imports_stand_in_the_sheet_in_their_order(
    tmp_path: Path, stored: StaticFiles, settings: Any
) -> None:
    source = tmp_path / "source"
    (source / "css" / "parts").mkdir(parents=True)
    (source / "css" / "all.css").write_text(
        '@import url("a.css");\n@import url("parts/b.css");\np { top: 0 }\n'
    )
    (source / "css" / "a.css").write_text("a { color: red }\n")
    (source / "css" / "parts" / "b.css").write_text("b { color: blue }\n")
    told = _collected(stored, settings, source)
    assert told["css/all.css"] == "a { color: red }\n\nb { color: blue }\n\np { top: 0 }\n"
    assert told["css/a.css"] == "a { color: red }\n"


def test_change_of_an_imported_file_changes_the_name(
    tmp_path: Path, stored: StaticFiles, settings: Any
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "all.css").write_text('@import url("a.css");\n')
    names = []
    for colour in ("red", "blue"):
        (source / "a.css").write_text(f"a {{ color: {colour} }}\n")
        _collected(stored, settings, source)
        names.append(json.loads(Path(stored.path("staticfiles.json")).read_text())["paths"]["all.css"])
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("imported", "fault"),
    [
        ({}, "there is no a.css to import"),
        ({"a.css": "a { background: url(b.png) }"}, "a.css names an address, which would be another one"),
    ],
)
def test_import_that_cannot_be_written_in_is_refused(
    imported: dict[str, str], fault: str, tmp_path: Path, stored: StaticFiles, settings: Any
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, text in {"all.css": '@import url("a.css");\n', **imported}.items():
        (source / name).write_text(text)
    with pytest.raises(ValueError, match=fault):
        _collected(stored, settings, source)


def test_frame_of_the_pages_needs_no_other_sheet(tmp_path: Path, stored: StaticFiles, settings: Any) -> None:
    told = _collected(stored, settings, CSS)
    parts = ("tokens", "base", "components/controls", "components/signs", "components/lists")
    assert all(told[f"{part}.css"] in told["frame.css"] for part in parts)
    assert "@import" not in told["frame.css"]
