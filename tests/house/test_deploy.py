"""The deployment files fit the code: commands, queues, settings. Nothing here needs Docker."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from tests.house.checkout import BIN, ROOT, run
from wrenchai_project import services
from wrenchai_project.env import DECLARED

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("wrenchai:")}
OTHER_NAMES = {"FLOWER_BASIC_AUTH"}  # read by Flower itself
VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]*)?\}")

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_of_ours = pytest.mark.parametrize("service", OURS.values(), ids=OURS)


def test_dockerfile_passes_hadolint() -> None:
    done = run([BIN / "hadolint", ROOT / "deploy" / "Dockerfile"])
    assert done.returncode == 0, done.stdout


def test_compose_file_fits_the_specification() -> None:
    checker = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = run([*checker, ROOT / "docker-compose.yml"])
    assert done.returncode == 0, done.stdout


def test_everything_that_an_installation_needs_is_there() -> None:
    assert set(SERVICES) == {
        "postgres", "redis", "migrate", "web", "worker-interactive", "worker-heavy", "relay", "scheduler", "flower",
    }  # fmt: skip


@each_of_ours
def test_command_exists(service: dict[str, Any]) -> None:
    command = service.get("command", ["uvicorn"])
    program = command[1] if command[0] == "python" else command[0]
    assert program in {"manage.py", "celery", "uvicorn"}
    assert (ROOT / program).exists() or (BIN / program).exists()
    if program == "manage.py":
        parser = load_command_class(get_commands()[command[2]], command[2]).create_parser(
            "manage.py", command[2]
        )
        parser.parse_args(command[3:])


def test_workers_serve_every_queue_as_the_launcher_does() -> None:
    assert queues_of("worker-interactive") == services.INTERACTIVE
    assert queues_of("worker-heavy") == services.HEAVY


def queues_of(service: str) -> tuple[str, ...]:
    option = next(part for part in SERVICES[service]["command"] if part.startswith("--queues="))
    return tuple(option.removeprefix("--queues=").split(","))


@each_of_ours
def test_environment_is_declared(service: dict[str, Any]) -> None:
    assert set(service["environment"]) - set(DECLARED) - OTHER_NAMES == set()
    assert service["environment"]["DEBUG"] == "0"


@every_service
def test_service_ends_well_and_listens_on_the_loopback_only(service: dict[str, Any]) -> None:
    assert service["stop_grace_period"] == "45s"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "healthcheck" in service or service.get("command") is None


@every_service
def test_image_is_pinned(service: dict[str, Any]) -> None:
    _, _, tag = service["image"].partition(":")
    assert re.search(r"\d", tag)


def test_volumes_are_named_and_shared_by_web_and_workers() -> None:
    assert set(COMPOSE["volumes"]) == {"postgres", "redis", "artifacts", "workspaces"}
    for name in ("web", "worker-interactive", "worker-heavy"):
        assert "artifacts:/var/lib/wrench/artifacts" in OURS[name]["volumes"]


def test_example_environment_holds_every_variable_and_no_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
    used = dict(VARIABLE.findall(text))
    assert set(used) == set(example)
    secret = {variable for variable, rule in used.items() if rule.startswith(":?")}
    assert secret == {"SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "FLOWER_PASSWORD"}
    assert {variable for variable in secret if example[variable]} == set()


def test_image_runs_as_nobody_in_particular_and_installs_by_hash() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", text, re.M) == ["10001:10001"]
    assert "--require-hashes" in text
    assert all(":latest" not in line and ":" in line for line in re.findall(r"^FROM (\S+)", text, re.M))
    assert ".env" in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
