"""What the client keeps: in a file that nobody else may read, one writer at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wrenchai_client import door
from wrenchai_client.credentials import Credential, Store, from_environment
from wrenchai_client.errors import BAD_INPUT, FORBIDDEN, ClientError

URL = "https://wrench.example.org"


def test_credentials_are_kept_for_their_server_and_for_nobody_else(tmp_path: Path) -> None:
    store = Store(tmp_path / "config")
    store.put(URL, Credential(access="a", refresh="r", username="vera"))
    store.put("https://other.example.org", Credential(key="k"))
    assert store.get(URL) == Credential(access="a", refresh="r", username="vera")
    assert store.current() == "https://other.example.org"
    file = tmp_path / "config" / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert store.drop("https://other.example.org") == Credential(key="k")
    assert (store.current(), store.get("https://other.example.org")) == (URL, None)


def test_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put(URL, Credential(key="k"))
    (tmp_path / "credentials.json").chmod(0o644)
    with pytest.raises(ClientError, match=r"others may read .* chmod 600 it"):
        store.get(URL)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"current": "", "servers": {"x": {"odd": 1}}}', "\x00"])
def test_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ClientError, match="is damaged: delete it and sign in again"):
        Store(tmp_path).current()


def test_secrets_do_not_show_in_a_credential() -> None:
    shown = repr(Credential(key="wr_secret", access="ey.secret", refresh="secret"))
    assert "secret" not in shown


def test_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRENCHAI_URL", f"{URL}/")
    monkeypatch.setenv("WRENCHAI_KEY", "k")
    assert from_environment() == (URL, Credential(key="k"))
    monkeypatch.delenv("WRENCHAI_URL")
    with pytest.raises(ClientError, match="WRENCHAI_URL is not: whose key is it"):
        from_environment()


def test_key_of_the_environment_is_sent_to_its_own_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRENCHAI_URL", URL)
    monkeypatch.setenv("WRENCHAI_KEY", "k")
    assert door.open_door("", None).token == "k"
    with pytest.raises(ClientError, match="not signed in at https://evil") as caught:
        door.open_door("https://evil.example.org", None)
    assert caught.value.exit_code == FORBIDDEN


@pytest.mark.parametrize(
    "url", ["wrench.example.org", "ftp://x", "https://", "https://a:b@x", "https://x?y=1"]
)
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="is no address of a server") as caught:
        door.checked(url)
    assert caught.value.exit_code == BAD_INPUT


def test_unencrypted_address_has_to_be_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "http://wrench.example.org"
    with pytest.raises(ClientError, match="is not encrypted"):
        door.checked(plain)
    Store().put(plain, Credential(key="k"))
    with pytest.raises(ClientError, match="is not encrypted"):
        door.open_door(plain, None)
    Store().put(plain, Credential(key="k", plain_http=True))
    assert door.open_door(plain, None).token == "k"
    for near in ("http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"):
        assert door.checked(near) == near
    assert json.dumps(Store().current())
