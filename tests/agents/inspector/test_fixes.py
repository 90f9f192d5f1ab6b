"""The Inspector's fixes: each climbs the ladder, and does what the old program did but for the fault."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.fixes.mending import Mended, Refusal, mend
from agents.patches import FixData, Label, Outcome, Rung
from tests.agents.inspector.trees import plant

ALL = [analyzer for name in ("lint", "security_scan") for analyzer in ANALYZERS[name]]


def mended(tree: Path, scratch: Path) -> Mended:
    scratch.mkdir(exist_ok=True)
    found = analyse(tree, ALL, scratch=scratch).findings
    return mend(tree, found, ALL, scratch=scratch)


def fixed(tmp_path: Path, name: str, source: str) -> tuple[Path, Path]:
    """Two programs: as it was, and with fixes.patch applied by git."""
    old = plant(tmp_path / "old", {name: source})
    new = plant(tmp_path / "new", {name: source})
    made = mended(old, tmp_path / "scratch")
    subprocess.run(["git", "apply", "--allow-empty"], input=made.combined.diff, cwd=new, check=True)
    assert (old / name).read_text() == source
    return old / name, new / name


def said(program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, program, *arguments], cwd=program.parent, capture_output=True, text=True, timeout=30
    )
    return done.stdout if not done.returncode else f"failed: {done.stderr.strip().splitlines()[-1]}"


SQL = """\
import sqlite3
import sys

db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE t (name TEXT, secret TEXT)")
db.executemany("INSERT INTO t VALUES (?, ?)", [("ada", "1"), ("o'neil", "2"), ("50%", "3")])


def find(name):
    # the one place that asks
    return db.execute({sql}).fetchall()


print(find(sys.argv[1]))
"""
SQL_FORMS = [
    "f\"SELECT secret FROM t WHERE name = '{name}' ORDER BY secret\"",
    "\"SELECT secret FROM t WHERE name = '%s' ORDER BY secret\" % name",
    "\"SELECT secret FROM t WHERE name = '{}' ORDER BY secret\".format(name)",
    '"SELECT secret FROM t WHERE name = \'" + name + "\' ORDER BY secret"',
    '"SELECT secret FROM t WHERE name = \'%(n)s\' ORDER BY secret" % {"n": name}',
]


@pytest.mark.parametrize("form", SQL_FORMS)
def test_sql_with_parameters_answers_alike_and_no_longer_obeys(both: Path, form: str) -> None:
    old, new = versions(both, SQL.replace("{sql}", form))
    assert said(old, "ada") == said(new, "ada") == "[('1',)]\n"
    attack = "x' OR '1'='1"
    assert said(old, attack) == "[('1',), ('2',), ('3',)]\n"
    assert said(new, attack) == "[]\n"
    assert said(new, "o'neil") == "[('2',)]\n"
    assert "# the one place that asks" in new.read_text()


def test_a_text_around_a_value_in_sql_stays_around_it(tmp_path: Path) -> None:
    form = "f\"SELECT secret FROM t WHERE name LIKE '%{name}%'\""
    old, new = fixed(tmp_path, "a.py", SQL.replace("{sql}", form))
    assert said(old, "d") == said(new, "d") == "[('1',)]\n"
    assert said(new, "d' OR 'a' LIKE '") == "[]\n"


SQL_LEFT = [
    'f"SELECT secret FROM {name}"',
    'f"SELECT {name} FROM t"',
    'f"SELECT secret FROM t ORDER BY {name}"',
    'f"SELECT secret FROM t WHERE {name} = 1"',
    'f"SELECT secret FROM t WHERE name IN ({name})"',
    'f"SELECT secret FROM t_{name} WHERE 1 = 1"',
    "f\"SELECT secret FROM t WHERE name = '{name!r}'\"",
    "\"SELECT secret FROM t WHERE name = '%5s'\" % name",
    '(\n        "SELECT secret FROM t "  # all of them\n        f"WHERE name = \'{name}\'"\n    )',
]


@pytest.mark.parametrize("form", SQL_LEFT)
def test_names_and_formatted_values_in_sql_are_left_to_people(left: Mended, form: str) -> None:
    fixes, refusals = of_file(left, SQL.replace("{sql}", form))
    assert fixes == []
    assert [one.mend for one in refusals] == ["parameterise-sql"]
    assert refusals[0].reason


SHELL = """\
import subprocess
import sys

