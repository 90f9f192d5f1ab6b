"""Which modules and names a reference has, and under which name each is documented.

    modules of the product -> public names -> one home for each definition -> pages

A definition in a public module is documented there. One in a private module (`pkg._client.Client`) is documented
where a public module offers it (`pkg.Client`), under the shortest such name. Every other name for it is a link.
Invariant: what has no page is named among the gaps, or is not public.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agents.documentation.product import Gap, beside, gaps_of, title_of
from agents.documentation.reference.inheritance import Lineage
from agents.documentation.reference.model import Entry, Inherited, Page, Places, Reference
from agents.symbols import Module, Symbol, Symbols
from agents.symbols.sources import Sources

MAX_PAGES = 3_000
MAX_DEPTH = 19  # classes within classes that `agents.symbols` reads
MAX_ENTRIES = 100_000


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is gathered while pages are made."""

    modules: dict[str, Module]
    is_private: bool
    symbols: dict[str, tuple[Module, Symbol]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)  # definition -> public name in a public module
    others: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gaps: list[Gap] = field(default_factory=list)
    entries: int = 0


def choose(
    symbols: Symbols, sources: Sources, *, revision: str, is_private: bool, everything: bool
) -> Reference:
    """Make the reference. `everything`: also what lies beside the packages, because somebody named it."""
    work = _Work(modules={}, is_private=is_private)
    names = {module.path: module.file for module in symbols.modules}
    aside = {} if everything else beside(names, sources)
    for module in symbols.modules:
        if module.file not in aside:
            work.modules[module.path] = module
    work.gaps += [Gap(what=one.path, why=one.reason) for one in symbols.failed]
    for module in work.modules.values():
        for symbol in module.walk():
            work.symbols.setdefault(symbol.path, (module, symbol))
    _find_homes(work)
    lineage = Lineage(symbols)
    pages = _pages(work, lineage)
    work.gaps += gaps_of(aside)
    places = _places(pages, symbols, lineage)
    return Reference(
        title=title_of(pages) or "API reference", revision=revision, pages=pages, places=places,
        gaps=tuple(work.gaps), is_private=is_private,
    )  # fmt: skip


