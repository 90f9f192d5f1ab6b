"""Tornado, and Jupyter's servers, whose handlers are Tornado's."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, handler, same, sink, source, special, stops

_HANDLER = "@tornado.web.RequestHandler"
_REQUEST = "@tornado.httputil.HTTPServerRequest"
_ARGUMENTS = {
    "get_argument": "a parameter of the request",
    "get_arguments": "a parameter of the request",
    "get_query_argument": "a query parameter",
    "get_query_arguments": "a query parameter",
    "get_body_argument": "a form field",
    "get_body_arguments": "a form field",
    "get_cookie": "a cookie",
    "path_args": "a part of the address",
    "path_kwargs": "a part of the address",
}
_INPUT = {
    "arguments": "a parameter of the request",
    "query_arguments": "a query parameter",
    "body_arguments": "a form field",
    "body": "the request's body",
    "cookies": "a cookie",
    "headers": "a header of the request",
    "files": "an uploaded file",
    "query": "the query string",
    "path": "the request's path",
    "uri": "the request's path",
    "full_url": "the request's address",
}
# Handlers of other packages: base class -> whether what it writes is JSON.
_BASES = {
    "tornado.web.StaticFileHandler": False,
    "tornado.web.ErrorHandler": False,
    "tornado.web.RedirectHandler": False,
    "tornado.websocket.WebSocketHandler": False,
    "jupyter_server.base.handlers.JupyterHandler": False,
    "jupyter_server.base.handlers.AuthenticatedHandler": False,
    "jupyter_server.base.handlers.APIHandler": True,
    "notebook.base.handlers.IPythonHandler": False,
    "notebook.base.handlers.AuthenticatedHandler": False,
    "notebook.base.handlers.APIHandler": True,
    "jupyterhub.handlers.base.BaseHandler": False,
    "jupyterhub.apihandlers.base.APIHandler": True,
}
_METHODS = "get post put patch delete head options"

ROWS: tuple[Row, ...] = (
    *(source(f"{_HANDLER}.{name}", words) for name, words in _ARGUMENTS.items()),
    *(
        source(f".{name}", words)
        for name, words in _ARGUMENTS.items()
        if name.startswith("get_") and "cookie" not in name
    ),
    same(f"{_HANDLER}.request", _REQUEST),
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    *(clean(f"{_REQUEST}.{name}", "redirect", "ssrf", "own") for name in ("path", "uri", "full_url")),
    handler("tornado.web.RequestHandler", _METHODS, parameters="remote"),
    *(same(base, "tornado.web.RequestHandler") for base in _BASES),
    *(same(f"@{base}", _HANDLER) for base, is_json in _BASES.items() if not is_json),
    *(
        same(f"@{base}.{name}", f"{_HANDLER}.{name}")
        for base, is_json in _BASES.items()
        if is_json
        for name in (*_ARGUMENTS, "redirect", "set_header")
    ),
    *(same(f"@{base}.request", _REQUEST) for base, is_json in _BASES.items() if is_json),
    handler("tornado.websocket.WebSocketHandler", "open on_message", parameters="remote"),
    sink(f"{_HANDLER}.redirect", "redirect", "0 url"),
    stops(f"{_HANDLER}.redirect"),
    special(f"{_HANDLER}.write", "write_page"),
    special(f"{_HANDLER}.finish", "write_page"),
    special(f"{_HANDLER}.set_header", "set_header"),
    special(f"{_HANDLER}.add_header", "set_header"),
    special(f"{_HANDLER}.render", "render"),
    special(f"{_HANDLER}.render_string", "render"),
    special(f"{_HANDLER}.set_cookie", "set_cookie"),
    stops(f"{_HANDLER}.get_secure_cookie"),
    stops(f"{_HANDLER}.get_signed_cookie"),
    stops(f"{_HANDLER}.reverse_url"),
    clean("tornado.escape.xhtml_escape", "xss"),
    clean("tornado.escape.url_escape", "xss", "redirect", "header", "log", "ssrf", "path", "command", "ldap"),
    clean("tornado.escape.linkify", "xss"),
    gives("tornado.httpclient.AsyncHTTPClient", "@tornado.httpclient.AsyncHTTPClient"),
    gives("tornado.httpclient.HTTPClient", "@tornado.httpclient.AsyncHTTPClient"),
    sink("@tornado.httpclient.AsyncHTTPClient.fetch", "ssrf", "0 request"),
    stops("@tornado.httpclient.AsyncHTTPClient.*"),
    sink("tornado.httpclient.HTTPRequest", "ssrf", "0 url"),
    stops("tornado.httpclient.HTTPRequest"),
)
