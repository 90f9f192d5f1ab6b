"""A wrench.toml of a stranger: what is used, what is refused, and that the line is told."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.quality.config import Settings
from agents.quality.reading import MAX_BYTES, Configured, parse, read
from agents.quality.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "configure_a_project.md"


def test_the_example_of_the_manual_is_in_order():
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    settings, faults = parse(example[1].encode())
    assert faults == []
    assert (settings.rules["B101"].enabled, settings.debt.rules) == (False, {"high-complexity": 60})


def test_no_file_and_an_empty_one_differ():
    assert read(None, source="of the folder") == Configured()
    assert parse(b"")[1] == ["line 1: version is missing; write: version = 1"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("version = 2", "line 1: version = 2: allowed is 1"),
        ("version = true", "line 1: version = true: allowed is 1"),
        (
            "version = 1\n\n[gate]\nnew_securty = 'high'",
            "line 4: gate.new_securty: there is no such setting; did you mean 'new_security'?",
        ),
        (
            "version = 1\n[gate]\ncoverage = '98'",
            "line 3: gate.coverage = '98': allowed is a number from 0 to 100",
        ),
        (
            "version = 1\n[gate]\ncoverage = nan",
            "line 3: gate.coverage = nan: allowed is a number from 0 to 100",
        ),
        (
            "version = 1\n[gate]\nnew_duplication = 'of'",
            "line 3: gate.new_duplication = 'of': allowed is a number from 0 to 100 or \"off\"",
        ),
        (
            "version = 1\n[licences]\ndeny = ['Apache2']",
            "line 3: licences.deny = 'Apache2': 'Apache2' is no SPDX id; did you mean 'Apache-2.0'?",
        ),
        (
            "version = 1\n[licences]\ndeny = ['MIT OR Zlib']",
            "line 3: licences.deny = 'MIT OR Zlib': allowed is a list of SPDX ids, each with or without an exception",
        ),
        ("version = 1\n[rules.S1]\nenabled = false", "line 2: rules.S1.reason is missing"),
        (
            "version = 1\n[rules]\nS1 = 3",
            "line 3: rules.S1 is a table: write [rules.S1] and its settings below",
        ),
        (
            "version = 1\n[ratings]\nmaintainability = [9.0, 5.0, 6.0, 7.0]",
            "line 3: ratings.maintainability = list: the four limits grow, as in [5, 10, 20, 50]",
        ),
        (
            "version = 1\n[paths]\nexclude = ['../x']",
            "line 3: paths.exclude = list: '../x': a pattern does not climb: leave out '..'",
        ),
        (
            "version = 1\n[debt]\nminutes_per_line = 1e309",
            "line 3: debt.minutes_per_line = inf: allowed is a whole number from 1 to 10,000",
        ),
        ("version = 1\nversion = 1", "line 2: this is no TOML: Cannot overwrite a value"),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_is_allowed(text, fault):
    assert parse(text.encode()) == (None, [fault])


@pytest.mark.parametrize(
    "content",
    [
        b"#" * (MAX_BYTES + 1),
        b"version = 1\nx = " + b"[" * 60_000,
        b"version = 1\n" + b"[a." + b"a." * 20_000 + b"a]",
        b"version = " + b"9" * 50_000,
        b"\xff\xfe\x00v",
        b"version = 1\n" + b"".join(b"[rules.R%d]\nreason = 'x'\n" % n for n in range(300)),
        b"version = 1\n[paths]\nexclude = [" + b"'a'," * 201 + b"]",
        b'version = 1\nname = "\\u001b[31m\\u202e"\n',
    ],
)
def test_a_hostile_file_is_refused_quickly_and_in_plain_words(content):
    began = time.perf_counter()
    settings, faults = parse(content)
    assert settings is None
    assert 1 <= len(faults) <= 21
    assert all(fault.isprintable() and len(fault) <= 301 for fault in faults)
    assert time.perf_counter() - began < 5


def test_a_faulty_file_is_not_used_in_part_and_that_is_said():
    found = read(b"version = 1\n[gate]\nnew_secrets = 'off'\nbad = 1", source="of the default branch")
    assert found.settings == Settings()
    assert found.told.startswith(
        "wrench.toml of the default branch was not used, the defaults were: line 4: gate.bad:"
    )


@hypothesis_settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=400)
    | st.text(max_size=400).map(lambda text: b"version = 1\n" + text.encode("utf-8", "replace"))
)
def test_no_bytes_raise(content):
    settings, faults = parse(content)
    assert (settings is None) == bool(faults)


def test_settings_survive_json():
    settings, _ = parse(
        b"version = 1\n[gate]\ncoverage = 90\nnew_duplication = 'off'\n[rules.'S*']\nreason = 'x'\nenabled = false"
    )
    told = settings.model_dump(mode="json", exclude_defaults=True)
    assert Settings.model_validate(told) == settings


def test_the_reference_names_every_key():
    told = page()
    for table in ("paths", "gate", "ratings", "debt", "duplication", "complexity", "hotspots", "licences"):
        model = type(getattr(Settings(), table))
        for key, about in model.model_fields.items():
            nested = hasattr(about.annotation, "model_fields")
            assert (f"`[{table}.{key}]`" if nested else f"| `{key}` |") in told


def test_the_command_says_what_a_run_would_do(tmp_path, capsys):
    (tmp_path / "wrench.toml").write_text("version = 1\n[rules.X]\nreason = 'r'\n")
    call_command("check_config", str(tmp_path))
    assert capsys.readouterr().out == "wrench.toml is in order: 1 rule changed, 0 patterns of paths\n"
    (tmp_path / "wrench.toml").write_text("version = 3\n")
    with pytest.raises(CommandError, match="line 1: version = 3: allowed is 1"):
        call_command("check_config", str(tmp_path / "wrench.toml"))
    (tmp_path / "wrench.toml").unlink()
    with pytest.raises(CommandError, match=r"there is no wrench\.toml"):
        call_command("check_config", str(tmp_path))