def _is_public_module(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def _shown(symbol: Symbol, work: _Work) -> bool:
    """Tell whether a definition has a place of its own in its module or class."""
    if symbol.kind == "alias" or symbol.name == "__all__":
        return False
    if symbol.name.startswith("__") and symbol.name.endswith("__"):
        return symbol.docstring is not None and symbol.name != "__init__"
    return symbol.public or work.is_private


def _find_homes(work: _Work) -> None:
    """Find, for definitions without a public place of their own, the shortest public name that leads to them."""
    offers: dict[str, list[str]] = defaultdict(list)
    for module in work.modules.values():
        if not work.is_private and not _is_public_module(module.path):
            continue
        for symbol in module.members:
            if symbol.kind == "alias" and symbol.public and symbol.target in work.symbols:
                offers[symbol.target].append(symbol.path)
    for target, names in offers.items():
        module, symbol = work.symbols[target]
        best = sorted(names, key=lambda name: (name.count("."), name))
        own = _has_own_place(module, symbol, work)
        if not own and symbol.kind not in ("module", "alias"):
            work.homes[target] = best[0]
        work.others[target] = best if own else best[1:]


def _has_own_place(module: Module, symbol: Symbol, work: _Work) -> bool:
    if work.is_private or symbol.kind == "module":
        return True
    return _is_public_module(module.path) and symbol in module.members and _shown(symbol, work)


def _pages(work: _Work, lineage: Lineage) -> dict[str, Page]:
    at_home = {name: target for target, name in work.homes.items()}
    pages: dict[str, Page] = {}
    for name, module in work.modules.items():
        if not work.is_private and not _is_public_module(name):
            continue
        if len(pages) >= MAX_PAGES or work.entries >= MAX_ENTRIES:
            work.gaps.append(Gap(what=module.file, why=f"beyond the first {len(pages):,} modules"))
            continue
        pages[name] = _page(module, at_home, work, lineage)
    above = {one for name, page in pages.items() if _says_something(page) for one in _parents(name)}
    silent = [name for name, page in pages.items() if not _says_something(page) and name not in above]
    for name in silent:
        page = pages.pop(name)
        work.gaps.append(Gap(what=page.module.file, why="has no public name and no docstring"))
    return pages


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


def _says_something(page: Page) -> bool:
    return bool(page.entries or page.exports or page.lost or page.module.docstring)


def _page(module: Module, at_home: Mapping[str, str], work: _Work, lineage: Lineage) -> Page:
    entries, exports = [], []
    for symbol in module.members:
        if symbol.path in at_home:
            home, target = work.symbols[at_home[symbol.path]]
            entries.append(_entry(symbol.path, target, home, work, lineage))
        elif symbol.kind == "alias":
            if symbol.public and _is_worth_a_link(symbol, module):
                exports.append((symbol.name, symbol.target))
        elif _shown(symbol, work):
            entries.append(_entry(symbol.path, symbol, module, work, lineage))
    known = {symbol.name for symbol in module.members}
    below = {name.rpartition(".")[2] for name in work.modules if name.rpartition(".")[0] == module.path}
    lost = tuple(name for name in module.exported or () if name not in known and name not in below)
    for name in lost:
        work.gaps.append(
            Gap(what=f"{module.path}.{name}", why="__all__ has it, and no definition of it is in the tree")
        )
    return Page(
        name=module.path, module=module, entries=tuple(entries), exports=tuple(sorted(exports)), lost=lost
    )


def _is_worth_a_link(symbol: Symbol, module: Module) -> bool:
    return symbol.target != f"{module.path}.{symbol.name}"


def _entry(path: str, symbol: Symbol, module: Module, work: _Work, lineage: Lineage) -> Entry:
    work.entries += 1
    members: tuple[Entry, ...] = ()
    inherited: tuple[Inherited, ...] = ()
    if symbol.kind == "class":
        if path.count(".") - module.path.count(".") > MAX_DEPTH:
            work.gaps.append(
                Gap(what=path, why=f"what is nested deeper than {MAX_DEPTH} classes is not read")
            )
        members = tuple(
            _entry(f"{path}.{one.name}", one, module, work, lineage)
            for one in symbol.members
            if _shown(one, work)
        )
        inherited = tuple(
            Inherited(base=base, members=kept)
            for base, names in lineage.inherited(symbol.path)
            if (kept := _public(names, work))
        )
    also = tuple(name for name in work.others.get(symbol.path, ()) if name != path)
    return Entry(path=path, symbol=symbol, file=module.file, members=members, inherited=inherited, also=also)


def _public(names: Iterable[tuple[str, Symbol]], work: _Work) -> tuple[tuple[str, str], ...]:
    return tuple((name, symbol.path) for name, symbol in names if _shown(symbol, work))


def _places(pages: Mapping[str, Page], symbols: Symbols, lineage: Lineage) -> Places:
    places = Places()
    for name, page in pages.items():
        places.known[name] = (name, "")
        for entry in page.walk():
            place = (name, entry.path)
            places.known.setdefault(entry.symbol.path, place)
            places.known[entry.path] = place
            if entry.symbol.kind == "class":
                _inherit(entry, lineage, places)
    for _, symbol in symbols.walk():
        if symbol.kind == "alias" and symbol.path not in places.known:
            places.aliases[symbol.path] = symbol.target
    for path, (_, anchor) in places.known.items():
        parts = path.split(".")
        for start in range(1, len(parts)):
            tail = ".".join(parts[start:])
            other = places.tails.setdefault(tail, path)
            if other and places.known[other][1] != anchor:
                places.tails[tail] = ""
    return places


def _inherit(entry: Entry, lineage: Lineage, places: Places) -> None:
    for _, names in lineage.inherited(entry.symbol.path):
        for name, symbol in names:
            places.inherited[f"{entry.symbol.path}.{name}"] = symbol.path
            places.inherited[f"{entry.path}.{name}"] = symbol.path
