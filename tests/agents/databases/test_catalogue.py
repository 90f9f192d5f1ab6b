"""What is read of a live database, by a role that may do nothing but connect."""

from __future__ import annotations

import psycopg2
import pytest

from agents.databases import catalogue as catalogues
from agents.databases import opened, parse
from agents.databases.errors import SchemaUnknown
from agents.databases.sessions import Rules
from tests.agents.databases.conftest import Live


def test_tables_views_and_their_kinds_are_read_without_any_right_on_them(live: Live) -> None:
    found = live.catalogue()
    assert {f"{one.schema}.{one.name}": one.kind for one in found.tables} == {
        "public.animal": "table", "public.customer": "table", "public.dog": "table",
        "public.measure": "partitioned table", "sales.item": "table", "sales.orders": "table",
        "sales.receipt": "table", "sales.fresh": "view", "sales.totals": "materialised view",
    }  # fmt: skip
    assert (found.is_superuser, found.schemas, found.tables_in_all, found.cut) == (
        False, ("public", "sales"), 9, (),
    )  # fmt: skip


def test_columns_keys_and_comments_are_told(live: Live) -> None:
    tables = {one.name: one for one in live.catalogue().tables}
    customer, orders = tables["customer"], tables["orders"]
    assert [(one.name, one.type, one.is_required, one.comment) for one in customer.columns] == [
        ("id", "bigint", True, ""), ("email", "text", True, "one each"), ("name", "character varying(80)", False, ""),
    ]  # fmt: skip
    assert (customer.comment, customer.key, customer.unique, customer.rows) == (
        "Who buys", ("id",), (("id",), ("email",)), 1000,
    )  # fmt: skip
    assert (orders.key, [one.type for one in orders.columns][3:]) == (
        ("id", "region"), ["sales.state", "numeric(10,2)"],
    )  # fmt: skip


def test_partitions_are_folded_and_their_rows_added(live: Live) -> None:
    measure = next(one for one in live.catalogue().tables if one.name == "measure")
    assert (measure.partitions, measure.partition_key, measure.rows) == (2, "RANGE (at)", 500)


def test_foreign_keys_of_several_columns_and_of_partitions_are_one_each(live: Live) -> None:
    live.execute("ALTER TABLE measure_2025 ADD FOREIGN KEY (customer_id) REFERENCES customer (id) NOT VALID")
    found = live.catalogue()
    names = {one.id: one.name for one in found.tables}
    assert sorted((names[k.source], k.columns, names[k.target], k.is_valid) for k in found.foreign_keys) == [
        ("item", ("order_id", "region"), "orders", True),
        ("measure", ("customer_id",), "customer", False),
        ("measure", ("customer_id",), "customer", True),
        ("orders", ("customer_id",), "customer", True),
        ("receipt", ("order_id", "region"), "orders", True),
    ]


def test_reference_to_a_partitioned_table_is_told_once(live: Live) -> None:
    live.execute(
        "CREATE TABLE part (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE part1 PARTITION OF part FOR VALUES IN (1); CREATE TABLE part2 PARTITION OF part DEFAULT;"
        "CREATE TABLE user_of (part_id int REFERENCES part); CREATE TABLE user_of_one (part_id int REFERENCES part1)"
    )
    keys = [one for one in live.catalogue("public").foreign_keys if one.columns == ("part_id",)]
    assert [one.target_name for one in keys] == ["part", "part"]


def test_enums_tell_their_values_in_order(live: Live) -> None:
    (one,) = live.catalogue().enums
    assert (one.schema, one.name, one.values, one.is_cut) == (
        "sales",
        "state",
        ("new", "paid", "it's sent"),
        False,
    )


def test_schemas_may_be_chosen_and_an_unknown_one_is_refused(live: Live) -> None:
    assert {one.schema for one in live.catalogue("sales").tables} == {"sales"}
    with pytest.raises(SchemaUnknown, match=r"no schema 'sale'; it has 'public', 'sales'"):
        live.catalogue("sale")


def test_schema_without_rights_is_read_all_the_same(live: Live) -> None:
    link = psycopg2.connect(live.url)
    with link.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("SELECT FROM sales.orders")
    link.close()
    assert any(one.schema == "sales" for one in live.catalogue().tables)


def test_more_tables_than_the_bound_are_counted(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "MOST_TABLES", 4)
    monkeypatch.setattr(catalogues, "MOST_COLUMNS", 5)
    found = live.catalogue()
    assert (len(found.tables), found.tables_in_all, found.is_cut, found.cut) == (
        4, 9, True, ("only the first 5 columns were read",),
    )  # fmt: skip


def test_more_schemas_than_the_bound_are_told_and_any_of_them_may_be_chosen(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a database with a schema for each of its customers."""
    monkeypatch.setattr(catalogues, "MOST_SCHEMAS", 1)
    found = live.catalogue()
    assert (found.schemas, found.cut) == (("public",), ("only the first 1 schemas were read",))
    found = live.catalogue("sales")
    assert (found.schemas, found.cut, len(found.tables)) == (("sales",), (), 5)


def test_superuser_is_told(live: Live) -> None:
    with opened(parse(live.owner), Rules(private_hosts=("127.0.0.1",))) as session:
        assert catalogues.read(session).is_superuser
