"""Shell, Dockerfiles and YAML: what breaks is told, style is not, and templates are no broken YAML."""

from __future__ import annotations

from pathlib import Path

from agents.reporting.model import ToolState
from tests.agents.inspector.trees import inspect, places, plant


def test_traps_in_shell_scripts_are_found_with_and_without_an_ending(tmp_path: Path) -> None:
    script = "#!/bin/bash\ncd $1\nrm -rf $FOO/*\necho $HOME\n"
    plant(tmp_path, {"deploy.sh": script, "bin/clean": script, "bin/notes": "cd $1\n"})
    found = inspect(tmp_path, "infrastructure").findings
    assert places(found) == [
        "SC2115 bin/clean:3" if at == 1 else line
        for at, line in enumerate(
            ["SC2164 bin/clean:2", "SC2115 bin/clean:3", "SC2164 deploy.sh:2", "SC2115 deploy.sh:3"]
        )
    ]


def test_script_that_cannot_be_parsed_is_failed_and_zsh_is_skipped(tmp_path: Path) -> None:
    plant(
        tmp_path, {"bad.sh": "if [ x; then\n", "z.sh": "#!/bin/zsh\necho\n", "good.sh": "#!/bin/sh\ntrue\n"}
    )
    shell = inspect(tmp_path, "infrastructure").tools[0]
    assert (shell.state, shell.files_analysed, [one.path for one in shell.failed]) == (
        ToolState.PARTIAL,
        1,
        ["bad.sh"],
    )
    assert shell.skipped_by_reason == {"a script of a shell that shellcheck does not know": 1}


def test_dockerfile_that_builds_or_starts_wrongly_is_told(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "Dockerfile": "FROM ubuntu:latest\nRUN apt-get install curl\nCMD a\nCMD b\nUSER root\n",
            "web.dockerfile": 'FROM python:3.12\nCMD ["python"]\n',
            "Dockerfile.bad": "FROM x:1\nRU\n",
        },
    )
    analysis = inspect(tmp_path, "infrastructure")
    assert sorted(places(analysis.findings)) == [
        "DL3002 Dockerfile:5",
        "DL3007 Dockerfile:1",
        "DL3014 Dockerfile:2",
        "DL3025 Dockerfile:3",
        "DL3025 Dockerfile:4",
        "DL4003 Dockerfile:4",
    ]
    assert [(one.path, one.reason[:6]) for one in analysis.tools[1].failed] == [("Dockerfile.bad", "line 2")]


def test_yaml_that_loses_a_key_or_cannot_be_read_is_told_and_style_is_not(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.yml": "a: 1\nb: yes   \na: 2\n\n\n\n\nlong: " + "x" * 200 + "\ncountry: NO\non: push\n",
            "b.yaml": "a:\n\t- b\n",
            "chart/templates/c.yaml": "a: {{ .Values.a }}\n{{- if .b }}\n\tb: 1\n{{ end }}\n",
        },
    )
    analysis = inspect(tmp_path, "infrastructure")
    assert places(analysis.findings) == [
        "yaml-syntax b.yaml:2",
        "yaml-duplicate-key a.yml:3",
        "yaml-truthy a.yml:9",
    ]
    assert analysis.tools[2].skipped_by_reason == {"a template of YAML": 1}
