"""A data model as text: Markdown for people, with the Mermaid diagram that most forges draw."""

from __future__ import annotations

import re

from agents.documentation.data_model.reading import DataModel, Entity, Relation

DRAWN_ENTITIES = 60  # beyond it Mermaid's picture helps nobody: one for each group then
_NO_WORD = re.compile(r"\W+")
_ENDS = {("many", "one"): "}o--{}", ("one", "one"): "|o--{}", ("many", "many"): "}o--o{"}


def mermaid(model: DataModel, *, group: str | None = None) -> str:
    """Draw the entities, or those of a group and what they refer to, as a Mermaid `erDiagram`."""
    inside = {entity.name for entity in model.entities if group is None or entity.group == group}
    relations = [one for one in model.relations if one.source in inside]
    shown = inside | {one.target for one in relations}
    lines = ["erDiagram"]
    for entity in model.entities:
        if entity.name in shown:
            lines.extend(_entity(entity, in_full=entity.name in inside))
    lines.extend(
        f"    {_word(one.source)} {_ends(one)} {_word(one.target)} : {_word(one.field)}" for one in relations
    )
    return "\n".join(lines) + "\n"


def _ends(relation: Relation) -> str:
    return _ENDS[relation.ends].replace("{}", "o|" if relation.is_optional else "||")


def _entity(entity: Entity, *, in_full: bool) -> list[str]:
    name = _word(entity.name)
    if not in_full or not entity.fields:
        return [f"    {name}"]
    rows = [
        f"        {_word(item.kind) or 'unknown'} {_word(item.name)}"
        + (" PK" if item.is_key else " UK" * item.is_unique)
        for item in entity.fields
    ]
    return [f"    {name} {{", *rows, "    }"]


def _word(text: str) -> str:
    return _NO_WORD.sub("_", text).strip("_")


def markdown(model: DataModel) -> str:
    """Describe the whole model: the diagram, then each entity with its fields and its relations both ways."""
    if not model.entities:
        return "# Data model\n\nNo Django model and no SQLAlchemy class was found.\n"
    own = [entity for entity in model.entities if entity.dialect != "foreign"]
    parts = [f"# Data model\n\n{len(own)} entities, {len(model.relations)} relations.\n"]
    groups = sorted({entity.group for entity in own})
    if len(own) <= DRAWN_ENTITIES:
        parts.append(f"```mermaid\n{mermaid(model)}```\n")
    for group in groups:
        parts.append(f"## {_cell(group) or 'Without an application'}\n")
        if len(own) > DRAWN_ENTITIES:
            parts.append(f"```mermaid\n{mermaid(model, group=group)}```\n")
        parts.extend(_section(entity, model) for entity in own if entity.group == group)
    if model.problems:
        parts.append(
            "## Not read\n\n" + "\n".join(f"- {_cell(text)}" for text in sorted(set(model.problems))) + "\n"
        )
    return "\n".join(parts)


def _section(entity: Entity, model: DataModel) -> str:
    lines = [
        f"### `{entity.name}`\n",
        f"{_cell(entity.doc)}\n" if entity.doc else "",
        f"`{entity.path}:{entity.line}`\n",
    ]
    targets = {(one.source, one.field): one for one in model.relations}
    lines.append("| field | type | refers to | |\n|---|---|---|---|")
    for item in entity.fields:
        relation = targets.get((entity.name, item.name))
        marks = [word for word, holds in (("key", item.is_key), ("unique", item.is_unique and not item.is_key),
                                          ("optional", item.is_optional)) if holds]  # fmt: skip
        target = f"`{relation.target}`" if relation else ""
        lines.append(f"| `{item.name}` | `{_cell(item.kind)}` | {target} | {', '.join(marks)} |")
    users = sorted({f"`{one.source}.{one.field}`" for one in model.relations if one.target == entity.name})
    if users:
        lines.append(f"\nReferred to by {', '.join(users)}.")
    return "\n".join(line for line in lines if line) + "\n"


def _cell(text: str) -> str:
    """A text from the source as text of Markdown: no table border, no tag, no line end."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
