"""The data model of a live database for the operation `data_model`: opened, read, told as errors of a step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from agents import databases
from agents.base import OperationContext
from agents.databases import DatabaseCancelled, DatabaseError, stored
from agents.documentation.data_model import DataModel, of_catalogue
from agents.documentation.data_model.pages import spoken
from agents.grounding import Index
from agents.reporting.model import ToolRun, ToolState
from tasks.contract import StepCancelled, StepFailed

PURPOSE = "read the catalogue for the data model"
_LINE = re.compile(r":\d+(?:-\d+)?$")


def read(
    database: str, schemas: Sequence[str], context: OperationContext
) -> tuple[DataModel, Index, ToolRun]:
    """Read the model of a live database of the step's project. Raises StepFailed, StepCancelled."""
    context.progress(0, 3, f"connecting with the database {database}")
    try:
        address = stored.address_of(context.request.project_id, database, purpose=PURPOSE)
        with databases.opened(address, stored.rules(context.cancelled)) as session:
            context.progress(1, 3, "reading the catalogue")
            at = datetime.now(UTC)
            catalogue = databases.read(session, schemas=schemas)
    except DatabaseCancelled as error:
        raise StepCancelled(str(error)) from error
    except DatabaseError as error:
        raise StepFailed(
            f"database {database}: {error}", retriable=error.retriable, kind=type(error).__name__
        ) from error
    model = of_catalogue(catalogue, database=database, at=at)
    context.log(f"{len(catalogue.tables)} tables and views in {len(catalogue.schemas)} schemas")
    gaps = "; ".join(model.problems)
    tool = ToolRun(
        tool="PostgreSQL catalogue",
        version=catalogue.version,
        state=ToolState.PARTIAL if catalogue.is_cut else ToolState.OK,
        unit="table",
        files_analysed=len(catalogue.tables),
        note=f"the live database {database}" + (f"; not read: {gaps}" if catalogue.is_cut else ""),
    )
    return model, Index(), tool


def teach(index: Index, model: DataModel) -> None:
    """Let an index know the names of a model, as its pages write them."""
    names = spoken(model)
    index.words.update(names)
    if any(entity.dialect == "postgresql" for entity in model.entities):
        # a table may be called as a path looks; of source such a name would be a path indeed
        index.paths.update(str(PurePosixPath(_LINE.sub("", name))).lstrip("/") for name in names)
