"""The ASGI door: pages and the API by HTTP, live updates by WebSocket.

uvicorn wrenchai_project.asgi:application
"""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
django.setup(set_prefix=False)  # loads the apps: what follows imports models

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.urls import re_path

from api import feeds, hub, sockets, sse
from api.errors import MEDIA_TYPE, problem
from api.stream import stream
from history import origins
from wrenchai_project import request_ids
from wrenchai_project.env import refuse_faults
from wrenchai_project.threads import Handler, Threads

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

UPLOADS = frozenset({"/api/v1/uploads", "/runs/new"})  # the API takes archives, and so does a form
_ORDINARY = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

refuse_faults()
_django = Handler(Threads(settings.WEB_THREADS))
origins.name_process("web")
# WhiteNoise hands static files on as files; they are small, so that Django reads each whole does not matter
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
_route: Callable[..., Any] = re_path  # Django's and Channels' types differ on what a route may lead to


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a body that announces to be too large before Django spools it to the disk."""
    headers = dict(scope["headers"])
    announced = headers.get(b"content-length", b"")
    size = int(announced) if announced.isdigit() else None
    if size is None and b"transfer-encoding" not in headers:
        size = 0  # no body at all: a page that is asked for
    most = _most_bytes(scope["path"])
    if size is not None and size > most:
        text = f"the body has more than {most} bytes"
        await _refuse(scope, send, 413, problem(413, text, kind="body-too-large"))
        return
    if most > _ORDINARY and (size is None or size > _ORDINARY) and await _is_nobody(scope):
        await _refuse(scope, send, 401, problem(401, "sign in before you upload", kind="not-authenticated"))
        return
    if scope["method"] == "GET" and sse.PATH.match(scope["path"]):
        await sse.live(scope, receive, send, django=_django)
        return
    await _django(scope, _bounded(receive, most), send)


def _most_bytes(path: str) -> int:
    """Tell how large a body may be. Uploads are large, and counted again where they are stored."""
    return max(int(settings.UPLOAD_BYTES), _ORDINARY) if path in UPLOADS else _ORDINARY


def _bounded(receive: Receive, most: int) -> Receive:
    """Cut a chunked body off that grows too large: Django then sees a client that went away."""
    left = most

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return bounded


async def _is_nobody(scope: Scope) -> bool:
    """Tell whether nobody that we know sends this: their bytes would fill the disk before Django asks who it is."""
    try:
        return await feeds.in_thread(sockets.identify_request, scope) is None
    except (DatabaseError, InterfaceError):
        return True


async def _refuse(scope: Scope, send: Send, status: int, told: Mapping[str, Any]) -> None:
    """Answer without reading the body."""
    name = request_ids.HEADER.lower().encode()
    request_id = request_ids.chosen(dict(scope["headers"]).get(name, b"").decode("latin-1"))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"connection", b"close"),
        (name, request_id.encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="api"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


async def _no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] == "lifespan.startup":
        _tell_of_the_end()
        await send({"type": "lifespan.startup.complete"})
    await send({"type": f"{message['type']}.complete"})


def _tell_of_the_end() -> None:
    """Let live connections be told when the server is told to end: it does not wait long for those who follow."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, partial(_end, before))


def _end(before: Callable[[int, Any], Any], number: int, frame: Any) -> None:
    hub.restart_all()
    before(number, frame)


application = ProtocolTypeRouter(
    {
        "http": _http,
        "lifespan": _lifespan,
        "websocket": URLRouter([_route(r"^api/v1/stream$", stream), _route("", _no_such_socket)]),
    }
)
