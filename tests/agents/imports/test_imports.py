"""What modules import, by parsing alone; and the knots that this ties."""

from __future__ import annotations

from pathlib import Path

from agents.imports import knots, read, targets
from tests.agents.inspector.trees import plant


def test_each_import_is_told_with_when_it_happens(tmp_path: Path) -> None:
    root = plant(tmp_path / "tree", {
        "a.py": "import os.path, b\nfrom . import c as d\n"
        "if TYPE_CHECKING:\n    import e\nelse:\n    import f\n"
        "try:\n    import g\nexcept ImportError:\n"
        "    def late():\n        from h import i, j\nclass K:\n    import k\n"
        "async def l():\n    import m\nmatch 1:\n    case 1:\n        import n\n",
        "bad.py": "import (",
    })  # fmt: skip
    found = read(root, ["a.py", "bad.py"], max_bytes=1_000, scratch=tmp_path)
    assert found.facts["a.py"] == (
        ("os.path", 0, (), 1, "load"), ("b", 0, (), 1, "load"), ("", 1, ("c",), 2, "load"), ("e", 0, (), 4, "types"),
        ("f", 0, (), 6, "load"), ("g", 0, (), 8, "load"), ("h", 0, ("i", "j"), 11, "deferred"),
        ("k", 0, (), 13, "load"), ("m", 0, (), 15, "deferred"), ("n", 0, (), 18, "load"),
    )  # fmt: skip
    assert [(one.path, one.reason.partition(":")[0]) for one in found.failed] == [("bad.py", "SyntaxError")]


def test_links_and_large_files_are_not_read(tmp_path: Path) -> None:
    root = plant(tmp_path / "tree", {"large.py": "x = 1\n" * 1_000})
    (root / "link.py").symlink_to("/etc/passwd")
    found = read(root, ["large.py", "link.py"], max_bytes=1_000, scratch=tmp_path)
    assert (found.facts, [one.path for one in found.failed]) == ({}, ["large.py", "link.py"])


def test_relative_imports_find_their_modules() -> None:
    modules = dict.fromkeys(["p", "p.a", "p.b", "p.q", "p.q.c"], "x.py")
    facts = [["", 1, ["b", "nothing"], 1], ["", 2, ["a"], 2], ["p.q.c.deep", 0, [], 3], ["far", 9, [], 4]]
    assert list(targets("p.q", "p/q/__init__.py", facts, modules)) == [("p.a", 2), ("p.q.c", 3)]
    assert list(targets("p.q.c", "p/q/c.py", facts, modules)) == [("p.q", 1), ("p.q", 1), ("p.a", 2)]


def test_knots_are_the_sets_that_reach_each_other() -> None:
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "c"), ("x", "y")]
    assert knots(edges) == [["a", "b"], ["c", "d", "e"]]
