"""The tree's modules: parsed on demand, executed once, found by the names that imports use."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agents.inspector.taint import forms, sources
from agents.inspector.taint.ledger import BEFORE_ROOTS
from agents.inspector.taint.sources import Fields, Position, Told
from agents.inspector.taint.structures import Class, Function, Module
from agents.inspector.taint.values import MISSING, UNKNOWN, Value, join

if TYPE_CHECKING:
    from agents.inspector.taint.engine import Engine

_ROOTS = ("", "src/", "lib/", "app/", "backend/", "server/")


class Project:
    """Files by path, modules by name."""

    def __init__(
        self,
        root: Path,
        paths: Iterable[str],
        engine: Engine,
        is_test: frozenset[str] = frozenset(),
        known: Mapping[str, Told] | None = None,
    ) -> None:
        self.root = root
        self.engine = engine
        self.paths = sorted(paths)
        self._is_test = is_test
        self._known = known or {}
        self._by_name: dict[str, str] = {}
        self._modules: dict[str, Module | None] = {}
        self._packages = frozenset(
            os.path.dirname(path) for path in self.paths if os.path.basename(path) == "__init__.py"
        )
        self._fields: dict[str, set[str]] | None = None
        for path in self.paths:
            for number, name in enumerate(_names(path)):
                folder = "/".join(path.split("/")[:number])
                if not number or not self._is_a_librarys(name, folder):
                    self._by_name.setdefault(name, path)

    def _is_a_librarys(self, name: str, folder: str) -> bool:
        """Tell whether `flask` means the library, though there is a `flask.py` in this package's folder."""
        top = name.partition(".")[0]
        is_known = top in self.engine.tables.tops or top in sys.stdlib_module_names
        return is_known and folder in self._packages

    def loaded(self) -> list[Module]:
        """The modules that were parsed so far."""
        return [module for module in self._modules.values() if module is not None]

    def load(self, path: str) -> Module | None:
        """Parse a file; None if it cannot be, which the engine is told."""
        if path in self._modules:
            return self._modules[path]
        self._modules[path] = None
        try:
            with open(f"{self.root}/{path}", "rb", buffering=0) as file:
                source = file.read()
            known = self._known.get(path)
            if known is not None and known.digest == sources.digest_of(source):
                tree, blank = _blanked(source, path, known)
            else:
                tree, blank = sources.parsed(source, path), {}
                known = sources.told(source, tree, known)
            known.lines.rename(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
            self.engine.failed(path, _reason(error))
            return None
        name = next(iter(_names(path)), path)
        module = Module(
            name, path, tree, os.path.basename(path) == "__init__.py", path in self._is_test, told=known,
            source=source, blank=blank, ledger=self.engine.ledger,
        )  # fmt: skip
        self._modules[path] = module
        return module

    def line(self, path: str, name: int) -> int:
        """The line of a file that is known by this name. Raises Stale if there is none."""
        module = self._modules.get(path)
        if module is None:
            return name or 1
        try:
            return module.told.lines.line(name)
        except KeyError as error:
            raise sources.Stale from error

    def told(self) -> dict[str, Told]:
        """What a later run need not find out again of each file, after a run."""
        return {module.path: _told(module) for module in self.loaded()}

    def execute(self, module: Module) -> None:
        """Execute a module's body, unless that was done or is going on."""
        if module.state == "fresh":
            module.state = "executing"
            self.engine.execute_module(module)
            module.state = "done"

    def module(self, name: str) -> Module | None:
        """The module of this dotted name, executed; None if the tree has none."""
        path = self.path_of(name)
        module = self.load(path) if path is not None else None
        if module is not None:
            self.execute(module)
        return module

    def path_of(self, name: str) -> str | None:
        """The file of the module of this dotted name; None if the tree has none."""
        path = self._by_name.get(name)
        self.engine.ledger.note(("module", name), path)
        return path

    def at(self, path: str) -> Module | None:
        """The module that was parsed from this file."""
        return self._modules.get(path)

    def form_fields(self, key: str) -> frozenset[str]:
        """The types that the forms of the tree give to their field of this name."""
        if self._fields is None:
            self._fields = {}
            for module in self.loaded():
                for name, kind in _fields_of(module):
                    self._fields.setdefault(name, set()).add(kind)
        found = frozenset(self._fields.get(key, ()))
        self.engine.ledger.note(("form", key), found)
        return found

    def known_type(self, cls: Class) -> str:
        """The tables' name for instances of a class of the tree that is a framework's own, or ""."""
        if cls.told is None:
            name = self.engine.tables.canonical(f"@{cls.module.name}.{cls.name}")
            known = "/" in cls.module.path and self.engine.tables.is_type(name)
            cls.told = name if known else ""
        return cls.told

    def known_name(self, thing: Class | Function) -> str:
        """The tables' name for a class or function of the tree that is a framework's own, or ""."""
        if "/" not in thing.module.path:
            return ""
        return self.engine.tables.own(f"{thing.module.name}.{thing.name}")

    def absolute(self, module: Module, name: str, level: int) -> str:
        """The absolute name of what a relative import means."""
        if not level:
            return name
        parts = module.name.split(".")
        keep = len(parts) - level + (1 if module.is_package else 0)
        base = ".".join(parts[: max(0, keep)])
        return f"{base}.{name}".strip(".") if name else base

    def imported(self, name: str) -> Value:
        """What `import name` gives."""
        module = self.module(name)
        if module is not None:
            return Value(ref=module, name="")
        return Value(name=self.engine.tables.canonical(name))

    def imported_from(self, module_name: str, name: str) -> Value:
        """What `from module import name` gives."""
        module = self.module(module_name)
        if module is not None:
            found = self.member(module, name)
            if found is not UNKNOWN:
                return found
        inner = self.module(f"{module_name}.{name}" if module_name else name)
        if inner is not None:
            return Value(ref=inner)
        if module is not None:
            return UNKNOWN
        return Value(name=self.engine.tables.canonical(f"{module_name}.{name}".strip(".")))

    def public(self, module_name: str) -> dict[str, Value]:
        """What `from module import *` binds."""
        module = self.module(module_name)
        if module is None:
            return {}
        listed = module.variables.get("__all__")
        wanted = None
        if listed is not None and listed.exact and listed.items:
            wanted = {one.const for one in listed.items.values()}
        return {
            name: value
            for name, value in module.variables.items()
            if (name in wanted if wanted is not None else not name.startswith("_"))
        }

    def member(self, module: Module, name: str) -> Value:
        """A module's global, as other modules see it."""
        self.execute(module)
        found = self.variable(module, name)
        if found is not None:
            return self._seen(module, name, found)
        if self.path_of(f"{module.name}.{name}") is not None:
            loaded = self.module(f"{module.name}.{name}")
            if loaded is not None:
                return Value(ref=loaded)
        return UNKNOWN

    def global_value(self, module: Module, name: str) -> Value:
        """A global or builtin, as the module's own functions see it."""
        found = self.variable(module, name)
        if found is not None:
            return self._seen(module, name, found)
        return self.engine.builtin(name)

    def variable(self, module: Module, name: str) -> Value | None:
        """A module's global as it is now; None if it has none of this name."""
        found: Value | None = self.engine.ledger.read(("global", module, name), module.variables.get(name))
        return found

    def _seen(self, module: Module, name: str, value: Value) -> Value:
        """A constant that a function may rebind is not constant; nor is a None that others replace."""
        if value.known and (name in module.rebound or value.const is None):
            return value.but(const=MISSING)
        return value

    def common(self) -> Module:
        """The module among whose globals stands what functions of all modules share: the first that was loaded."""
        return next(iter(self.loaded()))

    def write_global(self, module: Module, name: str, value: Value) -> None:
        """A function binds a global: what calls put in stays a possibility, without their labels."""
        kept = tuple(one.weaker() for one in value.taints if one.source.origin != "label")
        general = Value(kept, name=value.name, ref=value.ref, shape=value.shape)
        old = self.variable(module, name)
        if old is not None:
            general = join(old.but(const=MISSING) if old.known else old, general)
        self.engine.ledger.write(module.variables, ("global", module, name), general, BEFORE_ROOTS)


def _blanked(source: bytes, path: str, known: Told) -> tuple[ast.Module, dict[Position, bool]]:
    """The tree without the bodies that may be blanked; whole if that is no program."""
    try:
        tree = sources.parsed(sources.blanked(source, known.bodies), path)
    except (SyntaxError, ValueError, IndexError):
        return sources.parsed(source, path), {}
    return tree, {(known.lines.name(line), column): yields for line, column, _, _, yields in known.bodies}


def _fields_of(module: Module) -> Fields:
    """The fields of the forms that a file defines. They may stand in functions: it is parsed whole, once."""
    if module.told.fields is None:
        found: Fields = ()
        if b"Form" in module.source or b"Serializer" in module.source:
            module.fill()
            found = forms.named(module.tree)
        module.told = replace(module.told, fields=found)
    assert module.told.fields is not None
    return module.told.fields


def _told(module: Module) -> Told:
    """The same, its bodies included: but for those that this run needed before all roots."""
    if module.blank:
        return module.told
    return replace(
        module.told, bodies=sources.bodies(module.source, module.tree, module.needed, module.told.lines)
    )


def _names(path: str) -> list[str]:
    """The dotted names under which a file may be imported, the likeliest first."""
    if not path.endswith((".py", ".pyw")):
        return []
    stem = path[: -3 if path.endswith(".py") else -4]
    if stem.endswith("/__init__") or stem == "__init__":
        stem = stem[: -len("/__init__")] if "/" in stem else ""
    found = [stem.replace("/", ".")] if stem else []
    parts = stem.split("/")
    for number in range(1, min(len(parts), 5)):  # below a root such as src/ or a distribution's folder
        found.append(".".join(parts[number:]))
    return found


def _reason(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno or 0}: {error.msg}"
    if isinstance(error, RecursionError):
        return "nested too deeply to be parsed"
    if isinstance(error, MemoryError):
        return "too large or nested too deeply to be parsed"
    return f"cannot be parsed: {error}"
