"""How many queries every page takes, as a file that people read in a diff; few rows and many take the same.

Each page is asked for three times: with one row or none of what it lists, with a few more, with tens of them. From
few to many no page asks more. From none to some a page may, by as many as FIRST says, and why.

`query_counts.txt` has a line per page, made from the URL conf: the status and the number of queries. A page that is
not in the file fails. `WRENCH_WRITE_QUERY_COUNTS=1` writes the file anew: read the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.api.test_matrix import quiet
from tests.api.world import QUERIES, Route, Side, make_world, routes
from tests.frontend.many import TOKEN, multiply

FILE = Path(__file__).parent / "query_counts.txt"
MOST = 40  # queries of any page
FURTHER = 0
WIDTH = 90
NOT_OURS = (
    "api/",
    "admin/",
    "flower",
    "static/",
    "media/",
    "favicon.ico",
    "livez",
    "readyz",
    "metrics",
    "documents/",
)
"""Programs' and operators' addresses, and what is passed on: none of them is a page of ours."""
NEW = "shared/"
"""What nobody can look at before the rows are multiplied: the link is made by that."""
VARIANTS = {
    "": ("?project={project}",),
    "runs": ("?q=probe&state=succeeded",),
    "findings": ("?severity=high&order=-last_seen", "?q=sql&path=shop"),
    "projects/<project:project>/findings": ("?status=all&owner=@o1", "?run={run}"),
    "findings/<uuid:finding_id>": ("?list={project}&severity=high", "?list=all"),
    "runs/<uuid:run_id>/log": ("?q=a",),
}
"""Further addresses of a page, by its pattern: with filters and places it may ask more."""


FIRST = {
    "projects/<project:project>/findings?status=all&owner=@o1": (
        2,
        "an empty list reads no rows and no acts",
    ),
    "projects/<project:project>/findings?run={run}": (2, "an empty list reads no rows and no acts"),
    "runs/<uuid:run_id>": (3, "a run without reruns draws no lineage"),
    "runs/<uuid:run_id>/parts": (3, "a run without reruns draws no lineage"),
    "teams": (1, "without invitations no role of their senders is asked for"),
}
"""Pages that ask about a thing only if there is one: by how many queries, and why."""


def pages() -> list[Route]:
    return [one for one in routes() if not one.pattern.startswith(NOT_OURS)]


def addresses(route: Route, side: Side) -> list[tuple[str, str]]:
    """Each address of a page: how the file names it, and where it is."""
    path = route.path("GET", side)
    if route.pattern.startswith("shared/"):
        path = path.replace(side.invitation_token, TOKEN)
    wanted = QUERIES.get(f"GET {route.pattern}")
    own = wanted(side) if wanted else ""
    fill = {"project": quote(side.project_name, safe=""), "run": str(side.over_run.public_id)}
    more = VARIANTS.get(route.pattern, ())
    return [(route.pattern, path + own), *((route.pattern + one, path + one.format(**fill)) for one in more)]


def counted(client: Client, path: str) -> tuple[int, list[str]]:
    """The status of a page, and its queries when it is asked for again: the first time fills what is remembered."""
    client.get(path)
    with CaptureQueriesContext(connection) as caught:
        answer = client.get(path)
        b"".join(answer.streaming_content if answer.streaming else [])  # type: ignore[attr-defined]  # of a stream
        answer.close()
    return answer.status_code, [one["sql"] for one in caught.captured_queries]


def look(side: Side) -> dict[str, tuple[int, list[str]]]:
    """Ask for every page as its owner, who may see all of it."""
    client = Client(raise_request_exception=True)
    client.force_login(side.owner)
    return {name: counted(client, path) for route in pages() for name, path in addresses(route, side)}


def line(name: str, told: tuple[int, list[str]]) -> str:
    return f"/{name:<{WIDTH}} {told[0]} {len(told[1]):>3}"


def committed() -> list[str]:
    return [one for one in FILE.read_text().splitlines() if not one.startswith("#")] if FILE.exists() else []


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("worker", "steady_rules")
def test_pages_take_the_queries_that_the_file_says_whatever_there_is(settings: Settings) -> None:
    quiet(settings)
    side = make_world().ours
    single = look(side)
    multiply(side, range(2))
    few = look(side)
    multiply(side, range(2, 40))
    many = look(side)
    grown = _grown(few, many)
    assert grown == {}, "\n".join(["more rows take more queries:", *grown.values()])
    first = {name: told for name, told in _grown(single, few).items() if not name.startswith(NEW)}
    assert set(first) == set(FIRST), "\n".join(
        ["the first rows take more queries than FIRST knows:", *first.values()]
    )
    assert {name: len(few[name][1]) - len(single[name][1]) for name in first} == {
        name: further for name, (further, _) in FIRST.items()
    }
    found = [line(name, told) for name, told in many.items()]
    if os.environ.get("WRENCH_WRITE_QUERY_COUNTS"):
        FILE.write_text("\n".join(["# page, status, queries with tens of rows of everything", *found]) + "\n")
    known = committed()
    assert [one for one in found if one not in known] == [], "not as the file says, or not in it"
    assert [one for one in known if one not in found] == [], "in the file, and no more there"


def test_no_page_takes_too_many() -> None:
    assert [one for one in committed() if int(one.split()[-1]) > MOST] == []
    assert [one for one in committed() if one.split()[-2] >= "500"] == []


Looks = dict[str, tuple[int, list[str]]]


def _grown(before: Looks, after: Looks) -> dict[str, str]:
    """The pages that ask more than before, each in a line."""
    return {
        name: f"/{name}: {len(before[name][1])}, then {len(told[1])}: {_new_in(told[1], before[name][1])}"
        for name, told in after.items()
        if len(told[1]) > len(before[name][1])
    }


def _new_in(many: list[str], few: list[str]) -> str:
    """The statements that are asked more often, without their numbers."""
    more = Counter(map(_shape, many)) - Counter(map(_shape, few))
    return "; ".join(f"{count} x {statement}" for statement, count in more.most_common(4))


def _shape(statement: str) -> str:
    return re.sub(r"'[^']*'|\b\d+\b", "?", " ".join(statement.split()))[:300]
