"""Files that are made to hold very many mistakes: the worst are told, and that there are more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agents.findings import Confidence, Hop, Severity
from agents.inspector import bounds
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.base import Claim
from agents.inspector.memory import Memory
from agents.inspector.nearby import Nearby
from agents.inspector.normalise import Said, Sources, _Cluster, _is_beside
from agents.inspector.scopes import Scopes
from agents.reporting.model import ToolState
from tests.agents.inspector.trees import inspect, plant

DEFAULT = "def f%d(x=[]): return x\n"
MANY = "".join(DEFAULT % number for number in range(1_100))


def test_of_a_file_with_very_many_mistakes_the_worst_are_told_and_that_there_are_more(tmp_path: Path) -> None:
    plant(tmp_path, {"many.py": f"{MANY}print(missing)\n", "few.py": DEFAULT % 0})
    analysis = inspect(tmp_path, "lint")
    of_many = [one for one in analysis.findings if one.path == "many.py"]
    assert len(of_many) == bounds.MOST_OF_A_FILE
    assert of_many[0].rule == "F821"
    (ruff,) = [run for run in analysis.tools if run.tool == "ruff"]
    assert ruff.state == ToolState.PARTIAL
    assert [(one.path, one.reason) for one in ruff.failed] == [
        (
            "many.py",
            "of 1,101 claims the worst 1,000 are kept; leave the file out by wrench.toml if nobody mends it",
        )
    ]
    assert analysis.unseen == {"many.py"}  # so nothing counts as mended that was left out


def test_a_lone_file_with_too_much_to_tell_was_analysed_in_part(tmp_path: Path) -> None:
    plant(tmp_path, {"many.py": MANY})
    (ruff,) = [run for run in inspect(tmp_path, "lint").tools if run.tool == "ruff"]
    assert (ruff.state, ruff.findings) == (ToolState.PARTIAL, bounds.MOST_OF_A_FILE)


def test_what_a_tool_judges_of_the_whole_is_bound_too(tmp_path: Path) -> None:
    plant(tmp_path, {"many.py": MANY})
    (vulture,) = [run for run in inspect(tmp_path, "dead_code").tools if run.tool == "vulture"]
    assert (vulture.state, vulture.findings) == (ToolState.PARTIAL, bounds.MOST_OF_A_FILE)


def test_of_a_step_with_very_many_claims_the_worst_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST", 3)  # the real one takes minutes to reach
    files = {f"{name}.py": DEFAULT % 0 for name in "abcd"}
    plant(tmp_path, {**files, "e.py": "print(missing)\n"})
    analysis = inspect(tmp_path, "lint")
    assert [(one.rule, one.path) for one in analysis.findings] == [
        ("F821", "e.py"), ("B006", "a.py"), ("B006", "b.py"),
    ]  # fmt: skip
    (ruff,) = [run for run in analysis.tools if run.tool == "ruff"]
    whole = "the tool made 5 claims, of which the worst 3 are kept"
    assert {one.path: one.reason for one in ruff.failed} == {
        "c.py": f"1 left out: {whole}", "d.py": f"1 left out: {whole}",
    }  # fmt: skip


def _claim(rng: random.Random) -> Claim:
    line = rng.choice([rng.randrange(1, 60), rng.randrange(1, 6_000)])
    wide = rng.choice([0, 0, 0, 1, 5, 40, 5_000])
    hops = tuple(
        Hop(path=rng.choice("ab"), line=rng.randrange(1, 60), what="w") for _ in range(rng.choice([0, 0, 3]))
    )
    return Claim(
        rule="R", tool_rule="R", title="t", message="m", path="a", line=line, end_line=line + wide,
        span_start=max(1, line - rng.choice([0, 0, 9])), severity=Severity.LOW, confidence=Confidence.LOW,
        category="bug", hops=hops,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_whatever_means_the_same_place_is_nearby(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    sources = Sources(tmp_path, {}, Memory(), ())
    one, other = ANALYZERS["lint"][0], ANALYZERS["security_scan"][1]
    claims = [_claim(rng) for _ in range(120)]
    nearby = Nearby()
    for claim in claims:
        nearby.add(claim)
    for asked in (_claim(rng) for _ in range(60)):
        same = [
            at
            for at, claim in enumerate(claims)
            if _Cluster([Said(one, "1", claim)]).distance(Said(other, "1", asked)) is not None
        ]
        beside = [at for at, claim in enumerate(claims) if _is_beside(claim, asked, sources)]
        assert set(same) <= set(nearby.of(asked))
        assert set(beside) <= set(nearby.of(asked, margin=1))
        assert list(nearby.of(asked)) == sorted(nearby.of(asked))


def test_few_of_many_claims_are_nearby() -> None:
    nearby = Nearby()
    claims = [
        Claim(
            rule="R", tool_rule="R", title="t", message="m", path="a", line=line, end_line=line,
            severity=Severity.LOW, confidence=Confidence.LOW, category="bug",
        )
        for line in range(1, 5_000)
    ]  # fmt: skip
    for claim in claims:
        nearby.add(claim)
    assert max(len(list(nearby.of(claim, margin=1))) for claim in claims) <= 8


def test_innermost_scope_of_each_line() -> None:
    source = (
        "class A:\n    def b(self): pass\n\n    class C:\n        @d\n        def e(self):\n"
        "            def f(): pass\n            return f\nx = 1\ndef g(): pass; y = 2\n"
    )
    scopes = Scopes.of(source)
    assert [scopes.at(line) for line in range(12)] == [
        "", "A", "A.b", "A", "A.C", "A.C.e", "A.C.e", "A.C.e.f", "A.C.e", "", "g", "",
    ]  # fmt: skip
    assert [Scopes(scopes.spans).at(line) for line in range(12)] == [scopes.at(line) for line in range(12)]
