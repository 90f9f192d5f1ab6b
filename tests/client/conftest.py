"""The client against a real web server on the tests' database, and a folder of its own for what it keeps."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api.cast import PASSWORD, Cast, make_cast
from tests.e2e.conftest import Web, web  # noqa: F401 - fixtures
from wrenchai_client.__main__ import main
from wrenchai_client.credentials import Credential, Store
from wrenchai_client.door import by_password


@dataclass(frozen=True, slots=True)
class Done:
    """What a call of the client came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Client = Callable[..., Done]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the user's is read or written; signal handlers are as before."""
    monkeypatch.setenv("WRENCHAI_CONFIG", str(tmp_path / "config"))
    for name in ("WRENCHAI_URL", "WRENCHAI_KEY", "WRENCHAI_PLAIN_HTTP"):
        monkeypatch.delenv(name, raising=False)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def wrenchai(capsys: pytest.CaptureFixture[str]) -> Client:
    """Call the client as the shell would."""

    def call(*argv: str) -> Done:
        try:
            code = main(argv)
        except SystemExit as ended:  # argparse ends by itself
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return call


@pytest.fixture
def folk(web: Web) -> Cast:  # noqa: F811 - the fixture
    return make_cast()


@pytest.fixture
def sign_in(web: Web, folk: Cast) -> Callable[[str], Credential]:  # noqa: F811 - the fixture
    """Sign somebody of the cast in at the server."""

    def go(name: str) -> Credential:
        credential = by_password(web.url, name, PASSWORD)
        Store().put(web.url, credential)
        return credential

    return go
