"""One POST: what a receiver may answer, where we do not go, and how long it may take."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitoring import checks, sending
from monitoring.sending import Answer
from tests.monitoring.receiver import Receiver, after, answer, certificate, serving

NAME = "hooks.example.test"
BODY = b'{"event":"ping"}'


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def post(url: str, resolve: Callable[[str, int], list[str]] = loopback) -> Answer:
    return sending.post(url, BODY, {"X-Wrench-Event": "ping", "X-Wrench-Delivery": "1"}, resolve=resolve)


@contextmanager
def raw(*chunks: bytes, pause: float = 0.0, keep: bool = False) -> Iterator[int]:
    """A server that sends these bytes whatever it is asked, and counts nothing."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                try:
                    peer, _ = listening.accept()
                except TimeoutError:
                    continue
                with peer:
                    try:
                        peer.recv(65_536)
                        for chunk in chunks:
                            peer.sendall(chunk)
                            stop.wait(pause)
                        while keep and not stop.wait(0.05):
                            pass
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def test_https_goes_to_the_resolved_address_with_the_name_of_the_url(tmp_path: Path, settings: Any) -> None:
    trusted, context = certificate(tmp_path, NAME)
    asked: list[str | None] = []
    context.sni_callback = lambda sock, name, _: asked.append(name)
    settings.WEBHOOK_CA_FILE, settings.WEBHOOK_HTTP = str(trusted), False
    with serving(context) as receiver:
        told = post(receiver.url(NAME))
    assert (told.status, told.error, told.is_good) == (204, "", True)
    (got,) = receiver.got
    assert (asked, got.headers["Host"], got.body) == ([NAME], f"{NAME}:{receiver.port}", BODY)


