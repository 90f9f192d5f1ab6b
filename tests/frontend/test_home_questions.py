"""The first page leads to the questions that are the reader's to answer, asked by real steps."""

from __future__ import annotations

import pytest

from tests.api.cast import Cast, ask, browser
from tests.frontend.test_projects import seen


@pytest.mark.usefixtures("worker")
def test_home_leads_to_what_waits_for_the_reader_and_shows_it_to_no_other(cast: Cast) -> None:
    approval = ask(cast.project, "Deploy now?", role="developer")
    page = browser(cast.bob).get("/").content.decode()
    assert f"/runs/{approval.run.public_id}#approval-{approval.public_id}" in page
    assert "Deploy now?" in seen(browser(cast.bob), "/")
    for other in (cast.vera, cast.charlie):
        assert "Deploy now?" not in seen(browser(other), "/")
