"""Database URLs: what is taken, what is refused, and that no error quotes them."""

from __future__ import annotations

import pytest

from agents.databases import Address, parse
from agents.databases.errors import DsnInvalid


def test_url_is_read_whatever_driver_it_names() -> None:
    wanted = Address(
        host="db.example.org", port=6432, dbname="shop", user="reader", password="p@ss", sslmode="require"
    )
    assert parse("postgresql://reader:p%40ss@db.example.org:6432/shop?sslmode=require") == wanted
    assert parse("postgresql+psycopg://reader:p%40ss@db.example.org:6432/shop?sslmode=require") == wanted


def test_what_is_not_given_is_as_libpq_has_it() -> None:
    found = parse("postgres://reader@[2001:db8::1]?application_name=x&connect_timeout=3")
    assert found == Address(host="2001:db8::1", port=5432, dbname="reader", user="reader", password="")
    assert found.place == "2001:db8::1:5432"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mysql://u:Canary@h/d", "only PostgreSQL is read"),
        ("postgresql://u:Canary@h1,h2/d", "several hosts"),
        ("postgresql://u:Canary@h:1,2/d", "several"),
        ("postgresql://u:Canary@%2Fvar%2Frun/d", "socket"),
        ("postgresql://u:Canary@/d", "no host"),
        ("postgresql://h/d", "names no role"),
        ("postgresql://u:p@Canary@h/d", "written as %40"),
        ("postgresql://u:Canary@h:99999/d", "from 1 to 65535"),
        ("postgresql://u:Can%ary@h/d", "cannot be read"),
        ("host=h user=u password=Canary", "has no scheme"),  # libpq's keywords; no credential holds them
        ("postgresql://u:Canary@h/d?hostaddr=127.0.0.1", "'hostaddr', which is refused"),
        ("postgresql://u:Canary@h/d?service=x", "files of this server"),
        ("postgresql://u:Canary@h/d?passfile=/etc/passwd", "file of this server"),
        ("postgresql://u:Canary@h/d?sslkey=/etc/key", "file of this server"),
        ("postgresql://u:Canary@h/d?sslrootcert=/etc/ca", "WRENCH_DATABASE_CA_FILE"),
        ("postgresql://u:Canary@h/d?options=-c%20x%3D1", "set up here"),
        ("postgresql://u:Canary@h/d?target_session_attrs=any", "none of those that are taken"),
        ("postgresql://u:Canary@h/d?sslmode=maybe", "none of disable, allow"),
        ("", "has no scheme"),
    ],
)
def test_what_leads_elsewhere_is_refused_without_quoting(given: str, told: str) -> None:
    with pytest.raises(DsnInvalid, match=told) as caught:
        parse(given)
    assert "Canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_printing_shows_no_password() -> None:
    assert "Canary" not in f"{parse('postgresql://u:Canary@h/d')!r}"
