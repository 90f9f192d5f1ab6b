"""A data model as text: Markdown for people, with the Mermaid diagram that most forges draw.

Names come from strangers: a code span holds no backquote and a table's cell no border, marks that act on a reader
are shown by their number, and two names never become one in the diagram.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from agents.documentation.claims import clean
from agents.documentation.data_model.model import DataModel, Entity, Field, Relation
from agents.reporting.visible import one_line

DRAWN_ENTITIES = 60  # beyond it Mermaid's picture helps nobody: one for each group then
_NO_WORD = re.compile(r"\W+")
_PLAIN = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_LABEL = str.maketrans({'"': "'", "`": "'", "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
                        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"})  # fmt: skip
_ENDS = {("many", "one"): "}o--{}", ("one", "one"): "|o--{}", ("many", "many"): "}o--o{"}


def mermaid(model: DataModel) -> str:
    """Draw the whole model as a Mermaid `erDiagram`."""
    return _drawn(model, _words(model))


def _drawn(model: DataModel, words: Mapping[str, str], group: str | None = None) -> str:
    """Draw the entities, or those of a group and what they refer to."""
    inside = {entity.name for entity in model.entities if group is None or entity.group == group}
    relations = [one for one in model.relations if one.source in inside]
    shown = inside | {one.target for one in relations}
    lines = ["erDiagram"]
    for entity in model.entities:
        if entity.name in shown:
            lines.extend(_entity(entity, words[entity.name], in_full=entity.name in inside))
    lines.extend(
        f"    {words[one.source]} {_ends(one)} {words[one.target]} : {_word(one.field) or 'refers'}"
        for one in relations
    )
    return "\n".join(lines) + "\n"


def _words(model: DataModel) -> dict[str, str]:
    """Each entity's name as a word of the diagram, no two the same."""
    words: dict[str, str] = {}
    taken: set[str] = set()
    used: Counter[str] = Counter()
    for entity in model.entities:
        base = word = _word(entity.name) or "entity"
        while word in taken:
            used[base] += 1
            word = f"{base}_{used[base] + 1}"
        taken.add(word)
        words[entity.name] = word
    return words


def _ends(relation: Relation) -> str:
    return _ENDS[relation.ends].replace("{}", "o|" if relation.is_optional else "||")


def _entity(entity: Entity, word: str, *, in_full: bool) -> list[str]:
    head = word if _PLAIN.fullmatch(entity.name) else f'{word}["{_quoted(entity.name)}"]'
    if not in_full or not entity.fields:
        return [f"    {head}"]
    rows = [f"        {_type(item.kind)} {_attribute(item)}" for item in entity.fields]
    return [f"    {head} {{", *rows, "    }"]


def _attribute(item: Field) -> str:
    word = _word(item.name) or "column"
    told = (f"_{word}" if word[0].isdigit() else word) + (" PK" if item.is_key else " UK" * item.is_unique)
    return told if _PLAIN.fullmatch(item.name) else f'{told} "{_quoted(item.name)}"'


def _type(kind: str) -> str:
    return (_word(kind) or "unknown") + ("[]" if kind.endswith("[]") else "")


def _word(text: str) -> str:
    return _NO_WORD.sub("_", text).strip("_")


def _quoted(text: str) -> str:
    """A text between the quotes of a diagram: nothing that ends them, a line, a fence or a comment, and no tag."""
    return one_line(text).translate(_LABEL).replace("%%", "% %")


def markdown(model: DataModel) -> str:
    """Describe the whole model: the diagram, then each entity with its fields and its relations both ways."""
    own = model.own
    parts = ["# Data model\n", *(f"{_cell(text)}\n" for text in model.origin)]
    if not own:
        return "\n".join([*parts, f"{_cell(model.nothing)}\n", *_problems(model)])
    entities = "1 entity" if len(own) == 1 else f"{len(own)} entities"
    relations = "1 relation" if len(model.relations) == 1 else f"{len(model.relations)} relations"
    parts.append(f"{entities}, {relations}.\n")
    groups: dict[str, list[Entity]] = defaultdict(list)
    for entity in own:
        groups[entity.group].append(entity)
    words = _words(model)
    if len(own) <= DRAWN_ENTITIES:
        parts.append(f"```mermaid\n{_drawn(model, words)}```\n")
    targets, users = ways_of(model)
    for group in sorted(groups):
        parts.append(f"## {_cell(group) or 'Without an application'}\n")
        if len(own) > DRAWN_ENTITIES:
            parts.append(_of_group(model, words, group, len(groups[group])))
        parts.extend(_section(entity, targets, users[entity.name]) for entity in groups[group])
    return "\n".join([*parts, *_types(model), *_problems(model)])


