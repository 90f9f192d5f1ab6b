"""Find out which cases are vulnerable by attacking each: `python -m benchmarks.inspector.cases.truth FOLDER`.

Needs the web frameworks (`requirements.txt` beside this file) and writes `truth.json`: file -> "vulnerable",
"safe", or "broken: ..." where even a harmless request fails (such a case is counted nowhere). Everything happens in
this process and on loopback; the commands that are injected only add two numbers.

A case counts as vulnerable if one of its payloads does what its kind promises: reads the row, the file or the page
that was to stay hidden, has the sum computed by the shell, calls the mark, leaves the site, arrives unescaped.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib.util
import json
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.inspector.cases.flows import FLOWS

ENCODE = {flow.name: flow.encode for flow in FLOWS}
WEAK_HASHES = {"md5", "sha1", "md4"}
GUESSABLE = ("random", "randint", "choice", "choices", "getrandbits", "randrange")


@dataclass(slots=True)
class Answer:
    """What came back, whatever the framework."""

    status: int
    body: str
    media_type: str = ""
    location: str = ""
    cookies: list[str] = field(default_factory=list)
    session: str = ""


class Watch:
    """What cases did beside answering: marks called, hosts asked, filters sent, weak functions used."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.filters: list[str] = []
        self.case = ""

    def install(self) -> None:
        """Put the watch around the functions in question, before any case is imported."""
        builtins.case_mark = self.mark  # type: ignore[attr-defined]  # what payloads call
        for name in ("md5", "sha1"):
            setattr(hashlib, name, self._around(getattr(hashlib, name), "weak hash"))
        new = hashlib.new

        def watched_new(name: str, *args: Any, **options: Any) -> Any:
            if name.lower() in WEAK_HASHES and self._is_from_case():
                self.told.add("weak hash")
            return new(name, *args, **options)

        hashlib.new = watched_new
        for name in GUESSABLE:
            setattr(random, name, self._around(getattr(random, name), "guessable"))
        from ldap3 import Connection  # type: ignore[import-untyped,unused-ignore]  # in the cases' environment only

        search = Connection.search

        def watched_search(
            link: Any, search_base: str, search_filter: str, *args: Any, **options: Any
        ) -> Any:
            self.filters.append(search_filter)
            return search(link, search_base, search_filter, *args, **options)

        Connection.search = watched_search

    def clear(self) -> None:
        """Forget what was seen."""
        self.told.clear()
        self.filters.clear()

    def mark(self, text: str = "") -> str:
        self.told.add("mark")
        return "marked"

    def _around(self, function: Callable[..., Any], word: str) -> Callable[..., Any]:
        def watched(*args: Any, **options: Any) -> Any:
            if self._is_from_case():
                self.told.add(word)
            return function(*args, **options)

        return watched

    def _is_from_case(self) -> bool:
        return sys._getframe(2).f_code.co_filename.startswith(self.case)


WATCH = Watch()


class _Inner(BaseHTTPRequestHandler):
    """The host that only the server can reach."""

    def do_GET(self) -> None:
        WATCH.told.add("asked")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"inner page")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def succeeded(kind: str, payload: str, answer: Answer) -> bool:
    """Tell whether an attack of this kind did what it promises."""
    if kind in ("sql", "xpath"):
        return "SECRET-ROW" in answer.body
    if kind in ("path", "xxe"):
        return "TOP-SECRET-FILE" in answer.body
    if kind == "command":
        return "5718" in answer.body
    if kind == "template":
        return "5720-marked" in answer.body
    if kind == "xss":
        return payload in answer.body and "html" in answer.media_type
    if kind == "redirect":
        return answer.location.startswith(("https://evil.example", "//evil.example"))
    if kind == "trust":
        return "TRUSTED-MARK" in answer.session
    if kind == "ldap":
        return any(payload in text for text in WATCH.filters)
    if kind == "cookie":
        return any("session_id" in cookie and "secure" not in cookie.lower() for cookie in answer.cookies)
    word = {
        "code": "mark",
        "deserialisation": "mark",
        "ssrf": "asked",
        "hash": "weak hash",
        "random": "guessable",
    }[kind]
    return word in WATCH.told


def _flask(module: ModuleType, carrier: str, text: str) -> Answer:
    client = module.app.test_client()
    if carrier == "cookie":
        client.set_cookie("item", text)
    return answer_of_flask(client, client.open(**_request(carrier, text, quoted=True)))


def answer_of_flask(client: Any, response: Any) -> Answer:
    """What Flask's test client got."""
    with client.session_transaction() as session:
        kept = repr(dict(session))
    return Answer(response.status_code, response.get_data(as_text=True), response.mimetype or "",
                  response.headers.get("Location", ""), response.headers.getlist("Set-Cookie"), kept)  # fmt: skip


def _request(carrier: str, text: str, *, quoted: bool) -> dict[str, Any]:
    from urllib.parse import quote

    options: dict[str, Any] = {"path": "/case", "method": "GET"}
    if carrier == "query":
        options["query_string"] = {"q": text}
    elif carrier == "form":
        options |= {"method": "POST", "data": {"q": text}}
    elif carrier == "json":
        options |= {"method": "POST", "json": {"q": text}}
    elif carrier == "body":
        options |= {"method": "POST", "data": text.encode(), "content_type": "text/plain"}
    elif carrier == "header":
        options["headers"] = {"X-Item": text}
    elif carrier == "path":
        options["path"] = "/case/" + (quote(text, safe="") if quoted else text)
    return options


