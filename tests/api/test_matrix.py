"""The permission matrix: what everybody gets from everything, as a file that people read in a diff.

`matrix.txt` has a line per operation, made from the URL conf: the status that each role of `world.ROLES` is answered
with, and after the bar what those of `world.ELSEWHERE` get for the same thing of another team. An operation that is
not in the file fails. `WRENCH_WRITE_MATRIX=1` writes the file anew: read the difference before it is committed.
"""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from pytest_django import Settings

from accounts.limits.book import book
from accounts.models import RateRule
from tests.api.world import (
    ADMIN_ROLES,
    BODIES,
    ELSEWHERE,
    QUERIES,
    RAW,
    ROLES,
    Route,
    Side,
    World,
    make_world,
    routes,
)

FILE = Path(__file__).parent / "matrix.txt"
WIDTH = 100
NOT_ASKED = "-"
SIGN_IN = "in?"
PORTIONS = 6  # all of them at once take minutes on a busy machine


def asked(role: str, route: Route) -> bool:
    """Tell whether a role can come here at all: keys and tokens open no pages."""
    if route.is_admin:
        return role in ADMIN_ROLES
    return route.is_api or ":" not in role


def ask(world: World, role: str, method: str, route: Route, side: Side) -> str:
    """Send what a role would send, tell how it was answered, and take back whatever it did."""
    name = f"{method} {route.pattern}"
    client = (world.programs if route.is_api else world.browsers)[role]
    path = route.path(method, side) + (QUERIES[name](side) if name in QUERIES else "")
    body: Any = BODIES[name](side) if name in BODIES else {}
    cookies = copy.deepcopy(client.cookies)
    with transaction.atomic():
        if name in RAW:
            answer = client.post(path, b"bytes", content_type="application/octet-stream")
        elif method == "GET":
            answer = client.get(path)
        else:
            answer = getattr(client, method.lower())(path, body)
        answer.close()
        transaction.set_rollback(True)
    client.cookies = cookies
    to_sign_in = answer.status_code == 302 and answer["Location"].startswith(("/login/", "/admin/login/"))
    return SIGN_IN if to_sign_in else str(answer.status_code)


def line(world: World, method: str, route: Route) -> str:
    cells = [
        ask(world, role, method, route, world.ours) if asked(role, route) else NOT_ASKED for role in ROLES
    ]
    name = f"{method} {route.pattern}"
    others = route.is_api and (route.parameters or name in BODIES or name in QUERIES)
    if others or (route.parameters and not route.is_admin):
        cells.append("|")
        cells += [
            ask(world, role, method, route, world.theirs) if asked(role, route) else NOT_ASKED
            for role in ELSEWHERE
        ]
    return label(method, route) + " ".join(f"{cell:<3}" for cell in cells).rstrip()


def label(method: str, route: Route) -> str:
    return f"{method:<7}{route.pattern:<{WIDTH}}"


def quiet(settings: Settings) -> None:
    """Count no requests and no attempts: thousands come in a minute. Credentials get a key of their own."""
    settings.RATELIMIT_ENABLE = False
    settings.MASTER_KEY = f"test:{base64.b64encode(bytes(32)).decode()}"
    RateRule.objects.all().delete()
    book.forget()


def header() -> Iterator[str]:
    """Name the columns, read downwards."""
    yield f"# columns: {' '.join(ROLES)} | with what is another team's: {' '.join(ELSEWHERE)}"
    yield f"# {NOT_ASKED}: keys and tokens open no pages; {SIGN_IN}: sent to the page that signs in"


def committed() -> list[str]:
    return [one for one in FILE.read_text().splitlines() if not one.startswith("#")] if FILE.exists() else []


def operations() -> list[tuple[str, Route]]:
    return [(method, route) for route in routes() for method in route.methods]


def labels() -> list[str]:
    return [label(method, route) for method, route in operations()]


def named(lines: list[str]) -> dict[str, str]:
    """Lines by the operation that they tell of."""
    return {one[: 7 + WIDTH]: one for one in lines}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_everybody_gets_what_the_file_says(portion: int, worker: None, settings: Settings) -> None:
    quiet(settings)
    world = make_world()
    found = named([line(world, method, route) for method, route in operations()[portion::PORTIONS]])
    cache.clear()
    known = named(committed())
    if os.environ.get("WRENCH_WRITE_MATRIX"):
        known |= found
        FILE.write_text("\n".join([*header(), *(known[one] for one in labels() if one in known)]) + "\n")
    assert [one for name, one in found.items() if known.get(name) != one] == [], "not as the file says"


def test_file_says_nothing_of_what_is_no_more_there() -> None:
    assert list(named(committed())) == labels()


