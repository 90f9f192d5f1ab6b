"""The way to a user's database: what is refused, what is bounded, what nothing of this host's takes part in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from agents.databases import DatabaseCancelled, errors, opened, parse
from agents.databases.sessions import APPLICATION, Rules
from tests.agents.databases.conftest import PASSWORD, Live

LOCAL = Rules(private_hosts=("127.0.0.1",))


def test_session_is_read_only_bounded_and_named(live: Live) -> None:
    with opened(parse(live.owner), LOCAL) as session:
        told = session.rows(
            "SELECT current_setting('transaction_read_only'), current_setting('statement_timeout'), "
            "current_setting('lock_timeout'), current_setting('search_path'), current_setting('application_name')"
        )
        with pytest.raises(errors.CatalogueUnreadable, match="read-only transaction"):
            session.rows("CREATE TABLE planted (id int)")
    assert told == [("on", "30s", "2s", "pg_catalog, pg_temp", APPLICATION)]


def test_host_that_is_not_public_is_refused_unless_an_operator_names_it(live: Live) -> None:
    with (
        pytest.raises(errors.HostForbidden, match="WRENCH_DATABASE_PRIVATE_HOSTS"),
        opened(parse(live.url), Rules()),
    ):
        raise AssertionError("it connected")


def test_address_is_the_one_that_was_checked(live: Live) -> None:
    """The name leads elsewhere a moment later: nobody asks again."""
    asked: list[str] = []

    def once(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    address = parse(live.url.replace("127.0.0.1", "db.shop.invalid"))
    with opened(address, Rules(private_hosts=("db.shop.invalid",), resolve=once)) as session:
        assert session.rows("SELECT 1") == [(1,)]
    assert asked == ["db.shop.invalid"]


def test_nothing_of_the_process_takes_part(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No variable, no password file and no service of the operator's reaches a server of a user's choosing."""
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    services = tmp_path / "services"
    services.write_text("[shop]\nhost=other.invalid\n")
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGSERVICE", "shop")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=7777kB")
    monkeypatch.setenv("PGAPPNAME", "the operator's")
    with opened(parse(live.url), LOCAL) as session:
        told = session.rows("SELECT current_setting('work_mem'), current_setting('application_name')")
    assert told == [("4MB", APPLICATION)]
    without = parse(live.url.replace(f":{PASSWORD}", ""))
    with pytest.raises(errors.LoginRefused, match="the stored database URL has none"), opened(without, LOCAL):
        raise AssertionError("a password came from somewhere")


