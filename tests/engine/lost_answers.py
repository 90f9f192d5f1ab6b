"""A port to PostgreSQL that lets a commit through, drops its answer, and cuts the connection.

    client ── LosingPort ── PostgreSQL        speaks as much of the protocol (version 3) as that takes

A transaction is known by what its statements say: the kind of the event that it tells, such as "step.succeeded". Its
commit is whatever the server answers with "ready, no transaction open", be it a COMMIT or a statement of its own; a
ROLLBACK and an error are answers that arrive. So a test names what is stored, not how the engine words it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104  # sent before the startup message; we offer neither
READY, COMPLETE, ERROR, IDLE = b"Z", b"C", b"E", b"I"


class Ended(Exception):
    """The other side closed the connection."""


class LosingPort:
    """One listening port that leads to one server port."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.lost: list[str] = []
        self._wanted: list[str] = []
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> LosingPort:
        threading.Thread(target=self._accept, name="losing", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            left = list(self._sockets)
        for one in left:
            _close(one)

    def lose(self, *said: str) -> None:
        """Lose the answers of the next commits whose transactions say this, one each."""
        with self._lock:
            self._wanted += said

    def all_lost(self) -> bool:
        """Tell whether every answer was lost that was to be."""
        with self._lock:
            return not self._wanted

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="losing", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream_port))
        except OSError:
            _close(client)
            return
        with self._lock:
            self._sockets |= {client, server}
        talk = _Talk(self, client, server)
        threading.Thread(target=talk.carry_up, name="losing", daemon=True).start()
        talk.carry_down()
        with self._lock:
            self._sockets -= {client, server}

    def _is_to_be_lost(self, said: bytes) -> bool:
        with self._lock:
            found = next((one for one in self._wanted if one.encode() in said), None)
            if found is not None:
                self._wanted.remove(found)
                self.lost.append(found)
            return found is not None


class _Talk:
    """One connection: what was said since no transaction was open."""

    def __init__(self, port: LosingPort, client: socket.socket, server: socket.socket) -> None:
        self.port, self.client, self.server = port, client, server
        self.said = b""

    def carry_up(self) -> None:
        with contextlib.suppress(Ended, OSError):
            self._start()
            while True:
                kind, message = _message(self.client)
                if kind == b"Q":
                    self.said += message
                self.server.sendall(message)
        _close(self.server)

    def _start(self) -> None:
        while True:
            head = _exactly(self.client, 8)
            length, code = struct.unpack("!ii", head)
            if code in {SSL_REQUEST, GSS_REQUEST}:
                self.client.sendall(b"N")
                continue
            self.server.sendall(head + _exactly(self.client, length - 8))
            return

    def carry_down(self) -> None:
        with contextlib.suppress(Ended, OSError):
            for message in self._until_ready():  # the login is a dialogue of its own
                self.client.sendall(message)
            while True:
                answer = list(self._until_ready())
                if answer[-1][-1:] == IDLE:
                    said, self.said = self.said, b""
                    if _is_commit(answer) and self.port._is_to_be_lost(said):
                        break
                self.client.sendall(b"".join(answer))
        _close(self.client)
        _close(self.server)

    def _until_ready(self) -> Iterator[bytes]:
        while True:
            kind, message = _message(self.server)
            yield message
            if kind == READY:
                return


def _is_commit(answer: list[bytes]) -> bool:
    tags = [message[5:-1] for message in answer if message[:1] == COMPLETE]
    return bool(tags) and b"ROLLBACK" not in tags and not any(one[:1] == ERROR for one in answer)


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    return head[:1], head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = source.recv(size - len(got))
        if not part:
            raise Ended
        got += part
    return got


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
