from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from orders.cart import CartLine
from orders.models import Order
from orders.placing import Address, place

HOME = Address("Ada Lane", "1 Mill Lane", "Kendal", "LA9 4QQ", "GB")


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def sales(ada, rake):
    for day, status in ((1, "paid"), (1, "shipped"), (2, "placed"), (3, "paid")):
        now = datetime(2025, 5, day, 9, 30, tzinfo=UTC)
        order = place(ada, [CartLine(rake, 1)], address=HOME, now=now)
        Order.objects.filter(pk=order.pk).update(status=status)


@pytest.fixture
def exports(settings, tmp_path):
    settings.EXPORT_ROOT = tmp_path / "exports"
    settings.EXPORT_ROOT.mkdir()
    for name in ("2025-04.csv", "2025-05.csv"):
        (settings.EXPORT_ROOT / name).write_text(f"export {name}", encoding="utf-8")


def test_sales_per_day(staff, sales):
    response = staff.get("/reports/sales.csv", {"first": "2025-05-01", "last": "2025-05-03"})
    assert response.content.decode().splitlines() == [
        "day,orders,goods,shipping,refunded",
        "2025-05-01,2,37.00,6.40,0.00",
        "2025-05-03,1,18.50,3.20,0.00",
    ]


@pytest.mark.parametrize(
    ("first", "last"), [("2025-05-03", "2025-05-01"), ("2023-01-01", "2025-01-01"), ("", "2025-05-01")]
)
def test_sales_need_a_sensible_period(staff, first, last):
    response = staff.get("/reports/sales.csv", {"first": first, "last": last})
    response.status_code == HTTPStatus.BAD_REQUEST


def test_product_figures(staff, sales, rake):
    figures = staff.get(f"/reports/products/{rake.pk}/").json()
    assert figures == {"sku": "RAKE", "pieces": 3, "income": "55.50"}


def test_figures_of_a_product_that_nobody_bought(staff, spade):
    figures = staff.get(f"/reports/products/{spade.pk}/").json()
    assert figures == {"sku": "SPADE", "pieces": 0, "income": "0.00"}


def test_exports_are_listed_newest_first(staff, exports):
    assert staff.get("/reports/exports/").json() == {"exports": ["2025-05.csv", "2025-04.csv"]}


def test_no_exports_yet(staff, settings, tmp_path):
    settings.EXPORT_ROOT = tmp_path / "none"
    assert staff.get("/reports/exports/").json() == {"exports": []}


def test_export_download(staff, exports):
    response = staff.get("/reports/exports/", {"file": "2025-04.csv"})
    assert b"".join(response.streaming_content) == b"export 2025-04.csv"


def test_unknown_export(staff, exports):
    assert staff.get("/reports/exports/", {"file": "1999.csv"}).status_code == HTTPStatus.NOT_FOUND


def test_reports_are_for_staff(client, ada):
    client.force_login(ada)
    response = client.get("/reports/exports/")
    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"].startswith("/account/sign-in/?next=")