def _django(module: ModuleType, carrier: str, text: str) -> Answer:
    from django.test import RequestFactory
    from django.urls import resolve

    factory = RequestFactory()
    if carrier == "cookie":
        factory.cookies["item"] = text
    headers = {"X-Item": text} if carrier == "header" else None
    if carrier == "form":
        request = factory.post("/case", {"q": text})
    elif carrier == "json":
        request = factory.post("/case", json.dumps({"q": text}), content_type="application/json")
    else:
        request = factory.get("/case", {"q": text} if carrier == "query" else None, headers=headers)
    request.session = {}  # type: ignore[assignment]  # a dictionary does for one request
    arguments = {"q": text} if carrier == "path" else {}
    resolve("/case/x" if carrier == "path" else "/case", urlconf=module)  # type: ignore[arg-type]  # modules do, too
    return answer_of_django(request, module.case(request, **arguments))


def answer_of_django(request: Any, response: Any) -> Answer:
    """What a view of Django gave, be it streamed or not."""
    if not getattr(response, "is_rendered", True):
        response.render()
    return Answer(response.status_code, b"".join(response).decode(errors="replace"), response.headers["Content-Type"],
                  response.headers.get("Location", ""), [str(c.OutputString()) for c in response.cookies.values()],
                  repr(request.session))  # fmt: skip


def _fastapi(module: ModuleType, carrier: str, text: str) -> Answer:
    from urllib.parse import quote

    from starlette.testclient import TestClient  # type: ignore[import-not-found,unused-ignore]  # likewise

    client = TestClient(
        module.app, follow_redirects=False, cookies={"item": text} if carrier == "cookie" else None
    )
    if carrier == "json":
        response = client.post("/case", json={"q": text})
    elif carrier == "path":
        response = client.get("/case/" + quote(text, safe=""))
    else:
        response = client.get("/case", params={"q": text} if carrier == "query" else None,
                              headers={"X-Item": text} if carrier == "header" else None)  # fmt: skip
    return answer_of_starlette(response)


def answer_of_starlette(response: Any) -> Answer:
    """What Starlette's test client got."""
    return Answer(response.status_code, response.text, response.headers.get("Content-Type", ""),
                  response.headers.get("Location", ""), response.headers.get_list("Set-Cookie"))  # fmt: skip


def _no_view(request: object) -> Any:
    """Stand for the page that a name in a redirect may mean."""


NAMES = ("report", "other", "daily", "0", "reportreport")
ASK = {"flask": _flask, "django": _django, "fastapi": _fastapi}


def judge(folder: Path, case: dict[str, Any], places: dict[str, str]) -> str:
    """Attack one case. Returns "vulnerable", "safe" or "broken: why"."""
    path = folder / case["file"]
    encode, ask = ENCODE.get(case["flow"], str), ASK[case["framework"]]
    WATCH.case = str(path)

    def load() -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module

    return attack(
        load,
        lambda module, text: ask(module, case["carrier"], encode(text)),
        lambda payload, answer: succeeded(case["kind"], payload, answer),
        fine="report",
        payloads=case["payloads"],
        places=places,
    )


def attack(
    load: Callable[[], ModuleType],
    ask: Callable[[ModuleType, str], Answer],
    is_success: Callable[[str, Answer], bool],
    *,
    fine: str,
    payloads: Iterable[str],
    places: dict[str, str],
) -> str:
    """Ask a program with a harmless text, then with each payload; without any, the harmless answer is judged."""
    try:
        module = load()
        WATCH.clear()
        harmless = ask(module, fine)
    except Exception as error:  # whatever a program raises before it is attacked: it is broken
        return f"broken: {type(error).__name__}: {error}"
    if harmless.status >= 500 or harmless.status in (404, 405, 422):
        return f"broken: a harmless request gives {harmless.status}: {harmless.body[:120]}"
    if not payloads:
        return "vulnerable" if is_success("", harmless) else "safe"
    for payload in payloads:
        for word, place in places.items():
            payload = payload.replace(word, place)
        WATCH.clear()
        try:
            answer = ask(module, payload)
        except Exception:  # the attack broke the program: a success only if it did something before
            answer = Answer(500, "")
        if is_success(payload, answer):
            return "vulnerable"
    return "safe"


@contextmanager
def watching(names: Iterable[str]) -> Iterator[str]:
    """Watch what cases do, with a Django that has pages of these names. Gives the address of the inner host."""
    import django
    from django.conf import settings
    from django.urls import path as url_path

    nobody = {"UNAUTHENTICATED_USER": None}  # else Django REST framework wants a database of users
    settings.configure(
        SECRET_KEY="only for cases", ALLOWED_HOSTS=["*"], ROOT_URLCONF="no_urls", REST_FRAMEWORK=nobody
    )
    django.setup()
    no_urls = ModuleType("no_urls")
    urls = [url_path(name, _no_view, name=name) for name in names]
    no_urls.urlpatterns = urls  # type: ignore[attr-defined]  # of a module that is made here
    sys.modules["no_urls"] = no_urls
    WATCH.install()
    server = HTTPServer(("127.0.0.1", 0), _Inner)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def main(folder: Path) -> None:
    """Attack all cases of a folder and write the truth beside them."""
    with watching(NAMES) as host, tempfile.TemporaryDirectory() as place:
        (Path(place) / "files").mkdir()
        (Path(place) / "files" / "report").write_text("fine")
        (Path(place) / "secret.txt").write_text("TOP-SECRET-FILE")
        builtins.CASE_FOLDER = f"{place}/files"  # type: ignore[attr-defined]  # what cases read below
        places = {"CASE_SECRET": f"{place}/secret.txt", "CASE_HOST": host}
        cases = json.loads((folder / "cases.json").read_text())
        truth = {case["file"]: judge(folder, case, places) for case in cases}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1))
    counts = {
        word: sum(text.startswith(word) for text in truth.values())
        for word in ("vulnerable", "safe", "broken")
    }
    print(counts)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
