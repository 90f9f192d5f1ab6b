"""Claims of patterns that are refuted, since all that arrives at their place was seen; and those that must not be.

Each line of the program below that ends in `# refuted` is claimed by some pattern rule and harmless whatever happens;
each that ends in `# kept` looks like it and may be harmful: something unknown, shared or changed elsewhere arrives.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inspector.analysis import Analysis
from agents.reporting import coverage
from tests.agents.inspector.trees import inspect, plant

PROGRAM = """
import os, pickle, sqlite3, shlex, subprocess
import settings
from other import fill, maybe
from flask import Flask, request
import xml.etree.ElementTree as ET
app = Flask(__name__)
COMMANDS = ["ls"]
NAME = "ls"
def set_name(x):
    global NAME
    NAME = x
def add(x):
    COMMANDS.append(x)

@app.route("/r1")
def r1():
    table = "a"
    if request.args.get("x"):
        table = "b"
    db = sqlite3.connect(":memory:")
    return str(db.execute(f"SELECT * FROM {table}").fetchall())  # refuted
@app.route("/r2")
def r2():
    os.system("ls " + shlex.quote(request.args["q"]))  # refuted
    return ""
@app.route("/r3")
def r3():
    n = int(request.args["q"])
    db = sqlite3.connect(":memory:")
    return str(db.execute("SELECT * FROM t WHERE a = %s" % n).fetchall())  # refuted
@app.route("/r4")
def r4():
    ET.fromstring(request.data)  # refuted
    return ""
@app.route("/r5")
def r5():
    ways = {"a": "1+1", "b": "2+2"}
    return str(eval(ways[request.args["w"]]))  # refuted
TABLE = {"a": "1+1", "b": "2+2"}
@app.route("/r6")
def r6():
    return str(eval(TABLE.get(request.args["w"], "0")))  # refuted
PLUGINS = {"a": "1+1"}
PLUGINS["b"] = maybe()
@app.route("/n0")
def n0():
    return str(eval(PLUGINS[request.args["w"]]))  # kept
@app.route("/n35")
def n35():
    return str(pickle.Unpickler(maybe()).load())  # kept
@app.route("/n36")
def n36():
    db = sqlite3.connect(":memory:")
    return str(db.execute(("SELECT {} FROM " + maybe()).format("a")).fetchall())  # kept
@app.route("/n1")
def n1():
    os.system(COMMANDS[0])  # kept
    return ""
@app.route("/n2")
def n2():
    os.system(NAME)  # kept
    return ""
@app.route("/n3")
def n3():
    args = ["ls"]
    fill(args)
    os.system(args[0])  # kept
    return ""
def n4(cmd):
    os.system(cmd)  # kept
n4("ls")
@app.route("/n5")
def n5():
    os.system(maybe())  # kept
    return ""
@app.route("/n6")
def n6():
    cmd = maybe() or "ls"
    os.system(cmd)  # kept
    return ""
class Cache:
    prefix = "ls "
    def __init__(self):
        self._cache = {}
        self.cmd = "ls"
    def get(self, key):
        expires, value = self._cache.get(key, (0, None))
        return pickle.loads(value)  # kept
    def set(self, key, value):
        self._cache[key] = (1, value)
    def run(self):
        os.system(self.cmd)  # kept
    def run2(self):
        os.system(self.prefix)  # kept
    def run3(self):
        if self.prefix:
            os.system("ls")  # refuted
@app.route("/n7")
def n7():
    cmd = "ls"
    for x in maybe():
        os.system(cmd)  # kept
        cmd = x
    return ""
@app.route("/n8")
def n8():
    os.system(settings.command)  # kept
    return ""
@app.route("/n9")
def n9():
    os.system(os.environ.get("CMD", "ls"))  # kept
    return ""
def outer():
    cmd = "ls"
    def inner():
        os.system(cmd)  # kept
    def change(x):
        nonlocal cmd
        cmd = x
    return inner, change
@app.route("/n10")
def n10():
    cmd = "ls"
    try:
        cmd = maybe()
        int(cmd)
    except ValueError:
        pass
    os.system(cmd)  # kept
    return ""
class Box:
    def __init__(self):
        self.cmd = "ls"
@app.route("/n11")
def n11():
    box = Box()
    fill(box)
    os.system(box.cmd)  # kept
    return ""
@app.route("/n12")
def n12():
    box = maybe()
    if request.args:
        box = Box()
    os.system(box.cmd)  # kept
    return ""
@app.route("/n13")
def n13():
    d = {"cmd": "ls"}
    d[maybe()] = maybe()
    os.system(d["cmd"])  # kept
    return ""
def pick(flag, name="ls"):
    return name
@app.route("/n14")
def n14():
    os.system(pick(1, maybe()))  # kept
    return ""
@app.route("/n15")
def n15():
    box = Box()
    setattr(box, maybe(), maybe())
    os.system(box.cmd)  # kept
    return ""
@app.route("/n16")
def n16():
    parts = []
    for x in maybe():
        parts.append(x)
    os.system(" ".join(parts))  # kept
    return ""
@app.route("/n17")
def n17():
    text = "%s %s" % ("ls", maybe())
    os.system(text)  # kept
    return ""
@app.route("/n18")
def n18():
    with open("x") as f:
        cmd = f.read()
    os.system(cmd)  # kept
    return ""
@app.route("/n19")
def n19(cmd="ls"):
    os.system(cmd)  # kept
    return ""
@app.route("/n20")
def n20():
    cmd = "ls"
    if maybe():
        cmd = request.args["a"]
    os.system(cmd)  # kept
    return ""
