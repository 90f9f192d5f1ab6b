"""`readme_check`: what pages say that is not so, and what is none of its business."""

from __future__ import annotations

import pytest

from agents.findings import Severity
from agents.reporting.model import AnalysisOutput
from tests.agents.documentation.conftest import SHOP, Work


def test_the_shops_pages_are_wrong_in_two_places(work: Work) -> None:
    done = work("readme_check", SHOP)
    assert done.places == [
        "docs-unknown-command README.md:15",
        "docs-unlisted-setting storefront/settings.py:86",
    ]
    assert [finding.severity for finding in done.findings] == [Severity.MEDIUM, Severity.MEDIUM]
    assert "import_products" in done.findings[0].message
    assert "docs/configuration.md (line 3)" in done.findings[1].message
    assert "SHOP_EXPORT_ROOT" in done.findings[1].evidence[0].snippet


MANAGE = {"manage.py": "", "shop/management/commands/import_all.py": ""}


@pytest.mark.parametrize(
    ("page", "files", "expected"),
    [
        ("[a](docs/none.md)", {}, ["docs-broken-link"]),
        (
            "[a](docs/a.md) [b](docs/a.md#the-end) [c](#top-of-it)\n# Top of it",
            {"docs/a.md": "# The end!\n"},
            [],
        ),
        ("[a](docs/a.md#none)", {"docs/a.md": "# End\n"}, ["docs-broken-anchor"]),
        ("![a](none.png)", {}, ["docs-broken-link"]),
        ("[a](https://example.org/x.md) [b](mailto:a@b.c) <https://x.y>", {}, []),
        ("[a](docs/guide/)", {"docs/guide/index.md": ""}, []),
        ("", {"docs/logs.md": "[a](../cron/) [b](../cron) [c](../../accounts/me/)", "docs/cron.md": ""}, []),
        ("", {"docs/logs.md": "[a](../gone/) [b](../gone)"}, ["docs-broken-link"] * 2),
        ("![a](IMG_URL/badge.png)", {}, []),
        ("Copy `conf/site.py.example` as `conf/site.py`.", {"conf/site.py.example": ""}, []),
        ("It reads `conf/site.py`.", {"conf/go.py": "", ".gitignore": "# own\nconf/site.py\n"}, []),
        ("[a](../other/place.md)", {}, []),
        ("```sh\npython manage.py load\n```", MANAGE, ["docs-unknown-command"]),
        ("```sh\nDEBUG=1 python3 manage.py import_all && ./manage.py migrate --noinput\n```", MANAGE, []),
        ("Run `python manage.py load`.", MANAGE, ["docs-unknown-command"]),
        ("```sh\npython manage.py load\n```", {}, []),
        ("```sh\nmake build test\n```", {"Makefile": "build test: x\n\techo\n"}, []),
        ("```sh\nmake deploy\n```", {"Makefile": "build:\n\techo\n"}, ["docs-unknown-command"]),
        ("```sh\nmake deploy\n```", {"Makefile": "include other.mk\nbuild:\n"}, []),
        (
            "```sh\nnpm run lint\n```",
            {"package.json": '{"scripts": {"test": "x"}}'},
            ["docs-unknown-command"],
        ),
        ("```sh\npython -m shop.tool\n```", {"shop/__init__.py": ""}, ["docs-unknown-command"]),
        ("```sh\npython -m pytest && python -m http.server\n```", {"shop/__init__.py": ""}, []),
        ("```console\n$ ./scripts/run.sh\n```", {"scripts/go.sh": ""}, ["docs-missing-path"]),
        ("```sh\ncurl -O https://x.y/run.sh\nbash run.sh\n```", {}, []),
        ("See `scripts/none.py` and `elsewhere/none.py`.", {"scripts/go.py": ""}, ["docs-missing-path"]),
        # a path alone above a block names what the block shows; as a claim it is one in a heading as in a sentence
        ("# `shop/a.py`\n\nWrite:\n\n```python\nx = 1\n```\n", {"shop/b.py": ""}, []),
        ("**`shop/a.py`**:\n\n```python\nx = 1\n```\n", {"shop/b.py": ""}, []),
        ("1. `shop/a.py`\n\n   ```python\n   x = 1\n   ```\n", {"shop/b.py": ""}, []),
        ("# `shop/a.py`\n\nIt is good.\n\n# Next\n\n```\nx\n```", {"shop/b.py": ""}, ["docs-missing-path"]),
        ("# Run `shop/a.py`\n\n```\nx\n```", {"shop/b.py": ""}, ["docs-missing-path"]),
        ("See `shop/a.py`:\n\n```\nx\n```", {"shop/b.py": ""}, ["docs-missing-path"]),
        ("`shop/a.py`\n\nText.\n\n```\nx\n```", {"shop/b.py": ""}, ["docs-missing-path"]),
        ("", {"a.rst": "``shop/a.py``\n=====\n\nIs::\n\n    x\n", "shop/b.py": ""}, []),
        ("", {"a.rst": "``shop/a.py``:\n\n.. code-block:: python\n\n    x\n", "shop/b.py": ""}, []),
        ("", {"a.rst": "``shop/a.py``::\n\n    x\n", "shop/b.py": ""}, []),
        (
            "",
            {"a.rst": "``shop/a.py``\n====\n\nX\n\nT\n===\n\nIs::\n\n    x\n", "shop/b.py": ""},
            ["docs-missing-path"],
        ),
        ("", {"a.rst": "See ``shop/a.py``::\n\n    x\n", "shop/b.py": ""}, ["docs-missing-path"]),
        ("```python\nx = (\n```", {}, ["docs-broken-example"]),
        ("```python\nawait f(...)\nfor x in y: ...\n```", {}, []),
        ("```python\n>>> x = (\n```", {}, []),
        ("```json\n{'a': 1}\n```", {}, ["docs-broken-example"]),
        ('```json\n{"a": 1, ...}\n```', {}, []),
        ("```toml\na = \n```\n```yaml\na: [1\n```", {}, ["docs-broken-example", "docs-broken-example"]),
        ("```text\nx = (\n```", {}, []),
    ],
)
def test_claims_are_compared_with_the_tree(
    work: Work, page: str, files: dict[str, str | bytes], expected: list[str]
) -> None:
    done = work("readme_check", {"README.md": page + "\n", **files})
    assert [finding.rule for finding in done.findings] == expected


