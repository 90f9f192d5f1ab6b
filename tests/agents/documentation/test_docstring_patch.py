"""Skeletons of docstrings: what is written into them, where they go, and that nothing else of a file changes."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from agents.documentation.operations.docstring_patch import DocstringOutput
from agents.documentation.skeletons.leaving import leaving
from agents.patches import Label, read_foreign
from tests.agents.documentation.conftest import SHOP, Done, Work
from tests.agents.inspector.trees import plant


def patched(work: Work, tmp_path: Path, files: dict[str, str | bytes], **given: object) -> dict[str, bytes]:
    """The changed files as `git apply` makes them of the patch that was stored."""
    done = work("docstring_patch", files, **given)
    return applied(done, tmp_path, files)


def applied(done: Done, tmp_path: Path, files: dict[str, str | bytes]) -> dict[str, bytes]:
    if not done.artifacts["docstrings.patch"]:
        return {}
    (tmp_path / "apply").mkdir(exist_ok=True)
    root = plant(tmp_path / "again", files)
    patch = read_foreign(done.artifacts["docstrings.patch"], root, scratch=tmp_path / "apply")
    return {change.path: change.after for change in patch.changes}


CODE = """\
class Basket:
    size = 1

    def __init__(self, owner: str, *, limit: int = 10):
        self.owner = owner

    def add(self, item, count: int = 1, *extra, **options) -> "Basket":
        if count < 1:
            raise ValueError(count)
        try:
            raise KeyError(item)
        except LookupError:
            pass
        return self

    def each(self) -> Iterator[tuple[str, int]]:
        yield "a", 1

    def clear(self) -> None:
        # gone
        self.size = 0

    def _hidden(self): ...
"""

GOOGLE = '''\
class Basket:
    """TODO: say what this is.

    Args:
        owner: TODO: describe it.
        limit: TODO: describe it. Defaults to 10.
    """

    size = 1

    def __init__(self, owner: str, *, limit: int = 10):
        self.owner = owner

    def add(self, item, count: int = 1, *extra, **options) -> "Basket":
        """TODO: say what this does.

        Args:
            item: TODO: describe it.
            count: TODO: describe it. Defaults to 1.
            *extra: TODO: describe it.
            **options: TODO: describe it.

        Returns:
            TODO: say what.

        Raises:
            ValueError: TODO: say when.
        """
        if count < 1:
            raise ValueError(count)
        try:
            raise KeyError(item)
        except LookupError:
            pass
        return self

    def each(self) -> Iterator[tuple[str, int]]:
        """TODO: say what this does.

        Yields:
            TODO: say what.
        """
        yield "a", 1

    def clear(self) -> None:
        """TODO: say what this does."""
        # gone
        self.size = 0

    def _hidden(self): ...
'''


def test_google_is_the_style_where_none_is_in_use(work: Work, tmp_path: Path) -> None:
    done = work("docstring_patch", {"a.py": CODE})
    assert applied(done, tmp_path, {"a.py": CODE})["a.py"].decode() == GOOGLE
    assert isinstance(done.output, DocstringOutput)
    assert done.output.docstrings_by_label == {"re-analysed": 4}
    assert [(fix.mend, fix.label, fix.rule) for fix in done.fixes[:1]] == [
        ("docstring-skeleton", Label.REANALYSED, "docstring-missing")
    ]
    assert done.summary == "4 docstrings begun in 1 file"
    # Each offered fix has its finding, and its own diff makes a part of the whole.
    assert {fix.fingerprint for fix in done.fixes} == {one.fingerprint for one in done.findings}
    assert all(fix.diff.count("\n@@ ") == 1 for fix in done.fixes)


NUMPY = '''\
def f(a: int, b=None):
    """Do.

    Parameters
    ----------
    a : int
        One.
    b
        Two.
    """


def g(path: "Path", *, fast: bool = True) -> list[str]:
    """TODO: say what this does.

    Parameters
    ----------
    path : Path
        TODO: describe it.
    fast : bool
        TODO: describe it. Defaults to True.

    Returns
    -------
    list[str]
        TODO: say what.

    Raises
    ------
    OSError
        TODO: say when.
    """
    raise OSError(path)
'''

SPHINX = '''\
def f(a):
    """Do.

    :param a: One.
    :type a: int
    :returns: Two.
    """
    return a


async def g(path: str, *rest: int) -> int:
    """TODO: say what this does.

    :param path: TODO: describe it.
    :type path: str
    :param rest: TODO: describe it.
    :type rest: int
    :raises shop.Broken: TODO: say when.
    :returns: TODO: say what.
    :rtype: int
    """
    raise shop.Broken
'''


@pytest.mark.parametrize("whole", [NUMPY, SPHINX], ids=["numpy", "sphinx"])
def test_style_is_that_of_the_project(work: Work, tmp_path: Path, whole: str) -> None:
    begin = whole.index('    """TODO')
    bare = whole[:begin] + whole[whole.index("    raise", begin) :]
    files: dict[str, str | bytes] = {
        "a.py": bare,
        "shop.py": '"""S."""\n\n\nclass Broken(Exception):\n    """B."""\n',
    }
    assert patched(work, tmp_path, files) == {"a.py": whole.encode()}


