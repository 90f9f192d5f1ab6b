"""What each file declares, as read by the process that reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.dependencies.component import Component
from agents.dependencies.formats import reader_of
from agents.dependencies.licences import Policy, classify, expression_of, fault_of_name, of_repository
from agents.dependencies.reading import Reading, read_tree
from tests.agents.inspector.trees import plant


def read(tmp_path: Path, files: dict[str, str | bytes]) -> Reading:
    (tmp_path / "scratch").mkdir()
    return read_tree(plant(tmp_path / "tree", files), scratch=tmp_path / "scratch")


def told(one: Component) -> str:
    """ecosystem name version @place, and what else it tells."""
    marks = [
        {True: "direct", False: "indirect", None: ""}[one.direct],
        "dev" if one.scope == "dev" else "",
        one.origin,
    ]
    return " ".join(
        part
        for part in (one.ecosystem, one.name, one.version or "?", f"@{one.path}:{one.line}", *marks)
        if part
    )


REQUIREMENTS = """\
# pins
Django==4.2.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
requests[socks]>=2 ; python_version > "3.8"  # why
urllib3
flask===2.0
attrs==22.*
-r more/base.in
-c constraints.txt
--index-url https://user:secret@example.org/simple
-e git+https://token@example.org/own.git#egg=own
./local
https://example.org/wheel-1.0-py3-none-any.whl
named @ https://example.org/named.tar.gz
== broken
-r ../../../../etc/passwd
-r requirements.txt
"""
POETRY_LOCK = """\
[[package]]
name = "django"
version = "4.2.1"
[package.dependencies]
sqlparse = ">=0.3"

[[package]]
name = "sqlparse"
version = "0.4"

[[package]]
name = "fork"
version = "1"
[package.source]
type = "git"
url = "https://example.org/x.git"
"""
PYPROJECT = """\
[project]
name = "x"
dependencies = ["Django>=4", "sqlparse"]
[project.optional-dependencies]
test = ["pytest==8.0"]
[dependency-groups]
dev = ["ruff", {include-group = "x"}]
[tool.poetry.dependencies]
python = "^3.9"
httpx = "^0.20"
exact = "1.2.3"
own = {path = "../own"}
[tool.poetry.group.docs.dependencies]
sphinx = {version = "7.0"}
"""
SETUP_PY = """\
from setuptools import setup
import os; os.system("touch /tmp/executed-by-the-reader")
NEEDED = ["six==1.16", compute()]
setup(install_requires=NEEDED, extras_require={"test": ["nose"]}, tests_require=open("x").read())
"""
UV_LOCK = """\
version = 1
[[package]]
name = "own"
version = "0.1"
source = { virtual = "." }
dependencies = [{ name = "idna" }]
[[package]]
name = "idna"
version = "3.4"
source = { registry = "https://packages.example/simple" }
"""
YARN_1 = """\
# yarn lockfile v1

"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.2.0"
  resolved "https://registry.yarnpkg.com/x"
  dependencies:
    lodash "^4"

lodash@^4:
  version "4.17.20"
"""
YARN_3 = """\
__metadata:
  version: 6

"lodash@npm:^4":
  version: 4.17.20
  resolution: "lodash@npm:4.17.20"

"own@workspace:.":
  version: 0.0.0-use.local
"""
PNPM = """\
lockfileVersion: '6.0'
dependencies:
  lodash:
    version: 4.17.20
packages:

  /@babel/core@7.2.0(supports-color@5.5.0):
    resolution: {integrity: x}
    dependencies:
      lodash: 4.17.20

  /lodash@4.17.20:
    dev: true

  'axios@1.6.0':
    resolution: {integrity: y}

  /old/1.0.0:
    dev: false
