"""A live database as a user has one: its own on the tests' server, with a role that may only connect."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest

from agents.databases import Catalogue, opened, parse, read
from agents.databases.sessions import Rules

SAMPLE = """
CREATE SCHEMA sales;
CREATE TYPE sales.state AS ENUM ('new', 'paid', 'it''s sent');
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE,
                       name varchar(80));
COMMENT ON TABLE customer IS 'Who buys';
COMMENT ON COLUMN customer.email IS 'one each';
CREATE TABLE sales.orders (id bigint, region char(2), customer_id bigint NOT NULL REFERENCES customer,
                           state sales.state NOT NULL, total numeric(10,2), PRIMARY KEY (id, region));
CREATE TABLE sales.item (order_id bigint, region char(2), pos int, tags text[],
                         PRIMARY KEY (order_id, region, pos),
                         FOREIGN KEY (order_id, region) REFERENCES sales.orders (id, region));
CREATE TABLE sales.receipt (order_id bigint, region char(2), UNIQUE (order_id, region),
                            FOREIGN KEY (order_id, region) REFERENCES sales.orders (id, region));
CREATE TABLE measure (at date NOT NULL, customer_id bigint REFERENCES customer) PARTITION BY RANGE (at);
CREATE TABLE measure_2025 PARTITION OF measure FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measure_2026 PARTITION OF measure FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE animal (id int PRIMARY KEY);
CREATE TABLE dog (barks boolean) INHERITS (animal);
CREATE VIEW sales.fresh AS SELECT id, total FROM sales.orders WHERE state = 'new';
CREATE MATERIALIZED VIEW sales.totals AS SELECT customer_id, sum(total) AS total FROM sales.orders GROUP BY 1;
INSERT INTO customer (email) SELECT 'person' || n || '@example.org' FROM generate_series(1, 1000) n;
INSERT INTO measure SELECT date '2025-01-01' + n FROM generate_series(1, 500) n;
ANALYZE;
"""
PASSWORD = "pw-Canary-7731"


@dataclass(frozen=True)
class Live:
    """A database on a real server. `url` is that of a role without any right but to connect."""

    url: str
    owner: str

    def execute(self, statements: str) -> None:
        link = psycopg2.connect(self.owner)
        link.autocommit = True
        with link.cursor() as cursor:
            cursor.execute(statements)
        link.close()

    def catalogue(self, *schemas: str, **rules: object) -> Catalogue:
        with opened(parse(self.url), Rules(private_hosts=("127.0.0.1",), **rules)) as session:  # type: ignore[arg-type]
            return read(session, schemas=schemas)


@pytest.fixture
def empty_live() -> Iterator[Live]:
    """An empty one."""
    url = os.environ["DATABASE_URL"]
    name = f"live_{uuid4().hex[:12]}"
    link = psycopg2.connect(url)
    link.autocommit = True
    with link.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        parts = urlsplit(url)
        place = f"{parts.hostname}:{parts.port}/{name}"
        yield Live(f"postgresql://{name}:{PASSWORD}@{place}", url.rpartition("/")[0] + f"/{name}")
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        cursor.execute(f"DROP ROLE {name}")
    link.close()


@pytest.fixture
def live(empty_live: Live) -> Live:
    """One with a small shop."""
    empty_live.execute(SAMPLE)
    return empty_live
