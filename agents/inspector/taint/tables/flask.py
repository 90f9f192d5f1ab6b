"""Flask and Werkzeug."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    entry,
    exits,
    gives,
    handler,
    same,
    shared,
    sink,
    source,
    special,
    stops,
)

_INPUT = {
    "args": "a query parameter",
    "form": "a form field",
    "values": "a form field or query parameter",
    "cookies": "a cookie",
    "headers": "a header of the request",
    "files": "an uploaded file",
    "json": "the request's JSON",
    "data": "the request's body",
    "stream": "the request's body",
    "query_string": "the query string",
    "path": "the request's path",
    "full_path": "the request's path",
    "url": "the request's address",
    "base_url": "the request's address",
    "referrer": "the Referer header",
    "user_agent": "the User-Agent header",
    "view_args": "a part of the address",
    "get_json": "the request's JSON",
    "get_data": "the request's body",
    "authorization": "the Authorization header",
}
_ROUTES = ["route", "get", "post", "put", "patch", "delete"]

ROWS: tuple[Row, ...] = (
    *(source(f"flask.request.{name}", words) for name, words in _INPUT.items()),
    *(source(f"@werkzeug.Request.{name}", words) for name, words in _INPUT.items()),
    *(clean(f"flask.request.{name}", "structure") for name in ("json", "get_json")),
    # Of this host.
    *(
        clean(f"flask.request.{name}", "redirect", "ssrf")
        for name in ("path", "full_path", "url", "base_url")
    ),
    # Percent signs stay as they were sent.
    *(
        clean(f"{request}.{name}", "log", "header")
        for request in ("flask.request", "@werkzeug.Request")
        for name in ("url", "base_url")
    ),
    same("flask.globals.request", "flask.request"),
    same("quart.request", "flask.request"),
    same("@flask.Request", "@werkzeug.Request"),
    same("@werkzeug.wrappers.Request", "@werkzeug.Request"),
    gives("flask.Flask", "@flask.Flask"),
    gives("flask.Blueprint", "@flask.Flask"),
    same("@flask.Flask.logger", "@logging.Logger"),
    same("flask.current_app.logger", "@logging.Logger"),
    same("quart.Quart", "flask.Flask"),
    *(entry(f"@flask.Flask.{name}", returns="html", parameters="remote") for name in _ROUTES),
    entry("@flask.Flask.errorhandler", returns="html"),
    *(entry(f".{name}", returns="html", parameters="remote") for name in ("route",)),
    entry(".expose", returns="html", parameters="remote"),
    entry("flask_appbuilder.expose", returns="html", parameters="remote"),
    entry("flask_admin.expose", returns="html", parameters="remote"),
    handler("flask.views.MethodView", "get post put patch delete", returns="html", parameters="remote"),
    handler("flask.views.View", "dispatch_request", returns="html", parameters="remote"),
    *(
        handler(f"{package}.Resource", "get post put patch delete", returns="json", parameters="remote")
        for package in ("flask_restful", "flask_restx", "flask_restplus")
    ),
    special("flask.make_response", "response"),
    special("flask.Response", "response"),
    special("werkzeug.wrappers.Response", "response"),
    special("@flask.Response.set_cookie", "set_cookie"),
    special("@flask.Response.set_data", "set_body"),
    special("@werkzeug.Response.set_cookie", "set_cookie"),
    special(".set_cookie", "set_cookie"),
    gives(".test_client", "@flask.TestClient"),
    stops("@flask.TestClient.*"),
    clean("flask.jsonify", "xss"),
    gives("flask.jsonify", "@json"),
    special("@json.set_cookie", "set_cookie"),
    special("flask.render_template", "render"),
    special("flask.render_template_string", "template_string"),
    special("flask.stream_template_string", "template_string"),
    *(same(f"{app}.jinja_env", "@jinja2.Environment") for app in ("@flask.Flask", "flask.current_app")),
    sink("@flask.Response.location", "redirect", "="),
    sink("flask.redirect", "redirect", "0 location"),
    stops("flask.redirect"),
    same("werkzeug.utils.redirect", "flask.redirect"),
    special("@redirect.set_cookie", "set_cookie"),
    exits("flask.abort"),
    exits("werkzeug.exceptions.abort"),
    sink("flask.send_file", "path", "0 path_or_file filename_or_fp"),
    sink("flask.send_from_directory", "path", "0 directory"),
    stops("flask.send_file"),
    stops("flask.send_from_directory"),
    clean("flask.url_for", "all"),
    clean(".url_for", "all"),  # of a router, a blueprint of an interface, a request: an own address
    clean("werkzeug.utils.secure_filename", "path", "command", "xss", "sql"),
    clean("werkzeug.security.safe_join", "path"),
    same("werkzeug.utils.safe_join", "werkzeug.security.safe_join"),
    same("flask.safe_join", "werkzeug.security.safe_join"),
    same("werkzeug.secure_filename", "werkzeug.utils.secure_filename"),
    gives("flask.session", "@flask.session"),
    sink("flask.session.__setitem__", "trust", "0 1", what="the session"),
    sink("@flask.session.__setitem__", "trust", "0 1", what="the session"),
    sink("flask.session.update", "trust", "*", what="the session"),
    sink("flask.session.setdefault", "trust", "0 1", what="the session"),
    stops("flask.session.get"),
    # `FileStorage.save(to)`; with content it is a field of Django, whose storage cleans the name
    sink(".save", "path", "0 dst", when="1:content absent", weak=2),
    shared("flask.g"),
    *(special(f"flask.g.{name}", "kept_for_request") for name in ("get", "pop")),
    *(
        entry(f"@flask.Flask.{name}", early=True)
        for name in ("before_request", "before_app_request", "url_value_preprocessor")
    ),
    stops("flask.current_app.*"),
    stops("flask.flash"),
    # Werkzeug refuses line ends in values; it did not always.
    sink("@flask.Response.headers.__setitem__", "header", "1", weak=2),
    *(special(f"@flask.Response.headers.{name}", "set_header") for name in ("set", "add", "add_header")),
    gives("werkzeug.datastructures.Headers", "@werkzeug.Headers"),
    *(
        sink(f"@werkzeug.Headers.{name}", "header", "0 _key key", what="the name of a header")
        for name in ("add", "set", "__setitem__", "setdefault")
    ),
    *(
        special(f"{headers}.{name}", "header_names")
        for headers in ("@werkzeug.Headers", "@flask.Response.headers")
        for name in ("extend", "update")
    ),
)