def _of_group(model: DataModel, words: Mapping[str, str], group: str, many: int) -> str:
    if many > DRAWN_ENTITIES:
        return f"{many:,} entities are too many for a diagram in a page; data_model.svg has them all.\n"
    return f"```mermaid\n{_drawn(model, words, group)}```\n"


def ways_of(model: DataModel) -> tuple[dict[tuple[str, str], list[Relation]], dict[str, set[str]]]:
    """What each field refers to, and who refers to each entity."""
    targets: dict[tuple[str, str], list[Relation]] = defaultdict(list)
    users: dict[str, set[str]] = defaultdict(set)
    for one in model.relations:
        for name in one.fields:
            targets[one.source, name].append(one)
        users[one.target].add(f"{one.source}.{one.field}")
    return targets, users


def _section(entity: Entity, targets: Mapping[tuple[str, str], list[Relation]], users: set[str]) -> str:
    lines = [
        f"### {_code(entity.name)}" + (f" ({_cell(entity.kind)})" if entity.kind else "") + "\n",
        f"{_cell(entity.doc)}\n" if entity.doc else "",
        f"{_code(entity.place)}\n",
        f"{_cell(' '.join(entity.notes))}\n" if entity.notes else "",
    ]
    if entity.fields:
        lines.append("| field | type | refers to | |\n|---|---|---|---|")
    for item in entity.fields:
        found = targets.get((entity.name, item.name), ())
        target = "; ".join(_code(one.target) + _cell(told_of(one)) for one in found)
        told = ", ".join([*marks_of(item), *([_cell(item.doc)] if item.doc else [])])
        lines.append(f"| {_code(item.name)} | {_code(item.kind)} | {target} | {told} |")
    if users:
        lines.append(f"\nReferred to by {', '.join(map(_code, sorted(users)))}.")
    return "\n".join(line for line in lines if line) + "\n"


def marks_of(item: Field) -> list[str]:
    """What is true of a field, in words."""
    told = (
        ("key", item.is_key),
        ("unique", item.is_unique and not item.is_key),
        ("optional", item.is_optional),
    )
    return [word for word, holds in told if holds]


def told_of(relation: Relation) -> str:
    """What is to be told of a relation beside its target, with a blank before it; "" mostly."""
    told = f" (by {relation.field} together)" if len(relation.fields) > 1 else ""
    told += " (at most one each)" if relation.ends == ("one", "one") and relation.columns else ""
    return told + (f" ({relation.note})" if relation.note else "")


def _types(model: DataModel) -> Iterator[str]:
    if model.types:
        yield "## Types with listed values\n"
        rows = (
            f"| {_code(one.name)} | {_cell(values_of(one.values, is_cut=one.is_cut))} |"
            for one in model.types
        )
        yield "| type | values |\n|---|---|\n" + "\n".join(rows) + "\n"


def values_of(values: Iterable[str], *, is_cut: bool) -> str:
    """The values of a type, in their order."""
    return ", ".join(values) + (" and more" if is_cut else "")


def _problems(model: DataModel) -> Iterator[str]:
    if model.problems:
        yield "## Not read\n\n" + "\n".join(f"- {_cell(text)}" for text in sorted(set(model.problems))) + "\n"


def spoken(model: DataModel) -> set[str]:
    """All names of the model as its pages write them: what is true to name in a text about it."""
    names = {entity.name for entity in model.entities} | {one.name for one in model.types}
    names |= {text for entity in model.entities for item in entity.fields for text in (item.name, item.kind)}
    names |= {f"{one.source}.{one.field}" for one in model.relations}
    return {_inside(name) for name in names}


def _code(text: str) -> str:
    """A name as a code span, in or out of a table."""
    return f"`{_inside(text)}`" if text else ""


def _inside(text: str) -> str:
    return one_line(text).replace("`", "'").replace("|", "\\|").strip() or " "


def _cell(text: str) -> str:
    """A text of strangers as text of Markdown: no table border, no tag, no link, no line end, no secret."""
    line = one_line(" ".join(clean(text).split()))
    return line.replace("|", "\\|").replace("<", "&lt;").replace("`", "'").replace("](", "]\\(")
