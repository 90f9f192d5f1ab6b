"""`data_model` and `http_api` as operations."""

from __future__ import annotations

import json

import pytest

from agents.registry import load
from agents.reporting.model import ToolState
from agents.superagent.selection import select
from tests.agents.documentation.conftest import SHOP, Work


def test_data_model_of_the_shop_is_drawn(work: Work) -> None:
    done = work("data_model", SHOP)
    assert (done.summary, sorted(done.artifacts), done.findings) == (
        "6 entities, 6 relations", ["data_model.html", "data_model.md", "data_model.mmd", "data_model.svg"], [],
    )  # fmt: skip
    assert "orders_Order }o--|| customers_Customer : customer" in done.artifacts["data_model.mmd"].decode()


def test_endpoints_of_the_shop_are_listed(work: Work) -> None:
    done = work("http_api", SHOP)
    paths = json.loads(done.artifacts["http_api.json"])["paths"]
    assert (done.summary, len(paths)) == ("18 endpoints", 18)
    assert list(paths["/account/confirm/{customer_id}/{token}/"]) == ["parameters", "get", "head"]
    assert "| POST | `/account/sign-out/` |" in done.artifacts["http_api.md"].decode()


def test_file_that_does_not_parse_makes_the_reading_partial(work: Work) -> None:
    done = work("data_model", {"a/models.py": "class (", "b.py": "x = 1\n"})
    output = done.output.model_dump()["tools"][0]
    assert (output["state"], output["failed_count"], output["failed"][0]["path"]) == (
        ToolState.PARTIAL, 1, "a/models.py",
    )  # fmt: skip


def test_tree_without_any_says_so(work: Work) -> None:
    tree = {"a.py": "x = 1\n"}
    assert work("data_model", tree).summary == "no Django model and no SQLAlchemy class was found"
    assert work("http_api", tree).summary == "no route and no OpenAPI document was found"


@pytest.mark.parametrize(
    ("goal", "operation"),
    [
        ("draw an ER diagram of our models", "data_model"),
        ("show me the data model", "data_model"),
        ("list all HTTP endpoints of this service", "http_api"),
        ("which URLs does this application serve?", "http_api"),
    ],
)
def test_plain_words_reach_the_operation(goal: str, operation: str) -> None:
    assert [choice.operation.name for choice in select(goal, load(plugins=False)).chosen] == [operation]


@pytest.mark.parametrize("operation", ["data_model", "http_api"])
def test_output_names_the_pages_that_were_stored(operation: str, work: Work) -> None:
    done = work(operation, SHOP)
    assert done.output.model_dump()["files"] == tuple(sorted(done.artifacts))
