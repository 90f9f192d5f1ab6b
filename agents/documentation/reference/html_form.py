"""The reference as HTML that works offline and runs no script.

Everything of the repository is escaped here or came escaped from the renderer of docstrings. Links lead to places
that `Places` knows, to http(s) addresses of docstrings, or to the forge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from agents.documentation.reference.forge import Source
from agents.documentation.reference.layout import GAPS, INDEX, SYMBOLS, Layout, module_id
from agents.documentation.reference.model import Entry, Page, Reference
from agents.documentation.reference.prose import Block, Listing, Note, Prose, plain
from agents.documentation.reference.rendering import html_of, inline, with_links
from agents.documentation.reference.signatures import Run, declaration, deprecation, marks, runs_of
from agents.documentation.reference.style import CSS, policy
from agents.reporting.model import plural

KINDS = (("class", "Classes"), ("function", "Functions"), ("attribute", "Attributes"))
TOP = 3  # level of the headings of a module's own names
NAV_LIMIT = 150  # links of one list beside a page
_CLASSES = {"keyword": "k", "name": "n", "parameter": "p", "default": "d", "type": "t"}


@dataclass(slots=True, kw_only=True)
class Html:
    """Writes pages. `prose` is the HTML of texts, `blocks` the parts of each entry's docstring."""

    reference: Reference
    layout: Layout
    prose: Mapping[str, str]
    blocks: Callable[[str], Sequence[Block]]
    summaries: Callable[[str], str]
    source: Source
    children: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name in self.reference.pages:
            self.children[name.rpartition(".")[0]].append(name)

    # pages

    def index(self) -> str:
        """The first page: packages and modules with what they are for."""
        return self._whole(INDEX, self.reference.title, self.index_body(), self._nav_of_all(INDEX))

    def module(self, name: str) -> str:
        """The page of a module."""
        return self._whole(name, name, self.module_body(self.reference.pages[name]), self._nav(name))

    def symbols(self) -> str:
        """All names, A to Z."""
        return self._whole(SYMBOLS, "All names", self.symbols_body(), self._nav_of_all(SYMBOLS))

    def gaps(self) -> str:
        """What is not documented, and why."""
        return self._whole(GAPS, "Not documented", self.gaps_body(), self._nav_of_all(GAPS))

    def single(self) -> str:
        """Everything on one page."""
        parts = [self.index_body(), *(self.module_body(page) for page in self.reference.pages.values())]
        parts += [self.symbols_body(), self.gaps_body()]
        return self._whole(INDEX, self.reference.title, "\n".join(parts), self._nav_of_all(INDEX))

    # bodies

    def index_body(self) -> str:
        reference = self.reference
        count = sum(1 for _ in reference.entries())
        told = f"{plural(len(reference.pages), 'module')}, {plural(count, 'name')}"
        told += ", private ones too" if reference.is_private else ""
        revision = f" at <code>{escape(plain(reference.revision))}</code>" if reference.revision else ""
        rows = "".join(
            f'<tr><td><a href="{self._href(name, "", INDEX)}"><code>{escape(name)}</code></a></td>'
            f"<td>{self._summary(name, INDEX)}</td></tr>"
            for name in reference.pages
        )
        table = f"<table><thead><tr><th>Module</th><th>What it is for</th></tr></thead><tbody>{rows}</tbody></table>"
        empty = "<p>No public module was found.</p>"
        return (
            f'<h1 id="page-index">{escape(plain(reference.title))}</h1>'
            f'<p class="soft">API reference{revision}: {told}.</p>{table if rows else empty}'
        )

    def module_body(self, page: Page) -> str:
        here = page.name
        parts = [
            f'<h1 id="{escape(module_id(here))}"><span class="kind">module</span> {escape(here)}</h1>',
            f'<p class="file">{self._place(page.module.file, 0)}</p>',
            self._doc(here, here),
            self._submodules(here),
            self._contents(page),
        ]
        for kind, title in KINDS:
            entries = [entry for entry in page.entries if entry.symbol.kind == kind]
            if entries:
                parts.append(f"<h2>{title}</h2>")
                parts.append(self._entries(entries, here, TOP))
        parts.append(self._exports(page))
        return "\n".join(filter(None, parts))

    def symbols_body(self) -> str:
        letters: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for page, entry in self.reference.entries():
            name = entry.name
            first = name.lstrip("_")[:1].upper() or "_"
            parent = entry.path.rpartition(".")[0]
            kind = _kind(entry, TOP if parent == page.name else TOP + 1)
            told = (
                f'<li><a href="{self._href(page.name, entry.path, SYMBOLS)}"><code>{escape(name)}</code></a> '
                f'<span class="soft">{kind} in {escape(parent)}</span></li>'
            )
            letters[first if first.isalpha() else "_"].append((f"{name.lower()} {entry.path}", told))
        order = sorted(letters)
        links = "".join(f'<li><a href="#letter-{_hex(one)}">{escape(one)}</a></li>' for one in order)
        lists = "".join(
            f'<h2 id="letter-{_hex(one)}">{escape(one)}</h2><ul class="names">'
            f"{''.join(told for _, told in sorted(letters[one]))}</ul>"
            for one in order
        )
        return f'<h1 id="page-symbols">All names</h1><ul class="letters">{links}</ul>{lists}'

    def gaps_body(self) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(plain(gap.what))}</code></td><td>{escape(plain(gap.why))}</td></tr>"
            for gap in self.reference.gaps
        )
        table = f"<table><thead><tr><th>What</th><th>Why</th></tr></thead><tbody>{rows}</tbody></table>"
        return f'<h1 id="page-gaps">Not documented</h1>{table if rows else "<p>Nothing is left out.</p>"}'

    # parts of a module's page

    def _submodules(self, here: str) -> str:
        below = self.children.get(here, ())
        rows = "".join(
            f'<tr><td><a href="{self._href(name, "", here)}"><code>{escape(name)}</code></a></td>'
            f"<td>{self._summary(name, here)}</td></tr>"
            for name in below
        )
        return f"<h2>Modules</h2><table><tbody>{rows}</tbody></table>" if rows else ""

    def _contents(self, page: Page) -> str:
        """A table of what is on the page, if it is more than one look."""
        entries = [one for one in page.entries if one.symbol.kind in ("class", "function")]
        if len(entries) < 3:
            return ""
        rows = "".join(
            f'<tr><td><a href="{self._href(page.name, one.path, page.name)}"><code>{escape(one.name)}</code></a></td>'
            f"<td>{self._summary(one.path, page.name)}</td></tr>"
            for kind, _ in KINDS
            for one in entries
            if one.symbol.kind == kind
        )
        return f"<h2>Contents</h2><table><tbody>{rows}</tbody></table>"

    def _exports(self, page: Page) -> str:
        parts = []
        if page.exports:
            items = "".join(
                f"<li>{self._linked_name(f'{page.name}.{name}', target, page.name)}</li>"
                for name, target in page.exports
            )
            parts.append(f'<h2>Also offered here</h2><ul class="list">{items}</ul>')
        if page.lost:
            names = ", ".join(f"<code>{escape(plain(name))}</code>" for name in page.lost)
            parts.append(
                f'<p class="soft">In <code>__all__</code>, but not defined in this tree: {names}.</p>'
            )
        return "".join(parts)

    def _linked_name(self, path: str, target: str, here: str) -> str:
        place = self.reference.places.find(target)
        told = f"<code>{escape(path)}</code>"
        if place is None:
            return f'{told} <span class="soft">is {escape(target)}, which is private</span>'
        link = f'<a href="{self._href(*place, here)}">{told}</a>'
        return link if path == target else f'{link} <span class="soft">is {escape(target)}</span>'

    def _entries(self, entries: Sequence[Entry], here: str, level: int) -> str:
        """Plain attributes as one table, everything else by itself."""
        bare = [one for one in entries if is_bare(one)]
        rows = "".join(
            f'<tr id="{escape(one.path)}"><td><code class="sig">{self._runs(declaration(one)[0], here)}</code></td>'
            f"<td>{self._place(one.file, one.symbol.line)}</td></tr>"
            for one in bare
        )
        table = f'<table class="bare"><tbody>{rows}</tbody></table>' if rows else ""
        return "\n".join([table, *(self._entry(one, here, level) for one in entries if not is_bare(one))])

    def _entry(self, entry: Entry, here: str, level: int) -> str:
        symbol = entry.symbol
        old = deprecation(symbol)
        tags = [
            f'<span class="kind">{escape(word)}</span>'
            for word in dict.fromkeys((_kind(entry, level), *marks(symbol)))
        ]
        tags += ['<span class="kind old">deprecated</span>'] if old is not None else []
        tag = f"h{min(level, 5)}"
        parts = [
            f'<article class="entry" id="{escape(entry.path)}"><div class="head">'
            f'<{tag}><a href="{self._href(here, entry.path, here)}">{escape(entry.name)}</a></{tag}>{"".join(tags)}'
            f"{self._place(entry.file, symbol.line)}</div>",
            *(f'<pre class="sig">{self._runs(runs, here)}</pre>' for runs in declaration(entry)),
            self._bases(entry, here),
            f'<div class="note"><p>Deprecated: {escape(plain(old))}</p></div>' if old else "",
            self._doc(entry.path, here),
            self._also(entry),
            self._entries(ordered(entry.members), here, level + 1),
            self._inherited(entry, here),
            "</article>",
        ]
        return "\n".join(filter(None, parts))

    def _bases(self, entry: Entry, here: str) -> str:
        if not entry.symbol.bases:
            return ""
        told = ", ".join(
            f'<span class="type">{self._runs(runs_of(one), here)}</span>' for one in entry.symbol.bases
        )
        return f'<p class="soft">Bases: {told}</p>'

    def _also(self, entry: Entry) -> str:
        if not entry.also:
            return ""
        names = ", ".join(f"<code>{escape(name)}</code>" for name in entry.also[:10])
        return f'<p class="soft">Also importable as {names}.</p>'

    def _inherited(self, entry: Entry, here: str) -> str:
        told = "".join(
            f"<p>From {self._linked_name(one.base, one.base, here)}: "
            + ", ".join(self._member(name, path, here) for name, path in one.members)
            + "</p>"
            for one in entry.inherited
        )
        count = sum(len(one.members) for one in entry.inherited)
        return (
            f"<details><summary>{plural(count, 'inherited member')}</summary>{told}</details>" if told else ""
        )

    def _member(self, name: str, path: str, here: str) -> str:
        place = self.reference.places.find(path)
        told = f"<code>{escape(name)}</code>"
        return f'<a href="{self._href(*place, here)}">{told}</a>' if place else told

    # docstrings

    def _doc(self, path: str, here: str) -> str:
        parts = [self._block(block, path, here) for block in self.blocks(path)]
        return f'<div class="doc">{"".join(parts)}</div>' if parts else ""

    def _block(self, block: Block, path: str, here: str) -> str:
        if isinstance(block, Prose):
            return self._text(block.text, path, here)
        if isinstance(block, Note):
            return (
                f'<div class="note"><p><strong>{escape(block.title)}</strong></p>'
                f"{self._text(block.text, path, here)}</div>"
            )
        return self._listing(block, path, here)

    def _listing(self, block: Listing, path: str, here: str) -> str:
        rows = []
        for row in block.rows:
            kind = (
                f'<span class="type">{self._runs(runs_of(row.annotation), here)}</span>'
                if row.annotation
                else ""
            )
            name = f"<code>{escape(plain(row.name))}</code>" if row.name else kind
            about = f"{kind} " if row.name and kind else ""
            rows.append(f"<tr><td>{name}</td><td>{about}{inline(self._text(row.text, path, here))}</td></tr>")
        more = f'<p class="soft">and {plural(block.more, "more")}</p>' if block.more else ""
        return (
            f'<div class="fields"><h6>{escape(block.title)}</h6><table><tbody>{"".join(rows)}</tbody></table>'
            f"{more}</div>"
        )

    def _text(self, text: str, path: str, here: str) -> str:
        def linked(name: str) -> str | None:
            place = self.reference.places.named(name, path)
            return self._href(*place, here, escaped=False) if place and place[1] != path else None

        return with_links(html_of(text, self.prose), linked)

    def _summary(self, path: str, here: str) -> str:
        return inline(self._text(self.summaries(path), path, here))

    # the frame

    def _runs(self, runs: Iterable[Run], here: str) -> str:
        return "".join(self._run(run, here) for run in runs)

    def _run(self, run: Run, here: str) -> str:
        told = escape(run.text)
        place = self.reference.places.find(run.path) if run.path else None
        if place:
            return f'<a class="t" href="{self._href(*place, here)}">{told}</a>'
        kind = _CLASSES.get(run.kind, "")
        return f'<span class="{kind}">{told}</span>' if kind else told

    def _href(self, page: str, anchor: str, here: str, *, escaped: bool = True) -> str:
        address = self.layout.href(page, anchor, here=here)
        return escape(address) if escaped else address

    def _place(self, path: str, line: int) -> str:
        told = escape(f"{path}:{line}" if line else path)
        address = self.source(path, line)
        if address is None:
            return f'<span class="src">{told}</span>'
        return f'<a class="src" href="{escape(address)}" rel="noopener noreferrer">{told}</a>'

    def _nav_of_all(self, here: str) -> str:
        items = "".join(self._nav_item(name, here) for name in list(self.reference.pages)[:NAV_LIMIT])
        more = len(self.reference.pages) - NAV_LIMIT
        rest = f'<li class="soft">and {more:,} more in the table</li>' if more > 0 else ""
        return f"<h2>Modules</h2><ul>{items}{rest}</ul>" if items else ""

    def _nav_item(self, name: str, here: str, *, short: bool = False) -> str:
        shown = escape(name.rpartition(".")[2] if short else name)
        current = ' aria-current="page"' if name == here else ""
        return f'<li><a href="{self._href(name, "", here)}"{current}>{shown}</a></li>'

    def _nav_items(self, names: Iterable[str], here: str) -> str:
        return "".join(self._nav_item(one, here, short=True) for one in names)

    def _nav(self, name: str) -> str:
        """The modules around one, and what is on its page."""
        parent = name.rpartition(".")[0]
        lists = [
            ("Modules here", list(self.children.get(name, ()))),
            (f"In {parent}" if parent in self.reference.pages else "Packages", self.children.get(parent, [])),
        ]
        parts = [
            f"<h2>{escape(title)}</h2><ul>{self._nav_items(names[:NAV_LIMIT], name)}</ul>"
            for title, names in lists
            if names
        ]
        entries = [
            one
            for kind, _ in KINDS[:2]
            for one in self.reference.pages[name].entries
            if one.symbol.kind == kind
        ]
        on_page = "".join(
            f'<li><a href="{self._href(name, one.path, name)}">{escape(one.name)}</a></li>'
            for one in entries[:NAV_LIMIT]
        )
        return (f"<h2>On this page</h2><ul>{on_page}</ul>" if on_page else "") + "".join(parts)

    def _crumbs(self, here: str) -> Iterator[str]:
        yield f'<li><a href="{escape(self.layout.special(INDEX, here=here))}">Index</a></li>'
        parts = here.split(".") if here in self.reference.pages else []
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            told = escape(parts[end - 1])
            known = name in self.reference.pages and name != here
            link = f'<a href="{self._href(name, "", here)}">{told}</a>' if known else told
            current = ' aria-current="page"' if name == here else ""
            yield f"<li{current}>{link}</li>"

    def _whole(self, here: str, title: str, body: str, nav: str) -> str:
        special = {name: escape(self.layout.special(name, here=here)) for name in (INDEX, SYMBOLS, GAPS)}
        gaps = f'<a href="{special[GAPS]}">Not documented ({len(self.reference.gaps):,})</a>'
        name = escape(plain(self.reference.title))
        heading = f"{escape(plain(title))} - {name}" if title != self.reference.title else name
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(CSS))}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="referrer" content="no-referrer">'
            f"<title>{heading}</title><style>{CSS}</style></head>"
            '<body id="top"><a class="skip" href="#content">Skip to the content</a>'
            f'<header><a class="title" href="{special[INDEX]}">{name}</a>'
            f'<ol class="crumbs" aria-label="Breadcrumbs">{"".join(self._crumbs(here))}</ol>'
            f'<nav aria-label="Site"><a href="{special[SYMBOLS]}">A–Z</a>{gaps}</nav></header>'
            f'<div class="frame"><aside aria-label="Modules">{nav}</aside><main id="content">{body}</main></div>'
            "<footer>Made from the source alone; nothing of it was run.</footer></body></html>\n"
        )


def is_bare(entry: Entry) -> bool:
    """Tell whether a declaration says all that there is to say."""
    symbol = entry.symbol
    plain_one = symbol.kind == "attribute" and "property" not in symbol.labels
    return plain_one and symbol.docstring is None and not entry.also


def _hex(letter: str) -> str:
    return f"{ord(letter[0]):x}"


def _kind(entry: Entry, level: int) -> str:
    labels = entry.symbol.labels
    if entry.symbol.kind == "attribute" and "property" in labels:
        return "property"
    if entry.symbol.kind == "function" and level > TOP:
        return next((f"{one} method" for one in ("class", "static") if f"{one}method" in labels), "method")
    return entry.symbol.kind


def ordered(members: Sequence[Entry]) -> list[Entry]:
    """Attributes and properties first, then methods, as they stand in the source."""
    return sorted(members, key=lambda one: one.symbol.kind != "attribute")
