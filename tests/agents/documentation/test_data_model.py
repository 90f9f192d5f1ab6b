"""Entities and relations, read from source that is never imported."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from agents.documentation.data_model import DataModel, markdown, mermaid, read, svg

SHOP = {
    "shop/settings.py": 'AUTH_USER_MODEL = "people.Person"\n',
    "people/models.py": (
        "from django.contrib.auth.models import AbstractUser\nfrom django.db import models\n\n\n"
        "class Person(AbstractUser):\n    nick = models.CharField(max_length=40, unique=True)\n"
    ),
    "orders/base.py": (
        "from django.db import models\n\n\nclass Dated(models.Model):\n    made_at = models.DateTimeField()\n\n"
        "    class Meta:\n        abstract = True\n"
    ),
    "orders/models/__init__.py": "from .order import Order\n",
    "orders/models/order.py": (
        "from django.conf import settings\nfrom django.db import models as m\nfrom ..base import Dated\n\n\n"
        'class Order(Dated):\n    """What somebody bought.\n\n    More of it.\n    """\n\n'
        "    buyer = m.ForeignKey(settings.AUTH_USER_MODEL, on_delete=m.PROTECT)\n"
        "    before = m.ForeignKey('self', null=True, on_delete=m.SET_NULL)\n"
        "    tags = m.ManyToManyField('Tag')\n"
        "    receipt = m.OneToOneField('billing.Receipt', on_delete=m.CASCADE)\n\n\n"
        "class Tag(m.Model):\n    slug = m.SlugField(primary_key=True)\n\n\n"
        "class Form:\n    field = m.CharField(max_length=3)\n"
    ),
}


@pytest.fixture
def shop() -> DataModel:
    return read(SHOP.items())


def test_models_are_found_through_imports_aliases_and_abstract_bases(shop: DataModel) -> None:
    assert [(one.name, one.dialect) for one in shop.entities] == [
        ("orders.Order", "django"), ("orders.Tag", "django"), ("people.Person", "django"),
        ("billing.Receipt", "foreign"),
    ]  # fmt: skip


def test_abstract_base_lends_its_fields(shop: DataModel) -> None:
    order = shop.entities[0]
    assert [(one.name, one.kind) for one in order.fields] == [
        ("id", "AutoField"), ("made_at", "DateTimeField"), ("buyer", "ForeignKey"), ("before", "ForeignKey"),
        ("tags", "ManyToManyField"), ("receipt", "OneToOneField"),
    ]  # fmt: skip
    assert (order.path, order.line, order.doc) == ("orders/models/order.py", 6, "What somebody bought.")


def test_own_key_replaces_the_one_of_django(shop: DataModel) -> None:
    assert [(one.name, one.is_key) for one in shop.entities[1].fields] == [("slug", True)]


def test_relations_name_their_ends(shop: DataModel) -> None:
    assert {(one.source, one.field, one.target, one.ends, one.is_optional) for one in shop.relations} == {
        ("orders.Order", "buyer", "people.Person", ("many", "one"), False),
        ("orders.Order", "before", "orders.Order", ("many", "one"), True),
        ("orders.Order", "tags", "orders.Tag", ("many", "many"), False),
        ("orders.Order", "receipt", "billing.Receipt", ("one", "one"), False),
    }


def test_models_on_conditions_are_models() -> None:
    model = read([(
        "shop/models.py",
        "from django.db import models\nif not registered('Item'):\n    class Item(models.Model):\n"
        "        up = models.ForeignKey('self', models.CASCADE)\n"
        "try:\n    import geo\nexcept ImportError:\n    class Place(models.Model):\n"
        "        item = models.ForeignKey(Item)\n",
    )])  # fmt: skip
    assert [entity.name for entity in model.entities] == ["shop.Item", "shop.Place"]
    assert [(one.source, one.field, one.target) for one in model.relations] == [
        ("shop.Item", "up", "shop.Item"),
        ("shop.Place", "item", "shop.Item"),
    ]


def test_model_that_extends_another_points_to_it_by_its_key() -> None:
    model = read([(
        "shop/models.py",
        "from django.db import models\n\n\nclass Place(models.Model):\n    name = models.TextField()\n\n\n"
        "class Base(Place):\n    class Meta:\n        abstract = True\n\n\n"
        "class Bar(Base):\n    beer = models.TextField()\n\n\n"
        "class Club(Bar):\n    bar = models.OneToOneField(Bar, models.CASCADE, parent_link=True, primary_key=True)\n"
        "class Seen(Place):\n    class Meta:\n        proxy = True\n\n\nclass Pub(Seen):\n    pass\n",
    )])  # fmt: skip
    keys = {entity.title: [one.name for one in entity.fields if one.is_key] for entity in model.entities}
    assert keys == {"Bar": ["place_ptr"], "Club": ["bar"], "Place": ["id"], "Pub": ["place_ptr"]}
    assert [(one.source, one.field, one.target, one.ends) for one in model.relations] == [
        ("shop.Bar", "place_ptr", "shop.Place", ("one", "one")),
        ("shop.Club", "bar", "shop.Bar", ("one", "one")),
        ("shop.Pub", "place_ptr", "shop.Place", ("one", "one")),
    ]


def test_user_model_without_settings_stays_foreign() -> None:
    model = read(item for item in SHOP.items() if "settings" not in item[0])
    assert "the user model" in {one.name for one in model.entities if one.dialect == "foreign"}


def test_sqlalchemy_tables_are_related_by_their_names() -> None:
    text = (
        "class Base(DeclarativeBase):\n    pass\n\n\n"
        "class User(Base):\n    __tablename__ = 'user'\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    name = Column(String(30), nullable=True)\n\n\n"
        "class Post(Base):\n    __tablename__ = 'post'\n    id = Column(Integer, primary_key=True)\n"
        "    author_id = mapped_column(ForeignKey('user.id'))\n    lost = Column(ForeignKey('gone.id'))\n"
    )
    model = read([("app/tables.py", text)])
    assert [(one.name, [(f.name, f.kind) for f in one.fields]) for one in model.entities] == [
        ("Post", [("id", "Integer"), ("author_id", ""), ("lost", "")]),
        ("User", [("id", "int"), ("name", "String(30)")]),
    ]
    assert [(one.source, one.field, one.target) for one in model.relations] == [("Post", "author_id", "User")]
    assert model.problems == ["app/tables.py: lost refers to the table 'gone', which no class here has"]


def test_file_that_does_not_parse_is_told() -> None:
    model = read([("a.py", "class ("), ("b.py", "x = " + "(" * 5000 + ")" * 5000)])
    assert (model.entities, [text.split(":")[0] for text in model.problems]) == (
        [], ["a.py was not read", "b.py was not read"],
    )  # fmt: skip


def test_mermaid_draws_each_relation_with_its_ends(shop: DataModel) -> None:
    lines = [line.strip() for line in mermaid(shop).splitlines()]
    assert lines[0] == "erDiagram"
    assert [line for line in lines if " : " in line] == [
        "orders_Order }o--|| people_Person : buyer", "orders_Order }o--o| orders_Order : before",
        "orders_Order }o--o{ orders_Tag : tags", "orders_Order |o--|| billing_Receipt : receipt",
    ]  # fmt: skip


def test_picture_is_well_formed_and_has_a_box_for_each_entity(shop: DataModel) -> None:
    picture = ElementTree.fromstring(svg(shop))
    titles = [
        node.text for node in picture.iter("{http://www.w3.org/2000/svg}text") if node.get("class") == "h"
    ]
    assert sorted(str(title) for title in titles) == [
        "billing.Receipt", "orders.Order", "orders.Tag", "people.Person",
    ]  # fmt: skip


def test_hostile_names_stay_text() -> None:
    text = (
        "from django.db import models\nclass A(models.Model):\n    '''<script>alert(1)</script> | `x`'''\n"
        "    b = models.ForeignKey('<b>\"|`')\n"
    )
    model = read([("m.py", text)])
    ElementTree.fromstring(svg(model))
    assert "<script" not in svg(model) + markdown(model)
    assert "&lt;script>alert(1)&lt;/script> \\| 'x'" in markdown(model)


def test_chain_of_a_thousand_models_and_a_ring_are_drawn() -> None:
    one = "class M{}(models.Model):\n    up = models.ForeignKey('M{}', on_delete=1)\n"
    text = "from django.db import models\n" + "".join(one.format(n, (n + 1) % 1000) for n in range(1000))
    model = read([("app/models.py", text)])
    assert (len(model.entities), len(model.relations)) == (1000, 1000)
    ElementTree.fromstring(svg(model))


def test_many_entities_are_drawn_short_and_not_as_a_ribbon() -> None:
    one = (
        "class M{0}(models.Model):\n    up = models.ForeignKey('M{1}', on_delete=1)\n"
        "    name = models.TextField()\n    note = models.TextField()\n"
    )
    text = "from django.db import models\n" + "".join(one.format(n, n // 2) for n in range(400))
    picture = ElementTree.fromstring(svg(read([("app/models.py", text)])))
    words = {node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"app.M399", "id *", "up"} <= words
    assert not {"name", "note"} & words
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    assert width / 3 < height < width * 3


def test_what_hangs_together_with_nothing_comes_last() -> None:
    text = (
        "from django.db import models\nclass Alone(models.Model):\n    pass\nclass Low(models.Model):\n    pass\n"
        "class Top(models.Model):\n    low = models.ForeignKey(Low, on_delete=1)\n"
    )
    picture = svg(read([("app/models.py", text)]))
    places = [picture.index(f">app.{name}</text>") for name in ("Low", "Top", "Alone")]
    assert places == sorted(places)


def test_tree_without_models_says_so() -> None:
    assert "No Django model" in markdown(read([]))
    assert "No entity was found" in svg(read([]))


def test_sqlalchemy_types_are_those_that_are_stored() -> None:
    text = (
        "from sqlalchemy import Column, DateTime, Integer, String\nfrom sqlalchemy.orm import declarative_base\n"
        "Base = declarative_base()\n\nclass Note(Base):\n    __tablename__ = 'note'\n"
        "    id = Column(Integer, primary_key=True)\n"
        "    options = Column(MutableDict.as_mutable(JSONB(none_as_null=True)))\n"
        "    at = Column(DateTime(True))\n    title = Column(String(30))\n"
    )
    (note,) = read([("note.py", text)]).entities
    assert [one.kind for one in note.fields] == ["Integer", "JSONB", "DateTime", "String(30)"]
