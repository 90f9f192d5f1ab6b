"""FastAPI and Starlette."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    entry,
    gives,
    handler,
    request_parameter,
    same,
    shared,
    sink,
    source,
    special,
    stops,
)

_INPUT = {
    "query_params": "a query parameter",
    "path_params": "a part of the address",
    "headers": "a header of the request",
    "cookies": "a cookie",
    "body": "the request's body",
    "json": "the request's JSON",
    "form": "a form field",
    "stream": "the request's body",
    "receive_text": "a message of the socket",
    "receive_json": "a message of the socket",
    "receive_bytes": "a message of the socket",
    "iter_text": "a message of the socket",
    "iter_json": "a message of the socket",
}
_REQUEST = "@starlette.requests.Request"
_UPLOAD = "@fastapi.UploadFile"
_VERBS = ["get", "post", "put", "patch", "delete", "head", "options", "websocket", "api_route"]
_RESPONSES = ["HTMLResponse", "Response", "StreamingResponse"]

ROWS: tuple[Row, ...] = (
    *(
        special(f"{package}.concurrency.run_in_threadpool", "handed_over")
        for package in ("starlette", "fastapi")
    ),
    special("anyio.to_thread.run_sync", "handed_over"),
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    clean(f"{_REQUEST}.json", "structure"),
    *(
        same(name, _REQUEST)
        for name in (
            "@fastapi.Request",
            "@fastapi.requests.Request",
            "@starlette.websockets.WebSocket",
            "@fastapi.WebSocket",
            "@starlette.requests.HTTPConnection",
        )
    ),
    gives("fastapi.FastAPI", "@fastapi.FastAPI"),
    gives("fastapi.APIRouter", "@fastapi.FastAPI"),
    *(entry(f"@fastapi.FastAPI.{name}", returns="json", parameters="remote") for name in _VERBS),
    *(
        entry(f".{name}", returns="json", parameters="remote")
        for name in ("get", "post", "put", "patch", "delete", "websocket")
    ),
    *(
        source(
            f"{_UPLOAD}.{name}", "the name of an uploaded file" if name == "filename" else "its type, as told"
        )
        for name in ("filename", "content_type")
    ),
    same("@starlette.datastructures.UploadFile", _UPLOAD),
    same("@fastapi.datastructures.UploadFile", _UPLOAD),
    request_parameter("fastapi", _REQUEST),
    request_parameter("starlette", _REQUEST),
    *(special(f"starlette.responses.{name}", "page") for name in _RESPONSES),
    *(same(f"fastapi.responses.{name}", f"starlette.responses.{name}") for name in _RESPONSES),
    same("fastapi.Response", "starlette.responses.Response"),
    *(special(f"@starlette.responses.{name}.set_cookie", "set_cookie") for name in _RESPONSES),
    handler(
        "starlette.endpoints.HTTPEndpoint", "get post put patch delete", returns="json", parameters="remote"
    ),
    *(
        sink(f"{package}.responses.{name}", "exposure", "0 content", what="the answer")
        for package in ("starlette", "fastapi")
        for name in ("JSONResponse", "PlainTextResponse", "UJSONResponse", "ORJSONResponse")
    ),
    *(
        stops(f"{package}.responses.{name}")
        for package in ("starlette", "fastapi")
        for name in ("JSONResponse", "PlainTextResponse", "UJSONResponse", "ORJSONResponse")
    ),
    sink("fastapi.HTTPException", "exposure", "1 detail", what="the answer"),
    sink("starlette.responses.RedirectResponse", "redirect", "0 url"),
    same("fastapi.responses.RedirectResponse", "starlette.responses.RedirectResponse"),
    stops("starlette.responses.RedirectResponse"),
    sink("starlette.responses.FileResponse", "path", "0 path"),
    same("fastapi.responses.FileResponse", "starlette.responses.FileResponse"),
    stops("starlette.responses.FileResponse"),
    sink(f"{_REQUEST}.session.__setitem__", "trust", "0 1", what="the session", weak=2),
    sink(f"{_REQUEST}.session.update", "trust", "*", what="the session", weak=2),
    sink(f"{_REQUEST}.session.setdefault", "trust", "0 1", what="the session", weak=2),
    stops(f"{_REQUEST}.session.*"),
    # what is kept for all requests
    shared("@fastapi.FastAPI.state"),
    same(f"{_REQUEST}.app", "@fastapi.FastAPI"),
    gives("starlette.applications.Starlette", "@starlette.Starlette"),
    same("@starlette.Starlette.state", "@fastapi.FastAPI.state"),
    stops(f"{_REQUEST}.state.*"),
)
