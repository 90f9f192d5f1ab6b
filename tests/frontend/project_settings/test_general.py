"""A project's name and description: changed by maintainers, never over what somebody else has just written."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import AuditRecord, Project
from tests.api.cast import Cast, browser

PAGE = "/projects/alice/shop/settings"


def seen(client: Client) -> str:
    found = re.search(r'name="seen" value="(\w+)"', client.get(PAGE).content.decode())
    assert found is not None
    return found[1]


def stored(cast: Cast) -> tuple[str, str]:
    row = Project.objects.get(pk=cast.project.pk)
    return row.name, row.description


def test_name_and_description_are_changed_and_recorded(cast: Cast) -> None:
    client = browser(cast.alice)
    answer = client.post(
        PAGE, {"name": "Store", "description": "For\r\nall", "seen": seen(client)}, follow=True
    )
    assert "Saved." in answer.content.decode()
    assert stored(cast) == ("Store", "For\nall")
    record = AuditRecord.objects.get(act="project.changed")
    assert (record.actor, record.project_id) == ("alice", cast.project.pk)


def test_edit_of_somebody_else_is_not_overwritten_unseen(cast: Cast) -> None:
    client = browser(cast.alice)
    stale = seen(client)
    Project.objects.filter(pk=cast.project.pk).update(name="Theirs")
    answer = client.post(PAGE, {"name": "Mine", "description": "typed", "seen": stale})
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert ("the name is now “Theirs”" in shown, 'value="Mine"' in shown, ">\ntyped<" in shown) == (
        True,
        True,
        True,
    )
    assert stored(cast) == ("Theirs", "")
    fresh = re.search(r'name="seen" value="(\w+)"', shown)
    assert fresh is not None
    assert client.post(PAGE, {"name": "Mine", "description": "typed", "seen": fresh[1]}).status_code == 302
    assert stored(cast) == ("Mine", "typed")


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "a" * 121},
        {"name": "a\x1b[31mb"},
        {"name": "a\0b"},
        {"name": "a\u202eb"},
        {"name": "Shop", "description": "a\0b"},
        {"name": "Shop", "description": "a\u202eb"},
        {"name": "Shop", "description": "a" * 2001},
    ],
)
def test_text_that_could_act_on_readers_is_refused_beside_its_field(cast: Cast, body: dict[str, str]) -> None:
    client = browser(cast.alice)
    answer = client.post(PAGE, {**body, "seen": seen(client)})
    assert (answer.status_code, 'class="fault" role="alert"' in answer.content.decode()) == (400, True)
    assert stored(cast) == ("Shop", "")


def test_viewer_and_developer_read_without_a_form(cast: Cast) -> None:
    Project.objects.filter(pk=cast.project.pk).update(description="<b>all</b>")
    for user in (cast.bob, cast.vera):
        client = browser(user)
        shown = client.get(PAGE).content.decode()
        assert ('name="name"' in shown, "&lt;b&gt;all&lt;/b&gt;" in shown) == (False, True)
        assert client.post(PAGE, {"name": "Mine"}).status_code == 403
