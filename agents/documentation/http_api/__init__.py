"""The HTTP interface of a project, read from its source: method, path, parameters, view. Nothing is executed.

routes.py     Endpoint, and what all readers share
django.py     URL confs, followed through include(); DRF routers and @action
decorated.py  Flask and FastAPI: @app.get("/..."), blueprints and routers with their prefixes
schemas.py    an OpenAPI document of the tree, which is believed before the code
pages.py      endpoints -> Markdown, and a skeleton of an OpenAPI document
"""

from __future__ import annotations

from agents.documentation.http_api.pages import markdown, openapi
from agents.documentation.http_api.reading import Interface, read
from agents.documentation.http_api.routes import Endpoint, Parameter

__all__ = ["Endpoint", "Interface", "Parameter", "markdown", "openapi", "read"]
