"""Whatever is sent to a page, it answers: no query, no path and no field of a form makes it break.

Queries are made of every name that a page reads; forms are those that the pages show, found in their HTML, sent with
one field made hostile. The same in each run; `WRENCH_FUZZ_EXAMPLES` makes more of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urljoin, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from pytest_django import Settings

import frontend
from tests.api.test_matrix import quiet
from tests.api.world import QUERIES, Route, World, make_world, routes

EXAMPLES = int(os.environ.get("WRENCH_FUZZ_EXAMPLES", "100"))
DEEP = EXAMPLES > 1000
TURNS = 38 if DEEP else 2  # hostile values for each name at once
FORM = "application/x-www-form-urlencoded"
HOSTILE = (
    b"", b" ", b"\0", b"a\0b", b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9" * 40, b"1e309", b"-1", b"0",
    b"1.5", b"9" * 19, b"9" * 5000, b"NaN", b"\xd9\xa3", b"\xc2\xb2", b"../../etc/passwd", b"..%2f..%2f",
    b"<script>", b"'\"--", b"\xe2\x80\xaeabc", b"%", b"a" * 70_000, b"2026-13-45", b"0001-01-01",
    b"9999-12-31T23:59:59Z", b"1:2:3", b"\r\nA: b", b"9223372036854775808",
    b"2147483648:2147483648:2147483648", b"00000000-0000-0000-0000-000000000000", b"true", b"[]", b"{}",
    b"https://[", b"http://a:99999999/", b"//evil.example", b"*/1 * * * *", b"(" * 200, b"\\",
)  # fmt: skip
"""What breaks those who do not look: NUL, no UTF-8, numbers that are none or too large, digits of other scripts."""
_READ = re.compile(r"""(?:GET|POST|query|given|asked|data)\.(?:get|getlist)\(\s*"([\w-]+)\"""")
NAMES = sorted(
    {
        name
        for file in Path(frontend.__file__).parent.rglob("*.py")
        for name in _READ.findall(file.read_text())
    }
    | {"q", "state", "owner", "severity", "status", "agent", "rule", "path", "order", "new", "at", "after", "before"}
    | {"actor", "since", "line", "page", "cursor", "kind", "role"}
)  # fmt: skip
"""What any page reads of an address."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a page shows it: where it is sent, and what it sends."""

    action: str
    fields: tuple[tuple[str, str], ...]

    @property
    def names(self) -> list[str]:
        return sorted({name for name, _value in self.fields} - {"csrfmiddlewaretoken"})

    def body(self, hostile: dict[str, bytes]) -> bytes:
        kept = [(name, value.encode()) for name, value in self.fields if name not in hostile]
        return encoded([*kept, *hostile.items()])


