"""Requests: what is refused before anything of it is stored."""

from __future__ import annotations

import pytest

from agents import requests
from agents.workspace.errors import TargetInvalid
from agents.workspace.targets import parse_target
from tasks.models import Run


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "url",
    [
        "https://alice:hunter2secret@git.example.org/shop.git",
        "https://hunter2secret@git.example.org/shop.git",
        "ssh://git:hunter2secret@git.example.org/shop.git",
    ],
)
def test_url_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    request = requests.Request(goal="inspect", target=parse_target({"kind": "git", "url": url}))
    with pytest.raises(TargetInvalid, match="holds a user name or password") as caught:
        requests.submit(request, project_id=1, owner_id=None)
    assert "hunter2secret" not in str(caught.value)
    assert Run.objects.count() == 0
