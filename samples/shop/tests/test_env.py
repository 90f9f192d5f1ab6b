from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from storefront import env


@pytest.mark.parametrize(("value", "expected"), [("yes", True), ("ON", True), ("0", False), ("false", False)])
def test_flag(monkeypatch, value, expected):
    monkeypatch.setenv("SHOP_X", value)
    assert env.flag("SHOP_X", default=not expected) is expected


def test_whole_number_and_money(monkeypatch):
    monkeypatch.setenv("SHOP_X", "12")
    assert (env.integer("SHOP_X", default=1), env.money("SHOP_X", default="1")) == (12, Decimal(12))


def test_words(monkeypatch):
    monkeypatch.setenv("SHOP_X", "a.example, b.example,")
    assert env.words("SHOP_X") == ["a.example", "b.example"]


@pytest.mark.parametrize("reader", [env.flag, env.integer, env.money, env.database])
def test_malformed_value_names_the_variable(monkeypatch, reader):
    monkeypatch.setenv("SHOP_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="SHOP_X must"):
        reader("SHOP_X", default="1")


def test_database(monkeypatch):
    monkeypatch.setenv("SHOP_X", "postgresql://shop@db:5433/sales")
    found = env.database("SHOP_X", default="")
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[key] for key in ("NAME", "USER", "HOST", "PORT")] == ["sales", "shop", "db", 5433]
    monkeypatch.setenv("SHOP_X", "sqlite:////var/lib/shop.sqlite3")
    assert env.database("SHOP_X", default="")["NAME"] == "/var/lib/shop.sqlite3"
