"""Copies: found where they are known to be, and what does not change what is found."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agents.inspector.measures.copies import Copy, copies
from agents.inspector.measures.figures import count
from agents.inspector.measures.tokens import Lexer
from agents.inspector.survey import survey
from agents.quality.config import Settings

SOURCE = Path(__file__).parents[4] / "agents" / "inspector" / "survey.py"
LINES = SOURCE.read_text().split("\n")
PIECE = LINES[LINES.index("def _walk(root: Path) -> Iterator[tuple[os.DirEntry[str], str, str]]:") :][:24]
OTHER = "\n".join(f"value_{n} = compute_{n}({n}, 'text {n}')" for n in range(30))


def found(
    *files: tuple[str, str], names: bool = False, tokens: int = 60, language: str = "python"
) -> list[Copy]:
    lexer = Lexer(ignore_names=names)
    return copies([lexer.lex(path, text, language) for path, text in files], min_tokens=tokens, min_lines=10)


def places(of: list[Copy]) -> list[tuple[str, int, str, int]]:
    return [(one.here, one.here_first, one.there, one.there_first) for one in of]


def test_a_piece_of_real_code_in_two_files_is_one_block_with_both_places():
    piece = "\n".join(PIECE)
    one, two = f"{OTHER}\n{piece}\n", f"# head\nimport os\n\n{piece}\n{OTHER.replace('value', 'other')}"
    (copy,) = found(("a.py", one), ("b.py", two))
    assert (copy.here, copy.here_first, copy.there, copy.there_first) == ("b.py", 4, "a.py", 31)
    assert copy.here_last - copy.here_first == copy.there_last - copy.there_first >= 18


def test_comments_blank_lines_and_indentation_hide_nothing():
    plain = "\n".join(PIECE)
    changed = "\n\n".join(f"    {line}  # why" for line in PIECE)
    (copy,) = found(("a.py", plain), ("b.py", f"class A:\n{changed}"))
    last = max(number for number, line in enumerate(PIECE, start=1) if line.strip())
    assert (copy.there_first, copy.there_last) == (1, last)


def test_other_names_hide_a_copy_unless_names_are_ignored():
    renamed = (
        "\n".join(PIECE).replace("folder", "directory").replace("path", "place").replace("entry", "item")
    )
    files = (("a.py", "\n".join(PIECE)), ("b.py", renamed))
    assert found(*files) == []
    assert places(found(*files, names=True)) == [("b.py", 1, "a.py", 1)]


def test_three_places_are_told_with_the_first_one_and_the_order_of_files_decides():
    piece = "\n".join(PIECE)
    assert places(found(("a.py", piece), ("b.py", piece), ("c.py", piece))) == [
        ("b.py", 1, "a.py", 1),
        ("c.py", 1, "a.py", 1),
    ]


def test_what_is_too_short_or_too_flat_is_no_copy():
    piece = "\n".join(PIECE)
    assert found(("a.py", piece), ("b.py", piece), tokens=5_000) == []
    flat = "x = [" + ", ".join(map(str, range(200))) + "]"  # many tokens, one line
    assert found(("a.py", flat), ("b.py", flat)) == []
    assert found(("a.py", piece)) == []


@pytest.mark.parametrize("language", ["python", "go", "rust", "lua"])
@pytest.mark.parametrize(
    "hostile",
    [
        "'''\\'" * 60_000,
        '"""\\"' * 60_000,
        "/*" * 120_000,
        "`\\" * 100_000,
        "0," * 200_000,
        "a " * 100_000,
        "#'\"\n" * 60_000,
    ],
    ids=["long", "longer", "comments", "ticks", "zeros", "names", "mixed"],
)
def test_no_text_takes_long(language, hostile):
    began = time.perf_counter()
    lexed = Lexer().lex("x", hostile, language)
    copies([lexed], min_tokens=100, min_lines=10)
    assert time.perf_counter() - began < 8


def test_lines_are_told_apart():
    text = '"""What it does.\n\nMore.\n"""\n\nx = 1  # one\n# two\ny = """a\nb"""\n'
    lexed = Lexer().lex("a.py", text, "python")
    assert (lexed.code, lexed.comment, lexed.blank) == ({6, 8, 9}, {1, 2, 3, 4, 7}, 1)
    lexed = Lexer().lex("a.go", "package a\n/* x\n y */\n\nfunc f() {} // z\n", "go")
    assert (lexed.code, lexed.comment, lexed.blank) == ({1, 5}, {2, 3}, 1)


def test_migrations_are_no_copies_of_each_other(tmp_path: Path):
    piece = "\n".join(PIECE)
    for name in ("0001_initial.py", "0002_more.py"):
        (tmp_path / "shop" / "migrations").mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / "migrations" / name).write_text(f"{piece}\n{name[:4]} = 1\n".replace("0", "v"))
    counted = count(tmp_path, survey(tmp_path), Settings())
    assert (counted.copies, sorted(counted.product)) == (
        [],
        ["shop/migrations/0001_initial.py", "shop/migrations/0002_more.py"],
    )
    for path in list((tmp_path / "shop" / "migrations").iterdir()):
        path.rename(tmp_path / "shop" / path.name)
    assert len(count(tmp_path, survey(tmp_path), Settings()).copies) == 1