@app.route("/n21")
def n21():
    cmd = "a"
    nxt = "b"
    third = "c"
    while maybe():
        os.system(cmd)  # kept
        cmd = nxt
        nxt = third
        third = maybe()
    return ""
@app.route("/n22")
def n22():
    cmd = [x for x in maybe()]
    os.system(cmd[0] + "ls")  # kept
    return ""
@app.route("/n23")
def n23():
    rows = sqlite3.connect("x").execute("select 1").fetchall()
    os.system("ls %s" % rows[0][0])  # kept
    return ""
@app.route("/n24")
def n24():
    globals()["CMD"] = maybe()
    exec(maybe())  # kept
    return ""
@app.route("/n25")
def n25():
    name, *rest = maybe()
    os.system(name)  # kept
    return ""
@app.route("/n26")
def n26():
    cmd = b"ls".decode() if maybe() else maybe()
    os.system(cmd)  # kept
    return ""
@app.route("/n27")
def n27():
    os.system("ls " + str(maybe()))  # kept
    return ""
@app.route("/n28")
def n28():
    os.system("ls {}".format(maybe()))  # kept
    return ""
@app.route("/n29")
def n29():
    os.system("ls {0.cmd}".format(maybe()))  # kept
    return ""
@app.route("/n30")
def n30():
    os.system(shlex.quote(maybe()))  # kept
    return ""
@app.route("/n31")
def n31():
    a = b = []
    b.append(maybe())
    os.system(a[0])  # kept
    return ""
@app.route("/n32")
def n32():
    it = iter(["ls", maybe()])
    next(it)
    os.system(next(it))  # kept
    return ""
@app.route("/n33")
def n33():
    kw = {"c": "ls"}
    kw.update(maybe())
    os.system(kw["c"])  # kept
    return ""
@app.route("/n34")
def n34():
    kw = {"c": "ls", **maybe()}
    os.system(kw.get("c"))  # kept
    return ""
"""


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """The security scan of the program and two modules beside it."""
    root = tmp_path_factory.mktemp("tree")
    plant(root, {"app.py": PROGRAM.lstrip(), "other.py": "LIMIT = 3\n", "settings.py": 'command = "ls"\n'})
    return inspect(root, "security_scan")


def _lines(mark: str) -> set[int]:
    lines = PROGRAM.lstrip().split("\n")
    return {number for number, line in enumerate(lines, start=1) if line.endswith(f"# {mark}")}


def _refuted(analysis: Analysis) -> set[int]:
    return {one.line for run in analysis.tools for one in run.refuted}


def test_what_was_seen_to_be_harmless_is_refuted_and_nothing_else(analysed: Analysis) -> None:
    assert _refuted(analysed) == _lines("refuted")
    assert _lines("kept") <= {one.line for one in analysed.findings if one.path == "app.py"}
    assert not _lines("refuted") & {one.line for one in analysed.findings if one.category == "security"}


def test_refuted_claims_are_counted_and_told_with_their_reason(analysed: Analysis) -> None:
    ruff = next(run for run in analysed.tools if run.tool == "ruff" and run.refuted)
    assert ruff.refuted_count == len(ruff.refuted) == len(_lines("refuted"))
    assert coverage.told(ruff).endswith(f"{ruff.refuted_count} claims of it were refuted.")
    reasons = dict(coverage.refuted(ruff))
    assert len(reasons) == 2
    parser = next(places for why, places in reasons.items() if "external entities" in why)
    assert parser.startswith("app.py:")
    assert parser.endswith("(S314)")


PARSES = "import xml.sax\n\n\ndef read(stream):\n    parser = xml.sax.make_parser()\n{told}    parser.parse(stream)\n"


@pytest.mark.parametrize(
    ("told", "is_refuted"),
    [
        ("", True),
        ("    parser.setFeature(xml.sax.handler.feature_external_ges, False)\n", True),
        ("    parser.setFeature(xml.sax.handler.feature_external_ges, True)\n", False),
        ("    parser.setFeature(xml.sax.handler.feature_external_ges, allowed())\n", False),
        ("    parser.setFeature(allowed('external-general-entities'), 1)\n", False),
    ],
)
def test_a_parser_of_python_s_own_reads_entities_only_if_it_is_told_to(
    tmp_path: Path, told: str, is_refuted: bool
) -> None:
    plant(tmp_path, {"a.py": PARSES.format(told=told)})
    analysis = inspect(tmp_path, "security_scan")
    assert bool(_refuted(analysis)) is is_refuted
    assert any(one.rule == "S317" for one in analysis.findings) is not is_refuted


def test_a_parser_that_is_told_to_and_gets_a_constant_is_refuted(tmp_path: Path) -> None:
    head = "import io\nimport xml.sax\n\n\ndef read():\n    parser = xml.sax.make_parser()\n"
    told = "    parser.setFeature(xml.sax.handler.feature_external_ges, True)\n"
    plant(tmp_path, {"a.py": f"{head}{told}    parser.parse(io.StringIO('<a/>'))\n"})
    assert _refuted(inspect(tmp_path, "security_scan"))


def test_nothing_is_refuted_in_a_file_in_which_a_function_was_not_analysed(tmp_path: Path) -> None:
    deep = "\n\ndef deep(x):\n    return x" + ".a" * 3_000 + "\n"
    plain = "import os\n\n\ndef listed():\n    os.system('ls ' + 'x')\n"
    plant(tmp_path, {"a.py": plain + deep, "b.py": plain})
    analysis = inspect(tmp_path, "security_scan")
    assert any(run.failed_count for run in analysis.tools if run.tool == "taint")
    assert {one.path for run in analysis.tools for one in run.refuted} == {"b.py"}
