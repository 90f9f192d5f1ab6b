"""Which file of the site, or which anchor of the single page, a place has.

Paged: `index.html`, `symbols.html`, `gaps.html`, and `api/<module>.html` for each module; links are relative, so that
the folder works wherever it lies. Single: everything on one page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

INDEX, SYMBOLS, GAPS = "/index", "/symbols", "/gaps"  # pages that are no module's, nor can be
MODULES = "api"
MAX_NAME = 150  # characters of a file's name; file systems take 255 bytes


class Layout(Protocol):
    """Gives addresses."""

    def href(self, page: str, anchor: str = "", *, here: str) -> str:
        """The address of an anchor of a module's page, seen from the page `here`; both are module names."""

    def special(self, name: str, *, here: str) -> str:
        """The address of INDEX, SYMBOLS or GAPS."""


@dataclass(slots=True)
class Paged:
    """A file for each page, with the ending of a form."""

    ending: str
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, modules: Iterable[str], ending: str) -> Paged:
        """Name the files. Names that differ in case only are told apart, for file systems that do not."""
        layout, taken = cls(ending), set[str]()
        for module in modules:
            name = module if len(module.encode()) <= MAX_NAME else module[: MAX_NAME // 4]
            if name != module or name.casefold() in taken:
                name = f"{name}-{hashlib.sha256(module.encode()).hexdigest()[:10]}"
            taken.add(name.casefold())
            layout.files[module] = f"{MODULES}/{name}.{ending}"
        return layout

    def file(self, page: str) -> str:
        """The file of a page, from the site's root."""
        return self.files.get(page) or f"{page[1:]}.{self.ending}"

    def href(self, page: str, anchor: str = "", *, here: str) -> str:
        fragment = f"#{quote(anchor)}" if anchor else ""
        if page == here:
            return fragment or "#top"
        return self._relative(self.files[page], here) + fragment

    def special(self, name: str, *, here: str) -> str:
        return self._relative(self.file(name), here)

    def _relative(self, file: str, here: str) -> str:
        if here in self.files:
            own = file.removeprefix(f"{MODULES}/")
            return quote(own) if own != file else f"../{quote(file)}"
        return quote(file)


class Single:
    """One page for everything."""

    def href(self, page: str, anchor: str = "", *, here: str) -> str:
        return f"#{quote(anchor or module_id(page))}"

    def special(self, name: str, *, here: str) -> str:
        return f"#page-{name[1:]}"


def module_id(module: str) -> str:
    """The anchor of a module, which no name below it has: a package may have a function of a module's name."""
    return f"module-{module}"
