"""A data model as one SVG that stands alone: boxes in layers, what is referred to above what refers to it.

Layers by longest path over the relations (cycles are cut where they are met), order within a layer by the mean place
of the neighbours, three sweeps (Sugiyama's method, without its dummy nodes: lines may pass behind boxes). What hangs
together with nothing comes last. Of many entities only the keys and what refers are written into the boxes.
Colours follow the reader's scheme. Every text is escaped; nothing is loaded from outside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape

from agents.documentation.claims import clean
from agents.documentation.data_model.model import DataModel, Entity, Relation
from agents.reporting.visible import one_line

WIDTH, ROW, HEAD = 230, 18, 26  # pixels of a box
GAP_X, GAP_Y, MARGIN = 36, 64, 24
SHOWN_FIELDS = 14
SWEEPS = 3
PER_ROW = 8  # a layer wider than this goes on in another row
LEAST_ALONE = 3  # entities in a row of those that hang together with nothing
MANY = 150  # entities; of more the boxes are short, and the rows as long as makes no ribbon of the picture
FLAT = 1.5  # how much wider than high a short box is
SHOWN_OF_MANY = 5
_SHORT_KINDS = (  # PostgreSQL's own short names, and ours of kinds of tables: a box is narrow
    ("character varying", "varchar"), ("timestamp without time zone", "timestamp"), ("character(", "char("),
    ("timestamp with time zone", "timestamptz"), ("double precision", "float8"), ("time without time zone", "time"),
    ("time with time zone", "timetz"), (" table", ""), ("materialised view", "materialised"),
)  # fmt: skip
_STYLE = """
:root{color-scheme:light dark}
text{font:12px system-ui,sans-serif;fill:#1c2430}.h{font-weight:600}.k{fill:#5b6675}
.b{fill:#fff;stroke:#c3cad4}.t{fill:#eef2f7}
.f .b{stroke-dasharray:4 3}.v .b{stroke-dasharray:3 3}.v .h{font-style:italic}
path{fill:none;stroke:#7b8796;stroke-width:1.2}
@media (prefers-color-scheme:dark){text{fill:#e6eaf0}.k{fill:#9aa6b5}.b{fill:#161b22;stroke:#3a4452}.t{fill:#212936}}
"""


@dataclass(frozen=True, slots=True)
class _Box:
    x: int
    y: int
    height: int


def svg(model: DataModel) -> str:
    """Draw the whole model. An empty one gives a picture that says so."""
    entities = _shortened(model) if len(model.entities) > MANY else model.entities
    rows = _rows(entities, model.relations)
    boxes, width, height = _place(rows)
    heads = _heads(entities)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="Entity relationship diagram of {len(boxes)} entities"><style>{_STYLE}</style>',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8"/></marker></defs>',
    ]
    parts.extend(_line(one, boxes) for one in model.relations if one.source != one.target)
    parts.extend(_box(entity, boxes[entity.name], heads[entity.name]) for row in rows for entity in row)
    if not boxes:
        parts.append(f'<text x="{MARGIN}" y="{MARGIN + 12}">No entity was found.</text>')
    return "".join(parts) + "</svg>\n"


def _shortened(model: DataModel) -> list[Entity]:
    """The entities with what tells how they hang together alone."""
    refer = {(one.source, name) for one in model.relations for name in one.fields}
    return [
        replace(
            entity,
            fields=tuple(item for item in entity.fields if item.is_key or (entity.name, item.name) in refer)[
                :SHOWN_OF_MANY
            ],
        )
        for entity in model.entities
    ]


def _heads(entities: Iterable[Entity]) -> dict[str, str]:
    """What stands in the head of each box: of a database with one schema the table alone."""
    is_one = len({entity.group for entity in entities if entity.dialect == "postgresql"}) == 1
    return {
        entity.name: entity.title if is_one and entity.dialect == "postgresql" else entity.name
        for entity in entities
    }


def _layers(entities: Iterable[Entity], relations: Iterable[Relation]) -> dict[str, int]:
    targets: dict[str, list[str]] = defaultdict(list)
    for one in relations:
        targets[one.source].append(one.target)
    depth: dict[str, int] = {}
    for entity in entities:
        _deepen(entity.name, targets, depth)
    return depth


def _deepen(start: str, targets: Mapping[str, list[str]], depth: dict[str, int]) -> None:
    """Set the depth of a name: one more than the deepest of what it refers to. No recursion: chains may be long."""
    stack, under_way = [start], set()
    while stack:
        name = stack[-1]
        open_ones = [
            other for other in targets.get(name, ()) if other not in depth and other not in under_way
        ]
        if name in depth:
            stack.pop()
        elif open_ones and name not in under_way:
            under_way.add(name)
            stack.extend(open_ones)
        else:
            depth[name] = 1 + max(
                (depth.get(other, -1) for other in targets.get(name, ()) if other != name), default=-1
            )
            stack.pop()


def _rows(entities: list[Entity], relations: list[Relation]) -> list[list[Entity]]:
    depth = _layers(entities, relations)
    neighbours: dict[str, list[str]] = defaultdict(list)
    for one in relations:
        neighbours[one.source].append(one.target)
        neighbours[one.target].append(one.source)
    layers: dict[int, list[Entity]] = defaultdict(list)
    for entity in entities:
        layers[depth[entity.name] if neighbours[entity.name] else len(entities)].append(entity)
    order = [layers[level] for level in sorted(layers)]
    for _ in range(SWEEPS):
        place = {entity.name: x / max(1, len(row)) for row in order for x, entity in enumerate(row)}
        for row in order:
            row.sort(
                key=lambda entity: (
                    _mean(neighbours[entity.name], place, entity.name),
                    entity.group,
                    entity.name,
                )
            )
    wide = PER_ROW if len(entities) <= MANY else max(PER_ROW, round((len(entities) / FLAT) ** 0.5))
    together = [len(row) for row in order if neighbours[row[0].name]]
    alone = min(wide, max(LEAST_ALONE, *together)) if together else wide  # no wider than what hangs together
    return [
        row[at : at + most]
        for row in order
        for most in (wide if neighbours[row[0].name] else alone,)
        for at in range(0, len(row), most)
    ]


def _mean(names: list[str], place: Mapping[str, float], own: str) -> float:
    return sum(place[name] for name in names) / len(names) if names else place[own]


def _place(rows: list[list[Entity]]) -> tuple[dict[str, _Box], int, int]:
    widest = max((len(row) for row in rows), default=1)
    width = 2 * MARGIN + widest * WIDTH + (widest - 1) * GAP_X
    boxes: dict[str, _Box] = {}
    y = MARGIN
    for row in rows:
        x = (width - len(row) * WIDTH - (len(row) - 1) * GAP_X) // 2
        for entity in row:
            boxes[entity.name] = _Box(x, y, _height(entity))
            x += WIDTH + GAP_X
        y += max(_height(entity) for entity in row) + GAP_Y
    return boxes, width, max(y - GAP_Y + MARGIN, 3 * MARGIN)


def _height(entity: Entity) -> int:
    shown = min(len(entity.fields), SHOWN_FIELDS + 1)
    return HEAD + shown * ROW + (8 if shown else 0)


def _box(entity: Entity, box: _Box, head: str) -> str:
    kind = "f" if entity.dialect == "foreign" else "v" if "view" in entity.kind else "e"
    told = escape(one_line(clean(". ".join(filter(None, (entity.name, entity.kind, entity.doc))))))
    kind_told = _short_kind(entity.kind)
    most = 30 - len(kind_told)
    note = f'<text class="k" x="{WIDTH - 10}" y="17" text-anchor="end">{escape(kind_told)}</text>'
    parts = [
        f'<g class="{kind}" transform="translate({box.x} {box.y})"><title>{told}</title>'
        f'<rect class="b" width="{WIDTH}" height="{box.height}" rx="6"/><rect class="t" x=".5" y=".5" '
        f'width="{WIDTH - 1}" height="{HEAD - 1}" rx="5.5"/>'
        f'<text class="h" x="10" y="17">{_short(head, most)}</text>{note if kind_told else ""}'
    ]
    for place, item in enumerate(entity.fields[:SHOWN_FIELDS]):
        mark = " *" if item.is_key else ""
        y = HEAD + 14 + place * ROW
        parts.append(
            f'<text x="10" y="{y}">{_short(item.name + mark, 18)}</text>'
            f'<text class="k" x="{WIDTH - 10}" y="{y}" text-anchor="end">{_short(_short_kind(item.kind), 17)}</text>'
        )
    if len(entity.fields) > SHOWN_FIELDS:
        y = HEAD + 14 + SHOWN_FIELDS * ROW
        parts.append(f'<text class="k" x="10" y="{y}">and {len(entity.fields) - SHOWN_FIELDS} more</text>')
    return "".join(parts) + "</g>"


def _short_kind(text: str) -> str:
    for long, short in _SHORT_KINDS:
        text = text.replace(long, short)
    return text


def _line(relation: Relation, boxes: Mapping[str, _Box]) -> str:
    source, target = boxes[relation.source], boxes[relation.target]
    x1, x2 = source.x + WIDTH // 2, target.x + WIDTH // 2
    y1, y2 = (
        (source.y, target.y + target.height) if target.y < source.y else (source.y + source.height, target.y)
    )
    if source.y == target.y:  # side by side: an arc above both
        y1 = y2 = source.y
        return _path(f"M{x1} {y1}C{x1} {y1 - 44} {x2} {y2 - 44} {x2} {y2}", relation)
    middle = (y1 + y2) // 2
    return _path(f"M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2}", relation)


def _path(shape: str, relation: Relation) -> str:
    told = escape(one_line(f"{relation.source}.{relation.field} refers to {relation.target}"))
    return f'<path d="{shape}" marker-end="url(#a)"><title>{told}</title></path>'


def _short(text: str, most: int) -> str:
    text = one_line(text)
    return escape(text if len(text) <= most else text[: most - 1] + "…")
