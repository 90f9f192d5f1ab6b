"""Pyramid, whose requests and responses are WebOb's."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    entry,
    request_parameter,
    same,
    sink,
    source,
    special,
    stops,
)

_INPUT = {
    "params": "a parameter of the request",
    "GET": "a query parameter",
    "POST": "a form field",
    "matchdict": "a part of the address",
    "cookies": "a cookie",
    "headers": "a header of the request",
    "json_body": "the request's JSON",
    "json": "the request's JSON",
    "body": "the request's body",
    "text": "the request's body",
    "body_file": "the request's body",
    "path": "the request's path",
    "path_info": "the request's path",
    "path_qs": "the request's path",
    "query_string": "the query string",
    "url": "the request's address",
    "referer": "the Referer header",
    "referrer": "the Referer header",
    "user_agent": "the User-Agent header",
}
_OWN = ("path", "path_info", "path_qs", "url")  # of this host
_REQUEST = "@pyramid.request.Request"
_MOVED = [
    "HTTPFound",
    "HTTPSeeOther",
    "HTTPMovedPermanently",
    "HTTPTemporaryRedirect",
    "HTTPPermanentRedirect",
]

ROWS: tuple[Row, ...] = (
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    *(clean(f"{_REQUEST}.{name}", "redirect", "ssrf", "own") for name in _OWN),
    *(clean(f"{_REQUEST}.{name}", "structure") for name in ("json", "json_body")),
    same("@webob.Request", _REQUEST),
    same("@webob.request.Request", _REQUEST),
    request_parameter("pyramid", _REQUEST),
    *(
        entry(f"pyramid.view.{name}")
        for name in ("view_config", "notfound_view_config", "forbidden_view_config")
    ),
    special("pyramid.response.Response", "page"),
    *(same(f"{name}.Response", "pyramid.response.Response") for name in ("pyramid.request", "webob")),
    special("@pyramid.response.Response.set_cookie", "set_cookie"),
    sink(f"{_REQUEST}.response.body", "xss", "=", what="the page that the view returns", weak=1),
    sink(f"{_REQUEST}.response.text", "xss", "=", what="the page that the view returns", weak=1),
    sink("pyramid.response.FileResponse", "path", "0 path"),
    stops("pyramid.response.FileResponse"),
    *(sink(f"pyramid.httpexceptions.{name}", "redirect", "0 location") for name in _MOVED),
    *(stops(f"pyramid.httpexceptions.{name}") for name in _MOVED),
    sink(f"{_REQUEST}.session.__setitem__", "trust", "0 1", what="the session"),
    stops(f"{_REQUEST}.session.*"),
    *(stops(f"{_REQUEST}.{name}") for name in ("registry", "user", "authenticated_userid", "dbsession")),
    *(
        clean(f"{_REQUEST}.{name}", "all")
        for name in ("route_url", "route_path", "static_url", "resource_url", "matched_route.generate")
    ),
)
