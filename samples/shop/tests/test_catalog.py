from decimal import Decimal
from http import HTTPStatus

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Category, Product
from catalog.paging import Page, page_number
from catalog.search import Hit, prefix_pattern
from catalog.suggestions import suggestions_for

PRICE_LIST = """
- sku: S-100
  name: Sweet pea
  category: Seeds
  price: 2.95
  weight_grams: 12
  stock: 400
- sku: S-101
  name: Runner bean
  category: Seeds
  price: 3.20
  weight_grams: 40
"""


@pytest.fixture
def price_list(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text(PRICE_LIST, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("total", "count"),
    [(0, 1), (1, 1), (19, 1), (21, 2), (45, 3)],
)
def test_page_count(total, count):
    assert Page(number=1, size=20, total=total).count == count


def test_page_neighbours():
    middle = Page(number=2, size=20, total=50)
    assert (middle.offset, middle.has_previous, middle.has_next) == (20, True, True)
    last = Page(number=3, size=20, total=50)
    assert (last.offset, last.has_previous, last.has_next) == (40, True, False)


@pytest.mark.parametrize(
    ("value", "number"), [("3", 3), ("0", 1), ("-4", 1), ("x", 1), (None, 1), ("9" * 30, 10_000)]
)
def test_page_number(value, number):
    assert page_number(value) == number


def test_prefix_pattern_takes_wildcards_literally():
    assert prefix_pattern(" 50%_Off! ") == "50!%!_off!!%"


def test_list_shows_hits_by_prefix(client, rake, spade):
    response = client.get("/", {"q": "ra"})
    assert response.context["hits"] == [Hit("Rake", "rake", Decimal("18.50"), 20, "Tools")]


def test_list_sorts_by_price(client, rake, spade, make_product):
    make_product("Trowel", "6.00")
    hits = client.get("/", {"sort": "price"}).context["hits"]
    assert [hit.name for hit in hits] == ["Trowel", "Rake", "Spade"]


def test_list_is_cut_into_pages(client, settings, rake, spade, make_product):
    settings.PAGE_SIZE = 2
    make_product("Trowel")
    response = client.get("/", {"page": "2"})
    assert [hit.name for hit in response.context["hits"]] == ["Trowel"]


def test_unlisted_product_is_not_found(client, make_product):
    hidden = make_product("Scythe", is_listed=False)
    assert client.get(hidden.get_absolute_url()).status_code == HTTPStatus.NOT_FOUND


def test_detail_names_the_product(client, rake):
    response = client.get(rake.get_absolute_url())
    assert "<h1>Rake</h1>" in response.content.decode()
    assert str(rake) == "Rake (RAKE)"


def test_suggestions_leave_out_the_product_and_what_is_sold_out(rake, spade, make_product):
    make_product("Hoe", stock=0)
    assert suggestions_for(rake) == [spade]


def test_suggestions_vary(rake, make_product):
    for name in ("Fork", "Hoe", "Shears", "Spade", "Trowel"):
        make_product(name)
    assert suggestions_for(rake) != suggestions_for(rake)


def test_renaming_keeps_the_search_name(rake):
    rake.name = "Lawn rake"
    rake.save(update_fields=["name"])
    rake.refresh_from_db()
    assert rake.search_name == "lawn rake"


def test_import_creates_products_and_categories(db, price_list):
    call_command("import_products", price_list)
    assert list(Product.objects.values_list("sku", "price", "stock")) == [
        ("S-101", Decimal("3.20"), 0),
        ("S-100", Decimal("2.95"), 400),
    ]
    assert [str(category) for category in Category.objects.all()] == ["Seeds"]


def test_import_twice_updates(db, price_list):
    call_command("import_products", price_list)
    price_list.write_text(PRICE_LIST.replace("2.95", "3.05"), encoding="utf-8")
    call_command("import_products", price_list)
    assert Product.objects.get(sku="S-100").price == Decimal("3.05")


def test_import_can_hide_what_is_missing(price_list, rake):
    call_command("import_products", price_list, unlist_missing=True)
    assert sorted(Product.listed.values_list("sku", flat=True)) == ["S-100", "S-101"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sku: S-1", "must hold a list"),
        ("- rake", "product 1 must be a mapping"),
        ("- {sku: S-1, name: Rake}", "product 1 lacks category, price, weight_grams"),
        (PRICE_LIST.replace("3.20", "dear"), "product 2 has no price: 'dear'"),
    ],
)
def test_import_refuses_a_malformed_list(db, price_list, text, message):
    price_list.write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match=message):
        call_command("import_products", price_list)


def test_import_names_a_missing_file(db, tmp_path):
    with pytest.raises(CommandError, match="cannot read"):
        call_command("import_products", tmp_path / "none.yaml")
