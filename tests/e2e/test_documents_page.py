"""The documentation of a project in a real browser: one can read and follow it, and nothing in it can act."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from tasks import artifacts
from tasks.models import Artifact, Run, Step
from tests.api.cast import make_cast, submit_run
from tests.e2e.browsing import needs_browser, sign_in, width_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.e2e.conftest import Web

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("planner"), needs_browser]


def hostile(run: Run) -> str:
    """A page that tries to act: by script, by form, by leading the page around it away."""
    return (
        '<h1>Start</h1><p><a id="next" href="api/shop.html">the module</a></p>'
        '<p><a id="away" target="_top" href="/login/">away</a></p>'
        "<script>top.location = '/login/'</script><img src=x onerror=\"top.location='/login/'\">"
        f'<form id="form" method="post" action="/runs/{run.public_id}/cancel"><button id="go">go</button></form>'
    )


def test_document_is_read_and_followed_and_cannot_act(page: Page, web: Web, complaints: list[str]) -> None:
    cast = make_cast()
    run = submit_run(cast.project, cast.bob)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("index.html", hostile(run))
        archive.writestr("api/shop.html", '<h1>The module</h1><a id="back" href="../index.html">back</a>')
    step = Step.objects.get(run=run)
    Step.objects.filter(pk=step.pk).update(agent="documentation")
    ref = artifacts.put("api_reference.zip", made.getvalue(), media_type="application/zip")
    Artifact.objects.create(
        run=run, step=step, name=ref.name, digest=ref.digest, size=ref.size, media_type=ref.media_type,
        created_at=run.created_at,
    )  # fmt: skip

    path = "/projects/alice/shop/documentation"
    sign_in(page, web, path)
    inside = page.frame_locator("iframe.document-frame")
    inside.get_by_role("heading", name="Start").wait_for()
    inside.locator("#go").click()
    inside.locator("#away").click()
    inside.locator("#next").click()  # without a cookie, since the frame has no origin
    inside.get_by_role("heading", name="The module").wait_for()
    inside.locator("#back").click()
    inside.get_by_role("heading", name="Start").wait_for()
    assert page.url == f"{web.url}{path}"
    assert Run.objects.get(pk=run.pk).state == "accepted"
    assert width_of(page) == 360
    refused = (
        "sandbox",
        "form-action",
        "script",
        "img-src",
    )  # what the document has tried; the page itself: nothing
    assert [one for one in complaints if not any(word in one for word in refused)] == []
