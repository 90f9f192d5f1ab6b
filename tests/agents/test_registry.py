"""Built-ins and plugins through one door: clashes are loud, broken plugins are told and left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agents import registry
from agents.base import Agent, OperationContext, Schema, operation
from agents.catalog import RegistryCatalog, store_configurations
from agents.models import AgentConfig
from agents.registry import AgentInvalid, AgentNameClash, Registry
from tasks.contract import QueueSpec, StepSpec
from tasks.errors import UnknownOperation
from tasks.models import Queue, Step
from tasks.plans import ref


class Text(Schema):
    text: str
    count: int = 1


class Echo(Agent):
    """Says it again."""

    name = "echo"
    title = "Echo"
    description = "Says it again."
    priority = 3

    @operation(Text, Text, timeout_seconds=7, attempts=2, effect="idempotent", examples=("say it again",))
    def repeat(self, input: Text, context: OperationContext) -> Text:
        """Say it again.

        More about it.
        """
        return input


class NoAgent:
    pass


def plugin(folder: Path, name: str, target: str, body: str = "") -> None:
    """Write an installed distribution with one entry point of the agents' group."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[wrenchai.agents]\n{name} = {target}\n")
    if body:
        (folder / f"{name}.py").write_text(body)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_built_ins_have_the_queues_of_the_design() -> None:
    found = {agent.queue() for agent in registry.load(plugins=False).agents.values()}
    assert found == {
        "agent.super",
        "agent.inspector",
        "agent.journey",
        "agent.dba",
        "agent.test_engineer",
        "agent.documentation",
    }


def test_plugin_comes_in_by_its_entry_point(installed: Path) -> None:
    plugin(
        installed, "greeter", "greeter:Greeter",
        "from agents.base import Agent\nclass Greeter(Agent):\n    name = 'greeter'\n",
    )  # fmt: skip
    assert "greeter" in registry.load().agents
    sys.modules.pop("greeter", None)


@pytest.mark.parametrize(
    ("target", "body", "reason"),
    [
        ("nowhere:Agent", "", "ModuleNotFoundError: No module named 'nowhere'"),
        ("broken_one:X", "raise RuntimeError('at import')\n", "RuntimeError: at import"),
        ("broken_one:X", "class X: pass\n", "AgentInvalid: broken_one:X is no subclass of agents.base.Agent"),
    ],
)
def test_broken_plugin_is_told_and_left_out(installed: Path, target: str, body: str, reason: str) -> None:
    plugin(installed, "broken_one", target, body)
    loaded = registry.load()
    assert [(one.name, one.reason.startswith(reason)) for one in loaded.broken] == [("broken_one", True)]
    assert "super" in loaded.agents
    sys.modules.pop("broken_one", None)


def test_two_agents_of_one_name_refuse_to_start(installed: Path) -> None:
    plugin(
        installed, "intruder", "intruder:Fake",
        "from agents.base import Agent\nclass Fake(Agent):\n    name = 'inspector'\n",
    )  # fmt: skip
    with pytest.raises(
        AgentNameClash, match=r"two agents are named 'inspector': agents\.inspector\.agent:Inspector and intr"
    ):
        registry.load()
    sys.modules.pop("intruder", None)


def test_built_in_that_is_no_agent_refuses_to_start() -> None:
    with pytest.raises(AgentInvalid, match="is no subclass"):
        registry.load(built_in=("tests.agents.test_registry:NoAgent",), plugins=False)


def test_operation_without_docstring_is_refused() -> None:
    with pytest.raises(TypeError, match="needs a docstring"):

        @operation(Text, Text)
        def silent(self: Agent, input: Text, context: OperationContext) -> Text:
            return input


def test_catalog_gives_specs_and_queues() -> None:
    catalog = RegistryCatalog(Registry({"echo": Echo()}))
    assert list(catalog.queues()) == [QueueSpec(name="agent.echo", agent="echo", priority=3)]
    assert catalog.spec("echo", "repeat") == StepSpec(
        agent="echo",
        operation="repeat",
        queue="agent.echo",
        priority=3,
        timeout_seconds=7,
        max_attempts=2,
        effect="idempotent",
    )
    with pytest.raises(UnknownOperation, match="'echo' has no operation 'shout'; it has: repeat"):
        catalog.spec("echo", "shout")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": "a"}, []),
        ({"text": ref("up", "text")}, []),
        (
            {"text": "a", "count": "many"},
            ["count: Input should be a valid integer, unable to parse string as an integer"],
        ),
        ({"count": 1}, ["text: Field required"]),
        ({"text": "a", "more": 1}, ["more: Extra inputs are not permitted"]),
    ],
)
def test_inputs_are_checked_before_they_are_stored(given: dict[str, object], told: list[str]) -> None:
    assert RegistryCatalog(Registry({"echo": Echo()})).check_input("echo", "repeat", given) == told


@pytest.mark.django_db(transaction=True)
def test_configuration_reaches_the_steps(admin_client) -> None:
    from accounts.models import Project, Team
    from tasks import runs
    from tasks.plans import Plan, PlannedStep

    store_configurations()
    config = AgentConfig.objects.get(agent="probe")
    answer = admin_client.post(
        f"/admin/agents/agentconfig/{config.pk}/change/",
        {
            "enabled": "on",
            "priority": "1",
            "concurrency_limit": "2",
            "timeout_seconds": "9",
            "max_attempts": "4",
        },
    )
    assert answer.status_code == 302
    queue = Queue.objects.get(name="agent.probe")
    assert (queue.priority, queue.concurrency_limit, queue.enabled) == (1, 2, True)
    team = Team.objects.create(name="t", slug="t")
    project = Project.objects.create(team=team, name="p", slug="p")
    runs.submit(
        Plan((PlannedStep(key="a", agent="probe", operation="work"),)),
        project_id=project.pk, owner_id=None, goal="g", request={},
    )  # fmt: skip
    step = Step.objects.get()
    assert (step.priority, step.timeout_seconds, step.max_attempts) == (1, 9, 4)


@pytest.mark.django_db(transaction=True)
def test_every_admin_list_opens(admin_client) -> None:
    from django.contrib import admin

    for model in admin.site._registry:
        answer = admin_client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/?q=x")
        assert answer.status_code == 200, model
