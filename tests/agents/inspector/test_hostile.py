"""Repositories that mean harm, against every operation: nothing of theirs runs, each is told, each run ends.

The canary is a file outside of the tree that code or configuration of the repository would create if it were obeyed.
"""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest

from agents import workspace
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.survey import LINK, NO_FILE, NOT_UTF8, TOO_LARGE, TOOL_STATE
from agents.reporting.model import ToolState
from agents.superagent.profile import profile_tree
from agents.workspace import parse_target
from tasks.contract import ArtifactRef
from tests.agents.inspector.trees import inspect, places, plant

OPERATIONS = tuple(ANALYZERS)
CODE = "import subprocess\n\n\ndef fetch(x=[]):\n    subprocess.call(x, shell=True)\n    return undefined\n"
SHELL = "#!/bin/sh\ncd $1\nrm -rf $A/*\n"


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Where the repository would leave its mark; it must not be there in the end."""
    mark = tmp_path / "canary"
    yield mark
    assert not mark.exists(), mark.read_text()


def _configured(mark: Path) -> dict[str, str | bytes]:
    """Every file by which one of the tools, or a relative of theirs, could be made to load code or look away."""
    bomb = f"open({str(mark)!r}, 'a').write(__name__ + chr(10))\n"
    command = f"touch {mark}"
    return {
        "evil.py": bomb + "def register(linter): pass\ndef plugin(version): pass\n",
        "conftest.py": bomb,
        "sitecustomize.py": bomb,
        "usercustomize.py": bomb,
        "setup.py": bomb,
        "noxfile.py": bomb,
        "__init__.py": bomb,
        "pydoclint.py": bomb,
        "evil.pth": f"import os; os.system({command!r})\n",
        "pyproject.toml": (
            '[tool.ruff]\nextend = "/etc/passwd"\nexclude = ["**"]\n[tool.vulture]\nignore_names = ["*"]\n'
            'paths = ["/nowhere"]\n[tool.bandit]\nskips = ["B602"]\n[tool.pylint.main]\nload-plugins = ["evil"]\n'
            f'init-hook = "import os; os.system({command!r})"\n[tool.mypy]\nplugins = ["evil.py"]\n'
            '[tool.pydoclint]\nexclude = ".*"\n[tool.complexipy]\nexclude = ["**"]\n'
            '[tool.griffe]\nextensions = ["evil"]\n[tool.importlinter]\nroot_package = "evil"\n'
            '[build-system]\nbuild-backend = "evil"\nbackend-path = ["."]\n'
        ),
        "ruff.toml": 'exclude = ["**"]\n',
        ".flake8": "[flake8:local-plugins]\nextension =\n  X = evil:plugin\npaths = .\n",
        "setup.cfg": "[bandit]\nskips = B602\n[pylint.main]\nload-plugins=evil\n",
        "mypy.ini": "[mypy]\nplugins = evil.py\n",
        ".pylintrc": "[MAIN]\nload-plugins=evil\n",
        ".bandit": "[bandit]\nskips = B602\nexclude = /\n",
        ".yamllint": "extends: /etc/passwd\nrules: {}\nignore: '*'\n",
        ".hadolint.yaml": "ignored: [DL3007, DL3002]\n",
        ".shellcheckrc": "disable=all\nexternal-sources=true\nsource-path=/etc\n",
        "complexipy.toml": 'exclude = ["**"]\n',
        ".secrets.baseline": (
            '{"plugins_used": [{"name": "Evil", "path": "file://evil.py"}], "filters_used": '
            '[{"path": "file://evil.py::plugin"}]}'
        ),
        "whitelizer.txt": "f\n",
        ".gitignore": "*\n",
        ".ignore": "*\n",
    }  # fmt: skip


def _subject() -> dict[str, str | bytes]:
    return {
        "src/a.py": CODE,
        "src/b.sh": SHELL,
        "src/Dockerfile": "FROM a:latest\nUSER root\n",
        "src/c.yml": "a: 1\na: 2\n",
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_configuration_and_plugins_of_the_repository_are_not_obeyed(
    tmp_path: Path, canary: Path, operation: str
) -> None:
    plain = plant(tmp_path / "plain", _subject())
    mean = plant(tmp_path / "mean", _subject() | _configured(canary))
    expected = [place for place in places(inspect(plain, operation).findings) if " src/" in place]
    analysis = inspect(mean, operation)
    assert [place for place in places(analysis.findings) if " src/" in place] == expected
    assert {run.state for run in analysis.tools} == {ToolState.OK}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_modules_that_shadow_what_the_tools_import_are_not_imported(
    tmp_path: Path, canary: Path, operation: str
) -> None:
    bomb = f"open({str(canary)!r}, 'a').write(__name__ + chr(10))\n"
    names = (
        "json",
        "ast",
        "re",
        "pathlib",
        "yaml",
        "tomli",
        "tomllib",
        "typing_extensions",
        "_json",
        "zlib",
        "griffe",
    )
    tree = plant(tmp_path / "tree", _subject())
    plant(tree, {f"{name}.py": bomb for name in names})
    plant(tree, {f"{name}/__init__.py": bomb for name in names})
    assert {run.state for run in inspect(tree, operation).tools} == {ToolState.OK}


def _git_folder(mark: Path) -> dict[str, str | bytes]:
    command = f"touch {mark}"
    return {
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/config": (
            f'[core]\n\tfsmonitor = "{command}"\n\thooksPath = hooks\n\tpager = "{command}"\n\teditor = "{command}"\n'
            f'\tsshCommand = "{command}"\n\tattributesFile = ../.gitattributes\n[filter "x"]\n\tclean = "{command}"\n'
            f'\tsmudge = "{command}"\n\tprocess = "{command}"\n\trequired = true\n'
            f'[diff "x"]\n\ttextconv = "{command}"\n\tcommand = "{command}"\n'
            f'[alias]\n\trev-parse = "!{command}"\n\tstatus = "!{command}"\n'
            f'[include]\n\tpath = ../included\n[credential]\n\thelper = "!{command}"\n'
            f'[gpg]\n\tprogram = "{command}"\n'
        ),
        ".git/hooks/post-checkout": f"#!/bin/sh\n{command}\n",
        ".git/hooks/pre-commit": f"#!/bin/sh\n{command}\n",
        ".git/objects/info/alternates": "/etc\n",
        ".git/refs/heads/main": "0" * 40 + "\n",
        ".gitattributes": "* filter=x diff=x\n",
        ".gitmodules": '[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c touch% canary\n\tupdate = !touch canary\n',
        "included": f'[core]\n\tfsmonitor = "{command}"\n',
    }  # fmt: skip


def test_git_configuration_with_commands_runs_none_of_them(tmp_path: Path, canary: Path) -> None:
    tree = plant(tmp_path / "tree", _subject() | _git_folder(canary))
    for hook in (tree / ".git" / "hooks").iterdir():
        hook.chmod(0o755)
    (tmp_path / "scratch").mkdir()
    obtained = workspace.obtain(
        parse_target({"kind": "path", "path": str(tree)}),
        scratch=tmp_path / "scratch",
        local_roots=[tmp_path],
        open_artifact=lambda digest: (_ for _ in ()).throw(AssertionError(digest)),
    )
    assert (obtained.root / "src" / "a.py").exists()
    for operation in OPERATIONS:
        analysis = inspect(tree, operation)
        assert {run.state for run in analysis.tools} == {ToolState.OK}
        assert analysis.survey.counts[TOOL_STATE] == 6


@pytest.mark.parametrize("operation", OPERATIONS)
def test_links_out_pipes_sockets_and_devices_are_told_and_not_opened(tmp_path: Path, operation: str) -> None:
    tree = plant(tmp_path / "tree", _subject())
    os.mkfifo(tree / "src" / "pipe.py")  # opening it would wait for ever
    listener = socket.socket(socket.AF_UNIX)
    os.chdir(tree)
    try:
        listener.bind("socket.py")
    finally:
        os.chdir(Path(__file__).parents[3])
        listener.close()
    (tree / "zero.py").symlink_to("/dev/zero")
    (tree / "shadow.sh").symlink_to("/etc/shadow")
    (tree / "up").symlink_to("../..")
    analysis = inspect(tree, operation)
    assert analysis.survey.counts == {LINK: 3, NO_FILE: 2}
    assert len(analysis.survey.files) == 4


def _used() -> float:
    """Processor time of this process and of all that it started and waited for: others may keep the machine busy."""
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


@pytest.mark.parametrize("operation", OPERATIONS)
def test_file_of_a_gigabyte_is_told_and_not_read(tmp_path: Path, operation: str) -> None:
    tree = plant(tmp_path / "tree", _subject())
    for name in ("huge.py", "huge.sh", "huge.yml", "huge.dockerfile", "huge.txt"):
        with (tree / name).open("wb") as file:
            file.truncate(1 << 30)
    started = _used()
    analysis = inspect(tree, operation)
    assert _used() - started < 60
    assert analysis.survey.counts == {TOO_LARGE: 5}
    assert {run.state for run in analysis.tools} == {ToolState.OK}
    assert all(run.skipped_by_reason[TOO_LARGE] >= 1 for run in analysis.tools)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A tree with its files a thousand folders deep, and one at the top. Deleted without recursion."""
    tree = plant(tmp_path / "tree", {"top.py": "x = 1\n"})
    current = str(tree)
    for _ in range(1_000):
        current += "/d"
        os.mkdir(current)
    for name, content in _subject().items():
        with open(f"{current}/{Path(name).name}", "w") as file:
            file.write(str(content))
    yield tree
    subprocess.run(["rm", "-rf", "--", str(tree)], check=True)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_folders_a_thousand_deep_are_walked(deep: Path, operation: str) -> None:
    analysis = inspect(deep, operation)
    assert len(analysis.survey.files) == 5
    assert {(run.state, run.failed_count) for run in analysis.tools} == {(ToolState.OK, 0)}


