"""How much of the public API has docstrings, module by module.

Public is what griffe calls public: named without underscore, or listed in `__all__`. What of that wants a docstring
is said in `agents.documented`; tests, migrations and what is imported from elsewhere do not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.conventions import is_migration, is_test
from agents.documented import is_wanted_of, is_wanted_of_module
from agents.symbols import Module, Symbol, Symbols


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
    """Yield the public names of a module that want a docstring, itself first."""
    defines = any(one.kind != "alias" for one in module.members)
    if is_wanted_of_module(module.file, defines=defines, has_docstring=module.docstring is not None):
        yield module
    waiting = [(one, False) for one in reversed(module.members)]
    while waiting:
        one, in_class = waiting.pop()
        is_class = one.kind == "class"
        if not (is_class or one.kind == "function") or not one.public:
            continue
        decorators = [text.lstrip("@") for text in one.decorators]
        if not is_wanted_of(one.name, decorators, is_class=is_class, in_class=in_class):
            continue
        yield one
        if is_class:
            waiting += [(part, True) for part in reversed(one.members)]
