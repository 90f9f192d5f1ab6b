"""A small artifact store in memory, and git remotes on the loopback interface."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import pytest

from tasks.contract import ArtifactRef
from tasks.errors import ArtifactMissing


@dataclass
class MemoryArtifacts:
    """The engine's artifact store, as an operation sees it."""

    stored: dict[str, bytes] = field(default_factory=dict)

    def put(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        if isinstance(content, Path):
            content = content.read_bytes()
        data = content if isinstance(content, bytes) else content.read()
        digest = hashlib.sha256(data).hexdigest()
        self.stored[digest] = data
        return ArtifactRef(name=name, digest=digest, size=len(data), media_type=media_type)

    def open(self, digest: str) -> BinaryIO:
        if digest not in self.stored:
            raise ArtifactMissing(digest)
        return io.BytesIO(self.stored[digest])


@pytest.fixture
def artifacts() -> MemoryArtifacts:
    return MemoryArtifacts()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with two files, one of them executable."""
    folder = tmp_path / "roots" / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("print('hello')\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o777)
    return folder


def git(*words: str, folder: Path) -> str:
    """Run git as a developer would, without the developer's configuration."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project: Path) -> Path:
    """The project as a git repository with the branches main and other."""
    git("init", "--quiet", "--initial-branch=main", folder=project)
    git("config", "uploadpack.allowAnySHA1InWant", "true", folder=project)
    git("add", ".", folder=project)
    git("commit", "--quiet", "-m", "Begin", folder=project)
    git("branch", "other", folder=project)
    return project


class _GitBackend(BaseHTTPRequestHandler):
    """Serves repositories below `root` with git's own CGI program, and a few misbehaving paths."""

    root: Path
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "/project/.git" + self.path.removeprefix("/away"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/private"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._backend(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._backend(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@dataclass(frozen=True)
class GitServer:
    """A smart server; `seen` are the paths it was asked for."""

    port: int
    seen: list[str]


def _serve(root: Path, context: ssl.SSLContext | None) -> Iterator[GitServer]:
    seen: list[str] = []
    handler = type("Handler", (_GitBackend,), {"root": root, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield GitServer(server.server_port, seen)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def http_server(repository: Path) -> Iterator[GitServer]:
    yield from _serve(repository.parent, None)


@pytest.fixture
def https_server(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """An https server for the names git.example.test and localhost, whose certificate git trusts in this test."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=git.example.test",
         "-addext", "subjectAltName=DNS:git.example.test,DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
    yield from _serve(repository.parent, context)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def loopback() -> Callable[[str, int], list[str]]:
    """A resolver that finds every name on this host."""
    return lambda host, port: ["127.0.0.1"]