def test_style_of_a_file_goes_before_that_of_the_project_and_an_order_before_both(
    work: Work, tmp_path: Path
) -> None:
    new = "\n\ndef h(x):\n    return x\n"
    google = 'def f(a):\n    """Do.\n\n    Args:\n        a (int): One.\n    """\n'
    files: dict[str, str | bytes] = {
        "a.py": google + new,
        "b.py": SPHINX + new,
        "c.py": SPHINX.replace("def g", "def i"),
    }
    made = patched(work, tmp_path, files)
    assert b"    Args:\n        x: TODO" in made["a.py"]
    assert b"    :param x: TODO" in made["b.py"]
    ordered = patched(work, tmp_path, files, style="numpy")
    assert b"    Parameters\n    ----------\n    x\n        TODO" in ordered["a.py"]


CASES = {
    "one line": (
        ("def f(): return 1\n"),
        ('def f():\n    """$DOES\n\n    Returns:\n        TODO: say what.\n    """\n    return 1\n'),
    ),
    "one-line class": (
        ("class A: pass  # no\n"),
        ('class A:\n    """$IS"""\n    pass  # no\n'),
    ),
    "two blanks": (
        ("class A:\n  def f(self):\n      pass\n"),
        ('class A:\n  """$IS"""\n\n  def f(self):\n      """$DOES"""\n      pass\n'),
    ),
    "tabs": (
        ("class A:\n\tx = 1\n\tdef f(self, a):\n\t\tpass\n"),
        (
            'class A:\n\t"""$IS"""\n\n\tx = 1\n\tdef f(self, a):\n\t\t"""$DOES\n\n\t\tArgs:\n'
            '\t\t    a: $IT\n\t\t"""\n\t\tpass\n'
        ),
    ),
    "crlf": (
        ("def f(a):\r\n    pass\r\n"),
        ('def f(a):\r\n    """$DOES\r\n\r\n    Args:\r\n        a: $IT\r\n    """\r\n    pass\r\n'),
    ),
    "bom": (
        ("\ufeffdef f():\n    pass"),
        ('\ufeffdef f():\n    """$DOES"""\n    pass'),
    ),
    "form feed": (
        ("if True:\n    x = 1\n\f\n\ndef f(a):\n    pass\n"),
        (
            'if True:\n    x = 1\n\f\n\ndef f(a):\n    """$DOES\n\n    Args:\n        a: $IT\n    """\n'
            "    pass\n"
        ),
    ),
    "decorators": (
        ("@deco(\n    1)\n@other\nasync def f():  # why\n    # first\n    pass\n"),
        ('@deco(\n    1)\n@other\nasync def f():  # why\n    """$DOES"""\n    # first\n    pass\n'),
    ),
    "nested": (
        ("def f(\n    a,  # one\n    /,\n):\n    def g():\n        pass\n"),
        (
            'def f(\n    a,  # one\n    /,\n):\n    """$DOES\n\n    Args:\n        a: $IT\n    """\n\n'
            "    def g():\n        pass\n"
        ),
    ),
    "inner class": (
        ("class A:\n    class B:\n        x = 1\n"),
        ('class A:\n    """$IS"""\n\n    class B:\n        """$IS"""\n\n        x = 1\n'),
    ),
    "branch": (
        ("if True:\n    def f(): ...\nelse:\n    g = 1\n"),
        ('if True:\n    def f():\n        """$DOES"""\n        ...\nelse:\n    g = 1\n'),
    ),
    "semicolon": (
        ("def f(): a = 1; return None\n"),
        ('def f():\n    """$DOES"""\n    a = 1; return None\n'),
    ),
    "defaults": (
        ('def f(a=r"\\d", b="x" * 3, c=\'"""\', password="hunter2hunter2"):\n    pass\n'),
        (
            'def f(a=r"\\d", b="x" * 3, c=\'"""\', password="hunter2hunter2"):\n    """$DOES\n\n'
            "    Args:\n        a: $IT\n        b: $IT Defaults to 'x' * 3.\n        c: $IT\n"
            '        password: $IT\n    """\n    pass\n'
        ),
    ),
}
SAID = {"$DOES": "TODO: say what this does.", "$IS": "TODO: say what this is.", "$IT": "TODO: describe it."}


