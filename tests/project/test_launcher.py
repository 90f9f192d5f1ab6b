"""`wrench` itself, as a process and as a module: which Python, which sentence, which state of .venv.

No test here installs anything: the requirements of the copies are replaced or the install is not reached.
"""

from __future__ import annotations

import fcntl
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wrenchai_project.services import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the launcher and its requirements."""
    folder = tmp_path / "a check out"
    folder.mkdir()
    for name in ("wrench", "requirements.txt"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture
def wrench(checkout: Path) -> ModuleType:
    """The launcher of that checkout as a module."""
    loader = importlib.machinery.SourceFileLoader("wrench_under_test", str(checkout / "wrench"))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(loader.name, loader))
    module.__file__ = str(checkout / "wrench")
    loader.exec_module(module)
    return module


def start(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("WRENCH_")}
    return subprocess.run(
        [sys.executable, folder / "wrench", *arguments],
        env={**ours, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def facts(version: tuple[int, int, int], **other: Any) -> dict[str, Any]:
    path = f"/usr/bin/python{version[0]}.{version[1]}"
    return {"version": list(version), "venv": True, "ensurepip": True, "plain": True, "path": path, **other}


def finished(module: ModuleType, version: str = "3.12.1") -> None:
    """Make .venv look as a finished set-up leaves it."""
    (Path(module.VENV) / "bin").mkdir(parents=True)
    Path(module.PYTHON).symlink_to(sys.executable)
    (Path(module.VENV) / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    Path(module.UNFINISHED).touch()
    module.write_stamp(module.digest(module.REQUIREMENTS), version)


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_lists_every_verb_without_setting_up(checkout: Path, arguments: list[str]) -> None:
    done = start(checkout, *arguments)
    assert done.returncode == 0
    verbs = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert verbs == [
        "run",
        "serve",
        "client",
        "advisories",
        "test",
        "screenshots",
        "chaos",
        "check",
        "worker",
        "stop",
        "doctor",
        "reset",
        "lock",
        "manage",
        "help",
    ]
    assert sorted(path.name for path in checkout.iterdir()) == ["requirements.txt", "wrench"]


def test_unknown_verb_is_bad_input(checkout: Path) -> None:
    done = start(checkout, "runn")
    assert (done.returncode, done.stderr) == (
        2,
        "wrench: there is no verb 'runn': ./wrench help lists them\n",
    )


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("-h", 0), ("--upgrade", 2)])
def test_lock_with_an_argument_locks_nothing(checkout: Path, argument: str, code: int) -> None:
    done = start(checkout, "lock", argument)
    assert (done.returncode, "lock" in done.stdout + done.stderr) == (code, True)
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("verb", ["stop", "reset"])
def test_ending_what_never_began_sets_nothing_up(checkout: Path, verb: str) -> None:
    done = start(checkout, verb)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Nothing to {verb}")
    assert not (checkout / ".venv").exists()


def test_source_is_read_by_python_3_6(checkout: Path) -> None:
    compile((checkout / "wrench").read_text(), "wrench", "exec", dont_inherit=True)
    import ast

    ast.parse((checkout / "wrench").read_text(), feature_version=(3, 6))


def test_only_old_pythons_give_a_sentence(wrench: ModuleType) -> None:
    with pytest.raises(wrench.Trouble, match=r"needs Python 3\.11 or newer; found: 3\.10\.1, 3\.6\.15"):
        wrench.choose([facts((3, 6, 15)), facts((3, 10, 1))])


@pytest.mark.parametrize(
    ("minors", "best"), [([11, 12, 13], 12), ([14, 11], 11), ([14, 13], 13), ([10, 14], 14)]
)
def test_preference_is_3_12_then_3_11_then_newer(wrench: ModuleType, minors: list[int], best: int) -> None:
    assert wrench.choose([facts((3, minor, 0)) for minor in minors])["version"] == [3, best, 0]


def test_python_without_ensurepip_is_passed_over(wrench: ModuleType) -> None:
    found = [facts((3, 12, 0), ensurepip=False), facts((3, 13, 0))]
    assert wrench.choose(found)["version"] == [3, 13, 0]


def test_missing_ensurepip_names_the_package(wrench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(wrench.Trouble, match=r"apt install python3\.11-venv$"):
        wrench.choose([facts((3, 11, 2), ensurepip=False)])


def test_free_threaded_and_foreign_pythons_are_not_taken(wrench: ModuleType) -> None:
    with pytest.raises(wrench.Trouble):
        wrench.choose([facts((3, 13, 0), plain=False)])


def test_shim_that_fails_is_no_candidate(
    wrench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3.12").write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    (shims / "python3.11").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for shim in shims.iterdir():
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shims))
    monkeypatch.setattr(sys, "executable", "")
    assert [one["path"] for one in wrench.candidates()] == [str(shims / "python3.11")]


def test_named_python_that_does_not_run_is_told(checkout: Path) -> None:
    done = start(checkout, "doctor", WRENCH_PYTHON="/nope")
    assert (done.returncode, done.stderr) == (1, "wrench: WRENCH_PYTHON=/nope does not run\n")


def test_finished_venv_is_ready_until_something_changes(wrench: ModuleType) -> None:
    wanted = wrench.digest(wrench.REQUIREMENTS)
    assert wrench.is_ready(wanted) is False
    finished(wrench)
    assert wrench.is_ready(wanted) is True
    assert wrench.is_ready("other requirements") is False
    (Path(wrench.VENV) / "pyvenv.cfg").write_text("version = 3.11.9\n")
    assert wrench.is_ready(wanted) is False


def test_venv_whose_python_is_gone_is_not_ready(wrench: ModuleType) -> None:
    finished(wrench)
    Path(wrench.PYTHON).unlink()
    Path(wrench.PYTHON).symlink_to("/usr/bin/python-that-was-removed")
    assert wrench.is_ready(wrench.digest(wrench.REQUIREMENTS)) is False
    assert wrench.is_usable_venv() is False


def test_moved_checkout_is_not_ready(wrench: ModuleType) -> None:
    finished(wrench)
    stamp = json.loads(Path(wrench.STAMP).read_text())
    Path(wrench.STAMP).write_text(json.dumps({**stamp, "place": "/elsewhere/.venv"}))
    assert wrench.is_ready(wrench.digest(wrench.REQUIREMENTS)) is False


def test_venv_left_unfinished_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "rubbish").mkdir(parents=True)
    (checkout / ".venv" / ".wrench-unfinished").touch()
    (checkout / "requirements.txt").write_text("uv==0.0.1 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    done = start(checkout, "doctor", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert done.returncode == 1
    assert done.stdout.startswith("Removing a .venv that is broken or was left unfinished ... ")
    assert "Creating .venv with Python 3." in done.stdout
    assert done.stdout.endswith("Installing uv 0.0.1 ... failed\n")
    assert "could not install uv" in done.stderr
    assert not (checkout / ".venv" / "rubbish").exists()
    assert (checkout / ".venv" / ".wrench-unfinished").exists()


def test_requirements_without_uv_are_refused(wrench: ModuleType) -> None:
    Path(wrench.REQUIREMENTS).write_text("django==5.2\n")
    with pytest.raises(wrench.Trouble, match="does not pin uv"):
        wrench.install()


def test_incomplete_checkout_is_told(checkout: Path) -> None:
    (checkout / "requirements.txt").unlink()
    done = start(checkout, "run")
    assert done.returncode == 1
    assert "requirements.txt (No such file or directory): is this checkout complete?" in done.stderr


def test_venv_of_somebody_else_is_left_alone(wrench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(wrench)
    Path(wrench.PYTHON).unlink()  # as for a user who may not run its Python
    monkeypatch.setattr(wrench.os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(
        wrench.Trouble, match=r"no right to write in .*clone the repository into a folder of yours"
    ):
        wrench.prepare()
    assert Path(wrench.STAMP).exists()


def test_second_start_waits_for_the_first(wrench: ModuleType, checkout: Path) -> None:
    state = checkout / ".wrench"
    state.mkdir()
    with (state / "setup.lock").open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, checkout / "wrench", "doctor"],
            env={**os.environ, "WRENCH_PYTHON": "/nope", "WRENCH_STATE_DIR": str(state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout
        assert waiting.stdout.readline() == "Another ./wrench is making .venv; waiting for it ...\n"
    assert waiting.communicate()[1] == "wrench: WRENCH_PYTHON=/nope does not run\n"
