"""The cast: Ada buys, Ben buys too, Stella is staff. And a shelf of four things."""

from decimal import Decimal

import pytest

from catalog.models import Category, Product
from customers.models import Customer


@pytest.fixture
def ada(db):
    return Customer.objects.create_user("ada", email="ada@example.org", password=None)


@pytest.fixture
def ben(db):
    return Customer.objects.create_user("ben", email="ben@example.org", password=None)


@pytest.fixture
def stella(db):
    return Customer.objects.create_user("stella", email="stella@example.org", password=None, is_staff=True)


@pytest.fixture
def tools(db):
    return Category.objects.create(name="Tools", slug="tools")


@pytest.fixture
def make_product(tools):
    def make(name, price="10.00", **fields):
        sku = name.upper().replace(" ", "-")
        fields = {"category": tools, "weight_grams": 500, "stock": 20} | fields
        return Product.objects.create(sku=sku, slug=sku.lower(), name=name, price=Decimal(price), **fields)

    return make


@pytest.fixture
def rake(make_product):
    return make_product("Rake", "18.50")


@pytest.fixture
def spade(make_product):
    return make_product("Spade", "24.00", weight_grams=1900)
