"""The data model of a project, read from its source: entities, fields, relations. Nothing is imported or executed.

reading.py    Django models and SQLAlchemy classes -> DataModel, by the syntax tree
drawing.py    DataModel -> SVG
pages.py      DataModel -> Markdown with a Mermaid diagram
"""

from __future__ import annotations

from agents.documentation.data_model.drawing import svg
from agents.documentation.data_model.pages import markdown, mermaid
from agents.documentation.data_model.reading import DataModel, Entity, Field, Relation, read

__all__ = ["DataModel", "Entity", "Field", "Relation", "markdown", "mermaid", "read", "svg"]
