"""Django and Django REST framework."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    entry,
    exits,
    gives,
    guard,
    request_parameter,
    same,
    sink,
    source,
    special,
    stops,
)

_INPUT = {
    "GET": "a query parameter",
    "POST": "a form field",
    "COOKIES": "a cookie",
    "FILES": "an uploaded file",
    "headers": "a header of the request",
    "body": "the request's body",
    "path": "the request's path",
    "path_info": "the request's path",
    "get_full_path": "the request's address",
    "get_raw_uri": "the request's address",
    "read": "the request's body",
    "data": "the request's data",
    "query_params": "a query parameter",
}
_REQUEST = "@django.http.HttpRequest"
_FIXED = "REQUEST_METHOD SERVER_* REMOTE_ADDR REMOTE_PORT SCRIPT_NAME CONTENT_LENGTH CSRF_COOKIE*"
_VIEWS = [
    "django.views.View",
    "django.views.generic.View",
    "django.views.generic.base.View",
    "django.views.generic.TemplateView",
    "django.views.generic.ListView",
    "django.views.generic.DetailView",
    "django.views.generic.FormView",
    "django.views.generic.CreateView",
    "django.views.generic.UpdateView",
    "django.views.generic.DeleteView",
    "django.views.generic.RedirectView",
    "rest_framework.views.APIView",
    "rest_framework.viewsets.ViewSet",
    "rest_framework.viewsets.ModelViewSet",
    "rest_framework.viewsets.GenericViewSet",
    "rest_framework.viewsets.ReadOnlyModelViewSet",
    "rest_framework.generics.GenericAPIView",
    "rest_framework.generics.ListAPIView",
    "rest_framework.generics.RetrieveAPIView",
    "rest_framework.generics.CreateAPIView",
    "rest_framework.generics.ListCreateAPIView",
    "rest_framework.generics.UpdateAPIView",
    "rest_framework.generics.DestroyAPIView",
    "rest_framework.generics.RetrieveUpdateDestroyAPIView",
]
_MODELS = ("django.db.models.Model", "django.db.models.base.Model")
_HTML = [
    "HttpResponse",
    "HttpResponseBadRequest",
    "HttpResponseNotFound",
    "HttpResponseForbidden",
    "HttpResponseServerError",
    "StreamingHttpResponse",
]

_TRANSLATED = ["gettext", "gettext_lazy", "ugettext", "ugettext_lazy"]
ROWS: tuple[Row, ...] = (
    *(source(f"{_REQUEST}.{name}", words) for name, words in _INPUT.items()),
    clean(f"{_REQUEST}.data", "structure"),
    # It begins with a slash, so it stays on this host.
    *(
        clean(f"{_REQUEST}.{name}", "redirect", "ssrf", "own")
        for name in ("path", "path_info", "get_full_path")
    ),
    clean(f"{_REQUEST}.get_full_path", "log", "header"),  # it writes line ends as %0A
    special(f"{_REQUEST}.get_full_path", "own_path"),
    clean("django.utils.http.escape_leading_slashes", "redirect"),
    # What a template gives to a filter or a tag may be anybody's text.
    gives("django.template.Library", "@django.template.Library"),
    same("django.template.base.Library", "django.template.Library"),
    same("django.template.library.Library", "django.template.Library"),
    *(
        entry(
            f"@django.template.Library.{name}",
            parameters="remote",
            weak=2,
            what="a value that a template hands over",
        )  # mostly objects of the program's own
        for name in ("filter", "simple_tag", "inclusion_tag", "filter_function")
    ),
    *(
        source(f"{_REQUEST}.META.{name}", "a header of the request", but=_FIXED)
        for name in ("get", "__getitem__")
    ),
    same("@django.core.handlers.wsgi.WSGIRequest", _REQUEST),
    same("@rest_framework.request.Request", _REQUEST),
    same("@django.http.request.HttpRequest", _REQUEST),
    request_parameter("django", _REQUEST),
    request_parameter("rest_framework", _REQUEST),
    *(gives(f"@{view}.request", _REQUEST) for view in _VIEWS),
    *(same(f"@{view}.request", _REQUEST) for view in _VIEWS),
    *(source(f"@{view}.kwargs", "a part of the address") for view in _VIEWS),
    entry("rest_framework.decorators.api_view", returns="json"),
    gives("django.db.connection", "@db.Connection"),
    *(special(f"django.utils.translation.{name}", "translated") for name in _TRANSLATED),
    same("django.db.connection", "@db.Connection"),
    same("django.db.transaction.connection", "@db.Connection"),
    gives("django.db.connections.__getitem__", "@db.Connection"),
    *(gives(f"{model}.objects", "@django.Manager") for model in _MODELS),
    *(same(f"{model}.objects", "@django.Manager") for model in _MODELS),
    *(
        same(f"@django.db.models.{name}", "@django.Manager")
        for name in ("QuerySet", "query.QuerySet", "Manager", "manager.Manager")
    ),
    *(
        special(f"django.db.models.{name}.as_manager", "as_manager")
        for name in ("QuerySet", "query.QuerySet")
    ),
    *(
        special(f"django.db.models.{name}.from_queryset", "from_queryset")
        for name in ("Manager", "manager.Manager")
    ),
    gives("@django.Manager.*", "@django.Manager"),
    stops("@django.Manager.*"),
    sink("@django.Manager.raw", "sql", "0 raw_query"),
    sink("@django.Manager.extra", "sql", "0 1 2 3 5 select where tables order_by"),
    sink(".raw", "sql", "0 raw_query", weak=1),
    sink(".extra", "sql", "0 select where tables order_by", weak=1),
    *(sink(f"django.db.models.expressions.{name}", "sql", "0 sql") for name in ("RawSQL",)),
    same("django.db.models.RawSQL", "django.db.models.expressions.RawSQL"),
    stops("django.db.models.expressions.RawSQL"),
    sink("django.utils.safestring.mark_safe", "xss", "0 s"),
    sink("django.utils.safestring.SafeString", "xss", "0"),
    same("django.utils.safestring.SafeText", "django.utils.safestring.SafeString"),
    clean("django.utils.html.escape", "xss"),
    clean("django.utils.html.conditional_escape", "xss"),
    clean("django.utils.html.strip_tags", "header"),
    clean("django.utils.html.format_html", "xss"),
    clean("django.utils.html.escapejs", "xss"),
    sink("django.utils.html.format_html", "xss", "0 format_string"),
    *(special(f"django.http.{name}", "page") for name in _HTML),
    *(same(f"django.http.response.{name}", f"django.http.{name}") for name in _HTML),
    *(special(f"@django.http.{name}.set_cookie", "set_cookie") for name in _HTML),
    gives("django.http.JsonResponse", "@json"),
    stops("django.http.JsonResponse"),
    stops("django.core.signing.loads"),
    stops(".authenticate"),  # a user, whom the program has stored
    sink("django.http.JsonResponse", "exposure", "0 data", what="the answer"),
    sink("rest_framework.response.Response", "exposure", "0 data", what="the answer"),
    *(special(f"django.shortcuts.{name}", "render") for name in ("render", "render_to_response")),
    special("django.template.loader.render_to_string", "render"),
    special("django.template.response.TemplateResponse", "render"),
    sink("django.template.Template", "template", "0 template_string"),
    sink("django.template.engines.from_string", "template", "0"),
    gives("django.template.engines.__getitem__", "@django.template.Engine"),
    *(gives(f"django.template.{name}", "@django.template.Engine") for name in ("Engine", "engine.Engine")),
    sink("@django.template.Engine.from_string", "template", "0 template_code"),
    sink("django.shortcuts.redirect", "redirect", "0 to"),
    *(
        sink(f"django.http.{name}", "redirect", "0 redirect_to")
        for name in ("HttpResponseRedirect", "HttpResponsePermanentRedirect")
    ),
    *(
        same(f"django.http.response.{name}", f"django.http.{name}")
        for name in ("HttpResponseRedirect", "HttpResponsePermanentRedirect")
    ),
    special("@django.http.HttpResponse.write", "page_part"),
    *(stops(f"django.http.{name}") for name in ("HttpResponseRedirect", "HttpResponsePermanentRedirect")),
    stops("django.shortcuts.redirect"),
    *(special(f"django.shortcuts.{name}", "must_find") for name in ("get_object_or_404", "get_list_or_404")),
    clean("django.urls.reverse", "all"),
    clean("rest_framework.reverse.reverse", "all"),
    # A page of what was found, by its number.
    gives("django.core.paginator.Paginator", "@django.core.paginator.Paginator"),
    stops("@django.core.paginator.Paginator.get_page"),
    stops("@django.core.paginator.Paginator.page"),
    special("django.urls.resolve", "must_resolve"),
    clean(".get_absolute_url", "all"),  # a model's own address, made by reverse() of its key
    clean("django.urls.reverse_lazy", "all"),
    *(
        guard(f"django.utils.http.{name}", "redirect ssrf", "0 url")
        for name in ("url_has_allowed_host_and_scheme", "is_safe_url")
    ),
    clean("django.utils.text.get_valid_filename", "path"),
    *(clean(f"django.{name}.slugify", "all") for name in ("utils.text", "template.defaultfilters")),
    clean("slugify.slugify", "all"),
    clean("django.utils._os.safe_join", "path"),
    sink(f"{_REQUEST}.session.__setitem__", "trust", "0 1", what="the session", weak=2),
    sink(f"{_REQUEST}.session.update", "trust", "*", what="the session", weak=2),
    sink(f"{_REQUEST}.session.setdefault", "trust", "0 1", what="the session", weak=2),
    *(special(f"django.urls.{name}", "url_pattern") for name in ("path", "re_path")),
    same("django.urls.conf.path", "django.urls.path"),
    same("django.urls.conf.re_path", "django.urls.re_path"),
    *(same(f"django.conf.urls.{name}", "django.urls.re_path") for name in ("url", "re_path")),
    stops(f"{_REQUEST}.session.*"),
    stops(f"{_REQUEST}.user.*"),
    stops(f"{_REQUEST}.META"),
    # It raises unless the file is below the storage's folder.
    clean("django.core.files.storage.default_storage.path", "path"),
    gives("django.core.files.storage.FileSystemStorage", "@django.FileSystemStorage"),
    clean("@django.FileSystemStorage.path", "path"),
    exits("django.http.Http404"),
)
