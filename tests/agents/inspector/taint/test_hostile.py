"""Programs made to break the engine: each is told as not analysed, or analysed within its bounds."""

from __future__ import annotations

from pathlib import Path

from tests.agents.inspector.taint.programs import analysed


def test_deep_nesting_and_cycles_end_and_are_told(tmp_path: Path) -> None:
    told = analysed(
        tmp_path,
        {
            "deep.py": "x = " + "(" * 10_000 + "1" + ")" * 10_000 + "\n",
            "attributes.py": "def f(a):\n    return a" + ".b" * 5_000 + "\n",
            "branches.py": "def f(a):\n"
            + "".join(f"    if a == {n}:\n        a = a + 1\n" for n in range(2_000)),
            "cycle.py": "import cycle\ndef f(a):\n    return g(a) + f(a)\ndef g(a):\n    return f(a + 'x')\nf('x')\n",
            "heirs.py": "class A(A): pass\nclass B(A): pass\n",
        },
    )
    assert {one["path"] for one in told["not_analysed"]} == {"deep.py", "attributes.py"}
    assert told["findings"] == []
