"""`data_model` and `http_api`: what a project stores and what it serves, read from its source or its database."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import Field

from agents.base import OperationContext, operation
from agents.conventions import is_test
from agents.documentation import data_model, http_api, interface_html, live_model
from agents.documentation.data_model import DataModel
from agents.documentation.http_api import schemas
from agents.documentation.material import (
    ATTEMPTS,
    DOCUMENTS,
    NEEDS,
    PYTHON,
    TIMEOUT_SECONDS,
    Material,
    TreeInput,
    opened,
    run_of,
)
from agents.documentation.product import is_example, title_of
from agents.grounding import demand
from agents.reporting.model import AnalysisOutput, ToolRun, plural
from agents.symbols.sources import Sources

UNREAD = " was not read:"  # in what the readers say of a file that does not parse
EXAMPLES = "examples, scripts or pages beside the product"
MARKDOWN = "text/markdown; charset=utf-8"
HTML = "text/html; charset=utf-8"


class DataModelInput(TreeInput):
    """Which tree, or which live database instead."""

    database: str = Field(
        default="",
        pattern=r"^[-a-zA-Z0-9_]{0,60}$",
        description="name of a database URL that the project keeps; empty: the source is read",
    )
    schemas: list[str] = Field(
        default_factory=list, max_length=100, description="of the database; none: all that are people's"
    )


class InterfaceOutput(AnalysisOutput):
    """What was drawn or listed. `files` are the artifacts that people read."""

    files: tuple[str, ...]


class Interfaces:
    """What a project shows to others: its tables and its routes."""

    @operation(
        DataModelInput,
        InterfaceOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=(DOCUMENTS,),
        requires=PYTHON,
        waived_by=("database",),
        examples=(
            "draw the data model",
            "make an ER diagram of the models",
            "draw the ER diagram of the live database orders",
            "entity relationship diagram",
            "which tables refer to each other?",
        ),
    )
    def data_model(self, input: DataModelInput, context: OperationContext) -> InterfaceOutput:
        """Draw the data model: entities, fields and relations as an ER diagram.

        Reads Django models and SQLAlchemy classes from the source, over abstract bases and imports, without running
        it. With a database, the name of a database URL of the project, reads the catalogue of that live PostgreSQL
        database instead: schemas, tables, views, keys, enums, comments; never a row of a table. Stores
        data_model.svg, data_model.mmd (Mermaid), data_model.md and data_model.html, in which each entity has its
        place in the code or in the database.
        """
        if input.database:
            model, index, tool = live_model.read(input.database, input.schemas, context)
        else:
            with opened(input, context) as material:
                model, index = data_model.read(_python(material.sources)), material.index
                tool = _tool(material, model.problems)
        live_model.teach(index, model)
        page = demand(data_model.markdown(model), index)
        context.put_artifact("data_model.md", page.encode(), media_type=MARKDOWN)
        context.put_artifact(
            "data_model.mmd", data_model.mermaid(model).encode(), media_type="text/plain; charset=utf-8"
        )
        drawn = data_model.svg(model)
        context.put_artifact("data_model.svg", drawn.encode(), media_type="image/svg+xml")
        page = interface_html.data_model(model, drawn)
        context.put_artifact("data_model.html", page.encode(), media_type=HTML)
        context.progress(3, 3, "done")
        context.summary = _told(model, input.database)
        files = ("data_model.html", "data_model.md", "data_model.mmd", "data_model.svg")
        return InterfaceOutput(tools=(tool,), summary=context.summary, files=files)

    @operation(
        TreeInput,
        InterfaceOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=(DOCUMENTS,),
        requires=PYTHON,
        examples=(
            "list the HTTP endpoints",
            "document the REST API",
            "which URLs does this application serve?",
            "write an OpenAPI skeleton from the routes",
        ),
    )
    def http_api(self, input: TreeInput, context: OperationContext) -> InterfaceOutput:
        """List the HTTP endpoints: method, path, parameters, view.

        Follows Django's URL confs through include() and REST framework's routers, Flask's blueprints and FastAPI's
        routers with their prefixes, resources of Flask-RESTful, by the syntax tree alone; compares with OpenAPI
        documents of the repository what they promise and no route serves. Stores http_api.md, http_api.html and
        http_api.json, an OpenAPI skeleton.
        """
        with opened(input, context) as material:
            interface = http_api.read(_python(material.sources), _documents(material.sources))
            every = [*interface.endpoints, *interface.promised]
            material.index.words.update({one.path for one in every} | {one.view for one in every})
            page = demand(http_api.markdown(interface), material.index)
            tool = _tool(material, interface.problems)
        document = http_api.openapi(interface, title=title_of(material.sources.modules()) or "HTTP interface")
        context.put_artifact("http_api.md", page.encode(), media_type=MARKDOWN)
        context.put_artifact(
            "http_api.json", json.dumps(document, indent=1).encode(), media_type="application/json"
        )
        html = interface_html.http_api(interface)
        context.put_artifact("http_api.html", html.encode(), media_type=HTML)
        context.progress(3, 3, "done")
        told = plural(len(interface.endpoints), "endpoint")
        if interface.promised:
            told += f"; {plural(len(interface.promised), 'operation')} in OpenAPI documents"
        untold = sum(UNREAD not in text for text in set(interface.problems))
        told += f"; {plural(untold, 'gap')} named as not told" if untold else ""
        context.summary = told if every or untold else "no route and no OpenAPI document was found"
        files = ("http_api.html", "http_api.json", "http_api.md")
        return InterfaceOutput(tools=(tool,), summary=context.summary, files=files)


def _told(model: DataModel, database: str) -> str:
    """The model in one line."""
    own = len(model.own)
    if not own:
        return model.nothing.rstrip(".") if database else "no Django model and no SQLAlchemy class was found"
    told = f"{own:,} {'entity' if own == 1 else 'entities'}, {plural(len(model.relations), 'relation')}"
    return f"{told} in the live database {database}" if database else told


def _product(sources: Sources) -> list[str]:
    """The product's Python files: models and routes of tests and examples are made up."""
    files = [path for path in sources.python if not is_test(path)]
    return [path for path in files if not is_example(path)] or files


def _python(sources: Sources) -> Iterator[tuple[str, str]]:
    for path in _product(sources):
        if (text := sources.text(path)) is not None:
            yield path, text


def _documents(sources: Sources) -> Iterator[tuple[str, str]]:
    for path in sources.paths:
        if schemas.is_candidate(path) and (text := sources.text(path)) is not None:
            yield path, text


def _tool(material: Material, problems: list[str]) -> ToolRun:
    """What was read: a file that does not parse is a gap, a route that is computed is told on the page."""
    files = _product(material.sources)
    failed = {text.partition(UNREAD)[0]: text for text in problems if UNREAD in text}
    skipped = dict(material.sources.counts)
    if beside := sum(not is_test(path) for path in material.sources.python) - len(files):
        skipped[EXAMPLES] = beside
    return run_of("syntax tree", "1", given=len(files), failed=failed, skipped=skipped)
