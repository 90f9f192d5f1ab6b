"""Dangers that only staff can reach are less sure, and say so; with twins that everybody can reach."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from agents.inspector.taint import analysis, records
from agents.inspector.taint.engine import ROOT_STEPS, Engine
from tests.agents.inspector.taint.programs import told_of


def test_servers_that_staff_chooses_are_less_sure_than_what_else_staff_may_do(tmp_path: Path) -> None:
    head = (
        "import os, requests\nfrom fastapi import Depends, FastAPI\nfrom shop import admin_user, user\n"
        "app = FastAPI()\n"
    )
    view = "@app.get('/{number}')\ndef view{number}(p: str, who=Depends({who})):\n    {sink}(p)\n"
    told = told_of(
        tmp_path,
        head
        + view.format(number=1, who="admin_user", sink="requests.get")
        + view.format(number=2, who="user", sink="requests.get")
        + view.format(number=3, who="admin_user", sink="os.system"),
    )
    weights = [(one["rule"], one["severity"], one["confidence"]) for one in told if one["rule"] != "S113"]
    assert sorted(weights) == [
        ("taint-command", "critical", "medium"),
        ("taint-ssrf", "high", "high"),
        ("taint-ssrf", "info", "low"),
    ]


def test_what_staff_may_do_hides_nothing_that_others_do_at_the_same_place(tmp_path: Path) -> None:
    head = (
        "import requests\nfrom fastapi import Depends, FastAPI\nfrom shop import admin_user, first, second\n"
        "app = FastAPI()\ndef fetch(p):\n    requests.get(p, timeout=1)\n"
    )
    of_staff = "@app.get('/1')\ndef one(p: str, who=Depends(admin_user)):\n    fetch(p)\n"
    of_others = "@app.get('/2')\ndef two(p: str):\n    made = first(p)\n    fetch(second(made))\n"
    for program, severity in ((of_staff, "info"), (of_others, "medium"), (of_staff + of_others, "medium")):
        assert [one["severity"] for one in told_of(tmp_path, head + program)] == [severity]


_STAFF = """
    from django.contrib.admin.views.decorators import staff_member_required
    from django.contrib.auth.decorators import login_required
    from django.utils.decorators import method_decorator
    from django.views import View
    from rest_framework.permissions import IsAdminUser, IsAuthenticated
    from rest_framework.views import APIView
    import os
"""


_RUN = "os.system(request.query_params['p'])"


_OF_A_CLASS = "def get(self, request):\n        os.system(request.GET['p'])"


@pytest.mark.parametrize(
    ("view", "confidence"),
    [
        ("@staff_member_required\ndef view(request):\n    os.system(request.GET['p'])", "medium"),
        ("@login_required\ndef view(request):\n    os.system(request.GET['p'])", "high"),
        (f"class Shown(AdminRequiredMixin, View):\n    {_OF_A_CLASS}", "medium"),
        (f"class Shown(AdministeredMixin, View):\n    {_OF_A_CLASS}", "high"),
        (f"class Shown(APIView):\n    permission_classes = [IsAdminUser]\n    {_OF_A_CLASS}", "medium"),
        (f"class Shown(APIView):\n    permission_classes = [IsAuthenticated]\n    {_OF_A_CLASS}", "high"),
        (
            "def helper(request):\n    os.system(request.GET['p'])\n"
            "@staff_member_required\ndef view(request):\n    helper(request)",
            "high",
        ),
    ],
)
def test_danger_that_only_staff_can_reach_is_less_sure(tmp_path: Path, view: str, confidence: str) -> None:
    head = dedent(_STAFF) + "from shop import AdminRequiredMixin, AdministeredMixin\n"
    (one,) = told_of(tmp_path, f"{head}{view}\n")
    assert (one["rule"], one["severity"], one["confidence"]) == ("taint-command", "critical", confidence)
    reasons = [hop["what"] for hop in one["hops"] if "only staff" in hop["what"]]
    assert len(reasons) == (confidence == "medium")


@pytest.mark.parametrize(
    ("view", "confidence"),
    [
        ("def view(p: str, user=Depends(get_admin_user)):\n    os.system(p)", "medium"),
        ("def view(p: str, user=Depends(get_user)):\n    os.system(p)", "high"),
        ("def view(p: str, user: Annotated[User, Depends(get_admin_user)]):\n    os.system(p)", "medium"),
        ("def view(p: str, user: Annotated[User, Depends(get_verified_user)]):\n    os.system(p)", "high"),
        ("def view(p: str, user: User):\n    require_admin(user)\n    os.system(p)", "medium"),
        ("def view(p: str, user: User):\n    os.system(p)\n    require_admin(user)", "high"),
        (
            "def view(request: Request):\n    require_admin(request)\n    os.system(request.query_params['p'])",
            "medium",
        ),
        (
            "def view(request: Request):\n    os.system(request.query_params['p'])\n    require_admin(request)",
            "high",
        ),
        (f"def view(request: Request):\n    if not user.is_admin:\n        raise No\n    {_RUN}", "medium"),
        (f"def view(request: Request):\n    if not user.is_admin:\n        tell()\n    {_RUN}", "high"),
        (f"def view(request: Request):\n    if user.is_admin:\n        raise No\n    {_RUN}", "high"),
        (
            f"def view(request: Request):\n    if user.role != 'admin':\n        raise No\n    {_RUN}",
            "medium",
        ),
        (f"def view(request: Request):\n    if user.role != 'guest':\n        raise No\n    {_RUN}", "high"),
        (
            f"def view(request: Request):\n    if not user.is_admin and own():\n        raise No\n    {_RUN}",
            "high",
        ),
        (
            f"def view(request: Request):\n    if not user.is_admin or own():\n        raise No\n    {_RUN}",
            "medium",
        ),
    ],
)
@pytest.mark.parametrize("decorator", ["@app.get('/')", "@app.get('/', dependencies=[Depends(get_user)])"])
def test_dependency_or_first_question_lets_only_staff_in(
    tmp_path: Path, decorator: str, view: str, confidence: str
) -> None:
    head = (
        "import os\nfrom typing import Annotated\nfrom fastapi import Depends, FastAPI, Request\n"
        "from shop import No, User, get_admin_user, get_user, get_verified_user, own, require_admin, tell, user\n"
        "app = FastAPI()\n"
    )
    (one,) = told_of(tmp_path, f"{head}{decorator}\n{view}\n")
    assert (one["rule"], one["confidence"]) == ("taint-command", confidence)
    assert any("only staff" in hop["what"] for hop in one["hops"]) is (confidence == "medium")


def test_second_run_sees_that_staff_is_no_more_asked_for(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    decorator = "@method_decorator(staff_member_required, name='dispatch')\n"
    text = f"{dedent(_STAFF)}{decorator}class Shown(View):\n    {_OF_A_CLASS}\n"

    def run(known: records.Known | None) -> tuple[list[str], records.Known]:
        engine, result = analysis.analysed(
            lambda before: Engine(tmp_path, ["app.py"], known=before, keeping=True), known
        )
        assert engine.keeper is not None
        records.write(tmp_path / "kept", engine.keeper.now, ROOT_STEPS)
        kept = records.read(tmp_path / "kept", ROOT_STEPS)
        assert kept is not None
        return [one["confidence"] for one in analysis.as_data(result)["findings"]], kept

    program.write_text(text)
    told, kept = run(None)
    assert told == ["medium"]
    program.write_text(text.replace(decorator, "\n"))
    told, kept = run(kept)
    assert told == ["high"]
    program.write_text(text)
    assert run(kept)[0] == ["medium"]
