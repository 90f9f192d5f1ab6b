"""The HTML pages of data model and HTTP interface: whole, alone, and deaf to what the source says."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.agents.documentation.conftest import SHOP, Work

MODELS = '''\
from django.db import models


class Order(models.Model):
    """<script>alert(1)</script> "quoted" \u202e"""

    total = models.IntegerField(unique=True)


class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True)
'''
ROUTES = '''\
from flask import Flask

app = Flask(__name__)


@app.get("/a/<int:n>/'><img src=x onerror=alert(1)>")
def view(n):
    """</td><script>alert(2)</script>"""
'''


class Read(HTMLParser):
    """Tags, in their order, and what is loaded from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.loads += [str(given[name]) for name in ("src", "href") if name in given]
        self.loads += [name for name in given if name.startswith("on")]


def test_data_model_is_one_page_with_its_picture(work: Work) -> None:
    page = work("data_model", {"shop/models.py": MODELS}).artifacts["data_model.html"].decode()
    read = Read(page)
    assert not {"script", "img", "link", "iframe"} & set(read.tags)
    assert all(load.startswith("#") for load in read.loads)
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert (read.tags.count("svg"), read.tags.count("section")) == (1, 2)
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "prefers-color-scheme:dark" in page
    assert 'href="#e-shop.Order"' in page or 'href="#e-Order"' in page


def test_http_interface_is_one_page(work: Work) -> None:
    page = work("http_api", {"app.py": ROUTES}).artifacts["http_api.html"].decode()
    read = Read(page)
    assert not {"script", "img", "link", "iframe"} & set(read.tags)
    assert read.loads == []
    assert "&lt;/td&gt;&lt;script&gt;" in page
    assert "<p>1 endpoint in the code.</p>" in page


def test_shop_has_both_pages_and_an_empty_tree_says_so(work: Work) -> None:
    assert work("data_model", SHOP).artifacts["data_model.html"].count(b"<section") > 3
    assert work("http_api", SHOP).artifacts["http_api.html"].count(b"<tr>") > 5
    empty = {"a.py": "x = 1\n"}
    assert (
        b"No Django model and no SQLAlchemy class was found."
        in work("data_model", empty).artifacts["data_model.html"]
    )
    assert (
        b"No route and no OpenAPI document was found." in work("http_api", empty).artifacts["http_api.html"]
    )
