"""Attack the twins, to see that each is what its author says: `python -m benchmarks.inspector.cases.attacks BATCH`.

Needs the environment of `truth.py`, whose watch and whose rules of success it shares. Programs name a shop below
`/srv/shop`; they are run from a copy in which that is a folder of their own, made afresh for every request. Exits
with 1 and tells of the twins that are broken or not what they are said to be.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from benchmarks.inspector.cases import truth
from benchmarks.inspector.cases.pairs import PAIRS, SIDES, Pair, write
from benchmarks.inspector.cases.truth import WATCH, Answer

SHOP = "/srv/shop"
SECRET = "TOP-SECRET-FILE"
_USER = '<user name="{}"><mail>{}</mail></user>'
USERS = f"<users>{_USER.format('report', 'fine')}{_USER.format('hidden', 'SECRET-ROW')}</users>"


@dataclass(slots=True)
class Ask:
    """A request, free of frameworks."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, str] = field(default_factory=dict)
    json: Any = None
    body: bytes | None = None


def asked(line: str, text: str) -> Ask:
    """Put the text in the places that `@ask` names. Raises KeyError at a place that is not known."""
    first, *rest = line.split("; ")
    method, _, url = first.partition(" ")
    ask = Ask(method, url.replace("{}", quote(text, safe="")))
    for part in rest:
        word, _, told = part.partition(" ")
        name, _, value = told.partition(": " if word == "header" else "=")
        if word == "json":
            ask.json = _filled(json.loads(told), text)
        elif word == "body":
            ask.body = told.replace("{}", text).encode()
        else:
            places = {"header": ask.headers, "cookie": ask.cookies, "form": ask.form, "upload": ask.uploads}
            places[word][name.replace("{}", text)] = value.replace("{}", text)
    return ask


def _filled(told: Any, text: str) -> Any:
    if isinstance(told, dict):
        return {_filled(key, text): _filled(value, text) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(value, text) for value in told]
    return told.replace("{}", text) if isinstance(told, str) else told


def _flask(module: ModuleType, ask: Ask) -> Answer:
    module.app.secret_key = module.app.secret_key or "only for cases"
    client = module.app.test_client()
    for name, value in ask.cookies.items():
        client.set_cookie(name, value)
    options: dict[str, Any] = {"method": ask.method, "headers": ask.headers}
    if ask.form or ask.uploads:
        options["data"] = ask.form | {name: (BytesIO(b"x"), file) for name, file in ask.uploads.items()}
    elif ask.json is not None:
        options["json"] = ask.json
    elif ask.body is not None:
        options |= {"data": ask.body, "content_type": "text/plain"}
    return truth.answer_of_flask(client, client.open(ask.url, **options))


def _django(module: ModuleType, ask: Ask) -> Answer:
    from django.test import RequestFactory
    from django.urls import resolve

    factory = RequestFactory()
    factory.cookies.load(ask.cookies)
    if ask.json is not None or ask.body is not None:
        data: Any = ask.body if ask.json is None else json.dumps(ask.json)
        kind: dict[str, Any] = {"content_type": "text/plain" if ask.json is None else "application/json"}
        request = factory.generic(ask.method, ask.url, data, headers=ask.headers, **kind)
    elif ask.form:
        request = factory.post(ask.url, ask.form, headers=ask.headers)
    else:
        request = factory.generic(ask.method, ask.url, headers=ask.headers)
    request.session = {}  # type: ignore[assignment]  # as in truth.py
    found = resolve(request.path, urlconf=module)  # type: ignore[arg-type]  # likewise
    return truth.answer_of_django(request, found.func(request, *found.args, **found.kwargs))


def _fastapi(module: ModuleType, ask: Ask) -> Answer:
    from starlette.testclient import TestClient  # type: ignore[import-not-found,unused-ignore]  # as in truth.py

    client = TestClient(module.app, follow_redirects=False, cookies=ask.cookies)
    files = {name: (file, b"x") for name, file in ask.uploads.items()} or None
    response = client.request(ask.method, ask.url, headers=ask.headers, data=ask.form or None, files=files,
                              json=ask.json, content=ask.body)  # fmt: skip
    return truth.answer_of_starlette(response)