@pytest.mark.parametrize("name", CASES)
def test_docstring_goes_where_it_belongs_and_all_else_stays(work: Work, tmp_path: Path, name: str) -> None:
    before, after = CASES[name]
    for sign, words in SAID.items():
        after = after.replace(sign, words)
    assert patched(work, tmp_path, {"a.py": before.encode()}) == {"a.py": after.encode()}


def test_lists_of_parameters_with_gaps_get_the_missing_ones(work: Work, tmp_path: Path) -> None:
    code = '''\
def f(a, b, c, d=2):
    """Do.

    Args:
        a: One
            and more.
        b (int): Two.
        c: Three.

    Returns:
        Something.
    """
    return a


def g(a, b, c):
    """Do.

    :param a: One.
    :type a: int
    :param b: Two
      and more.
    :type b: int
    """
'''
    want = code.replace(
        "        c: Three.\n", "        c: Three.\n        d: TODO: describe it. Defaults to 2.\n"
    )
    want = want.replace("    :type b: int\n", "    :type b: int\n    :param c: TODO: describe it.\n")
    done = work("docstring_patch", {"a.py": code})
    # a type is told where the docstring tells those of the others
    want = want.replace("        d: TODO", "        d: TODO")
    assert applied(done, tmp_path, {"a.py": code})["a.py"].decode() == want
    assert sorted(fix.mend for fix in done.fixes) == ["docstring-entries", "docstring-entries"]


def test_what_cannot_be_written_is_left_to_people_with_the_reason(work: Work) -> None:
    code = 'def f(a, b, c):\n    """Do.\n\n    Args:\n        a: One.\n        b: Two."""\n'
    done = work("docstring_patch", {"a.py": code})
    assert isinstance(done.output, DocstringOutput)
    (refusal,) = done.output.refusals
    assert (refusal.name, refusal.reason) == ("f", "its docstring ends on the line of its last entry")
    assert (done.fixes, done.artifacts["docstrings.patch"]) == ([], b"")
    assert done.summary == "0 docstrings begun in 0 files; 1 left to people"


def test_tests_migrations_overloads_and_inherited_docstrings_are_left_alone(
    work: Work, tmp_path: Path
) -> None:
    code = inspect.cleandoc('''
        from typing import overload

        class Base:
            """B."""

            def told(self):
                """T."""

        class Other(Base):
            """O."""

            def told(self):
                return 1

            def __len__(self):
                return 1

            @property
            def size(self):
                return 1

        @overload
        def f(a: int) -> int: ...
        @overload
        def f(a: str) -> str: ...
        def f(a):
            """F."""
        ''')  # fmt: skip
    files: dict[str, str | bytes] = {
        "shop/a.py": code, "tests/test_a.py": "def helper(): ...\n", "shop/migrations/0001.py": "class M: ...\n",
    }  # fmt: skip
    done = work("docstring_patch", files)
    assert (done.fixes, done.summary) == ([], "every public class and function has a docstring")
    assert list(patched(work, tmp_path, files, tests=True)) == ["tests/test_a.py"]


def test_limit_and_paths_bound_the_work(work: Work) -> None:
    files: dict[str, str | bytes] = {"a.py": "def f(): ...\ndef g(): ...\n", "b.py": "def h(): ...\n"}
    done = work("docstring_patch", files, limit=1)
    assert (len(done.fixes), done.summary) == (
        1, "1 docstring begun in 1 file; 2 more wanted beyond the limit",
    )  # fmt: skip
    only = work("docstring_patch", files, paths=["b.py"])
    assert [fix.path for fix in only.fixes] == ["b.py"]


