"""`api_reference`: what stands in it, under which name, and that nothing of a tree can act in it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from html.parser import HTMLParser
from typing import Any

import pytest

from agents.registry import load
from agents.reporting.model import ToolState
from agents.superagent.selection import select
from tests.agents.documentation.conftest import SHOP, Done, Work

LIBRARY = {
    "src/lib/__init__.py": '"""A library."""\nfrom ._core import Client, helper\nfrom .errors import Fault\n'
    "__all__ = ['Client', 'Fault', 'gone', 'helper']\n",
    "src/lib/_core.py": '''from typing import overload
from .errors import Fault

class Base:
    """What clients share."""

    def close(self) -> None:
        """Close it. Raises `Fault` if it is closed."""

class Client(Base):
    """Speaks to servers; see :class:`~lib.errors.Fault`.

    Args:
        url: Where to.
        retries: How often.
    """

    limit: int = 3
    """How many at once."""

    def __init__(self, url: str, *, retries: int = 2) -> None:
        self.url = url

    @property
    def is_open(self) -> bool:
        """Whether it is open."""

    @overload
    def get(self, path: str) -> str: ...
    @overload
    def get(self, path: bytes) -> bytes: ...
    def get(self, path):
        """Get something.

        .. deprecated:: 2.0
           Use `close`.
        """

    def _hidden(self): ...

def helper(fault: Fault) -> Client | None:
    """Help."""
''',
    "src/lib/errors.py": 'class Fault(Exception):\n    """Something is wrong."""\n',
    "tests/test_lib.py": "def test_it(): ...\n",
    "setup.py": "x = 1\n",
}


def site(done: Done) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(done.artifacts["api_reference.zip"])) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


class Tags(HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def names(done: Done) -> list[str]:
    told = json.loads(done.artifacts["api_reference.json"])

    def below(entries: list[dict[str, Any]]) -> list[str]:
        return [name for e in entries for name in (str(e["name"]), *below(e["members"]))]

    return [name for module in told["modules"] for name in below(module["names"])]


def test_what_private_modules_define_is_documented_where_it_is_offered(work: Work) -> None:
    done = work("api_reference", LIBRARY)
    assert names(done) == [
        "lib.Client", "lib.Client.limit", "lib.Client.url", "lib.Client.is_open", "lib.Client.get", "lib.helper",
        "lib.errors.Fault",
    ]  # fmt: skip
    assert done.summary == "7 names in 2 modules, 6 with a docstring; 3 gaps named as not documented"
    assert sorted(done.artifacts) == [
        "api_reference.html", "api_reference.json", "api_reference.md", "api_reference.zip",
    ]  # fmt: skip


def test_private_names_are_documented_on_demand(work: Work) -> None:
    found = names(work("api_reference", LIBRARY, private=True))
    assert found[:4] == [
        "lib._core.Base",
        "lib._core.Base.close",
        "lib._core.Client",
        "lib._core.Client.limit",
    ]
    assert "lib._core.Client._hidden" in found


def test_pages_have_signatures_links_overloads_and_inherited_members(work: Work) -> None:
    page = site(work("api_reference", LIBRARY))["api/lib.html"]
    plain = re.sub(r"<[^>]+>", "", page)
    assert "class Client(url: str, *, retries: int = 2)" in plain
    assert "def get(path: str) -&gt; str" in plain
    assert "def get(path: bytes) -&gt; bytes" in plain
    assert 'href="lib.errors.html#lib.errors.Fault"><code>lib.errors.Fault</code></a>' in page
    assert '<a class="t" href="lib.errors.html#lib.errors.Fault">Fault</a>' in page
    assert '<a class="t" href="#lib.Client">Client</a>' in page
    assert '<span class="kind">property</span>' in page
    assert '<span class="kind old">deprecated</span>' in page
    assert "From lib._core.Base which is private: close" in plain.replace(" is lib._core.Base,", "")
    assert "In __all__, but not defined in this tree: gone." in plain


def test_markdown_has_the_same_names(work: Work) -> None:
    files = site(work("api_reference", LIBRARY))
    page = files["markdown/api/lib.md"]
    assert re.findall(r"^#+ `(\w+)`", page, re.MULTILINE) == [
        "lib", "Client", "limit", "url", "is_open", "get", "helper",
    ]  # fmt: skip
    assert "[`lib.errors.Fault`](api/lib.errors.md#lib.errors.Fault) (class)" in files["markdown/symbols.md"]


def test_what_has_no_place_is_named(work: Work) -> None:
    output = work("api_reference", LIBRARY).output.model_dump()
    assert [(gap["what"], gap["why"]) for gap in output["not_documented"]] == [
        ("lib.gone", "__all__ has it, and no definition of it is in the tree"),
        ("tests/test_lib.py", "a test"),
        ("setup.py", "serves the making of the package"),
    ]


def test_file_that_does_not_parse_is_named_and_makes_the_reading_partial(work: Work) -> None:
    done = work("api_reference", {"a/__init__.py": "class (", "a/b.py": "def f(): ...\n"})
    tool = done.output.model_dump()["tools"][0]
    assert (tool["state"], tool["failed"][0]["path"]) == (ToolState.PARTIAL, "a/__init__.py")
    assert "<code>a/__init__.py</code></td><td>SyntaxError" in site(done)["gaps.html"]


HOSTILE = {
    "evil/__init__.py": '''"""<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>
