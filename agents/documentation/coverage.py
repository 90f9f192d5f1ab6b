"""How much of the public API has docstrings, module by module.

Public is what griffe calls public: named without underscore, or listed in `__all__`. Tests, migrations, dunder
methods, overloads and what is imported from elsewhere do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.conventions import is_migration, is_test
from agents.symbols import Module, Symbol, Symbols

_OPTIONS = frozenset(("Meta", "Config", "Media", "Params"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCoverage:
    """One module: how many public names it has, and those without a docstring."""

    module: str
    file: str
    total: int
    lacking: tuple[Symbol, ...]

    @property
    def documented(self) -> int:
        return self.total - len(self.lacking)

    @property
    def percent(self) -> float:
        """100 for a module without public names."""
        return 100.0 * self.documented / self.total if self.total else 100.0


def coverage(symbols: Symbols) -> list[ModuleCoverage]:
    """Measure each module; the worst first."""
    found = []
    for module in symbols.modules:
        if not counts(module):
            continue
        names = list(public(module))
        lacking = tuple(one for one in names if one.docstring is None)
        if names:
            found.append(
                ModuleCoverage(module=module.path, file=module.file, total=len(names), lacking=lacking)
            )
    return sorted(found, key=lambda one: (one.percent, -one.total, one.module))


def counts(module: Module) -> bool:
    """Tell whether a module is part of what is documented: no test, no migration."""
    return not is_test(module.file) and not is_migration(module.file)


def public(module: Module) -> Iterator[Symbol]:
    """Yield the public names of a module that want a docstring, itself first unless it is empty."""
    if not module.file.endswith("__init__.py") or module.members or module.docstring:
        yield module
    waiting = list(reversed(module.members))
    while waiting:
        one = waiting.pop()
        if one.kind not in ("class", "function") or not one.public or _is_special(one):
            continue
        yield one
        if one.kind == "class":
            waiting += reversed([part for part in one.members if not _is_option(part)])


def _is_option(symbol: Symbol) -> bool:
    """Tell whether it is a class, of those within a class, that a framework reads as its options."""
    return symbol.kind == "class" and symbol.name in _OPTIONS


def _is_special(symbol: Symbol) -> bool:
    is_dunder = symbol.name.startswith("__") and symbol.name.endswith("__")
    return is_dunder or any(
        one.endswith((".setter", ".deleter", "overload", "override")) for one in symbol.decorators
    )
