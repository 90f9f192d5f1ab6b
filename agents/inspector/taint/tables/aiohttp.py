"""aiohttp's server."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    gives,
    request_parameter,
    same,
    sink,
    source,
    special,
    stops,
)

_INPUT = {
    "query": "a query parameter",
    "rel_url": "the request's address",
    "query_string": "the query string",
    "match_info": "a part of the address",
    "headers": "a header of the request",
    "cookies": "a cookie",
    "post": "a form field",
    "json": "the request's JSON",
    "text": "the request's body",
    "read": "the request's body",
    "content": "the request's body",
    "multipart": "an uploaded file",
    "path": "the request's path",
}
_REQUEST = "@aiohttp.web.Request"

ROWS: tuple[Row, ...] = (
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    request_parameter("aiohttp", _REQUEST),
    same("@aiohttp.web_request.Request", _REQUEST),
    gives("@aiohttp.web.View.request", _REQUEST),
    same("@aiohttp.web.View.request", _REQUEST),
    special("aiohttp.web.Response", "page"),
    special("@aiohttp.web.Response.set_cookie", "set_cookie"),
    *(
        sink(f"aiohttp.web.{name}", "redirect", "0 location")
        for name in ("HTTPFound", "HTTPSeeOther", "HTTPMovedPermanently", "HTTPTemporaryRedirect")
    ),
    sink("aiohttp.web.FileResponse", "path", "0 path"),
    stops("aiohttp.web.FileResponse"),
    stops("aiohttp.web.json_response"),
)