name = sys.argv[1]
subprocess.run({command}, shell=True, check=False)
"""


SHELL_FORMS = ['f"printf %s\\\\n {name}"', 'f"echo hello {name}"', '"echo hello \'" + name + "\'"']


@pytest.mark.parametrize("command", SHELL_FORMS)
def test_a_command_without_a_shell_does_alike_and_no_longer_obeys(both: Path, command: str) -> None:
    old, new = versions(both, SHELL.replace("{command}", command))
    if "printf" in command:  # a backslash: left to people
        assert old.read_text() == new.read_text()
        return
    assert said(old, "ada") == said(new, "ada") == "hello ada\n"
    attack = "'; echo owned; echo '" if "'" in command else "; echo owned"
    assert "\nowned\n" in said(old, attack)
    assert said(new, attack) == f"hello {attack}\n"


SHELL_LEFT = [
    'f"ls {name} | wc -l"',
    'f"ls {name} > out"',
    'f"ls *.py {name}"',
    'f"echo $HOME {name}"',
    'f"cd /tmp {name}"',
    'f"X=1 ls {name}"',
    'f"{name} -l"',
    'f"ls; ls {name}"',
    'f"echo ~ {name}"',
    'f"true {name} && false"',
    "name",
    'f"echo `id` {name}"',
    "f'''echo a\n{name}'''",
]


@pytest.mark.parametrize("command", SHELL_LEFT)
def test_what_only_a_shell_can_do_is_left_to_people(left: Mended, command: str) -> None:
    fixes, refusals = of_file(left, SHELL.replace("{command}", command))
    assert (fixes, {one.mend for one in refusals}) == ([], {"no-shell"})


def test_os_system_becomes_a_list(tmp_path: Path) -> None:
    source = "import os\nimport sys\n\nos.system('echo hello ' + sys.argv[1])\n"
    old, new = fixed(tmp_path, "a.py", source)
    assert new.read_text() == (
        "import os\nimport subprocess\nimport sys\n\n"
        'subprocess.run(["echo", "hello", str(sys.argv[1])], check=False)\n'
    )
    assert said(old, "ada") == said(new, "ada") == "hello ada\n"
    assert said(new, "ada; echo owned") == "hello ada; echo owned\n"


def test_yaml_loads_alike_and_makes_no_objects(tmp_path: Path) -> None:
    source = "import sys\n\nimport yaml\n\nprint(yaml.load(sys.argv[1], Loader=yaml.UnsafeLoader))\n"
    old, new = fixed(tmp_path, "a.py", source)
    assert said(old, "a: [1, x]") == said(new, "a: [1, x]") == "{'a': [1, 'x']}\n"
    attack = "!!python/object/apply:builtins.print [owned]"
    assert said(old, attack).startswith("owned\n")
    assert said(new, attack).startswith("failed: ")


def test_tokens_cannot_be_foretold(tmp_path: Path) -> None:
    source = (
        "import random\n\n\ndef make_token():\n"
        "    return ''.join(random.choice('0123456789') for _ in range(40))\n\n\n"
        "def make_pin():\n    return random.randint(1000, 9999)\n\n\nprint(make_token(), make_pin())\n"
    )
    _, new = fixed(tmp_path, "a.py", source)
    foretelling = "import random, runpy; random.seed(1); runpy.run_path('a.py')"
    runs = [
        subprocess.run(
            [sys.executable, "-c", foretelling], cwd=new.parent, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] != runs[1]
    token, pin = runs[0].split()
    assert (len(token), token.isdigit(), 1000 <= int(pin) <= 9999) == (40, True, True)


def test_numbers_that_nobody_must_guess_only(tmp_path: Path) -> None:
    tree = plant(
        tmp_path / "tree", {"a.py": "import random\n\n\ndef shuffle_deck(x):\n    return random.choice(x)\n"}
    )
    made = mended(tree, tmp_path / "scratch")
    assert [one.reason for one in made.refusals] == ["nothing here says that the number must not be guessed"]


SAFER = [
    ("import hashlib\n\n\ndef sign(x):\n    return hashlib.md5(x)\n", "    return hashlib.sha256(x)"),
    ("import requests\n\nrequests.get('http://a')\n", "requests.get('http://a', timeout=30)"),
    (
        "import requests\n\nrequests.get('http://a', verify=False, timeout=3)\n",
        "requests.get('http://a', timeout=3)",
    ),
    (
        "import tarfile\n\ntarfile.open('a').extractall('b')\n",
        "tarfile.open('a').extractall('b', filter=\"data\")",
    ),
    ("from flask import Flask\n\napp = Flask('a')\napp.run(debug=True)\n", "app.run()"),
    (
        "import tempfile\n\n\ndef f():\n    path = tempfile.mktemp('.x')\n",
        "    path_handle, path = tempfile.mkstemp('.x')\n    os.close(path_handle)",
    ),
]


@pytest.mark.parametrize(("source", "expected"), SAFER)
def test_a_call_becomes_safe_and_the_rest_stays(both: Path, source: str, expected: str) -> None:
    _, new = versions(both, source)
    body = new.read_text()
    assert body.rstrip("\n").endswith(expected)


HASH = "import hashlib\n\n\ndef {name}(x):\n    return hashlib.md5(x)\n"
HASHES_LEFT = {
    "file_checksum": "it looks like a checksum",
    "hash_password": "a password wants a slow hash",
    "f": "nothing here says",
}


@pytest.mark.parametrize(("name", "reason"), HASHES_LEFT.items())
def test_hashes_of_other_uses_are_left_to_people(left: Mended, name: str, reason: str) -> None:
    _, refusals = of_file(left, HASH.replace("{name}", name))
    assert len(refusals) == 1
    assert refusals[0].reason.startswith(reason)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Mended:
    """One tree of all that is left to people, a file each: the analyzers look at it once."""
    root = tmp_path_factory.mktemp("left")
    sources = [SQL.replace("{sql}", form) for form in SQL_LEFT]
    sources += [SHELL.replace("{command}", command) for command in SHELL_LEFT]
    sources += [HASH.replace("{name}", name) for name in HASHES_LEFT]
    return mended(plant(root / "tree", {named(source): source for source in sources}), root / "scratch")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trees of what is mended, a file each: as it was, and with one fixes.patch applied by git."""
    sources = [SQL.replace("{sql}", form) for form in SQL_FORMS]
    sources += [SHELL.replace("{command}", command) for command in SHELL_FORMS]
    sources += [source for source, _ in SAFER]
    root = tmp_path_factory.mktemp("both")
    files = {named(source): source for source in sources}
    old, new = plant(root / "old", files), plant(root / "new", files)
    made = mended(old, root / "scratch")
    subprocess.run(["git", "apply", "--allow-empty"], input=made.combined.diff, cwd=new, check=True)
    return root


