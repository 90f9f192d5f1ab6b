"""Programs made to break the engine: each is told as not analysed, or analysed within its bounds."""

from __future__ import annotations

from pathlib import Path

from tests.agents.inspector.taint.programs import FLASK, analysed


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


def test_ways_to_one_sink_do_not_multiply(tmp_path: Path) -> None:
    ways = "".join(f"def f{n}(x):\n    f{n - 1}(x)\n    f{n - 1}(x)\n" for n in range(1, 22))
    view = '@app.route("/")\ndef view():\n    f21(request.args["p"])\n    return "done"\n'
    told = analysed(tmp_path, {"app.py": FLASK + "def f0(x):\n    os.system(x)\n" + ways + view})
    assert told["not_analysed"] == []
    assert [(one["rule"], one["line"]) for one in told["findings"]] == [("taint-command", 5)]


def test_constructor_that_needs_two_turns_is_analysed(tmp_path: Path) -> None:
    parts = "".join(f"def g{n}():\n" + "    x = 1 + 2\n" * 100 + "\n" for n in range(10))
    body = parts + "class A:\n    def __init__(self):\n" + "".join(f"        g{n}()\n" for n in range(10))
    told = analysed(tmp_path, {"app.py": body}, root_steps=2_500)
    assert told["not_analysed"] == []


def test_attributes_that_lead_back_make_no_new_kinds_of_objects_without_end(tmp_path: Path) -> None:
    program = (
        "import os\n"
        "from tg import expose, request, tmpl_context as c\n"
        "def allowed(what, role=None, of=None):\n"
        "    if of is None:\n"
        "        of = what.owner if role else what.parent\n"
        "        if not allowed(of, role):\n"
        "            return False\n"
        "    return allowed(what.parent, role, of.owner) or allowed(of.parent.owner, role, what)\n"
        "class Root:\n"
        "    @expose()\n"
        "    def index(self, name):\n"
        "        allowed(c.project)\n"
        "        os.system(name)\n"
    )
    told = analysed(tmp_path, {"app.py": program}, root_steps=30_000)
    assert told["not_analysed"] == []
