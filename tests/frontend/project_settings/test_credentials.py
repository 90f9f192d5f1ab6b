"""Credentials on the page: stored, replaced, deleted; their values go in and never come out."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from accounts import credentials
from accounts.models import AuditRecord, Credential, Project
from tests.api.cast import Cast, browser

PAGE = "/projects/alice/shop/settings/credentials"
VALUE = "ghp_averysecrettokenofnobody"
ORDER = {"kind": "git_token", "name": "deploy", "value": VALUE, "description": "read only"}


def keep(project: Project, name: str = "deploy") -> Credential:
    kind = Credential.Kind.GIT_TOKEN
    return credentials.store(project, kind, name, VALUE, by=None, now=timezone.now())


def value_of(cast: Cast, name: str = "deploy") -> str:
    kind = Credential.Kind.GIT_TOKEN
    return credentials.reveal(cast.project.pk, kind, name, purpose="a test", now=timezone.now()).text


def test_value_goes_in_and_no_page_shows_it(cast: Cast) -> None:
    client = browser(cast.alice)
    answer = client.post(PAGE, ORDER, follow=True)
    assert ("deploy is stored." in answer.content.decode(), value_of(cast)) == (True, VALUE)
    detail = client.get(f"{PAGE}/{Credential.objects.get().public_id}").content.decode()
    assert VALUE not in answer.content.decode() + detail
    assert VALUE not in str(list(AuditRecord.objects.values()))


def test_fault_keeps_what_was_typed_but_the_value(cast: Cast) -> None:
    answer = browser(cast.alice).post(PAGE, {**ORDER, "name": "two words"})
    shown = answer.content.decode()
    assert (answer.status_code, 'value="two words"' in shown, VALUE in shown) == (400, True, False)
    assert not Credential.objects.exists()


@pytest.mark.parametrize(
    "body", [{"kind": "cookie"}, {"value": ""}, {"value": "a\0b"}, {"kind": "dsn", "value": "no"}]
)
def test_unfit_order_is_refused(cast: Cast, body: dict[str, str]) -> None:
    answer = browser(cast.alice).post(PAGE, {**ORDER, **body})
    assert (answer.status_code, Credential.objects.count()) == (400, 0)


def test_second_of_a_name_is_refused_so_a_double_click_stores_one(cast: Cast) -> None:
    client = browser(cast.alice)
    client.post(PAGE, ORDER)
    answer = client.post(PAGE, ORDER)
    assert "The project has a credential &#x27;deploy&#x27; already" in answer.content.decode()
    assert (answer.status_code, Credential.objects.count()) == (400, 1)


def test_value_is_replaced_and_the_row_deleted(cast: Cast) -> None:
    row, client = keep(cast.project), browser(cast.alice)
    told = client.post(f"{PAGE}/{row.public_id}", {"act": "replace", "value": "another"}, follow=True)
    assert ("has its new value" in told.content.decode(), value_of(cast)) == (True, "another")
    told = client.post(f"{PAGE}/{row.public_id}", {"act": "delete"}, follow=True)
    assert ("deploy is deleted." in told.content.decode(), Credential.objects.count()) == (True, 0)
    assert client.post(f"{PAGE}/{row.public_id}", {"act": "delete"}).status_code == 404


def test_credential_of_another_project_is_not_there(cast: Cast) -> None:
    row, client = keep(cast.other), browser(cast.alice)
    assert client.get(f"{PAGE}/{row.public_id}").status_code == 404
    assert client.post(f"{PAGE}/{row.public_id}", {"act": "delete"}).status_code == 404
    assert Credential.objects.count() == 1


def test_developer_sees_that_there_is_one_and_changes_nothing(cast: Cast) -> None:
    row, client = keep(cast.project), browser(cast.bob)
    shown = client.get(PAGE).content.decode() + client.get(f"{PAGE}/{row.public_id}").content.decode()
    assert ("deploy" in shown, '<form method="post" class="form"' in shown) == (True, False)
    assert client.post(PAGE, ORDER).status_code == 403
    for act in ("replace", "delete"):
        assert client.post(f"{PAGE}/{row.public_id}", {"act": act, "value": "x"}).status_code == 403
    assert value_of(cast) == VALUE


def test_unknown_act_is_refused(cast: Cast) -> None:
    assert browser(cast.alice).post(f"{PAGE}/{keep(cast.project).public_id}", {"act": "x"}).status_code == 400


def test_installation_without_a_master_key_says_so(cast: Cast, settings: Any) -> None:
    settings.MASTER_KEY, settings.MASTER_KEY_FILE = "", ""
    answer = browser(cast.alice).post(PAGE, ORDER)
    assert (answer.status_code, "cannot keep credentials now" in answer.content.decode()) == (400, True)
    assert not Credential.objects.exists()
