"""Web programs without a framework: WSGI, ASGI and the standard library's server."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, handler, same, signature, sink, source, special

_FIXED = (
    "REQUEST_METHOD SERVER_* REMOTE_* SCRIPT_NAME CONTENT_LENGTH GATEWAY_INTERFACE DOCUMENT_ROOT "
    "!wsgi.input *.*"  # with a dot: what the server or a program around this one set
)
_OWN = (
    "type http_version method scheme root_path app router route endpoint state server client extensions asgi user "
    "auth session"
)
_HANDLER = "@http.server.BaseHTTPRequestHandler"

ROWS: tuple[Row, ...] = (
    signature("environ start_response", "@wsgi.Environ", "@wsgi.Start"),
    signature("env start_response", "@wsgi.Environ", "@wsgi.Start"),
    *(
        source(f"@wsgi.Environ.{name}", "a part of the request", but=_FIXED)
        for name in ("__getitem__", "get")
    ),
    special("@wsgi.Start", "start_response"),
    signature("scope receive send", "@asgi.Scope"),
    # A function that a cloud calls with an event.
    signature("event context", "@cloud.Event"),
    *(source(f"@cloud.Event.{name}", "a part of the event") for name in ("__getitem__", "get")),
    *(clean(f"@cloud.Event.{name}", "structure") for name in ("__getitem__", "get")),
    *(source(f"@asgi.Scope.{name}", "a part of the request", but=_OWN) for name in ("__getitem__", "get")),
    handler("http.server.BaseHTTPRequestHandler", "do_*"),
    *(
        same(f"{sign}http.server.{name}", f"{sign}http.server.BaseHTTPRequestHandler")
        for name in ("SimpleHTTPRequestHandler", "CGIHTTPRequestHandler")
        for sign in ("", "@")
    ),
    *(
        same(f"{sign}BaseHTTPServer.BaseHTTPRequestHandler", f"{sign}http.server.BaseHTTPRequestHandler")
        for sign in ("", "@")
    ),
    source(f"{_HANDLER}.path", "the request's path"),
    clean(f"{_HANDLER}.path", "redirect", "ssrf", "own"),
    source(f"{_HANDLER}.headers", "a header of the request"),
    source(f"{_HANDLER}.rfile", "the request's body"),
    source(f"{_HANDLER}.requestline", "the request's first line"),
    special(f"{_HANDLER}.send_header", "set_header"),
    sink(f"{_HANDLER}.wfile.write", "xss", "0", weak=1),
    source("wsgiref.util.request_uri", "the request's address"),
)