@contextmanager
def serving(answer: bytes | None) -> Iterator[int]:
    """Listen on a port of this host. Says this to whoever comes, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        guests: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    guest, _ = server.accept()
                except OSError:
                    return
                guests.append(guest)
                if answer is not None:
                    guest.recv(1024)
                    guest.sendall(answer)
                    guest.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for guest in guests:
            guest.close()
        thread.join()


def test_server_that_never_answers_is_left() -> None:
    with serving(None) as port:
        rules = Rules(private_hosts=("127.0.0.1",), connect_seconds=0.3)
        with (
            pytest.raises(
                errors.Unreachable, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.3 s; check host"
            ),
            opened(parse(f"postgresql://u:p@127.0.0.1:{port}/d"), rules),
        ):
            raise AssertionError("it answered")


def test_waiting_ends_when_nobody_wants_the_answer() -> None:
    with serving(None) as port:
        rules = Rules(private_hosts=("127.0.0.1",), cancelled=lambda: True)
        with (
            pytest.raises(DatabaseCancelled),
            opened(parse(f"postgresql://u:p@127.0.0.1:{port}/d"), rules),
        ):
            raise AssertionError("it answered")


def test_statement_is_broken_off_when_nobody_wants_its_answer(live: Live) -> None:
    wanted = threading.Event()
    wanted.set()
    rules = Rules(private_hosts=("127.0.0.1",), cancelled=lambda: not wanted.is_set())
    with opened(parse(live.url), rules) as session:
        wanted.clear()
        with pytest.raises(DatabaseCancelled):
            session.rows("SELECT pg_sleep(20)")


def test_what_is_no_postgresql_is_told() -> None:
    with (
        serving(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        pytest.raises(errors.DatabaseError) as caught,
        opened(parse(f"postgresql://u:p@127.0.0.1:{port}/d"), LOCAL),
    ):
        raise AssertionError("it answered")
    assert "127.0.0.1" in str(caught.value)


def test_slow_statement_is_ended_by_the_server(live: Live) -> None:
    rules = Rules(private_hosts=("127.0.0.1",), statement_seconds=0.2)
    with opened(parse(live.url), rules) as session, pytest.raises(errors.TooSlow, match="statement timeout"):
        session.rows("SELECT pg_sleep(20)")


def test_database_that_goes_in_the_middle_is_told(live: Live) -> None:
    with opened(parse(live.url), LOCAL) as session:
        ((pid,),) = session.rows("SELECT pg_backend_pid()")
        live.execute(f"SELECT pg_terminate_backend({pid:d}, 5000)")
        with pytest.raises(errors.ConnectionGone, match="broke") as caught:
            session.rows("SELECT 1")
    assert caught.value.retriable


def test_catalogue_that_the_role_may_not_read_is_told(live: Live) -> None:
    live.execute("REVOKE SELECT ON pg_catalog.pg_class FROM PUBLIC")
    with pytest.raises(errors.RightsMissing, match="permission denied"):
        live.catalogue()


@pytest.mark.parametrize(
    ("old", "new", "error", "told"),
    [
        (PASSWORD, "another", errors.LoginRefused, "check the role and the password"),
        ("/live_", "/gone_", errors.LoginRefused, "check the database's name"),
        ("127.0.0.1", "nobody.invalid", errors.HostForbidden, "check its spelling and the DNS"),
        ("127.0.0.1", "2130706433", errors.HostForbidden, "unusual way to write an address"),
    ],
)
def test_login_that_fails_says_what_to_do_and_no_password(
    live: Live, old: str, new: str, error: type[errors.DatabaseError], told: str
) -> None:
    head, found, tail = live.url.rpartition(old)
    assert found
    address = parse(f"{head}{new}{tail}")
    with pytest.raises(error, match=told) as caught, opened(address, LOCAL):
        raise AssertionError("it let us in")
    assert not caught.value.retriable
    for text in (str(caught.value), repr(caught.value), repr(address)):
        assert PASSWORD not in text
        assert "another" not in text


def test_nobody_there_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    address = parse(f"postgresql://u:p@127.0.0.1:{port}/d")
    with pytest.raises(errors.Unreachable, match="refused") as caught, opened(address, LOCAL):
        raise AssertionError("it answered")
    assert caught.value.retriable


def test_words_of_a_server_that_hold_the_password_are_withheld() -> None:
    """It got the password from us; who reads the error did not."""
    fields = b"SFATAL\0C28P01\0M" + f"hello {PASSWORD}".encode() + b"\0\0"
    said = b"E" + (4 + len(fields)).to_bytes(4, "big") + fields
    with serving(said) as port:
        address = parse(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d?sslmode=disable")
        with pytest.raises(errors.LoginRefused, match="withheld") as caught, opened(address, LOCAL):
            raise AssertionError("it let us in")
    assert PASSWORD not in str(caught.value)


def test_password_goes_over_no_open_line() -> None:
    """A server that asks for it in clear does not get it, unless the line is sealed."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            guest, _ = server.accept()
            guest.recv(1024)
            guest.sendall(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
            heard.append(guest.recv(1024))
            guest.close()

        thread = threading.Thread(target=serve)
        thread.start()
        address = parse(f"postgresql://u:{PASSWORD}@127.0.0.1:{server.getsockname()[1]}/d?sslmode=disable")
        with pytest.raises(errors.LoginRefused, match="sslmode=require"), opened(address, LOCAL):
            raise AssertionError("it let us in")
        thread.join()
    assert not any(PASSWORD.encode() in one for one in heard)


def test_link_is_closed_whatever_happens(live: Live) -> None:
    with pytest.raises(psycopg2.InterfaceError), opened(parse(live.url), LOCAL) as session:
        raise psycopg2.InterfaceError("ours")
    assert session._link.closed