class _Forms(HTMLParser):
    """Finds the forms of a page that change something."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.found, self.fields = at, list[Form](), list[tuple[str, str]]()
        self.action, self.select = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = (
                urljoin(self.at, got.get("action") or self.at) if got.get("method") == "post" else ""
            )
            self.fields = []
        elif tag == "select":
            self.select = got.get("name", "")
        elif tag == "option" and self.select and ("selected" in got or self.select not in dict(self.fields)):
            self.fields.append((self.select, got.get("value", "")))
        elif tag in {"input", "textarea", "button"} and got.get("name"):
            is_button = tag == "button" and got["name"] in dict(self.fields)
            if got.get("type") not in {"checkbox", "radio", "file"} and not is_button:
                self.fields.append((got["name"], got.get("value", "")))
            elif got.get("type") in {"checkbox", "radio"}:
                self.fields.append((got["name"], got.get("value", "on")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.action:
            self.found.append(Form(self.action, tuple(self.fields)))
            self.action = ""
        elif tag == "select":
            self.select = ""


def encoded(pairs: list[tuple[str, bytes]]) -> bytes:
    return "&".join(
        f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in pairs
    ).encode()


def pages() -> Iterator[Route]:
    for route in routes():
        if not route.is_api and not route.is_admin:
            yield route


def forms_of(client: Client, world: World) -> list[Form]:
    """Give the forms that the pages show to an owner, each once."""
    found: dict[tuple[str, tuple[str, ...]], Form] = {}
    runs = (world.ours.open_run, world.ours.paused_run, world.ours.approval.run)
    paths = [f"/runs/{run.public_id}" for run in runs]
    for route in pages():
        name = f"GET {route.pattern}"
        paths.append(route.path("GET", world.ours) + (QUERIES[name](world.ours) if name in QUERIES else ""))
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            parser = _Forms(path)
            parser.feed(answer.content.decode())
            for form in parser.found:
                found.setdefault((urlsplit(form.action).path, tuple(form.names)), form)
    return [form for (action, _names), form in sorted(found.items()) if action != "/logout/"]


def _with(route: Route, world: World, name: str, value: str) -> str:
    """Fill a pattern with one parameter made hostile."""
    fill = {**route.values("GET", world.ours), name: value}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: fill[found[1]], route.pattern)


def sent(client: Client, path: str, body: bytes | None = None) -> int:
    """Send it, take back whatever it did, and give the status."""
    with transaction.atomic():
        if body is None:
            answer: Any = client.get(path)
        else:
            answer = client.post(path, body, content_type=FORM)
        b"".join(answer)
        answer.close()
        transaction.set_rollback(True)
    return int(answer.status_code)


def hostile_values() -> st.SearchStrategy[bytes]:
    return st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40).map(_bytes), st.binary(max_size=20))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@pytest.fixture
def known(worker: None, settings: Settings) -> tuple[Client, World]:
    quiet(settings)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
    world = make_world()
    client = world.browsers["owner"]
    client.raise_request_exception = False
    return client, world


@pytest.mark.timeout(600)
def test_no_query_breaks_a_page(known: tuple[Client, World]) -> None:
    client, world = known
    broken: list[str] = []
    paths = [route.path("GET", world.ours) for route in pages()]

    def ask(path: str, pairs: list[tuple[str, bytes]]) -> None:
        url = f"{path}?{encoded(pairs).decode()}"
        if sent(client, url) >= 500:
            broken.append(url[:300])

    for path in paths:
        for turn in range(TURNS):
            ask(
                path,
                [(name, HOSTILE[(5 * place + 7 * turn) % len(HOSTILE)]) for place, name in enumerate(NAMES)],
            )
    ask(paths[0], [("severity", b"%d" % n) for n in range(10_000)])

    @given(st.sampled_from(paths), st.lists(st.tuples(st.sampled_from(NAMES), hostile_values()), max_size=5))
    @bounds(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def anything(path: str, pairs: list[tuple[str, bytes]]) -> None:
        ask(path, pairs)

    anything()
    assert broken == []


@pytest.mark.timeout(600)
def test_no_path_breaks_a_page(known: tuple[Client, World]) -> None:
    client, world = known
    broken = []
    for route in pages():
        for name in route.parameters:
            for value in HOSTILE[:: 1 if DEEP else 8]:
                path = _with(route, world, name, quote_from_bytes(value[:5000]))
                for method, body in (("GET", None), ("POST", b"")):
                    if sent(client, path, body) >= 500:
                        broken.append(f"{method} {path[:200]}")
    assert broken == []


@pytest.mark.timeout(600)
def test_no_field_of_a_form_breaks_a_page(known: tuple[Client, World]) -> None:
    client, world = known
    broken: list[str] = []
    forms = forms_of(client, world)
    assert len(forms) > 30, forms

    def send(form: Form, hostile: dict[str, bytes]) -> None:
        status = sent(client, form.action, form.body(hostile))
        if status >= 500:
            broken.append(f"{form.action[:120]} {str(hostile)[:120]}")

    for place, form in enumerate(forms):
        for turn in range(TURNS):
            send(
                form,
                {
                    name: HOSTILE[(place + 5 * n + 7 * turn) % len(HOSTILE)]
                    for n, name in enumerate(form.names)
                    if name != "act"
                },
            )
    fields = [(form, name) for form in forms for name in form.names]

    @given(st.sampled_from(fields), hostile_values())
    @bounds(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def anything(field: tuple[Form, str], value: bytes) -> None:
        send(field[0], {field[1]: value})

    anything()
    for form, name in fields:
        for value in HOSTILE if DEEP else (b"a\0b",):
            send(form, {name: value})
    assert broken == []
