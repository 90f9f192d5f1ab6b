"""The embedded servers, real ones: started, shared, killed, taken up again, and none left behind."""

from __future__ import annotations

import base64
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wrenchai_project import servers
from wrenchai_project.servers import account, postgres, processes
from wrenchai_project.servers import redis as redis_server
from wrenchai_project.services import ROOT


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory of its own; what runs in it is stopped afterwards."""
    folder = tmp_path / "state"
    yield folder
    servers.stop(folder)
    remove_outside(folder)


def remove_outside(folder: Path) -> None:
    home = servers.data_home(folder)
    if not home.is_relative_to(folder.resolve()):
        subprocess.run(["rm", "-rf", home], check=True)


def ensure(folder: Path, owner: int | None = None) -> servers.Servers:
    return servers.ensure(folder, environ={}, durable=False, owner=owner)


def asked(url: str, query: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(query)
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def processes_below(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder):
                found.append(process.name())
        except (psutil.Error, OSError):
            continue
    return found


def test_ensure_gives_servers_that_answer_and_keeps_secrets_private(state: Path) -> None:
    found = ensure(state)
    assert asked(found.database_url, "SHOW server_encoding") == "UTF8"
    assert asked(found.database_url, "SELECT upper('é')") == "É"
    assert asked(found.database_url, "SHOW timezone") == "UTC"
    with closing(redis.Redis.from_url(found.redis_url)) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert servers.urls_from_state(state) == (found.database_url, found.redis_url)
    assert stat.S_IMODE((state / "servers.json").stat().st_mode) == 0o600


def test_no_password_is_on_a_command_line(state: Path) -> None:
    found = ensure(state)
    secrets = {url.split(":")[2].split("@")[0] for url in (found.database_url, found.redis_url)}
    told = servers.status(state)
    assert told.postgres_pid
    assert told.redis_pid
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in (told.postgres_pid, told.redis_pid)]
    assert [line for line in lines if any(secret in line for secret in secrets)] == []


def test_servers_refuse_who_has_no_password(state: Path) -> None:
    found = ensure(state)
    port = found.database_url.rsplit(":", 1)[1].split("/")[0]
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(f"postgresql://wrench@127.0.0.1:{port}/wrenchai")
    port = found.redis_url.rsplit(":", 1)[1].split("/")[0]
    with (
        closing(redis.Redis(port=int(port), retry=Retry(NoBackoff(), 0))) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_second_ensure_reuses_and_last_release_stops(state: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        first, second = ensure(state), ensure(state, owner=other.pid)
        assert first == second
        assert servers.release(state) is False
        assert asked(first.database_url, "SELECT 1") == 1
        assert servers.release(state, owner=other.pid) is True
        other.kill()
    assert servers.urls_from_state(state) == (None, None)
    assert processes_below(servers.data_home(state)) == []


def test_killed_owner_no_longer_counts(state: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        ensure(state, owner=other.pid)
        other.kill()
    ensure(state)
    assert servers.status(state).owners == (os.getpid(),)
    assert servers.release(state) is True


def test_data_and_port_survive_a_restart(state: Path) -> None:
    before = ensure(state)
    asked(before.database_url, "CREATE TABLE kept (x int)")
    assert servers.stop(state) == ["redis", "postgres"]
    after = ensure(state)
    assert after == before
    assert asked(after.database_url, "SELECT count(*) FROM kept") == 0


def test_killed_postmaster_is_recovered_from(state: Path) -> None:
    before = ensure(state)
    asked(before.database_url, "CREATE TABLE kept (x int)")
    with closing(psycopg2.connect(before.database_url)) as busy, busy.cursor() as cursor:
        cursor.execute("SELECT 1")  # a backend that lives on for a moment
        assert servers.stop_postgres(state, how=signal.SIGKILL) is True
        assert servers.urls_from_state(state)[0] is None
        assert ensure(state) == before
    assert asked(before.database_url, "SELECT count(*) FROM kept") == 0


def test_pid_file_naming_a_foreign_process_is_not_believed(state: Path) -> None:
    ensure(state)
    servers.stop(state)
    data = servers.data_home(state) / "postgres"
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    assert servers.urls_from_state(state) == (None, None)
    ensure(state)
    assert servers.status(state).postgres_pid != os.getpid()


def test_killed_redis_keeps_what_it_was_told(tmp_path: Path, state: Path) -> None:
    url = servers.start_redis(state, durable=True)
    with closing(redis.Redis.from_url(url)) as client:
        client.set("kept", "yes")
        client.execute_command("CONFIG", "SET", "appendfsync", "always")
        client.set("synced", "yes")
    assert servers.stop_redis(state, how=signal.SIGKILL) is True
    assert servers.start_redis(state, durable=True) == url
    with closing(redis.Redis.from_url(url)) as client:
        assert (client.get("kept"), client.get("synced")) == (b"yes", b"yes")


def test_taken_port_is_left_to_its_holder(state: Path) -> None:
    before = ensure(state)
    servers.stop(state)
    ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in (before.database_url, before.redis_url)]
    holders = [socket.create_server(("127.0.0.1", port)) for port in ports]
    try:
        after = ensure(state)
    finally:
        for holder in holders:
            holder.close()
    assert after.database_url != before.database_url
    assert after.redis_url != before.redis_url
    assert asked(after.database_url, "SELECT 1") == 1


def test_initdb_killed_in_the_middle_is_begun_again(state: Path) -> None:
    ensure(state)
    servers.stop(state)
    data = servers.data_home(state) / "postgres"
    data.rename(data.with_name("postgres.new"))
    assert asked(ensure(state).database_url, "SELECT 1") == 1


def test_lost_passwords_set_the_old_data_aside(state: Path) -> None:
    ensure(state)
    servers.stop(state)
    (state / "servers.json").unlink()
    assert asked(ensure(state).database_url, "SELECT 1") == 1
    assert (servers.data_home(state) / "postgres.orphan" / "PG_VERSION").is_file()


def test_two_starts_at_once_make_one_pair(state: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from wrenchai_project import servers; "
        "found = servers.ensure(Path(sys.argv[1]), environ={}, durable=False); "
        "print(found.database_url, found.redis_url, flush=True); sys.stdin.read(); "
        "servers.release(Path(sys.argv[1]))"
    )
    argv = [sys.executable, "-c", code, str(state)]
    pipe = subprocess.PIPE
    starts = [subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    told = [start.stdout.readline() for start in starts if start.stdout]
    assert len(set(told)) == 1
    assert "postgresql://" in told[0]
    for start in starts:
        start.communicate("")
    assert [start.returncode for start in starts] == [0, 0, 0]
    assert servers.status(state) == servers.Status(postgres_pid=None, redis_pid=None, owners=())
    assert processes_below(servers.data_home(state)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the servers another account")
def test_root_below_a_private_directory_changes_no_mode(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in (private, *private.parents)}
    folder = private / "state"
    try:
        found = ensure(folder)
        told = servers.status(folder)
        assert asked(found.database_url, "SELECT 1") == 1
        assert told.postgres_pid
        assert psutil.Process(told.postgres_pid).uids().effective in account.SERVICE_UIDS
        home = servers.data_home(folder)
        assert not home.is_relative_to(private)
        assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700
        assert {path: path.stat().st_mode for path in before} == before
    finally:
        servers.stop(folder)
        remove_outside(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the servers another account")
def test_root_copies_binaries_that_the_account_cannot_reach(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = postgres.find()[0].parents[1]
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        subprocess.run(["cp", "-r", package.with_name(name), hidden / name], check=True)
    binaries = hidden / package.name / postgres.find()[0].relative_to(package)
    monkeypatch.setattr(postgres, "find", lambda: [binaries])
    found = ensure(state)
    assert asked(found.database_url, "SELECT 1") == 1
    pid = servers.status(state).postgres_pid
    assert pid
    assert not Path(psutil.Process(pid).exe()).is_relative_to(hidden)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the servers another account")
def test_planted_data_directory_is_refused(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    home = servers.data_home(private / "state")
    home.mkdir()
    os.chown(home, 65534, 65534)
    try:
        with pytest.raises(servers.StateForbidden, match="made by somebody else"):
            ensure(private / "state")
    finally:
        home.rmdir()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"DATABASE_URL": "postgresql://me:geheim@127.0.0.1:1/shop"},
            "cannot reach PostgreSQL at 127.0.0.1:1/shop (Connection refused): check DATABASE_URL, "
            "or unset it to use the embedded server",
        ),
        (
            {"REDIS_URL": "redis://:geheim@127.0.0.1:1/0"},
            "cannot reach Redis at 127.0.0.1:1/0 (Error 111 connecting to 127.0.0.1:1. Connection refused): "
            "check REDIS_URL, or unset it to use the embedded server",
        ),
    ],
)
def test_unreachable_url_names_place_and_reason(state: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(servers.ServerUnreachable) as caught:
        servers.ensure(state, environ=environ)
    assert str(caught.value) == said
    assert not state.exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:geh/eim@127.0.0.1:5432/x",
        "mysql://me:geheim@h/x",
        "geheim",
        "postgresql://h:geheim/x",
    ],
)
def test_broken_url_never_shows_the_password(state: Path, url: str) -> None:
    with pytest.raises(servers.ServerUnreachable) as caught:
        servers.ensure(state, environ={"DATABASE_URL": url})
    assert "geh" not in str(caught.value)


def test_given_urls_are_used_and_nothing_is_started(state: Path, tmp_path: Path) -> None:
    given = ensure(state)
    environ = {"DATABASE_URL": given.database_url, "REDIS_URL": given.redis_url}
    other = tmp_path / "other"
    found = servers.ensure(other, environ=environ)
    assert (found.database_url, found.redis_url, found.embedded) == (given.database_url, given.redis_url, ())
    assert servers.release(other) is False
    assert not other.exists()


def test_wrong_password_is_told_without_it(state: Path) -> None:
    url = ensure(state).database_url
    wrong = url.replace(url.split(":")[2].split("@")[0], "geheim")
    with pytest.raises(servers.ServerUnreachable, match="password authentication failed") as caught:
        servers.ensure(state, environ={"DATABASE_URL": wrong})
    assert "geheim" not in str(caught.value)


def test_missing_redis_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "apt-get").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(servers.ServerMissing, match="sudo apt-get install redis-server, or set REDIS_URL"):
        redis_server.find()


def test_redis_that_does_not_run_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shim = tmp_path / "redis-server"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert redis_server.version(shim) == (0, 0)
    assert redis_server.find() != shim


def test_failed_start_leaves_nothing_behind(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(postgres.SETTINGS, "shared_buffers", "nonsense")
    with pytest.raises(servers.ServerFailed, match="shared_buffers"):
        ensure(state)
    assert servers.status(state) == servers.Status(postgres_pid=None, redis_pid=None, owners=())
    assert processes_below(servers.data_home(state)) == []


def test_secrets_are_made_once(state: Path) -> None:
    assert servers.secret_from_state(state) is None
    made = servers.make_secrets(state)
    assert servers.make_secrets(state) == made
    assert servers.secret_from_state(state) == made.secret_key
    assert made.secret_key not in repr(made)
    master = servers.master_key_from_state(state)
    assert master is not None
    assert len(base64.urlsafe_b64decode(master + "=")) == 32
    assert stat.S_IMODE((state / "secrets.json").stat().st_mode) == 0o600


def test_unwritable_state_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(servers.StateForbidden, match="set WRENCH_STATE_DIR"):
        ensure(tmp_path / "file" / "state")


def test_free_port_keeps_the_wanted_one_unless_taken() -> None:
    wanted = processes.free_port()
    assert processes.free_port(wanted) == wanted
    with socket.create_server(("127.0.0.1", wanted)):
        assert processes.free_port(wanted) != wanted
