"""Webhooks in the admin: seen by operators, changed by nobody, without URLs and secrets."""

from __future__ import annotations

from django.urls import reverse

from accounts.models import User
from monitoring.models import WebHook, WebHookDelivery, WebHookSecret
from tests.api.cast import Cast, browser
from tests.monitoring.conftest import make_hook

URL = "https://chat.example.org/hooks/canary-5b1e"


def test_operators_look_and_change_nothing(cast: Cast) -> None:
    made = make_hook(cast.project, URL, pinged=True)
    root = browser(User.objects.create_superuser("root", is_staff=True))
    for row in (made.hook, WebHookDelivery.objects.get()):
        name = f"admin:monitoring_{row._meta.model_name}"
        pages = [
            root.get(reverse(f"{name}_changelist")),
            root.get(reverse(f"{name}_changelist"), {"q": "chat"}),
            root.get(reverse(f"{name}_change", args=[row.pk])),
        ]
        assert [page.status_code for page in pages] == [200, 200, 200]
        text = "".join(page.content.decode() for page in pages)
        assert "chat.example.org" in text
        assert not any(word in text for word in ("canary", made.secret, WebHookSecret.objects.get().value))
        assert root.get(reverse(f"{name}_add")).status_code == 403
        assert root.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert WebHook.objects.get().url == URL