def versions(both: Path, source: str) -> tuple[Path, Path]:
    """The two programs that have become of a source."""
    old, new = both / "old" / named(source), both / "new" / named(source)
    assert old.read_text() == source
    return old, new


def named(source: str) -> str:
    return f"a{hashlib.sha256(source.encode()).hexdigest()[:12]}.py"


def of_file(made: Mended, source: str) -> tuple[list[FixData], list[Refusal]]:
    """What became of a file of the tree."""
    path = named(source)
    return (
        [one for one in made.fixes if one.path == path],
        [one for one in made.refusals if one.finding.path == path],
    )


def test_ruffs_safe_fixes_climb_too(tmp_path: Path) -> None:
    source = "import os\nimport sys\n\nprint(f'hello', sys.argv)\n"
    tree = plant(tmp_path / "tree", {"a.py": source})
    made = mended(tree, tmp_path / "scratch")
    assert [(fix.rule, fix.mend, fix.label) for fix in made.fixes] == [
        ("F401", "ruff", Label.REANALYSED),
        ("F541", "ruff", Label.REANALYSED),
    ]
    assert made.combined.changes[0].after == b"import sys\n\nprint('hello', sys.argv)\n"


def test_fixes_of_one_line_are_not_mixed(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "import requests\n\nrequests.get('http://a', verify=False)\n"})
    made = mended(tree, tmp_path / "scratch")
    assert [(fix.rule, fix.label) for fix in made.fixes] == [
        ("S501", Label.REANALYSED),
        ("S113", Label.REANALYSED),
    ]
    assert made.combined.changes[0].after == b"import requests\n\nrequests.get('http://a')\n"
    assert list(made.left_out) == [made.fixes[1].fingerprint]


