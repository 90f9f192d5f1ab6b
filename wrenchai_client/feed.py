"""Waiting for news of a run: told over the WebSocket, or asked for where there is none.

A socket that breaks is opened again; a server, proxy or test that speaks no WebSocket is asked every ASK_SECONDS.
Only that something happened is taken from here: what the run looks like, REST says.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from wrenchai_client.errors import BAD_INPUT, FORBIDDEN, ClientError
from wrenchai_client.server import ApiClient, is_loopback

PROTOCOL = "wrench.v1"
ASK_SECONDS = 0.3  # what a person feels as at once; no more than a few people watch without a socket
AGAIN_SECONDS = 15.0  # between attempts to open a socket
OPEN_SECONDS = 5.0
SIGNED_OUT, NOT_ALLOWED, UNKNOWN = 4401, 4403, 4404


class Feed:
    """News of one run. To be used as a context."""

    def __init__(self, client: ApiClient, run: str, *, after: int) -> None:
        self._client, self._run = client, run
        self._socket: ClientConnection | None = None
        self._held = ExitStack()
        self._seq = after
        self._next_attempt = 0.0
        self._ping_every, self._pinged = 20.0, 0.0

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *exc: object) -> None:
        self._hang_up()

    @property
    def is_live(self) -> bool:
        """Whether news come by themselves."""
        return self._socket is not None

    def wait(self, seconds: float) -> bool:
        """Wait for news, so long at most. Returns whether there are any. Raises ClientError when told to go."""
        end = time.monotonic() + seconds
        while True:
            if self._socket is None and time.monotonic() >= self._next_attempt:
                self._open()
            news = self._ask() if self._socket is None else self._listen(max(0.0, end - time.monotonic()))
            if news:
                return True
            if time.monotonic() >= end:
                return False
            if self._socket is None:
                time.sleep(min(ASK_SECONDS, max(0.0, end - time.monotonic())))

    def _ask(self) -> bool:
        head = self._client.head(self._run, after=self._seq)
        news, self._seq = head > self._seq, max(head, self._seq)
        return news

    def _open(self) -> None:
        self._next_attempt = time.monotonic() + AGAIN_SECONDS
        url = self._client.base_url.replace("http", "ws", 1) + "/api/v1/stream"
        try:
            opening = connect(
                url,
                subprotocols=[Subprotocol(PROTOCOL), Subprotocol(f"bearer.{self._client.token}")],
                open_timeout=OPEN_SECONDS,
                close_timeout=1,
                max_size=2**22,
                proxy=None if is_loopback(url) else True,
            )
            self._socket = self._held.enter_context(opening)
            self._say(op="subscribe", topic=f"run:{self._run}", after=self._seq)
        except (OSError, TimeoutError, InvalidHandshake, WebSocketException):
            self._hang_up()

    def _listen(self, seconds: float) -> bool:
        """Take what is there; wait for the first frame, not for more."""
        assert self._socket is not None
        news = False
        try:
            if time.monotonic() - self._pinged > self._ping_every:
                self._pinged = time.monotonic()
                self._say(op="ping")
            wait = min(seconds, self._ping_every / 2)
            while True:
                news = self._take(json.loads(self._socket.recv(timeout=wait))) or news
                wait = 0.0
        except TimeoutError:
            pass
        except ConnectionClosed as closed:
            self._lose(closed.rcvd.code if closed.rcvd else 0, closed.rcvd.reason if closed.rcvd else "")
        if news:
            with suppress(ConnectionClosed, AttributeError):
                self._say(op="ack", topic=f"run:{self._run}", seq=self._seq)
        return news

    def _take(self, frame: dict[str, Any]) -> bool:
        match frame.get("op"):
            case "welcome":
                self._ping_every = float(frame.get("heartbeat") or 20) * 0.8
            case "event":
                self._seq = max(self._seq, int(frame.get("seq") or 0))
                return True
            case "events":
                self._seq = max([self._seq, *(int(one.get("seq") or 0) for one in frame.get("events") or [])])
                return True
            case "reset":
                self._seq = max(self._seq, int(frame.get("head") or 0))
                return True
        return False

    def _lose(self, code: int, reason: str) -> None:
        self._hang_up()
        if code == SIGNED_OUT:
            self._client.renewed()
        elif code in {NOT_ALLOWED, UNKNOWN}:
            raise ClientError(
                reason or "this run may no longer be seen",
                exit_code=FORBIDDEN if code == NOT_ALLOWED else BAD_INPUT,
            )
        self._next_attempt = 0.0 if code == SIGNED_OUT else time.monotonic() + 0.5

    def _say(self, **frame: Any) -> None:
        assert self._socket is not None
        self._socket.send(json.dumps(frame))

    def _hang_up(self) -> None:
        self._socket = None
        with suppress(WebSocketException, OSError):
            self._held.close()