def test_certificate_of_another_name_or_of_nobody_known_is_refused(tmp_path: Path, settings: Any) -> None:
    trusted, context = certificate(tmp_path, "other.example.test")
    with serving(context) as receiver:
        unknown = post(receiver.url("other.example.test"))
        settings.WEBHOOK_CA_FILE = str(trusted)
        wrong = post(receiver.url(NAME))
    assert (unknown.status, wrong.status, receiver.got) == (None, None, [])
    assert "self-signed certificate" in unknown.error
    assert "Hostname mismatch" in wrong.error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.script = [answer(status, Location=receiver.url(path="/elsewhere"))]
    told = post(receiver.url())
    assert (told.status, told.is_good, len(receiver.got)) == (status, False, 1)
    assert told.error == f"answered {status}: redirects are not followed; give the URL that it leads to"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("inside.example.org", "10.0.0.5"),
        ("inside.example.org", "172.16.3.1"),
        ("inside.example.org", "192.168.1.1"),
        ("cgnat.example.org", "100.64.0.1"),
        ("metadata.example.org", "169.254.169.254"),
        ("metadata.example.org", "fd00:ec2::254"),
        ("localhost", "::1"),
        ("zero.example.org", "0.0.0.0"),
        ("zero.example.org", "::"),
        ("linklocal.example.org", "fe80::1%eth0"),
        ("many.example.org", "224.0.0.251"),
        ("many.example.org", "ff02::1"),
        ("mapped.example.org", "::ffff:10.0.0.5"),
        ("nat64.example.org", "64:ff9b::a00:5"),
        ("nat64.example.org", "64:ff9b:1::a00:5"),
        ("sixtofour.example.org", "2002:a00:5::"),
        ("compatible.example.org", "::10.0.0.5"),
        ("teredo.example.org", "2001:0:53aa:64c:0:0:f5ff:fffa"),
        ("reserved.example.org", "240.0.0.1"),
        ("broadcast.example.org", "255.255.255.255"),
    ],
)
def test_address_that_is_not_public_is_refused(host: str, address: str, settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = []
    told = post(f"https://{host}/", lambda name, port: [address])
    assert told.status is None
    assert told.error.startswith(f"not sent: the host {host!r} leads to ")
    assert "WRENCH_WEBHOOK_NETWORKS" in told.error


def test_one_private_address_among_public_ones_is_enough_to_refuse(settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = []
    told = post(f"https://{NAME}/", lambda name, port: ["93.184.216.34", "127.0.0.1"])
    assert "leads to 127.0.0.1, which is not public" in told.error


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "[::1]"])
def test_addresses_in_disguise_are_refused(host: str, settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = []
    told = sending.post(f"https://{host}/", BODY, {})
    assert (told.status, told.error.startswith("not sent: ")) == (None, True)


def test_name_that_changes_its_address_gains_nothing(receiver: Receiver, settings: Any) -> None:
    """DNS rebinding: the first answer is allowed, later ones lead inside. There is no second question."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.1/32"]
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    told = post(receiver.url(NAME), rebinding)
    assert (told.status, asked, receiver.got[0].headers["Host"]) == (204, [NAME], f"{NAME}:{receiver.port}")
    again = post(receiver.url(NAME), rebinding)
    assert (again.status, asked, len(receiver.got)) == (None, [NAME] * 2, 1)
    assert "leads to 127.0.0.2" in again.error


def test_name_without_an_address_is_told() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    told = post("https://nowhere.example.test/", nothing)
    assert told.error.startswith("not sent: the host 'nowhere.example.test' has no address")


def test_setting_that_forbids_http_holds_for_hooks_that_are_there(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_HTTP = False
    told = post(receiver.url())
    assert (told.error, receiver.got) == ("not sent: webhooks are sent by https, not 'http'", [])


def test_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.url()).status == 204


def test_nobody_listens(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = post(f"http://127.0.0.1:{port}/")
    assert (told.status, told.error) == (None, "no answer: [Errno 111] Connection refused")


def test_receiver_that_says_nothing_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    gate = threading.Event()
    receiver.script = [after(gate, answer(204))]
    begun = time.monotonic()
    told = post(receiver.url())
    gate.set()
    assert (told.status, told.error) == (None, "no answer within 0.3 seconds")
    assert time.monotonic() - begun < 3


def test_drop_by_drop_is_no_way_to_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read succeeds within its time; together they do not."""
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    with raw(*[b"HTTP/1.1 200 OK\r\nX: "] + [b"x"] * 200, pause=0.05) as port:
        begun = time.monotonic()
        told = post(f"http://127.0.0.1:{port}/")
    assert (told.status, told.error) == (None, "no answer within 0.5 seconds")
    assert time.monotonic() - begun < 3


def test_tls_that_never_shakes_hands_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    with raw(keep=True) as port:
        told = post(f"https://{NAME}:{port}/")
    assert told.status is None
    assert "no answer" in told.error


def test_status_counts_though_the_body_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthanks", keep=True) as port:
        told = post(f"http://127.0.0.1:{port}/")
    assert (told.status, told.excerpt, told.is_good) == (200, "thanks", True)


def test_huge_body_is_left_unread(receiver: Receiver) -> None:
    receiver.script = [answer(200, b"a" * 50_000_000)]
    told = post(receiver.url())
    assert (told.status, told.excerpt) == (200, "a" * sending.MOST_KEPT)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_nonsense_is_told_and_harms_nobody(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SECONDS", 2.0)
    with raw(said) as port:
        told = post(f"http://127.0.0.1:{port}/")
    if told.status is None:
        assert told.error.startswith("no answer")
    else:
        assert told.status in {101, 200}
    assert told.error.isprintable()


def test_what_is_kept_of_an_answer_is_clean(receiver: Receiver) -> None:
    receiver.script = [
        answer(400, "\x00a\x1b[2J\u202eb\r\n\tc\udc80".encode("utf-8", "surrogatepass") + b"\xff")
    ]
    told = post(receiver.url())
    assert told.excerpt.isprintable()
    assert told.excerpt.startswith("a[2Jb c")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("9" * 400, 999_999_999.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(receiver: Receiver, header: str, seconds: float | None) -> None:
    receiver.script = [answer(503, Retry_After=header)]
    assert post(receiver.url()).retry_after == seconds


def test_authority_that_is_put_in_place_of_another_counts_at_once(tmp_path: Path, settings: Any) -> None:
    first, _ = certificate(tmp_path, "other.example.test")
    second, context = certificate(tmp_path, NAME)
    settings.WEBHOOK_CA_FILE = str(first)
    with serving(context) as receiver:
        assert post(receiver.url(NAME)).status is None
        first.write_bytes(second.read_bytes())
        assert post(receiver.url(NAME)).status == 204


def test_file_of_authorities_that_cannot_be_read_is_told_by_the_checks(tmp_path: Path, settings: Any) -> None:
    assert checks.authorities_are_readable(None) == []
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (empty, tmp_path / "none.pem"):
        settings.WEBHOOK_CA_FILE = str(path)
        (told,) = checks.authorities_are_readable(None)
        assert (told.id, str(path) in told.msg) == ("wrench.E004", True)


def test_trust_checks_names_and_certificates() -> None:
    context = sending.trust()
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
