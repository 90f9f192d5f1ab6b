"""The data model of a project: entities, fields, relations, read from its source or from a live database.

model.py      the shapes
reading.py    Django models and SQLAlchemy classes -> DataModel, by the syntax tree: nothing is imported or executed
database.py   the catalogue of a live database -> DataModel
drawing.py    DataModel -> SVG
pages.py      DataModel -> Markdown with a Mermaid diagram
"""

from __future__ import annotations

from agents.documentation.data_model.database import of_catalogue
from agents.documentation.data_model.drawing import svg
from agents.documentation.data_model.model import DataModel, Entity, Field, Relation
from agents.documentation.data_model.pages import markdown, mermaid
from agents.documentation.data_model.reading import read

__all__ = ["DataModel", "Entity", "Field", "Relation", "markdown", "mermaid", "of_catalogue", "read", "svg"]
