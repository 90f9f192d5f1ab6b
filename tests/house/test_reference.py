"""The reference pages are what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tasks import events
from tasks.states import RUN_TRANSITIONS, STEP_TRANSITIONS
from tests.house.checkout import ROOT
from wrenchai_project.env import DECLARED
from wrenchai_project.management import reference


@pytest.mark.parametrize("page", reference.pages())
def test_page_is_current(page: str) -> None:
    written = (ROOT / page).read_text(encoding="utf-8")
    assert written == reference.pages()[page], "./wrench manage write_reference brings it up to date"


def test_every_setting_has_its_row() -> None:
    page = reference.pages()["docs/reference/settings.md"]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for one in DECLARED.values():
        assert any(row.startswith(f"| `{one.name}` | {one.kind} | ") for row in rows)


def test_states_page_draws_every_move() -> None:
    page = reference.pages()["docs/reference/states.md"]
    moves = [
        f"    {state.value} --> {other.value}"
        for table in (RUN_TRANSITIONS, STEP_TRANSITIONS)
        for state, following in table.items()
        for other in following
    ]
    lines = page.splitlines()
    assert [move for move in moves if move not in lines] == []


def test_every_kind_of_event_is_known_once() -> None:
    kinds = [fact.kind for fact in events.KINDS]
    assert kinds == sorted(set(kinds))


def test_command_writes_what_it_asks_for(tmp_path: Path, settings: Settings) -> None:
    settings.BASE_DIR = tmp_path
    with pytest.raises(CommandError, match=r"not current: docs/reference/settings\.md"):
        call_command("write_reference", check=True)
    call_command("write_reference")
    call_command("write_reference", check=True)
    page = tmp_path / "docs" / "reference" / "states.md"
    page.write_text(page.read_text() + "by hand\n")
    with pytest.raises(CommandError, match=r"not current: docs/reference/states\.md"):
        call_command("write_reference", check=True)
