"""Edits of a program as people make them, drawn by lot."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.agents.inspector.taint.edited import PROGRAM

Edit = Callable[[random.Random, list[str]], list[str]]


def _insert(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([n for n, line in enumerate(lines) if not line.startswith((" ", "@", ")"))] or [0])
    at -= 1 if at and lines[at - 1].startswith("@") else 0
    return [*lines[:at], rng.choice(["", "# a line", "NEW = 1"]), *lines[at:]]


def _append(rng: random.Random, lines: list[str]) -> list[str]:
    name = f"added_{rng.randrange(5)}"
    body = rng.choice(["os.system(value)", "return value", "return wrapped(value)"])
    return [*lines, f"def {name}(value=[]):", "    import os", f"    {body}", ""]


def _rename(rng: random.Random, lines: list[str]) -> list[str]:
    old = rng.choice(["deep", "inner", "call", "keep", "run", "clean", "MODE", "late", "made", "last"])
    return [line.replace(old, f"{old}x") for line in lines]


def _delete(rng: random.Random, lines: list[str]) -> list[str]:
    starts = [n for n, line in enumerate(lines) if line.lstrip().startswith("def ")]
    if not starts:
        return lines
    start = rng.choice(starts)
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" " * (indent + 1))):
        end += 1
    while start and lines[start - 1].lstrip().startswith("@"):
        start -= 1
    return [*lines[:start], f"{' ' * indent}gone = 0", *lines[end:]]


def _constant(rng: random.Random, lines: list[str]) -> list[str]:
    old, new = rng.choice(
        [
            ('MODE = "a"', 'MODE = "b"'),
            ('MODE = "b"', 'MODE = "a"'),
            ("LIMIT = 3", "LIMIT = 2"),
            ("SHARED = OTHER = []", "SHARED = []; OTHER = []"),
            ("self.extra = input()", 'self.extra = ""'),
            ('kind = "ls"', "kind = input()"),
            ("|safe", ""),
            ("title }}", "title|safe }}"),
            ("class Store(Base)", "class Store(object)"),
            ("return text\n", "return 1\n"),
            ("self.name = name", "self.path = name"),
            ("class Below(Above)", "class Below"),
            ("class Below(Above)", "class Below(Other)"),
            ("class Base:", "class Base(list):"),
            ("from web.models import *", "from web.models import Store"),
            ("from web.first import *", "from web.first import use, CHOSEN"),
            ("import web.first", "from web import first"),
            ("import web.first", ""),
            ("@checked\n", ""),
            ("@wrapped", "@tools.wrapped"),
            ("isalnum", "isascii"),
            ("yield chosen", "print(chosen)"),
            ('os.environ.get("CHOSEN")', '"ls"'),
            ("made = use(sys.argv[1])", "made = 1"),
            ("import os", "import os as system"),
            ("lambda: command", "lambda: input()"),
            ("lambda: command", "lambda: 'ls'"),
            ("prefix = sys.argv[3]", 'prefix = "ls "'),
            ("count = more", "count = 'ls'"),
            ("self.late = called", "self.late = self.engine.run"),
            ("os.system(self.command + text)", "os.system(self.command)"),
            ("counted(engine.command)", "counted('x')"),
        ]
    )
    return "\n".join(lines).replace(old, new).split("\n")


def _body(rng: random.Random, lines: list[str]) -> list[str]:
    """Change what stands in some function, not what it is called or takes."""
    inside = [n for n, line in enumerate(lines) if line.startswith("    ") and line.strip()[:1] not in "@d"]
    if not inside:
        return lines
    at = rng.choice(inside)
    line = lines[at]
    indent, text = line[: len(line) - len(line.lstrip())], line.lstrip()
    statement = rng.choice(
        ["# a comment", "changed = 1", "print(1)", "import os", "os.system('ls')", "os.system(input())",
         "text = int(text)", "text = input()", "other = tools.clean('x')", "return", "return input()",
         "self.name = input()", "shared = SHARED; shared.append(input())", "pass"]
    )  # fmt: skip
    match rng.randrange(6):
        case 0 | 1:
            return [*lines[:at], f"{indent}{statement}", *lines[at:]]
        case 2 if not text.startswith(("def ", "class ", "@")) and not text.endswith((":", "(")):
            return [*lines[:at], f"{indent}{statement}", *lines[at + 1 :]]
        case 3:
            return [*lines[:at], f"{line}  # more", *lines[at + 1 :]]
        case 4:
            old, new = rng.choice(
                [("text", "int(text)"), ("int(text)", "text"), ("input()", "'x'"), ("'ls'", "'cat'"),
                 ('"ls "', '"cat "'), ("return text", "return pair(text)"), ("other", "mine"), ("[0]", "[1]")]
            )  # fmt: skip
            return [*lines[:at], line.replace(old, new), *lines[at + 1 :]]
    return [one for n, one in enumerate(lines) if n != at or text.endswith(":")]


def edit(root: Path, rng: random.Random) -> None:
    """Change one file or two of the program as people do."""
    for path in rng.sample(sorted(one for one in root.rglob("*") if one.is_file()), rng.choice([1, 1, 2])):
        if rng.random() < 0.05:
            path.unlink()
            continue
        if rng.random() < 0.05:
            path.with_name(f"copy_{path.name}").write_text(path.read_text())
        change: Edit = rng.choice([_insert, _append, _rename, _delete, *[_constant] * 3, *[_body] * 5])
        path.write_text("\n".join(change(rng, path.read_text().split("\n"))))
    if rng.random() < 0.2 or not any(root.rglob("*.py")):
        name = rng.choice(sorted(PROGRAM))
        (root / name).write_text(PROGRAM[name])


def edit_bodies(root: Path, rng: random.Random) -> None:
    """Change what stands in functions of two files."""
    for path in rng.sample(sorted(root.rglob("*.py")), 2):
        path.write_text("\n".join(_body(rng, path.read_text().split("\n"))))


def written(root: Path) -> None:
    """Write the program."""
    for name, text in PROGRAM.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
