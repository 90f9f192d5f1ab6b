"""Runs bandit's own command with its own checks alone; started by `agents.inspector.analyzers.bandit`.

    python -I bandit_driver.py ARGUMENT ...      as bandit takes them; the one format is JSON

bandit asks every installed package for plugins, makes all its formats ready, can read settings in two languages and
draws a bar of progress. None of that is wanted: a check of a stranger's package could run here, and starting takes
three times as long.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_UNUSED = "bandit.formatters"
_USED = "json"


class _Extension:
    """What bandit calls an extension: a name, and the function that a line of `entry_points.txt` names."""

    def __init__(self, name: str, place: str) -> None:
        module, _, function = place.partition(":")
        self.name = name
        self.plugin = getattr(importlib.import_module(module), function)


class _Manager:
    """Stand in for stevedore's manager: what bandit itself brings in one group, of its formats JSON."""

    def __init__(self, namespace: str, **_: object) -> None:
        self._found = {
            name: _Extension(name, place)
            for name, place in _OWN.get(namespace, {}).items()
            if namespace != _UNUSED or name == _USED
        }

    def __iter__(self) -> Iterator[_Extension]:
        return iter(self._found.values())

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __getitem__(self, name: str) -> _Extension:
        return self._found[name]

    def names(self) -> list[str]:
        """The names of all."""
        return list(self._found)


def _installed() -> Path:
    """The folder in which bandit's installation is described."""
    spec = importlib.util.find_spec("bandit")
    assert spec is not None
    assert spec.origin is not None
    (folder,) = Path(spec.origin).parents[1].glob("bandit-*.dist-info")
    return folder


def _groups(text: str) -> dict[str, dict[str, str]]:
    """Read `entry_points.txt`: group -> name -> place."""
    found: dict[str, dict[str, str]] = {}
    group: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = found.setdefault(line.strip("[]"), {})
        elif "=" in line:
            name, place = line.split("=", 1)
            group[name.strip()] = place.strip()
    return found


def _stand_in(name: str, **values: Any) -> ModuleType:
    """Put a module of these values where the real one would be imported."""
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(values)
    return module


_ABOUT = _installed()
_OWN = _groups((_ABOUT / "entry_points.txt").read_text(encoding="utf-8"))
_VERSION = _ABOUT.name.removeprefix("bandit-").removesuffix(".dist-info")
vars(importlib)["metadata"] = _stand_in(
    "importlib.metadata", metadata=lambda name: {"Author": ""}, version=lambda name: _VERSION
)
_stand_in("stevedore", extension=_stand_in("stevedore.extension", ExtensionManager=_Manager))
_stand_in("rich", progress=_stand_in("rich.progress", track=lambda files, **_: files))
_stand_in("yaml", YAMLError=ValueError)  # only for a file of settings, and none is given
_stand_in("tomllib", TOMLDecodeError=ValueError)

from bandit.cli.main import main  # noqa: E402 (after what it would import was taken away)
from bandit.core import node_visitor, tester  # noqa: E402 (as above)

_NO_SCORE = {"SEVERITY": [0] * 4, "CONFIDENCE": [0] * 4}
_run_tests = tester.BanditTester.run_tests


def _run_some(self: Any, raw_context: Any, checktype: str) -> Any:
    """Spare the preparations for the nodes that no check looks at: most of them."""
    if not self.testset.get_tests(checktype):
        return _NO_SCORE
    return _run_tests(self, raw_context, checktype)


tester.BanditTester.run_tests = _run_some
for _module in (node_visitor, tester):
    _module.LOG.debug = lambda *_: None  # four lines for each node, which nobody reads

if __name__ == "__main__":
    main()
