"""The audit of dependencies as the engine meets it: a snapshot and a database in, findings and a bill out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.utils import timezone

from agents.advisories.importing import load
from agents.advisories.models import AdvisorySource
from agents.base import OperationContext
from agents.findings import FindingData
from agents.inspector.agent import Inspector
from agents.inspector.operations.dependencies import LicenceInput
from agents.quality.config import Settings
from agents.reporting import AnalysisOutput, ToolState
from tests.agents.advisories.records import LODASH, PYPI, archive
from tests.agents.inspector.test_agent import Engine, _context, _snapshot, engine

__all__ = ["engine"]

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
REQUIREMENTS = "Django==3.2.12\nrequests>=2.20  # any\nPyYAML==6.0\n"


@pytest.fixture
def pypi(tmp_path: Path) -> None:
    load(archive(tmp_path / "all.zip", PYPI), now=timezone.now())
    AdvisorySource.objects.update(newest=timezone.now())


def audited(
    engine: Engine, tmp_path: Path, files: dict[str, str | bytes]
) -> tuple[OperationContext, AnalysisOutput]:
    context = _context(engine, "dependencies")
    return context, Inspector().dependencies(_snapshot(engine, tmp_path, files), context)


def told(findings: list[FindingData]) -> list[str]:
    return [f"{one.severity} {one.rule} {one.title} {one.path}:{one.line}" for one in findings]


def test_vulnerable_package_is_a_finding_with_its_advisories(
    engine: Engine, tmp_path: Path, pypi: None
) -> None:
    context, output = audited(engine, tmp_path, {"requirements.txt": REQUIREMENTS})
    assert told(context.findings) == [
        "critical vulnerable-dependency Django 3.2.12: CVE-2022-28346 requirements.txt:1",
        "low unpinned-dependency Dependencies without an exact version: 1 requirements.txt:2",
    ]
    found = context.findings[0]
    assert found.message == (
        "Django 3.2.12: SQL Injection in Django. Fixed in 3.2.13."
        " Also known as CVE-2022-28346, GHSA-2gwj-7jmv-h26r, PYSEC-2022-190."
    )
    assert (found.category, found.cwe, len(found.evidence)) == ("dependency", (89,), 2)
    assert found.evidence[0].rule == "GHSA-2gwj-7jmv-h26r"
    assert found.evidence[0].message == (
        "CVSS 9.8; affected: >=3.2, <3.2.13, >=4.0, <4.0.4; fixed in 3.2.13; 3.2.12 is declared at requirements.txt:1"
    )
    assert found.evidence[0].tool_version == f"PyPI of {NOW:%Y-%m-%d}"
    matcher = output.tools[1]
    assert (matcher.state, matcher.files_analysed, matcher.failed_count) == (ToolState.PARTIAL, 0, 1)
    assert matcher.failed[0].reason == "not audited: version not pinned (requests)"
    assert output.summary == "3 dependencies in 1 file: 2 audited, 1 known vulnerability; 1 not audited"
    assert context.summary == output.summary


def test_without_a_database_nothing_is_called_clean(engine: Engine, tmp_path: Path) -> None:
    context, output = audited(engine, tmp_path, {"requirements.txt": "Django==3.2.12\n"})
    assert context.findings == []
    assert [run.state for run in output.tools] == [ToolState.OK, ToolState.FAILED]
    assert (
        output.tools[1].note
        == "not audited: no advisories of PyPI are imported (./wrench advisories import FILE)"
    )
    assert output.summary == "1 dependency in 1 file: 0 audited, 0 known vulnerabilities; 1 not audited"


def test_ecosystem_that_was_not_imported_is_a_gap(engine: Engine, tmp_path: Path, pypi: None) -> None:
    files = {
        "requirements.txt": "PyYAML==6.0\n",
        "web/package.json": '{"dependencies": {"lodash": "4.17.20"}}',
    }
    _, output = audited(engine, tmp_path, dict(files))
    matcher = output.tools[1]
    assert (matcher.state, matcher.files_analysed) == (ToolState.PARTIAL, 1)
    assert [(one.path, one.reason) for one in matcher.failed] == [
        ("web/package.json", "not audited: no advisories of npm are imported (lodash)")
    ]


def test_line_that_was_not_understood_is_a_gap(engine: Engine, tmp_path: Path, pypi: None) -> None:
    _, output = audited(engine, tmp_path, {"requirements.txt": "PyYAML==6.0\nDjango==3.2.12!!\n"})
    matcher = output.tools[1]
    assert (matcher.state, matcher.files_analysed) == (ToolState.PARTIAL, 0)
    assert [one.reason for one in matcher.failed] == ["not audited: not understood: Django==3.2.12!!"]


def test_old_database_is_told(engine: Engine, tmp_path: Path, pypi: None, settings: Any) -> None:
    settings.ADVISORIES_STALE_DAYS = 14
    AdvisorySource.objects.update(newest=timezone.now() - timedelta(days=15, hours=1))
    _, output = audited(engine, tmp_path, {"requirements.txt": "PyYAML==6.0\n"})
    assert "15 days old: newer vulnerabilities are not known here" in output.tools[1].note
    AdvisorySource.objects.update(newest=timezone.now() - timedelta(days=13))
    _, output = audited(engine, tmp_path / "other", {"requirements.txt": "PyYAML==6.0\n"})
    assert "days old" not in output.tools[1].note
    assert output.tools[1].state is ToolState.OK


def test_fingerprint_survives_a_raised_version_and_moved_lines(
    engine: Engine, tmp_path: Path, pypi: None
) -> None:
    first, _ = audited(engine, tmp_path / "1", {"requirements.txt": "django==3.2.11\n"})
    second, _ = audited(engine, tmp_path / "2", {"requirements.txt": "# pins\nPyYAML==6.0\nDjango==3.2.12\n"})
    assert [one.fingerprint for one in first.findings] == [one.fingerprint for one in second.findings]
    assert [one.line for one in second.findings] == [3]


def test_versions_of_one_package_in_a_lock_file_are_one_finding(engine: Engine, tmp_path: Path) -> None:
    load(
        archive(
            tmp_path / "npm.zip", [LODASH, {**LODASH, "id": "X-1", "aliases": [], "database_specific": {}}]
        ),
        now=timezone.now(),
    )
    lock = {
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"lodash": "^4"}},
            "node_modules/lodash": {"version": "4.17.20", "license": "MIT"},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"lodash": "^3"}, "license": "GPL-3.0"},
            "node_modules/a/node_modules/lodash": {"version": "3.0.0", "dev": True},
        },
    }
    context, _ = audited(engine, tmp_path, {"package-lock.json": json.dumps(lock, indent=1)})
    assert told(context.findings) == [
        "high vulnerable-dependency lodash 4.17.20, 3.0.0: CVE-2021-23337 package-lock.json:9",
        "medium vulnerable-dependency lodash 4.17.20, 3.0.0: X-1 package-lock.json:9",
    ]


def test_bill_of_materials_is_valid_cyclonedx(engine: Engine, tmp_path: Path) -> None:
    lock = {
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"@types/a": "1"}},
            "node_modules/@types/a": {
                "version": "1.0.0",
                "dependencies": {"b": "*"},
                "license": "MIT OR Apache-2.0",
            },
            "node_modules/b": {"version": "2.0.0", "license": "SEE LICENSE IN x", "dev": True},
        },
    }
    files: dict[str, str | bytes] = {
        "package-lock.json": json.dumps(lock),
        "requirements.txt": "Django>=3.2\n-e git+https://user:secret@example.org/x.git#egg=own\n",
        "LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy ... THE SOFTWARE"
        ' IS PROVIDED "AS IS"',
    }
    input = _snapshot(engine, tmp_path, files)
    Inspector().dependencies(input, _context(engine, "dependencies"))
    bill = next(
        data for data in engine.stored.values() if data.startswith(b"{") and b"CycloneDX" in data
    ).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    document = json.loads(bill)
    root = document["metadata"]["component"]
    assert root["hashes"] == [{"alg": "SHA-256", "content": input.snapshot}]
    assert root["licenses"] == [{"expression": "MIT"}]
    assert {one["bom-ref"]: one.get("licenses") for one in document["components"]} == {
        "pkg:npm/%40types/a@1.0.0": [{"expression": "MIT OR Apache-2.0"}],
        "pkg:npm/b@2.0.0": [{"license": {"name": "SEE LICENSE IN x"}}],
        "pkg:pypi/django#Django>=3.2": None,
        "pkg:pypi/own#git+https://example.org/x.git#egg=own": None,
    }
    assert {one["ref"]: one["dependsOn"] for one in document["dependencies"]} == {
        root["bom-ref"]: [
            "pkg:npm/%40types/a@1.0.0",
            "pkg:pypi/django#Django>=3.2",
            "pkg:pypi/own#git+https://example.org/x.git#egg=own",
        ],
        "pkg:npm/%40types/a@1.0.0": ["pkg:npm/b@2.0.0"],
    }
    assert "secret" not in bill


def test_tree_without_dependencies_says_so(engine: Engine, tmp_path: Path) -> None:
    _, output = audited(engine, tmp_path, {"a.py": "x = 1\n"})
    assert [run.state for run in output.tools] == [ToolState.NOT_APPLICABLE, ToolState.NOT_APPLICABLE]
    assert output.summary == "nothing here declares dependencies"


def test_file_that_cannot_be_read_is_told_by_both_tools(engine: Engine, tmp_path: Path, pypi: None) -> None:
    _, output = audited(engine, tmp_path, {"poetry.lock": "[[package", "requirements.txt": "PyYAML==6.0\n"})
    assert [run.state for run in output.tools] == [ToolState.PARTIAL, ToolState.PARTIAL]
    assert [run.failed[0].path for run in output.tools] == ["poetry.lock", "poetry.lock"]
    assert output.summary.endswith("; 1 file could not be read")


def test_licences_are_told_and_a_policy_makes_findings(engine: Engine, tmp_path: Path) -> None:
    packages = {
        "node_modules/a": {"version": "1.0.0", "license": "GPL-3.0-only"},
        "node_modules/b": {"version": "1.0.0", "license": "(MIT OR GPL-3.0-only)"},
        "node_modules/c": {"version": "1.0.0"},
    }
    files: dict[str, str | bytes] = {"package-lock.json": json.dumps({"packages": packages}, indent=1)}
    snapshot = _snapshot(engine, tmp_path, files).snapshot
    plain = _context(engine, "licences")
    output = Inspector().licences(LicenceInput(snapshot=snapshot), plain)
    assert plain.findings == []
    assert output.summary == (
        "the repository's licence: none found; of 3 dependencies 2 name theirs, 1 are unknown"
    )
    denying = _context(engine, "licences")
    Inspector().licences(LicenceInput(snapshot=snapshot, deny=["GPL-3.0-only"]), denying)
    assert [one.message for one in denying.findings] == [
        "The package a is under GPL-3.0-only; by the policy of licences GPL-3.0-only is denied."
    ]
    assert [(one.title, one.severity) for one in denying.findings] == [
        ("Licence not accepted: the package a is under GPL-3.0-only", "medium")
    ]
    allowing = _context(engine, "licences")
    Inspector().licences(LicenceInput(snapshot=snapshot, allow=["mit"]), allowing)
    assert [one.scope for one in allowing.findings] == ["a", "c"]


def test_policy_of_licences_stands_in_the_project_s_settings(engine: Engine, tmp_path: Path) -> None:
    lock = {
        "lockfileVersion": 3,
        "packages": {
            "node_modules/a": {"version": "1.0.0", "license": "GPL-3.0-only"},
            "node_modules/b": {"version": "1.0.0", "license": "MIT"},
        },
    }
    files = {"package-lock.json": json.dumps(lock), "wrench.toml": "# read by planning alone\n"}
    snapshot = _snapshot(engine, tmp_path, files).snapshot

    def found(policy: dict[str, list[str]], **given: list[str]) -> list[str]:
        context = _context(engine, "licences")
        settings = Settings.model_validate({"licences": policy})
        Inspector().licences(LicenceInput(snapshot=snapshot, settings=settings, **given), context)
        return [one.title for one in context.findings]

    assert found({}) == []
    assert found({"deny": ["GPL-3.0-only"]}) == ["Licence not accepted: the package a is under GPL-3.0-only"]
    assert found({"allow": ["MIT"]}) == ["Licence not accepted: the package a is under GPL-3.0-only"]
    assert found({"allow": ["MIT"]}, allow=["GPL-3.0-only"]) == [
        "Licence not accepted: the package b is under MIT"
    ]
    assert found({"deny": ["MIT"]}, deny=["GPL-3.0-only"]) == [
        "Licence not accepted: the package a is under GPL-3.0-only",
        "Licence not accepted: the package b is under MIT",
    ]
