"""How modules are named."""

from __future__ import annotations

from pathlib import Path

from agents.symbols import sources
from tests.agents.inspector.trees import plant


def names(root: Path, files: dict[str, str | bytes]) -> list[str]:
    return list(sources.listed(plant(root, files)).modules())


def test_package_is_named_from_its_topmost_folder_with_a_file(tmp_path: Path) -> None:
    assert names(tmp_path, {"src/a/__init__.py": "", "src/a/b/__init__.py": "", "lib/c.py": ""}) == [
        "a",
        "a.b",
        "c",
    ]


def test_namespace_counts_where_the_tree_imports_by_it(tmp_path: Path) -> None:
    tree = {
        "src/ns/deep/pkg/__init__.py": "",
        "src/ns/deep/pkg/m.py": "import ns.deep.pkg.m2\n",
        "src/ns/o/__init__.py": "",
    }
    assert names(tmp_path, dict(tree)) == ["ns.deep.pkg", "ns.deep.pkg.m", "o"]


def test_folder_of_an_application_is_no_namespace(tmp_path: Path) -> None:
    tree = {"backend/app/__init__.py": "", "backend/app/m.py": "from app import m\n"}
    assert names(tmp_path, dict(tree)) == ["app", "app.m"]