def test_the_past_is_not_held_against_a_changelog(work: Work) -> None:
    page = "```sh\npython manage.py gone\n```\n[a](gone.md)\n"
    assert work("readme_check", {"CHANGELOG.md": page, **MANAGE}).places == [
        "docs-broken-link CHANGELOG.md:4"
    ]


SETTINGS = (
    'import os\nA = os.environ["APP_A"]\nB = os.getenv("APP_B")\nC = env.str("APP_C")\nD = env("APP_D")\n'
)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("This is the complete list: `APP_A`, `APP_B`, `APP_C`.", ["docs-unlisted-setting settings.py:5"]),
        ("All settings: `APP_A`, `APP_B`, `APP_C`, `APP_D`.", []),
        ("Some settings are `APP_A`, `APP_B`, `APP_C`.", []),
        ("All settings: `OTHER_A`.", []),
    ],
)
def test_only_a_page_that_calls_itself_complete_has_to_be(work: Work, page: str, expected: list[str]) -> None:
    assert work("readme_check", {"config.md": page + "\n", "settings.py": SETTINGS}).places == expected


def test_links_elsewhere_are_told_as_unchecked_and_odd_pages_as_failed(work: Work) -> None:
    done = work(
        "readme_check", {"README.md": "[a](https://example.org)\n", "b.md": b"\xff\xfe", "c.adoc": "x"}
    )
    assert isinstance(done.output, AnalysisOutput)
    (run,) = done.output.tools
    assert (run.state, run.failed_count, run.note) == ("partial", 1, "1 link to other sites not checked")
    assert run.skipped_by_reason == {}
    assert done.summary == "0 untrue statements in 1 page; looked at 0 links, 0 commands, 0 examples"


def test_hostile_pages_end_and_show_no_control_characters(work: Work) -> None:
    deep = "> " * 3000 + "x\n\n" + "[" * 5000 + "\n\n" + "*a " * 5000
    done = work(
        "readme_check", {"README.md": deep + "\n[\x1b[31m](\x1bgone.md)\n", "a.md": "\0[a](b\0.md)\n"}
    )
    assert all("\x1b" not in one.message + one.evidence[0].snippet for one in done.findings)


RESTRUCTURED = """\
Shop
====

See :doc:`guide`, :doc:`the end <none>`, :doc:`/from/root`, `a file <scripts/go.py>`_, `gone <scripts/gone.py>`_,
`home <https://example.org>`_, `label <label_>`_ and ``scripts/lost.py``; :ref:`what`.

.. image:: logo.png
   :alt: nothing

.. |badge| image:: https://example.org/badge.svg

.. toctree::
   :maxdepth: 2

   guide
   Missing <missing>
   genindex

.. code-block:: python
   :linenos:

   def f(:
       pass

.. code:: json

   {"a": 1}

.. a comment on ``scripts/never.py``

.. note::

   Then run::

       $ python manage.py load

   and ``python manage.py import_all``.

.. _elsewhere: gone.rst
"""


def test_restructured_text_is_read_as_markdown_is(work: Work) -> None:
    files = {
        "README.rst": "Shop\n====\n\n.. include:: docs/none.rst\n", "docs/index.rst": RESTRUCTURED,
        "docs/guide.rst": "x", "docs/scripts/go.py": "", **MANAGE,
    }  # fmt: skip
    done = work("readme_check", files)
    assert sorted(
        done.places, key=lambda place: (place.split()[1].split(":")[0], int(place.split(":")[1]))
    ) == [
        "docs-broken-link README.rst:4",
        "docs-broken-link docs/index.rst:4",
        "docs-broken-link docs/index.rst:4",
        "docs-missing-path docs/index.rst:5",
        "docs-broken-link docs/index.rst:7",
        "docs-broken-link docs/index.rst:16",
        "docs-broken-example docs/index.rst:21",
        "docs-unknown-command docs/index.rst:35",
        "docs-broken-link docs/index.rst:39",
    ]


def test_page_that_another_includes_counts_its_links_from_there(work: Work) -> None:
    pages = {"CONTRIBUTING.rst": "See :doc:`conduct`.\n", "docs/conduct.rst": "x"}
    assert work("readme_check", pages).places == ["docs-broken-link CONTRIBUTING.rst:1"]
    assert work("readme_check", {**pages, "docs/c.rst": ".. include:: ../CONTRIBUTING.rst\n"}).places == []


def test_odd_restructured_text_is_read_to_its_end(work: Work) -> None:
    odd = "::\n\n.. code-block::\n.. toctree::\n\n\n   \n.. image::\n::\n\n  x\n ::\n`` `a <`` `b <>`_ :doc:``\n"
    odd += ".. ::\n"
    assert work("readme_check", {"a.rst": odd, "b.rst": odd[::-1], "c.rst": ""}).findings == []