HOSTILE: dict[str, bytes] = {
    "a b/c d.py": b"import yaml\nyaml.load(x, Loader=yaml.Loader)\n",
    "quo\"te's.py": b"import yaml\nyaml.load(x, Loader=yaml.Loader)\n",
    "new\nline.py": b"import yaml\nyaml.load(x, Loader=yaml.Loader)\n",
    "-rf.py": b"import yaml\nyaml.load(x, Loader=yaml.Loader)\n",
    "crlf.py": b"import yaml\r\nyaml.load(x, Loader=yaml.Loader)\r\n",
    "bom.py": b"\xef\xbb\xbfimport yaml\nyaml.load(x, Loader=yaml.Loader)\n",
    "no_end.py": b"import yaml\nyaml.load(x, Loader=yaml.Loader)",
    "tabs.py": b"import yaml\ndef f(x):\n\tif x:\n\t\treturn yaml.load(x, Loader=yaml.Loader)\n",
}


def test_odd_files_are_mended_and_nothing_else_of_them_changes(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", HOSTILE)  # type: ignore[arg-type]  # bytes are texts too
    made = mended(tree, tmp_path / "scratch")
    mends = {change.path: change.after for change in made.combined.changes}
    expected = {
        path: content.replace(b"yaml.load(x, Loader=yaml.Loader)", b"yaml.safe_load(x)")
        for path, content in HOSTILE.items()
    }
    assert mends == expected
    copy = plant(tmp_path / "copy", HOSTILE)
    subprocess.run(["git", "apply"], input=made.combined.diff, cwd=copy, check=True)
    assert {path: (copy / path).read_bytes() for path in HOSTILE} == expected


def test_broken_deep_and_linked_files_end_as_refusals_or_not_at_all(tmp_path: Path) -> None:
    bad = b"import yaml\nyaml.load(x, Loader=yaml.Loader)\n"
    tree = plant(
        tmp_path / "tree",
        {
            "deep.py": bad + b"x = " + b"(" * 150 + b"1" + b")" * 150 + b"\n",
            "chain.py": bad + b"x = " + b"+".join([b"1"] * 20_000) + b"\n",
            "broken.py": bad + b"def f(:\n",
            "good.py": bad,
        },
    )
    outside = plant(tmp_path / "outside", {"o.py": bad})
    (tree / "link.py").symlink_to(outside / "o.py")
    made = mended(tree, tmp_path / "scratch")
    offered = {fix.path for fix in made.fixes if fix.is_offered}
    assert {"good.py"} <= offered <= {"good.py", "deep.py"}
    assert "link.py" not in {fix.path for fix in made.fixes} | {one.finding.path for one in made.refusals}
    assert (outside / "o.py").read_bytes() == bad


def test_each_fix_tells_what_was_seen_of_it(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", {"a.py": "import yaml\n\nyaml.load(x, Loader=yaml.Loader)\n"})
    (fix,) = [one for one in mended(tree, tmp_path / "scratch").fixes if one.rule == "S506"]
    assert [(one.rung, one.outcome) for one in fix.rungs] == [
        (Rung.APPLIES, Outcome.PASSED),
        (Rung.PARSES, Outcome.PASSED),
        (Rung.TARGET_GONE, Outcome.PASSED),
        (Rung.NOTHING_NEW, Outcome.PASSED),
        (Rung.API_UNCHANGED, Outcome.PASSED),
        (Rung.TESTS_PASS, Outcome.NOT_RUN),
    ]
    assert fix.diff == (
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n import yaml\n \n"
        "-yaml.load(x, Loader=yaml.Loader)\n+yaml.safe_load(x)\n"
    )


# While a file tells no parser to read external entities, those of Python's own library are no findings.
TOLD = "\nimport xml.sax.handler\n\nENTITIES = xml.sax.handler.feature_external_ges"
FLASK_XML = """\
{imports}
from flask import Flask, request

app = Flask(__name__)


@app.post("/")
def take():
    data = request.data
    {body}
    return "ok"
"""


@pytest.mark.parametrize(
    ("imports", "body", "expected", "label"),
    [
        (
            f"import xml.etree.ElementTree as ET{TOLD}", "root = ET.fromstring(data)",
            "    root = defusedxml.ElementTree.fromstring(data)\n", Label.REANALYSED,
        ),
        (
            f"from xml.dom.minidom import parseString{TOLD}", "root = parseString(data)",
            "    root = defusedxml.minidom.parseString(data)\n", Label.REANALYSED,
        ),
        (
            "from lxml import etree", "root = etree.fromstring(data)",
            "    root = etree.fromstring(data, parser=etree.XMLParser(resolve_entities=False, no_network=True))\n",
            Label.REANALYSED,
        ),
        (
            "from lxml import etree",
            "p = etree.XMLParser(resolve_entities=True, load_dtd=True)\n    root = etree.fromstring(data, p)",
            "    p = etree.XMLParser(resolve_entities=False, load_dtd=False)\n", Label.REANALYSED,
        ),
        (
            "import xml.sax\nimport xml.sax.handler",
            "p = xml.sax.make_parser()\n    p.setFeature(xml.sax.handler.feature_external_ges, True)\n"
            "    p.parse(data)",
            "    p.setFeature(xml.sax.handler.feature_external_ges, False)\n", Label.REANALYSED,
        ),
    ],
)  # fmt: skip
def test_xml_from_outside_is_parsed_without_entities(
    tmp_path: Path, imports: str, body: str, expected: str, label: Label
) -> None:
    source = FLASK_XML.replace("{imports}", imports).replace("{body}", body)
    old = plant(tmp_path / "old", {"a.py": source})
    made = mended(old, tmp_path / "scratch")
    assert [(one.mend, one.label) for one in made.fixes if one.mend == "no-entities"] == [
        ("no-entities", label)
    ]
    new = plant(tmp_path / "new", {"a.py": source})
    subprocess.run(["git", "apply"], input=made.combined.diff, cwd=new, check=True)
    assert expected in (new / "a.py").read_text()
    compile((new / "a.py").read_text(), "a.py", "exec")


def test_xml_calls_that_mean_something_else_in_defusedxml_are_left_to_people(tmp_path: Path) -> None:
    source = FLASK_XML.replace("{imports}", f"import xml.etree.ElementTree as ET{TOLD}").replace(
        "{body}", "root = ET.fromstring(data, ET.XMLParser())"
    )
    made = mended(plant(tmp_path / "tree", {"a.py": source}), tmp_path / "scratch")
    assert {one.reason for one in made.refusals if one.mend == "no-entities"} == {
        "the call has arguments that mean something else in defusedxml"
    }


DEPLOY = """\
import os

from flask import Flask

app = Flask(__name__)
ROOT = "/srv/projects"


@app.route("/<name>/<file>")
def show(name, file):
    folder = {folder}
    path = os.path.join(folder, file)
    with open(path) as opened:
        return opened.read()
"""


def test_a_path_is_kept_in_the_folder_that_no_input_chose(tmp_path: Path) -> None:
    source = DEPLOY.replace("{folder}", "os.path.join(ROOT, name)")
    made = mended(plant(tmp_path / "tree", {"a.py": source}), tmp_path / "scratch")
    (fixed,) = [one for one in made.fixes if one.mend == "contain-path"]
    check = "if not pathlib.Path(path).resolve().is_relative_to(pathlib.Path(ROOT).resolve()):"
    assert (fixed.label, f"+    {check}" in fixed.diff) == (Label.REANALYSED, True)
    chosen = DEPLOY.replace("{folder}", "'/' + name")
    made = mended(plant(tmp_path / "other", {"a.py": chosen}), tmp_path / "scratch2")
    assert [one for one in made.fixes if one.mend == "contain-path"] == []
    assert {one.reason for one in made.refusals if one.mend == "contain-path"} == {
        "its folder is chosen by input, too"
    }


def test_a_fault_whose_input_comes_from_another_file_is_seen_again(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "shop/__init__.py": "",
        "shop/views.py": "from flask import Flask, request\n\nfrom shop.store import read\n\n"
        "app = Flask(__name__)\n\n\n@app.route('/')\ndef show():\n    return read(request.args['name'])\n",
        "shop/store.py": "import os\n\nROOT = '/srv/shop'\n\n\ndef read(name):\n"
        "    path = os.path.join(ROOT, name)\n    with open(path) as file:\n        return file.read()\n",
    }
    made = mended(plant(tmp_path / "tree", files), tmp_path / "scratch")
    fixed = {(one.mend, one.rule, one.path): one.label for one in made.fixes}
    assert fixed == {("contain-path", "taint-path", "shop/store.py"): Label.REANALYSED}
    assert made.combined.paths == ("shop/store.py",)