# What the file may never say, whoever writes it. No database is needed to read it.
OPEN = frozenset(
    {
        "GET favicon.ico",
        "GET invitations/<str:token>",
        "POST invitations/<str:token>",
        "GET enter/<str:token>",
        "GET documents/<str:capability>/<path:path>",
    }  # the token is the secret
    | {"POST account/theme", "POST account/language/set"}  # colours and words are anybody's
    | {"GET flower", "POST flower"}  # flower/ asks who it is
    | {"GET livez", "GET readyz", "GET login/", "POST login/", "GET admin/logout/", "POST admin/logout/"}
) | {f"POST api/v1/token{rest}" for rest in ("", "/refresh", "/revoke")}
OF_ONESELF = (
    "api/v1/keys", "api/v1/me", "api/v1/sessions", "api/v1/stream/ticket", "account/",
)  # fmt: skip
VIEWERS_WRITE = frozenset(
    {
        *(
            "POST api/v1/teams",
            "POST api/v1/teams/<team:team>/leave",
            "POST teams",
            "POST teams/<team:team>/leave",
        ),
        # which store nothing
        *("POST api/v1/plans", "POST api/v1/schedules/preview"),
        "POST projects/<project:project>/settings/schedules/preview",
        "POST invitations/<str:token>",
    }
)
"""What a viewer may do beside reading and what concerns only oneself."""
REFUSED_TO_ALL = frozenset(
    {
        "POST api/v1/projects/<project:project>/leave",
        *("POST account/theme", "POST account/language/set"),  # without a theme, or a language
        # with tokens that nobody was given
        *("GET enter/<str:token>", "GET documents/<str:capability>/<path:path>"),
        *("GET shared/<str:token>", "GET shared/<str:token>/parts", "GET shared/<str:token>/log"),
        *("GET shared/<str:token>/log/lines", "GET shared/<str:token>/files/<str:name>"),
    }
)


def table() -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Read the file: an operation, how each role is answered, and how for what is another team's."""
    for one in committed():
        name = " ".join(one[: WIDTH + 7].split())
        own, _, other = one[WIDTH + 7 :].partition("|")
        yield (
            name,
            dict(zip(ROLES, own.split(), strict=True)),
            dict(zip(ELSEWHERE, other.split(), strict=False)),
        )


def writes(name: str) -> bool:
    return not name.startswith("GET") and not name.partition(" ")[2].startswith(("admin/", *OF_ONESELF))


def test_nothing_breaks() -> None:
    assert [
        name for name, own, other in table() if any(c[0] == "5" for c in (*own.values(), *other.values()))
    ] == []


def test_strangers_get_nothing() -> None:
    answered = {
        name for name, own, _ in table() if own["anonymous"] not in {"401", "405", SIGN_IN, NOT_ASKED, "404"}
    }
    assert answered == OPEN


def test_what_is_over_opens_nothing() -> None:
    for name, own, _ in table():
        if own["key:old"] != NOT_ASKED and name not in OPEN:
            assert (own["token:old"], own["key:old"]) == ("401", "401"), name


def test_viewers_write_nothing() -> None:
    wrote = {
        name
        for name, own, _ in table()
        if writes(name) and own["viewer"] in {"200", "201", "202", "204", "302"}
    }
    assert {name for name in wrote if name not in OPEN} - VIEWERS_WRITE == set()


def test_what_is_another_teams_is_not_there() -> None:
    for name, own, other in table():
        of_all = (
            "<uuid:session_id>",
            "agents/",
            "queues/",
            "invitations/<str:token>",
            "documents/",
            "enter/",
            "help/",  # the same for everybody
        )
        if "<" not in name or own["owner"] == "405" or any(part in name for part in of_all):
            continue
        for role in ELSEWHERE:
            if other and role != "staff" and other[role] != NOT_ASKED:
                assert other[role] == "404", f"{name}: {role} is answered {other[role]}"


def test_everything_is_permitted_to_somebody() -> None:
    refused = {
        name
        for name, own, _ in table()
        if not any(cell[0] in "23" or cell == SIGN_IN for cell in own.values()) and "405" not in own.values()
    }
    assert {name for name in refused if "admin/" not in name} - REFUSED_TO_ALL == set()


def test_greater_roles_may_what_lesser_ones_may() -> None:
    for name, own, _ in table():
        ladder = [own[role] for role in ("viewer", "developer", "maintainer", "owner")]
        allowed = [cell[0] == "2" or cell == "302" for cell in ladder]
        if "leave" not in name:
            assert allowed == sorted(allowed), f"{name}: {ladder}"
