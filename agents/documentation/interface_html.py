"""The data model and the HTTP interface as one HTML page each: alone, offline, without a script.

Owns the two pages. Invariant: every text of the tree is escaped, and a policy in each page lets nothing in but the
style sheets that are written here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape

from agents.documentation.claims import clean
from agents.documentation.data_model.drawing import MANY
from agents.documentation.data_model.model import DataModel, Entity, Relation
from agents.documentation.data_model.pages import marks_of, told_of, values_of, ways_of
from agents.documentation.http_api.reading import Interface
from agents.documentation.http_api.routes import Endpoint
from agents.documentation.reference.style import CSS, lone_page
from agents.reporting.model import plural
from agents.reporting.visible import one_line

SHOWN = 5_000  # entities or endpoints; the JSON and the Markdown have all
_CSS = (
    CSS
    + "\nmain{max-width:72rem;margin:0 auto}figure{margin:1.5rem 0;overflow-x:auto}figure svg{max-width:none}\n"
)


def data_model(model: DataModel, drawn: str) -> str:
    """The picture, then each entity with its fields; `drawn` is the SVG."""
    own = model.own
    many = f"{len(own):,} {'entity' if len(own) == 1 else 'entities'}"
    body = [f"<p>{_text(text)}</p>" for text in model.origin]
    if own:
        body += [f"<p>{many}, {plural(len(model.relations), 'relation')}.</p>", f"<figure>{drawn}</figure>"]
        if len(model.entities) > MANY:
            body.append('<p class="soft">Of so many the picture writes out keys and what refers alone.</p>')
    else:
        body.append(f"<p>{_text(model.nothing)}</p>")
    groups: dict[str, list[Entity]] = defaultdict(list)
    for one in own[:SHOWN]:
        groups[one.group].append(one)
    ways = _Ways(model, own[:SHOWN])
    for group in sorted(groups):
        body.append(f"<h2>{_text(group) or 'Without an application'}</h2>")
        body += [_entity(one, ways) for one in groups[group]]
    return _page("Data model", [*body, *_more(len(own)), *_types(model), *_problems(model.problems)], drawn)


def http_api(interface: Interface) -> str:
    """The endpoints by the first part of their path, then what documents promise."""
    body = [f"<p>{plural(len(interface.endpoints), 'endpoint')} in the code.</p>"]
    if not interface.endpoints and not interface.promised:
        body = ["<p>No route and no OpenAPI document was found.</p>"]
    groups: dict[str, list[Endpoint]] = defaultdict(list)
    for one in interface.endpoints[:SHOWN]:
        groups["/" + one.path.strip("/").partition("/")[0]].append(one)
    for group in sorted(groups):
        body += [f"<h2>{_text(group)}</h2>", _endpoints(groups[group])]
    body += _more(len(interface.endpoints))
    if interface.promised:
        body += ["<h2>Promised by documents of the tree</h2>", _endpoints(interface.promised[:SHOWN])]
        body += _more(len(interface.promised))
    return _page("HTTP interface", [*body, *_problems(interface.problems)])


class _Ways:
    """What refers to what, looked up once for all entities."""

    def __init__(self, model: DataModel, shown: Iterable[Entity]) -> None:
        self.known = {one.name for one in shown}
        self.targets, self.users = ways_of(model)

    def link(self, relation: Relation) -> str:
        """What a relation leads to, as a link if it is on the page."""
        name = relation.target
        told = f'<span class="soft">{_text(told_of(relation))}</span>' if told_of(relation) else ""
        return (_link(name) if name in self.known else _code(name)) + told


def _entity(entity: Entity, ways: _Ways) -> str:
    rows = []
    for item in entity.fields:
        links = "<br>".join(map(ways.link, ways.targets.get((entity.name, item.name), ())))
        told = ", ".join([*marks_of(item), *([_text(item.doc)] if item.doc else [])])
        rows.append(
            f"<tr><td>{_code(item.name)}</td><td>{_code(item.kind)}</td><td>{links}</td><td>{told}</td></tr>"
        )
    users = sorted(ways.users[entity.name])
    told = f'<p class="soft">Referred to by {", ".join(map(_code, users))}.</p>' if users else ""
    head = "<thead><tr><th>field</th><th>type</th><th>refers to</th><th></th></tr></thead>"
    table = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>" if rows else ""
    doc = f"<p>{_text(entity.doc)}</p>" if entity.doc else ""
    notes = f'<p class="soft">{_text(" ".join(entity.notes))}</p>' if entity.notes else ""
    kind = f' <span class="soft">{_text(entity.kind)}</span>' if entity.kind else ""
    return (
        f'<section class="entry" id="{_anchor(entity.name)}"><div class="head"><h3>{_text(entity.name)}{kind}</h3>'
        f'<span class="src">{_text(entity.place)}</span></div>{doc}{notes}{table}{told}</section>'
    )


def _types(model: DataModel) -> Iterator[str]:
    rows = "".join(
        f"<tr><td>{_code(one.name)}</td><td>{_text(values_of(one.values, is_cut=one.is_cut))}</td></tr>"
        for one in model.types
    )
    if rows:
        head = "<thead><tr><th>type</th><th>values</th></tr></thead>"
        yield f"<h2>Types with listed values</h2><table>{head}<tbody>{rows}</tbody></table>"


def _endpoints(listed: Iterable[Endpoint]) -> str:
    rows = []
    for one in listed:
        place = f"{one.file}:{one.line}" if one.file else ""
        told = f'{_text(one.doc)} <span class="soft">{_text(place)}</span>'
        method = _text(" ".join(one.methods) or "any")
        rows.append(
            f"<tr><td>{method}</td><td>{_code(one.path)}</td><td>{_code(one.view)}</td><td>{told}</td></tr>"
        )
    head = "<thead><tr><th>method</th><th>path</th><th>view</th><th></th></tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"


def _problems(problems: Iterable[str]) -> Iterator[str]:
    items = "".join(f"<li>{_text(one)}</li>" for one in sorted(set(problems)))
    if items:
        yield f'<h2>Not told</h2><ul class="list">{items}</ul>'


def _more(count: int) -> list[str]:
    return [f'<p class="soft">and {count - SHOWN:,} more</p>'] if count > SHOWN else []


def _page(title: str, body: Iterable[str], drawn: str = "") -> str:
    return lone_page(title, f"<h1>{title}</h1>{''.join(body)}", css=_CSS, drawn=drawn)


def _text(text: str) -> str:
    return escape(one_line(clean(text)))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else ""


def _anchor(name: str) -> str:
    return escape("e-" + re.sub(r"\s", "-", one_line(name)))


def _link(name: str) -> str:
    return f'<a href="#{_anchor(name)}">{_code(name)}</a>'