def test_snapshot_of_folders_a_thousand_deep_leaves_them_out_and_says_so(deep: Path, tmp_path: Path) -> None:
    stored: dict[str, bytes] = {}

    def put(name: str, content: bytes | Path | BinaryIO, *, media_type: str) -> ArtifactRef:
        assert isinstance(content, Path)
        data = content.read_bytes()
        stored["a"] = data
        digest = hashlib.sha256(data).hexdigest()
        return ArtifactRef(name=name, digest=digest, size=len(data), media_type=media_type)

    (tmp_path / "scratch").mkdir()
    kept = workspace.store(workspace.Tree(root=deep, description="deep"), put, scratch=tmp_path / "scratch")
    assert (kept.files, [one.reason for one in kept.skipped]) == (1, ["more than 200 folders deep"])
    cache = {"cache_dir": tmp_path / "cache", "cache_bytes": 1 << 30}
    with workspace.checked_out(kept.digest, lambda digest: io.BytesIO(stored["a"]), **cache) as tree:
        assert profile_tree(tree).files == 1


NESTED = {
    "brackets.py": "x = " + "(" * 10_000 + "1" + ")" * 10_000 + "\n",
    "lists.py": "x = " + "[" * 10_000 + "]" * 10_000 + "\n",
    "blocks.py": "".join(f"{' ' * depth}if x:\n" for depth in range(1_000)) + " " * 1_000 + "pass\n",
    "minus.py": "x = " + "-" * 20_000 + "1\n",
    "dots.py": "x = a" + ".b" * 10_000 + "\n",
    "sum.py": "x = " + "+".join(["1"] * 20_000) + "\n",
    "strings.py": "x = " + "f'{" * 60 + "1" + "}'" * 60 + "\n",
    "brackets.js": "x = " + "(" * 10_000 + "1" + ")" * 10_000 + ";\n",
    "deep.yml": "a: " + "[" * 10_000 + "]" * 10_000 + "\n",
    "anchors.yml": "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in pairwise("abcdefghijklmnop")),
    "deep.sh": "#!/bin/sh\n" + "$(" * 2_000 + ")" * 2_000 + "\n",
    "deep.dockerfile": "FROM a:1\nRUN " + "(" * 2_000 + "true" + ")" * 2_000 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_deep_nesting_costs_its_own_file_and_no_other(tmp_path: Path, operation: str) -> None:
    plain = plant(tmp_path / "plain", _subject())
    tree = plant(tmp_path / "tree", _subject() | NESTED)
    started = _used()
    analysis = inspect(tree, operation)
    assert _used() - started < 150
    wanted = {place for place in places(inspect(plain, operation).findings) if " src/" in place}
    found = set(places(analysis.findings))
    assert wanted <= found
    for run in analysis.tools:
        assert {problem.path for problem in run.failed} <= set(NESTED)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_bytes_that_are_no_text_are_told(tmp_path: Path, operation: str) -> None:
    tree = plant(tmp_path / "tree", _subject())
    bad = {
        "latin.py": "# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n".encode("latin-1"),
        "utf16.py": "x = 1\n".encode("utf-16"),
        "rot.py": b"# -*- coding: rot13 -*-\nvzcbeg bf\n",
        "half.sh": b"#!/bin/sh\necho \xff\xfe\n",
        "bom.py": b"\xef\xbb\xbfx = 1\n",
        "lone.yml": b"a: \xed\xa0\x80\n",
    }
    plant(tree, bad)
    analysis = inspect(tree, operation)
    assert analysis.survey.counts == {NOT_UTF8: 3, "binary": 1}
    for run in analysis.tools:
        assert {problem.path for problem in run.failed} <= {"rot.py"}
        assert run.state is not ToolState.FAILED


def test_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", _subject())
    os.close(os.open(os.fsencode(tree) + b"/bad\xff.py", os.O_CREAT | os.O_WRONLY))
    for operation in OPERATIONS:
        analysis = inspect(tree, operation)
        assert analysis.survey.counts == {NOT_UTF8: 1}
        assert all(run.model_dump_json() for run in analysis.tools)


def test_a_hundred_thousand_files_end_within_their_time(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree", _subject())
    for folder in range(100):
        (tree / f"d{folder}").mkdir()
        for number in range(1_000):
            name = f"{number}.py" if number % 100 == 0 else f"{number}.txt"
            os.close(os.open(tree / f"d{folder}" / name, os.O_CREAT | os.O_WRONLY))
    for operation, seconds in (("lint", 200), ("secret_scan", 200)):
        started = _used()
        analysis = inspect(tree, operation)
        assert len(analysis.survey.files) == 100_004
        assert {run.state for run in analysis.tools} == {ToolState.OK}
        assert _used() - started < seconds
