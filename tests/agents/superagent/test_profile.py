"""Profiles of small trees, and of a large one in time."""

from __future__ import annotations

import time
from pathlib import Path

from agents.superagent.profile import Language, profile_tree

SHOP = Path(__file__).parents[3] / "samples" / "shop"


def write(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_the_sample_shop_is_recognised():
    profile = profile_tree(SHOP)
    assert profile.languages[0].name == "python"
    wanted = {"language:python", "framework:django", "tests:pytest", "database:postgresql", "migrations:django",
              "containers:docker", "containers:compose", "ci:github", "docs:markdown"}  # fmt: skip
    assert wanted <= profile.facts


def test_languages_are_counted_by_lines(tmp_path):
    write(tmp_path, a_DOT_py="1\n2\n3", b_DOT_go="x\n", c_DOT_txt="text\n")
    profile = profile_tree(tmp_path)
    assert profile.languages == (
        Language(name="python", files=1, lines=3),
        Language(name="go", files=1, lines=1),
    )
    assert (profile.files, profile.lines) == (3, 5)


def test_manifests_of_other_worlds_are_read(tmp_path):
    write(
        tmp_path,
        web__package_DOT_json='{"dependencies": {"react": "1"}, "devDependencies": {"jest": ""}, "name": "vue"}',
        go_DOT_mod="module x\nrequire github.com/gin-gonic/gin v1\n",
        Gemfile="gem 'rails'\n",
    )
    assert profile_tree(tmp_path).facts == {
        "framework:react",
        "tests:jest",
        "framework:gin",
        "framework:rails",
    }


def test_broken_and_strange_files_do_no_harm(tmp_path):
    (tmp_path / "package.json").write_text("{")
    (tmp_path / "x.py").write_bytes(b"\0\xff binary")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "gone.py").symlink_to("nowhere")
    assert profile_tree(tmp_path).languages == ()


def test_a_hundred_thousand_lines_take_a_few_seconds(tmp_path):
    for number in range(1000):
        (tmp_path / f"m{number}.py").write_text("value = 1\n" * 100)
    started = time.monotonic()
    assert profile_tree(tmp_path).languages[0].lines == 100_000
    assert time.monotonic() - started < 5
