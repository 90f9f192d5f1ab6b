"""What a check of rate limits costs: `.venv/bin/python benchmarks/limits.py [--rounds 3000]`, prints a table.

Uses a PostgreSQL and a Redis of its own below `.wrench/bench-limits/`, with the default rules.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import Project, User

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".wrench" / "bench-limits"
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3000)
    rounds: int = parser.parse_args().rounds

    from wrenchai_project import servers

    STATE.mkdir(parents=True, exist_ok=True)
    found = servers.ensure(STATE, durable=False)
    try:
        os.environ |= {
            "WRENCH_STATE_DIR": str(STATE),
            "DATABASE_URL": found.database_url,
            "REDIS_URL": found.redis_url,
            "SECRET_KEY": "for the benchmark alone " * 3,
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "wrenchai_project.settings",
        }
        import django

        django.setup()
        measure(rounds)
    finally:
        servers.release(STATE)


def measure(rounds: int) -> None:
    from django.core.management import call_command
    from rest_framework.test import APIRequestFactory, force_authenticate

    from accounts.limits import engine, shared
    from accounts.limits.buckets import Bucket
    from accounts.limits.engine import Fallback
    from accounts.models import RateRule
    from api.limits import RuleThrottle, call_of
    from api.runs import RunsView

    call_command("migrate", verbosity=0)
    RateRule.objects.all().update(burst=1_000_000, rate="10000/s")  # the cost of an answer, not of a refusal
    user, project = someone()
    plain = APIRequestFactory().get("/api/v1/runs", {"project": f"{project.team.slug}/{project.slug}"})
    force_authenticate(plain, user)
    view = RunsView()
    view.setup(plain)
    request = view.initialize_request(plain)
    view.request = request
    call = call_of(request, view)
    (permission,), throttle = view.get_permissions(), RuleThrottle()

    def together() -> None:
        permission.has_permission(request, view)
        throttle.allow_request(request, view)

    def with_project() -> None:
        together()
        permission.has_object_permission(request, view, project)

    def decide(count: int) -> Callable[[], object]:
        buckets = [Bucket(key=f"0bench:{n}", rule="bench", interval=1, burst=10**6) for n in range(count)]
        return lambda: shared.decide(buckets)

    applied = len(engine.take(call, fallback=Fallback.OPEN).applied)
    cases: list[tuple[str, Callable[[], object]]] = [
        ("PING", lambda: shared.redis().ping()),
        *((f"the script, {count} bucket(s)", decide(count)) for count in (1, 3, 8)),
        (f"take(), default rules ({applied} apply)", lambda: engine.take(call, fallback=Fallback.OPEN)),
        ("permission and limits of a view", together),
        ("the same, and the role in the project (PostgreSQL)", with_project),
    ]
    print(f"{'':55}   p50 ms   p95 ms   p99 ms")
    for title, once in cases:
        figures = timed(once, rounds)
        print(f"{title:55} {figures[49]:8.3f} {figures[94]:8.3f} {figures[98]:8.3f}")


def someone() -> tuple[User, Project]:
    """Make a member of a team, and the team's project."""
    from django.db import transaction

    from accounts.models import Membership, Project, Team, User

    with transaction.atomic():
        name = f"bench-{time.time_ns()}"
        team = Team.objects.create(name=name, slug=name)
        user = User.objects.create_user(name)
        Membership.objects.create(user=user, team=team, role=20)
        return user, Project.objects.create(team=team, name=name, slug=name)


def timed(once: Callable[[], object], rounds: int) -> list[float]:
    """Give the percentiles 1 to 99 in milliseconds."""
    for _ in range(200):
        once()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        once()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(took, n=100)


if __name__ == "__main__":
    main()
