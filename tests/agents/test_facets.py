"""The counts beside the filters: each is what the list would have, whatever else is chosen."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from agents import facets
from agents.finding_lists import COUNTING, Wanted, narrow
from agents.findings import Severity, Status
from agents.models import TrackedFinding, TrackedFindings
from tests.agents.found import claim, find
from tests.api.cast import Cast, cast  # noqa: F401 - fixtures

OWNERS = ("", "@a", "@a @b", "@b")
PATHS = ("top.py", "shop/a.py", "shop/deep/b.py", "shop/deep/c.py", "sho/p.py", "weird%_\\/x.py")


@pytest.fixture
def rows(cast: Cast) -> TrackedFindings:  # noqa: F811 - the fixture
    """Findings of many kinds, some of them judged."""
    kinds = list(product(("r1", "r2", "r3"), PATHS, (Severity.HIGH, Severity.LOW)))
    find(cast.project, *(claim(rule, path=path, severity=severity, text=f"{n}", owner=OWNERS[n % 4])
                         for n, (rule, path, severity) in enumerate(kinds)))  # fmt: skip
    find(cast.project, claim("r1", path=PATHS[0], text="0"))
    for status in ("accepted", "dismissed"):
        some = TrackedFinding.objects.filter(status="open").order_by("pk")[:5]
        TrackedFinding.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(status=status)
    return TrackedFinding.objects.with_status().filter(project=cast.project)


CHOSEN = [
    Wanted(),
    Wanted(statuses=COUNTING),
    Wanted(statuses=(Status.DISMISSED,), severities=(Severity.HIGH,)),
    Wanted(severities=(Severity.HIGH, Severity.LOW), rules=("r1", "r2")),
    Wanted(owners=("@a",), path="shop/"),
    Wanted(owners=("@a", "@b"), new=True),
    Wanted(new=False),
    Wanted(agents=("probe", "nobody"), text="R2"),
    Wanted(path="shop/de", rules=("none",)),
    Wanted(path="shop/**.py", min_severity=Severity.HIGH),
    Wanted(text="100%"),
    Wanted(path="weird%_\\/"),
]


@pytest.mark.parametrize("wanted", CHOSEN)
def test_each_count_is_that_of_the_list(rows: TrackedFindings, wanted: Wanted) -> None:
    sheet = facets.count(narrow(rows, wanted.ground), wanted)
    assert sheet.total == narrow(rows, wanted).count()
    for one in sheet.of("severity"):
        assert one.count == narrow(rows, replace(wanted, severities=(Severity(one.value),))).count()
    for one in sheet.of("status"):
        assert one.count == narrow(rows, replace(wanted, statuses=(Status(one.value),))).count()
    for one in sheet.of("new"):
        assert one.count == narrow(rows, replace(wanted, new=one.value == "true")).count()
    for one in sheet.of("agent"):
        assert one.count == narrow(rows, replace(wanted, agents=(one.value,))).count()
    for one in sheet.of("rule"):
        assert one.count == narrow(rows, replace(wanted, rules=(one.value,))).count()
    for one in sheet.of("owner"):
        assert one.count == narrow(rows, replace(wanted, owners=(one.value,))).count()
    for one in sheet.of("folder"):
        below = replace(wanted, path=f"{facets.folder_of(wanted.path)}{one.value}/")
        if facets.folder_of(wanted.path) == wanted.path:
            assert one.count == narrow(rows, below).count()


def test_what_is_chosen_is_told_though_nothing_has_it(rows: TrackedFindings) -> None:
    wanted = Wanted(rules=("r9",), owners=("@z",))
    sheet = facets.count(narrow(rows, wanted.ground), wanted)
    assert [one for one in sheet.of("rule") if one.is_chosen] == [
        facets.Choice(value="r9", count=0, is_chosen=True)
    ]
    assert [one for one in sheet.of("owner") if one.is_chosen] == [
        facets.Choice(value="@z", count=0, is_chosen=True)
    ]


def test_largest_are_told_and_that_there_are_more(cast: Cast) -> None:  # noqa: F811 - the fixture
    find(cast.project, *(claim(f"r{n}", text=f"{k}") for n in range(20) for k in range(n + 1)))
    rows = TrackedFinding.objects.with_status().filter(project=cast.project)
    sheet = facets.count(rows, Wanted())
    assert [one.value for one in sheet.of("rule")] == [f"r{n}" for n in range(19, 7, -1)]
    assert sheet.more == {"rule"}
