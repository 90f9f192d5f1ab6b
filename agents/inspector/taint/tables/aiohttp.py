"""aiohttp's server."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    entry,
    gives,
    request_parameter,
    same,
    shared,
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
    "path_qs": "the request's path",
    "raw_path": "the request's path",
}
_REDIRECTS = [
    "HTTPFound",
    "HTTPSeeOther",
    "HTTPMovedPermanently",
    "HTTPTemporaryRedirect",
    "HTTPPermanentRedirect",
]
_REQUEST = "@aiohttp.web.Request"

ROWS: tuple[Row, ...] = (
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    *(clean(f"{_REQUEST}.{name}", "redirect", "ssrf", "own") for name in ("path", "path_qs", "raw_path")),
    clean(f"{_REQUEST}.json", "structure"),
    entry("aiohttp.web.middleware"),
    same("aiohttp.web_middlewares.middleware", "aiohttp.web.middleware"),
    *(
        entry(f"@aiohttp.web.RouteTableDef.{name}")
        for name in ("get", "post", "put", "patch", "delete", "head", "view", "route")
    ),
    gives("aiohttp.web.RouteTableDef", "@aiohttp.web.RouteTableDef"),
    request_parameter("aiohttp", _REQUEST),
    same("@aiohttp.web_request.Request", _REQUEST),
    same("@aiohttp.web_request.BaseRequest", _REQUEST),
    gives("@aiohttp.web.View.request", _REQUEST),
    same("@aiohttp.web.View.request", _REQUEST),
    gives("aiohttp.web.Application", "@aiohttp.web.Application"),
    same(f"{_REQUEST}.app", "@aiohttp.web.Application"),
    shared("@aiohttp.web.Application.__getitem__"),
    special("aiohttp.web.Response", "page"),
    special("@aiohttp.web.Response.set_cookie", "set_cookie"),
    *(sink(f"aiohttp.web.{name}", "redirect", "0 location") for name in _REDIRECTS),
    *(same(f"aiohttp.web_exceptions.{name}", f"aiohttp.web.{name}") for name in _REDIRECTS),
    same("aiohttp.web_fileresponse.FileResponse", "aiohttp.web.FileResponse"),
    sink("aiohttp.web.FileResponse", "path", "0 path"),
    stops("aiohttp.web.FileResponse"),
    stops("aiohttp.web.json_response"),
)
