"""Which goals mean a live database, and which one."""

from __future__ import annotations

import pytest

from agents.databases.wishes import NoneChosen, Wish, choose, speaks_of_database, wish_of

THERE = ["crm", "shop"]


@pytest.mark.parametrize(
    ("goal", "name", "is_certain"),
    [
        ("draw the ER diagram of the live database shop", "shop", True),
        ("data model of our database", "", False),
        ("ER diagram of the shop database", "shop", True),
        ("draw the schema of the production database", "", True),
        ("er diagram of our postgres database `shop`", "shop", True),
        ("entity relationship diagram of the live database \"crm\", please", "crm", True),
        ("draw the data model of the live db", "", True),
        ("draw the ER diagram of the live database and tell me more", "", True),
        ("draw the data model: database crm", "crm", True),
        ("draw the ER diagram of the live database shops", "shops", True),
        ("Draw the data model of the SHOP database", "shop", True),
        ("ER diagram of the customer database", "", False),
        ("er diagram of our Postgres", "", False),
        ("which tables refer to each other in the database?", "", False),
    ],
)  # fmt: skip
def test_goal_that_means_a_database(goal: str, name: str, is_certain: bool) -> None:
    assert speaks_of_database(goal)
    assert wish_of(goal, THERE) == Wish(name=name, is_certain=is_certain)


@pytest.mark.parametrize(
    "goal",
    [
        "draw the data model", "ER diagram of the shop", "check the database queries and draw the data model",
        "draw the data model of our database layer", "data model of the database models",
        "ER diagram of the classes in database.py", "", "database " * 800,
    ],
)  # fmt: skip
def test_goal_that_means_none(goal: str) -> None:
    assert wish_of(goal, THERE) is None


@pytest.mark.parametrize(
    ("goal", "schemas"),
    [
        ("ER diagram of the live database shop, schema sales", ("sales",)),
        ("data model of the schemas sales, crm_2 and public of the database shop", ("sales", "crm_2", "public")),
        ('ER diagram of schema "Sales" and of all else in the database', ("Sales",)),
        ("draw the schema of the production database", ()),
        ("draw the database schema diagram", ()),
    ],
)  # fmt: skip
def test_goal_may_name_schemas(goal: str, schemas: tuple[str, ...]) -> None:
    found = wish_of(goal, THERE)
    assert found is not None
    assert found.schemas == schemas


def test_one_is_chosen_or_it_is_said_what_to_do() -> None:
    assert choose(Wish(name="", is_certain=False), ["shop"]) == "shop"
    assert choose(Wish(name="crm", is_certain=True), THERE) == "crm"
    with pytest.raises(NoneChosen, match=r"several database URLs, 'crm', 'shop'; name one in the goal"):
        choose(Wish(name="", is_certain=True), THERE)
    with pytest.raises(NoneChosen, match=r"no database URL; a maintainer can store one"):
        choose(Wish(name="", is_certain=True), [])
    with pytest.raises(NoneChosen, match=r"no database URL 'shops'; it has 'crm', 'shop'"):
        choose(Wish(name="shops", is_certain=True), THERE)