def _aiohttp(module: ModuleType, ask: Ask) -> Answer:
    from aiohttp.test_utils import TestClient, TestServer  # type: ignore[import-not-found,unused-ignore]  # likewise

    module = importlib.reload(module)  # its application belongs to one event loop

    async def go() -> Answer:
        async with TestClient(TestServer(module.app), cookies=ask.cookies) as client:
            data: Any = ask.form or ask.body
            answer = await client.request(ask.method, ask.url, headers=ask.headers, data=data, json=ask.json,
                                          allow_redirects=False)  # fmt: skip
            return Answer(answer.status, await answer.text(), answer.headers.get("Content-Type", ""),
                          answer.headers.get("Location", ""), answer.headers.getall("Set-Cookie", []))  # fmt: skip

    return asyncio.run(go())


ASK: dict[str, Callable[[ModuleType, Ask], Answer]] = {
    "flask": _flask, "django": _django, "fastapi": _fastapi, "aiohttp": _aiohttp,
}  # fmt: skip


class _Records(logging.Handler):
    """Keeps what was logged."""

    def emit(self, record: logging.LogRecord) -> None:
        if "\nFORGED" in record.getMessage():
            WATCH.told.add("forged")


def furnish(shop: Path) -> None:
    """Make the shop as it is before each request."""
    (shop / "files").mkdir(parents=True, exist_ok=True)
    for name in ("report", "report.txt", "other"):
        (shop / "files" / name).write_text("fine")
    (shop / "secret.txt").write_text(SECRET)
    (shop / "users.xml").write_text(USERS)
    (shop / "shop.db").unlink(missing_ok=True)
    with sqlite3.connect(shop / "shop.db") as link:
        link.execute("CREATE TABLE item (name TEXT, owner TEXT, price INTEGER, secret TEXT)")
        link.execute(
            "INSERT INTO item VALUES ('report', 'ann', 5, 'fine'), ('hidden', 'root', 900, 'SECRET-ROW')"
        )
    link.close()


def _succeeded(pair: Pair, payload: str, answer: Answer, shop: Path) -> bool:
    if pair.kind == "log":
        return "forged" in WATCH.told
    if pair.kind == "path":
        file = shop / "secret.txt"
        return SECRET in answer.body or not file.exists() or file.read_text() != SECRET
    return truth.succeeded(pair.kind, payload, answer)


def judge(pair: Pair, name: str, places: dict[str, str], shop: Path) -> str:
    """Attack one twin. Returns "vulnerable", "safe" or "broken: why"."""

    def load() -> ModuleType:
        furnish(shop)
        return importlib.import_module(name)

    def ask(module: ModuleType, text: str) -> Answer:
        furnish(shop)
        return ASK[pair.frame](module, asked(pair.ask, text))

    return truth.attack(
        load,
        ask,
        lambda payload, answer: _succeeded(pair, payload, answer, shop),
        fine=pair.fine,
        payloads=pair.payloads,
        places=places,
    )


def main(batch: Path) -> int:
    """Attack all twins of a batch; tell of those that are not what they are said to be, and give their number."""
    logging.getLogger().addHandler(_Records())
    with truth.watching(["nowhere"]) as host, tempfile.TemporaryDirectory() as place:
        return _attack(batch, Path(place), host)


def _attack(batch: Path, place: Path, host: str) -> int:
    shop, programs = place / "shop", place / "programs"
    places = {"CASE_SECRET": f"{shop}/secret.txt", SHOP: str(shop), "CASE_HOST": host}
    WATCH.case = str(programs)
    made = write(batch, programs)
    for file in programs.rglob("*.py"):
        compile(file.read_text(), str(file), "exec")
        file.write_text(file.read_text().replace(SHOP, str(shop)))
    sys.path.insert(0, str(programs))
    attacked = [(pair, side, case) for pair, side, case in made if pair.is_attackable]
    wrong = 0
    for pair, side, case in attacked:
        name = case.removesuffix(".py") if case.endswith(".py") else f"{case}.app"
        seen = judge(pair, name, places, shop)
        if seen != SIDES[side]:
            wrong += 1
            print(f"{case} ({pair.words}) is said to be {SIDES[side]}, is {seen}")
    print(f"{len(made)} programs, {len(attacked)} attacked, {wrong} not what they are said to be")
    return wrong


if __name__ == "__main__":
    sys.exit(main(PAIRS / sys.argv[1]) > 0)