"""
GO_MOD = """\
module example.org/x
go 1.21
require github.com/pkg/errors v0.9.1
require (
    golang.org/x/text v0.3.0 // indirect
    example.org/fork v1.0.0
    example.org/local v1.0.0
)
replace example.org/fork => example.org/other v1.1.0
replace example.org/local => ../local
"""
CARGO = """\
[[package]]
name = "own"
version = "0.1.0"
[[package]]
name = "time"
version = "0.1.43"
source = "registry+https://github.com/rust-lang/crates.io-index"
"""
GEMFILE = """\
GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.10.0-x86_64-linux)
      mini_portile2 (~> 2.4)
    rack (2.0.1)

PATH
  remote: .
  specs:
    own (0.1)

DEPENDENCIES
  rack (~> 2)
"""
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <properties><log4j.version>2.14.1</log4j.version></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>a</groupId><artifactId>managed</artifactId><version>1.0</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
      <version>${log4j.version}</version></dependency>
    <dependency><groupId>a</groupId><artifactId>managed</artifactId></dependency>
    <dependency><groupId>a</groupId><artifactId>ranged</artifactId><version>[1,2)</version><scope>test</scope></dependency>
    <dependency><groupId>a</groupId><artifactId>lost</artifactId><version>${nowhere}</version></dependency>
  </dependencies>
</project>
"""
CONDA = """\
name: x
channels:
  - conda-forge
dependencies:
  - python=3.9
  - conda-forge::numpy
  - pip
  - pip:
      - Django==4.2.1
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"requirements.txt": REQUIREMENTS, "more/base.in": "idna==3.4\n", "constraints.txt": "urllib3==1.26.5\n"},
            [
                "PyPI idna 3.4 @more/base.in:1 direct",
                "PyPI Django 4.2.1 @requirements.txt:2 direct",
                "PyPI requests ? @requirements.txt:5 direct",
                "PyPI urllib3 1.26.5 @requirements.txt:6 direct",
                "PyPI flask 2.0 @requirements.txt:7 direct",
                "PyPI attrs ? @requirements.txt:8 direct",
                "PyPI own ? @requirements.txt:12 direct git",
                "PyPI local ? @requirements.txt:13 direct path",
                "PyPI wheel-1.0-py3-none-any.whl ? @requirements.txt:14 direct url",
                "PyPI named ? @requirements.txt:15 direct url",
            ],
        ),
        (
            {"poetry.lock": POETRY_LOCK, "pyproject.toml": PYPROJECT},
            [
                "PyPI django 4.2.1 @poetry.lock:2 direct",
                "PyPI sqlparse 0.4 @poetry.lock:5 direct",
                "PyPI fork 1 @poetry.lock:12 indirect git",
                "PyPI pytest 8.0 @pyproject.toml:5 direct dev",
                "PyPI ruff ? @pyproject.toml:7 direct dev",
                "PyPI httpx ? @pyproject.toml:10 direct",
                "PyPI exact 1.2.3 @pyproject.toml:11 direct",
                "PyPI own ? @pyproject.toml:12 direct path",
                "PyPI sphinx 7.0 @pyproject.toml:14 direct dev",
            ],
        ),
        ({"setup.py": SETUP_PY}, ["PyPI six 1.16 @setup.py:3 direct", "PyPI nose ? @setup.py:4 direct dev"]),
        (
            {"setup.cfg": "[options]\ninstall_requires =\n    six==1.16\n    idna; python_version<'3'\n"},
            ["PyPI six 1.16 @setup.cfg:3 direct", "PyPI idna ? @setup.cfg:4 direct"],
        ),
        ({"uv.lock": UV_LOCK}, ["PyPI idna 3.4 @uv.lock:6"]),
        (
            {"Pipfile": '[packages]\nsix = "*"\n', "sub/Pipfile": '[dev-packages]\nsix = "==1.16"\n'},
            ["PyPI six ? @Pipfile:2 direct", "PyPI six 1.16 @sub/Pipfile:2 direct dev"],
        ),
        (
            {"Pipfile.lock": json.dumps({"default": {"six": {"version": "==1.16"}}, "develop": {}}, indent=1)},
            ["PyPI six 1.16 @Pipfile.lock:3"],
        ),
        ({"pylock.toml": '[[packages]]\nname = "six"\nversion = "1.16"\n'}, ["PyPI six 1.16 @pylock.toml:2"]),
        (
            {"package.json": '{"dependencies": {"a": "1.2.3", "b": "^1"},\n "devDependencies": {"c": "file:../c"}}'},
            ["npm a 1.2.3 @package.json:1 direct", "npm b ? @package.json:1 direct",
             "npm c ? @package.json:2 direct dev path"],
        ),
        (
            {"package-lock.json": '{"dependencies": {"a": {"version": "1.0.0",\n "dependencies":'
             ' {"b": {"version": "2.0.0", "dev": true}}}}}'},
            ["npm a 1.0.0 @package-lock.json:1", "npm b 2.0.0 @package-lock.json:2 dev"],
        ),
        (
            {"yarn.lock": YARN_1, "package.json": '{"dependencies": {"lodash": "^4"}}'},
            ["npm @babel/core 7.2.0 @yarn.lock:3 indirect", "npm lodash 4.17.20 @yarn.lock:9 direct"],
        ),
        ({"yarn.lock": YARN_3}, ["npm lodash 4.17.20 @yarn.lock:4"]),
        (
            {"pnpm-lock.yaml": PNPM},
            ["npm @babel/core 7.2.0 @pnpm-lock.yaml:7", "npm lodash 4.17.20 @pnpm-lock.yaml:12",
             "npm axios 1.6.0 @pnpm-lock.yaml:15", "npm old 1.0.0 @pnpm-lock.yaml:18"],
        ),
        (
            {"go.mod": GO_MOD},
            ["Go github.com/pkg/errors v0.9.1 @go.mod:3 direct", "Go golang.org/x/text v0.3.0 @go.mod:5 indirect",
             "Go example.org/other v1.1.0 @go.mod:6 direct", "Go example.org/local v1.0.0 @go.mod:7 direct path"],
        ),
        ({"Cargo.lock": CARGO}, ["crates.io time 0.1.43 @Cargo.lock:5"]),
        (
            {"Gemfile.lock": GEMFILE},
            ["RubyGems nokogiri 1.10.0 @Gemfile.lock:4 indirect", "RubyGems rack 2.0.1 @Gemfile.lock:6 direct",
             "RubyGems own 0.1 @Gemfile.lock:11 indirect path"],
        ),
        (
            {"composer.lock": json.dumps({"packages": [{"name": "a/b", "version": "v1.0"}], "packages-dev": None})},
            ["Packagist a/b v1.0 @composer.lock:1"],
        ),
        (
            {"pom.xml": POM},
            ["Maven org.apache.logging.log4j:log4j-core 2.14.1 @pom.xml:7 direct",
             "Maven a:managed 1.0 @pom.xml:4 direct",
             "Maven a:ranged ? @pom.xml:10 direct dev", "Maven a:lost ? @pom.xml:11 direct"],
        ),
        (
            {"environment.yml": CONDA},
            ["conda python 3.9 @environment.yml:5 direct", "conda numpy ? @environment.yml:6 direct",
             "conda pip ? @environment.yml:7 direct", "PyPI Django 4.2.1 @environment.yml:9 direct"],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_files_tell_their_dependencies(
    tmp_path: Path, files: dict[str, str | bytes], expected: list[str]
) -> None:
    reading = read(tmp_path, files)
    assert reading.failed == {}
    found = [told(one) for one in reading.components if one.path != "constraints.txt"]
    assert sorted(found) == sorted(expected)
    assert "secret" not in json.dumps([one.requirement for one in reading.components])


def test_nothing_is_executed_and_what_is_computed_is_told(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = SETUP_PY.replace("/tmp/executed-by-the-reader", str(mark))
    reading = read(
        tmp_path, {"setup.py": script, "json.py": f"open({str(mark)!r}, 'w')", "sitecustomize.py": "1/0"}
    )
    assert not mark.exists()
    assert reading.notes == {
        "setup.py": [
            "line 3: a requirement is computed, which is not read",
            "line 4: its requirements are computed, which is not read",
        ]
    }


def test_includes_out_of_the_tree_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("stolen==1.0\n")
    files: dict[str, str | bytes] = {
        "requirements.txt": "-r ../outside.txt\n-r link.txt\n-r /etc/passwd\n-r a\0b\n"
    }
    (tmp_path / "scratch").mkdir()
    tree = plant(tmp_path / "tree", files)
    (tree / "link.txt").symlink_to(tmp_path / "outside.txt")
    (tree / "poetry.lock").symlink_to(tmp_path / "outside.txt")
    reading = read_tree(tree, scratch=tmp_path / "scratch")
    assert reading.components == []
    assert reading.skipped == {"symbolic link": 1}
    assert len(reading.notes["requirements.txt"]) == 4


LAUGHS = (
    "<!DOCTYPE x ["
    + "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(20))
    + "]><project>&l9;</project>"
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package-lock.json", "[" * 200_000),
        ("package-lock.json", '{"packages":' * 50_000),
        ("composer.lock", "[]"),
        ("poetry.lock", "x = " + "[" * 100_000),
        ("poetry.lock", "[[package"),
        ("pom.xml", LAUGHS),
        ("pom.xml", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><project>&e;</project>'),
        ("pom.xml", "<a>" * 10),
        ("setup.py", "(" * 100_000),
        ("setup.py", "-" * 200_000 + "1"),
        ("requirements.txt", b"\xff\xfe\x00d"),
        ("setup.cfg", "no section"),
    ],
)
def test_hostile_file_fails_alone(tmp_path: Path, name: str, content: str | bytes) -> None:
    reading = read(tmp_path, {f"bad/{name}": content, "zz/requirements.txt": "six==1.16\n"})
    assert list(reading.failed) == [f"bad/{name}"]
    assert [told(one) for one in reading.components] == ["PyPI six 1.16 @zz/requirements.txt:1 direct"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package.json", '{"dependencies": {"a": 1e309, "b": null, "c": ["x"], "\\ud800": "1.0.0"}}'),
        ("package-lock.json", '{"packages": {"node_modules/a": 5, "node_modules/": {}}, "dependencies": 3}'),
        ("Pipfile.lock", '{"default": {"a": [], "b": {"version": 3}}, "develop": 7}'),
        ("composer.lock", '{"packages": [1, null, {"name": {}, "version": []}]}'),
        ("poetry.lock", 'package = [1, {name = 3}, {name = "a", version = 1, dependencies = 5}]'),
        ("pyproject.toml", 'project = 1\ntool = {poetry = {group = {a = 1}, dependencies = "x"}}'),
        ("yarn.lock", '"@@@@":\n  version "1"\n:::\n  version "2"\n'),
        ("requirements.txt", "\x1b[31mred==1.0\n;;;\n-r\n-e\n\\\n"),
    ],
)
def test_wrong_types_are_no_error_of_a_reader(tmp_path: Path, name: str, content: str) -> None:
    reading = read(tmp_path, {name: content})
    assert not [why for why in reading.failed.values() if "the reader failed" in why]
    json.dumps([told(one) for one in reading.components]).encode()


def test_files_of_other_names_are_not_read() -> None:
    assert [name for name in ("a/requirements-dev.txt", "requirements/base.txt", "b.txt", "x/yarn.lock", "my.lock")
            if reader_of(name)] == ["a/requirements-dev.txt", "requirements/base.txt", "x/yarn.lock"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apache License\n    Version 2.0, January 2004", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007", "GPL-3.0-only"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE Version 3; see the GNU General Public License version 3",
         "AGPL-3.0-only"),
        ("Mozilla Public License Version 2.0", "MPL-2.0"),
        ("Redistribution and use in source and binary forms, ... Neither the name ... may be used to endorse or"
         " promote products", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
        ("All rights reserved.", "unknown"),
    ],
)  # fmt: skip
def test_licence_texts_are_known(text: str, expected: str) -> None:
    assert classify(text) == expected


def test_repository_licence_is_read_from_text_and_declaration(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "COPYING": "Mozilla Public License Version 2.0",
        "pyproject.toml": '[project]\nname = "x"\nlicense = "mit or apache-2.0"\n',
    }
    tree = plant(tmp_path / "tree", files)
    assert [(one.expression, one.path, one.line) for one in of_repository(tree)] == [
        ("MPL-2.0", "COPYING", 1),
        ("MIT OR Apache-2.0", "pyproject.toml", 3),
    ]


@pytest.mark.parametrize(
    ("licence", "allow", "deny", "accepted"),
    [
        ("GPL-3.0-only", [], ["GPL-3.0"], False),
        ("GPL-3.0-or-later", [], ["gpl-3.0"], False),
        ("MIT", [], ["GPL-3.0"], True),
        ("MIT OR GPL-3.0-only", [], ["GPL-3.0"], True),
        ("MIT AND GPL-3.0-only", [], ["GPL-3.0"], False),
        ("MIT", ["MIT"], [], True),
        ("MIT", ["MIT"], ["MIT"], False),
        ("BSD-3-Clause", ["MIT"], [], False),
        ("unknown", ["MIT"], [], False),
        ("unknown", [], ["MIT"], True),
        ("Own License", [], ["own license"], False),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", [], ["GPL-3.0"], True),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0", ["MIT", "Apache-2.0"], [], True),
        ("(MIT AND GPL-3.0-only) OR Zlib", [], ["GPL-3.0", "Zlib"], False),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"], [], True),
        ("Apache-2.0 WITH LLVM-exception", ["MIT"], [], False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", [], ["GPL-2.0"], False),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            ["GPL-2.0-only WITH Classpath-exception-2.0"],
            ["GPL-2.0-only"],
            True,
        ),
        ("GPL-3.0-or-later", ["GPL-3.0-only"], [], True),
        ("GPL-3.0-only", ["GPL-3.0-or-later"], [], False),
        ("GPL-3.0-only", [], ["GPL-3.0-or-later"], True),
        ("GPL-3.0+", [], ["GPL-3.0-or-later"], False),
        ("LicenseRef-Bought OR MIT", ["MIT"], [], True),
        ("LicenseRef-Bought AND GPL-3.0-only", [], ["GPL-3.0-only"], False),
        ("SEE LICENSE IN x.txt", ["MIT"], [], False),
        ("LicenseRef-Commercial OR GPL-3.0-only", ["LicenseRef-Commercial"], ["GPL-3.0"], True),
        ("LicenseRef-Commercial", [], ["LicenseRef-Commercial"], False),
    ],
)
def test_policy_decides(licence: str, allow: list[str], deny: list[str], accepted: bool) -> None:
    assert (Policy(allow=frozenset(allow), deny=frozenset(deny)).objection(licence) == "") is accepted
    assert expression_of("not ( a licence") == ""
    assert expression_of("MIT OR LicenseRef-Commercial") == "MIT OR LicenseRef-Commercial"


def test_a_name_that_no_licence_has_is_told_with_the_nearest() -> None:
    assert [fault_of_name(one) for one in ("mit", "GPL-3.0", "GPL-2.0+", "LicenseRef-Bought")] == [""] * 4
    assert fault_of_name("Apache2") == "is no SPDX id; did you mean 'Apache-2.0'?"
    assert fault_of_name("GPLv3") == "is no SPDX id; see spdx.org/licenses"
    assert fault_of_name("GPL-2.0-only WITH Nothing").startswith("is no SPDX id")
