"""What every kind of answer tells a browser: which policy holds, what may be kept, and what else may not happen.

A kind of answer that is not in KINDS has the strict policy; one that brings its own stands here with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from api import artifacts as looked_at
from frontend import document_files, flower, home
from frontend.security import FRAMING, STRICT
from tasks.models import Artifact, Step
from tests.api.cast import Cast, browser, submit_run
from tests.frontend.test_documents import frame, wrote
from tests.frontend.test_flower import stand  # noqa: F401 - a fixture
from wrenchai_project import settings as as_served

pytestmark = pytest.mark.usefixtures("planner", "stand")

REDOC = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-X'; connect-src 'self'; img-src 'self' data:;"
    " font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
KINDS: Mapping[str, tuple[int, str]] = {
    "page": (200, STRICT),
    "sign-in": (200, STRICT),
    "sent to sign in": (302, STRICT),
    "part of a page": (200, STRICT),
    "refused form": (400, STRICT),
    "without its token": (403, STRICT),
    "not for you": (403, STRICT),
    "not there": (404, STRICT),
    "wrong method": (405, STRICT),
    "over": (410, STRICT),
    "too many": (429, STRICT),
    "broken": (500, STRICT),
    "shared, nothing": (404, STRICT),
    "page with a frame": (200, FRAMING),
    "document": (200, document_files.SANDBOX),
    "document, not there": (404, document_files.SANDBOX),
    "document, over": (410, document_files.SANDBOX),
    "artifact": (200, looked_at.SANDBOX),
    "artifact, downloaded": (200, looked_at.SANDBOX),
    "report": (200, looked_at.SEARCHED),
    "artifact, not there": (404, STRICT),
    "resource": (200, STRICT),
    "resource, refused": (401, STRICT),
    "resource, broken query": (400, STRICT),
    "schema": (200, STRICT),
    "docs": (200, STRICT),
    "swagger": (200, STRICT),
    "redoc": (200, REDOC),
    "admin": (200, STRICT),
    "admin, not there": (404, STRICT),
    "admin, elsewhere": (302, STRICT),
    "flower": (200, flower.POLICY),
    "flower, refused": (403, STRICT),
    "static": (200, STRICT),
    "static, not there": (404, STRICT),
    "icon": (302, STRICT),
    "alive": (200, STRICT),
}


@pytest.fixture(autouse=True)
def _as_served(settings: Any, tmp_path: Path) -> Any:
    """With static files, which the other tests of pages leave out, and artifacts of our own."""
    settings.MIDDLEWARE = as_served.MIDDLEWARE
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.ARTIFACTS_DIR = tmp_path
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process
    yield
    storages._storages.clear()  # type: ignore[attr-defined]  # made once per process


def _asked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Any]]:
    """Say how each kind of answer is had."""
    alice, bob = browser(cast.alice), browser(cast.bob)
    staff = browser(User.objects.create_superuser("root"))
    run = submit_run(cast.project)
    document = wrote(cast, "changelog.md", b"# New")
    report = wrote(cast, "report.html", b"<p>all is well</p>")
    Step.objects.filter(pk=report.step_id).update(agent="super", operation="report")
    address = frame(alice, "changelog")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.alice)

    def broken(*_args: Any) -> HttpResponse:
        raise ZeroDivisionError

    def many() -> Any:
        return [Client().get("/enter/nonsense") for _ in range(31)][-1]

    def breaks() -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(home, "render", broken)
            client = Client(raise_request_exception=False)
            client.force_login(cast.alice)
            return client.get("/")

    def artifact(row: Artifact, query: str = "") -> Callable[[], Any]:
        return lambda: alice.get(f"/api/v1/runs/{row.run.public_id}/artifacts/{row.name}{query}")

    return {
        "page": lambda: alice.get("/runs"),
        "sign-in": lambda: Client().get("/login/"),
        "sent to sign in": lambda: Client().get("/runs"),
        "part of a page": lambda: alice.get(f"/runs/{run.public_id}/parts"),
        "refused form": lambda: alice.post("/teams", {"slug": "!"}),
        "without its token": lambda: strict.post("/teams", {"slug": "x"}),
        "not for you": lambda: browser(cast.vera).post(f"/runs/{run.public_id}/cancel"),
        "not there": lambda: alice.get("/nope"),
        "wrong method": lambda: alice.delete("/runs"),
        "over": lambda: Client().get("/enter/nonsense"),
        "too many": many,
        "broken": breaks,
        "shared, nothing": lambda: Client().get("/shared/nonsense"),
        "page with a frame": lambda: alice.get("/projects/alice/shop/documentation"),
        "document": lambda: Client().get(address),
        "document, not there": lambda: Client().get(f"{address}x"),
        "document, over": lambda: Client().get("/documents/x/index.html"),
        "artifact": artifact(document),
        "artifact, downloaded": artifact(document, "?download"),
        "report": artifact(report),
        "artifact, not there": lambda: alice.get(f"/api/v1/runs/{run.public_id}/artifacts/none"),
        "resource": lambda: alice.get("/api/v1/me"),
        "resource, refused": lambda: Client().get("/api/v1/me"),
        "resource, broken query": lambda: alice.get("/api/v1/runs?nonsense=1"),
        "schema": lambda: alice.get("/api/schema/"),
        "docs": lambda: alice.get("/api/v1/docs"),
        "swagger": lambda: alice.get("/api/docs"),
        "redoc": lambda: alice.get("/api/redoc"),
        "admin": lambda: staff.get("/admin/"),
        "admin, not there": lambda: staff.get("/admin/no/such"),
        "admin, elsewhere": lambda: bob.get("/admin/"),
        "flower": lambda: staff.get("/flower/"),
        "flower, refused": lambda: bob.get("/flower/"),
        "static": lambda: Client().get("/static/css/base.css"),
        "static, not there": lambda: Client().get("/static/nothing.css"),
        "icon": lambda: Client().get("/favicon.ico"),
        "alive": lambda: Client().get("/livez"),
    }


def test_every_kind_of_answer_has_its_policy_and_its_headers(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, one_window: None
) -> None:
    answers = _answers(cast, monkeypatch)
    found = {kind: (one.status_code, _policy(one)) for kind, one in answers.items()}
    assert found == KINDS
    for kind, one in answers.items():
        assert {name: one.headers.get(name) for name in ALWAYS} == ALWAYS, kind
        assert one.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, kind
        assert one.headers["X-Frame-Options"] == ("SAMEORIGIN" if kind.startswith("document") else "DENY"), (
            kind
        )


def test_policies_let_nothing_inline_run() -> None:
    for _status, policy in KINDS.values():
        parts = {name: values for name, *values in (part.split() for part in policy.split(";"))}
        assert parts["default-src"] == ["'none'"]
        assert parts["base-uri"] == ["'none'"]
        assert parts["form-action"] in (["'none'"], ["'self'"])
        assert parts["frame-ancestors"] in (["'none'"], ["'self'"])
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:"} & set(parts.get("script-src", []))
        if "sandbox" in parts:
            assert "allow-same-origin" not in parts["sandbox"]
        else:
            assert "'unsafe-inline'" not in parts["style-src"]


def test_no_cache_keeps_what_a_person_saw(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, one_window: None
) -> None:
    """After signing out the back button shows nothing, and no proxy gives one person's page to another."""
    answers = _answers(cast, monkeypatch)
    kept = {kind: one.headers.get("Cache-Control", "") for kind, one in answers.items()}
    free = {kind for kind, rule in kept.items() if "no-store" not in rule}
    assert {kind: kept[kind] for kind in sorted(free)} == {
        "artifact": "private, no-cache",
        "artifact, downloaded": "private, no-cache",
        "artifact, not there": "private, no-cache",
        "report": "private, no-cache",
        "resource": "private, no-cache",
        "resource, broken query": "private, no-cache",
        "resource, refused": "private, no-cache",
        "schema": "private, no-cache",
        "docs": "private, no-cache",
        "swagger": "private, no-cache",
        "redoc": "private, no-cache",
        "static": "max-age=60, public",
    }


def _answers(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have one answer of each kind, read to its end."""
    found = {kind: ask() for kind, ask in _asked(cast, monkeypatch).items()}
    for answer in found.values():
        b"".join(answer)
        answer.close()
    return found


def _policy(answer: Any) -> str:
    return re.sub(r"'nonce-[^']+'", "'nonce-X'", answer.headers.get("Content-Security-Policy", ""))