HOSTILE: dict[str, str | bytes] = {
    "deep.py": "def f():\n    return " + "(" * 3000 + "1" + ")" * 3000 + "\n",
    "odd.py": 'def f(a: \'x"""y\\n\', \u0430: int = 1):\n    pass\n',
    "latin.py": b"# -*- coding: latin-1 -*-\ndef f(a='\xe4'):\n    pass\n",
    "broken.py": "def f(:\n",
    "nul.py": b"def f(): pass\n\0",
    "same.py": "def f(): pass\ndef f(a): pass\n",
    "mixed.py": b"def f():\r\n    pass\ndef g(a):\n    pass\r\n",
    "cont.py": "def f(a): \\\n    return a\n",
    "good.py": "def g():\n    pass\n",
}


def test_hostile_files_spoil_no_other(work: Work, tmp_path: Path) -> None:
    done = work("docstring_patch", HOSTILE)
    made = applied(done, tmp_path, HOSTILE)
    assert b'"""TODO' in made["good.py"]
    for path, content in made.items():
        before = HOSTILE[path]
        old = ast.parse(before if isinstance(before, bytes) else before.encode())
        assert len(list(ast.walk(ast.parse(content)))) > len(list(ast.walk(old)))
    assert all(fix.label is not Label.REJECTED for fix in done.fixes), [f.rungs for f in done.fixes]


def test_shop_is_documented_by_what_its_code_tells(work: Work, tmp_path: Path) -> None:
    done = work("docstring_patch", SHOP)
    assert len(done.fixes) > 10
    assert {fix.label for fix in done.fixes} == {Label.REANALYSED}
    root = plant(tmp_path / "shop", {str(p.relative_to(SHOP)): p.read_bytes() for p in SHOP.rglob("*.py")})
    (tmp_path / "apply").mkdir()
    patch = read_foreign(done.artifacts["docstrings.patch"], root, scratch=tmp_path / "apply")
    assert not any(path.startswith("tests/") for path in patch.paths)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("raise A", ["A"]),
        ("raise m.A('x') from None", ["m.A"]),
        ("raise error", []),
        ("try:\n  raise A\nexcept A: pass", []),
        ("try:\n  raise A\nexcept B: pass", ["A"]),
        ("try:\n  raise KeyError\nexcept LookupError: pass", []),
        ("try:\n  raise LookupError\nexcept KeyError: pass", ["LookupError"]),
        ("try:\n  x()\nexcept (A, B) as e:\n  raise", ["A", "B"]),
        ("try:\n  x()\nexcept A as e:\n  raise e", ["A"]),
        ("try:\n  x()\nexcept A:\n  raise B", ["B"]),
        ("try:\n  raise A\nexcept: pass", []),
        ("try:\n  pass\nfinally:\n  raise A", ["A"]),
        ("try:\n  pass\nexcept B: pass\nelse:\n  raise B", ["B"]),
        ("with suppress(A):\n  raise A", []),
        ("def g():\n  raise A", []),
        ("for x in y:\n  if x:\n    raise A\nraise B", ["A", "B"]),
        ("match x:\n  case 1:\n    raise A", ["A"]),
        ("try:\n  raise A\nexcept* A: pass", []),
    ],
)
def test_errors_that_leave_are_told_from_those_that_are_caught(body: str, names: list[str]) -> None:
    indented = "".join(f"  {line}\n" for line in body.split("\n"))
    function = ast.parse(f"def f():\n{indented}").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert leaving(function) == names


MODEL = "class Item:\n    class Meta:\n        ordering = ()\n"
EXAMPLE = {"examples/first.py": "def f():\n    pass\n"}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"shop/__init__.py": MODEL, **EXAMPLE}, ["Item"]),
        (EXAMPLE, ["f"]),  # nothing else is there to document
    ],
)
def test_options_of_frameworks_and_examples_beside_the_product_want_no_docstring(
    work: Work, files: dict[str, str | bytes], wanted: list[str]
) -> None:
    assert [one.scope for one in work("docstring_patch", files).findings] == wanted