`</code><b>`

```html
</pre><script>alert(2)</script>
```

![i](https://evil.example/track.png) <https://ok.example/a> [ok](https://ok.example/"onclick=alert(1))
[ref]: javascript:alert(1)
[ref] &#60;script&#62; \u202e\x1b[31m
"""
def f(a="</pre><script>alert(3)</script>", *, b: "<img src=x>" = 1) -> "'><svg onload=x>":
    """F.

    Args:
        a (<script>): <b>bold</b> ``</code>``
        nope: [z](data:text/html,x)

    Raises:
        <iframe>: x
    """

@deprecated("<script>alert(4)</script>")
class C("<script>".lower()):
    """> <script>"""
''',
}


def test_nothing_of_a_docstring_acts(work: Work) -> None:
    done = work("api_reference", HOSTILE)
    for name, text in {**site(done), "one": done.artifacts["api_reference.html"].decode()}.items():
        if name.endswith(".md") or name.startswith("markdown/"):
            prose = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
            assert not re.search(r"<(?!a id=|/a>|code>|/code>)[a-z/]", re.sub(r"`[^`\n]*`", "", prose)), name
            continue
        found = Tags(text)
        assert not found.tags & {"script", "img", "svg", "iframe", "object", "form", "base", "b", "link"}, (
            name
        )
        assert not {one for one in found.attributes if one.startswith("on") or one == "style"}, name
        assert {link.partition(":")[0] for link in found.links if ":" in link} <= {"https"}, name
        assert "\u202e" not in text, name
        assert "default-src 'none'; style-src 'sha256-" in text.replace("&#x27;", "'"), name


CIRCLES = {
    "ring/__init__.py": "from ring.a import *\nfrom ring.b import Y as Y\n",
    "ring/a.py": "from ring.b import X as X\nfrom ring import Y as Y\nclass A(B): ...\n",
    "ring/b.py": "from ring.a import X as X\nfrom ring.a import Y as Y\nclass P(Q): ...\nclass Q(P): ...\n",
}


def test_circles_of_imports_and_bases_end(work: Work) -> None:
    assert names(work("api_reference", CIRCLES)) == ["ring.a.A", "ring.b.P", "ring.b.Q"]


def test_several_packages_are_all_documented(work: Work) -> None:
    tree = {
        "one/__init__.py": "A = 1\n",
        "two/__init__.py": "B = 2\n",
        "docs/conf.py": "C = 3\n",
        "index.py": "D = 4\n",
    }
    done = work("api_reference", tree)
    assert names(done) == ["index.D", "one.A", "two.B"]
    assert {"index.html", "api/index.html"} < set(site(done))


def test_giant_docstring_is_cut_and_says_so(work: Work) -> None:
    done = work("api_reference", {"a/__init__.py": f'"""Head.\n\n{"word " * 20_000}"""\n'})
    assert "more characters; the source has them." in site(done)["api/a.html"]
    assert len(site(done)["api/a.html"]) < 60_000


def test_sources_link_to_the_forge_at_the_commit(work: Work) -> None:
    tree = {"a/__init__.py": "def f(): ...\n"}
    target = {"kind": "git", "url": "https://me:secret@github.com/us/it.git"}
    page = site(work("api_reference", tree, revision="a" * 40, request={"target": target}))["api/a.html"]
    assert f'href="https://github.com/us/it/blob/{"a" * 40}/a/__init__.py#L1"' in page
    assert "secret" not in page


def test_namespace_and_comments_of_attributes_are_read(work: Work) -> None:
    tree = {
        "src/ns/pkg/__init__.py": "from ns.pkg.m import A\n",
        "src/ns/pkg/m.py": "class A:\n    #: How many.\n    n = 1\n",
    }
    done = work("api_reference", tree)
    assert names(done) == ["ns.pkg.m.A", "ns.pkg.m.A.n"]
    assert "<p>How many.</p>" in site(done)["api/ns.pkg.m.html"]


def test_what_is_nested_too_deep_is_named(work: Work) -> None:
    nested = "".join(f"{'    ' * n}class C{n}:\n" for n in range(30)) + "    " * 30 + "x = 1\n"
    gaps = work("api_reference", {"d/__init__.py": nested}).output.model_dump()["not_documented"]
    assert [gap["why"] for gap in gaps] == ["what is nested deeper than 19 classes is not read"]


def test_same_tree_gives_the_same_bytes(work: Work) -> None:
    first = work("api_reference", LIBRARY).artifacts
    assert work("api_reference", LIBRARY).artifacts == first


def test_sample_is_documented(work: Work) -> None:
    done = work("api_reference", SHOP)
    assert done.findings == []
    assert "orders.models.Order" in names(done)


def test_tree_without_public_names_says_so(work: Work) -> None:
    assert work("api_reference", {"a.txt": "x"}).summary == "no public name was found"


@pytest.mark.parametrize(
    "goal",
    ["write the API reference", "generate API documentation", "build the reference manual of this package",
     "make a reference of the public classes and functions"],
)  # fmt: skip
def test_plain_words_reach_the_operation(goal: str) -> None:
    assert [choice.operation.name for choice in select(goal, load(plugins=False)).chosen] == ["api_reference"]
