"""All figures of a tree together.

    survey -> files of languages that can be counted -> lexed -> lines, copies -> new lines, by the baseline's tree
           -> lizard, all functions -> complexity                        Python -> docstrings

Invariant: a file that could not be counted is named as failed; it never lowers a figure silently.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.conventions import is_migration
from agents.inspector.measures.copies import Copy, copies
from agents.inspector.measures.docstrings import documented
from agents.inspector.measures.hotspots import Found
from agents.inspector.measures.tokens import LEXERS, Lexed, Lexer
from agents.inspector.survey import SourceFile, Survey
from agents.quality.config import Settings
from agents.quality.model import (
    Block,
    Complexity,
    Documentation,
    Duplication,
    Lines,
    Measures,
    NewCode,
    Place,
)

MAX_TOKENS = 6_000_000  # about 700,000 lines; more would need more memory than a step has
SHOWN_BLOCKS = 20
MAX_SHOWN_PATH = 300
EVERY = 200  # files between two looks at whether the result is still wanted
_STEPS = ((5, "1-5"), (10, "6-10"), (15, "11-15"), (30, "16-30"))


@dataclass(slots=True)
class Counted:
    """What the files of a tree came to, before it is summed up."""

    product: dict[str, Lexed] = field(default_factory=dict)
    tests: dict[str, Lexed] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    documented: int = 0
    public: int = 0
    copies: list[Copy] = field(default_factory=list)


def count(
    root: Path, found: Survey, settings: Settings, *, check: Callable[[], None] = lambda: None
) -> Counted:
    """Lex every file that can be counted, and find the copies in product code. `check` may raise to end it.

    Migrations of a database are no copies of each other: each is written from the state of that day, and stays.
    """
    lexer, counted, tokens = Lexer(ignore_names=settings.duplication.ignore_names), Counted(), 0
    for number, file in enumerate(measurable(found.files)):
        if number % EVERY == 0:
            check()
        text = _text(root, file.path)
        if text is None or tokens > MAX_TOKENS:
            counted.failed[file.path] = (
                "it cannot be read" if text is None else "more code than can be compared"
            )
            continue
        lexed = lexer.lex(file.path, text, file.language)
        tokens += len(lexed.tokens)
        (counted.tests if file.in_test_code else counted.product)[file.path] = lexed
        if not file.in_test_code:
            counted.languages[file.language] += len(lexed.code)
            if file.language == "python":
                public, said = documented(file.path, text)
                counted.public += public
                counted.documented += said
    check()
    asked = settings.duplication
    product = [lexed for path, lexed in counted.product.items() if not is_migration(path)]
    counted.copies = copies(product, min_tokens=asked.min_tokens, min_lines=asked.min_lines)
    return counted


def measurable(files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    """Give the files whose lines can be told apart."""
    return (file for file in files if file.language in LEXERS)


def fresh_lines(root: Path, counted: Counted, base: Path, known: Survey) -> dict[str, set[int]]:
    """Tell which lines of product code a baseline's tree did not have: a line is known if the file of the same path
    held it as often; a file that was only moved is known whole.
    """
    contents = {file.digest for file in known.files if file.digest}
    paths = {file.path: file for file in known.files}
    return {
        path: _fresh_lines(root, lexed, base, paths.get(path), contents)
        for path, lexed in counted.product.items()
    }


def new_code(counted: Counted, fresh: Mapping[str, set[int]], *, baseline: str) -> NewCode:
    """Count new lines, and those of them that are copies."""
    doubled = _doubled(counted.copies)
    copied = sum(len(lines & doubled.get(path, set())) for path, lines in fresh.items())
    return NewCode(lines=sum(map(len, fresh.values())), duplicated_lines=copied, baseline=baseline)


def measures_of(
    counted: Counted,
    complexities: Mapping[str, Sequence[int]] | None,
    found: Survey,
    *,
    new: NewCode,
    failed: int,
    hot: Found,
) -> Measures:
    """Sum up. `complexities`: path -> of its functions; `failed` files could not be parsed for it."""
    doubled = _doubled(counted.copies)
    code = sum(len(one.code) for path, one in counted.product.items() if not is_migration(path))
    lines = sum(len(held & counted.product[path].code) for path, held in doubled.items())
    largest = sorted(counted.copies, key=lambda copy: (-copy.lines, copy.here, copy.here_first))[
        :SHOWN_BLOCKS
    ]
    return Measures(
        product=_lines(counted.product.values()),
        tests=_lines(counted.tests.values()),
        languages=dict(counted.languages.most_common()),
        duplication=Duplication(
            lines=lines,
            percent=round(100 * lines / code, 2) if code else 0.0,
            block_count=len(counted.copies),
            blocks=tuple(map(_block, largest)),
        ),
        new_code=new,
        complexity=_complexity(counted, complexities, failed),
        documentation=Documentation(
            public=counted.public,
            documented=counted.documented,
            percent=round(100 * counted.documented / counted.public, 1) if counted.public else None,
        ),
        hotspots=hot.spots,
        hotspots_why=hot.why,
        excluded_files=sum(count for reason, count in found.counts.items() if "wrench.toml" in reason),
    )


def _text(root: Path, path: str) -> str | None:
    try:
        return (root / path).read_bytes().decode("utf-8")
    except (OSError, UnicodeError):
        return None


def _lines(files: Iterable[Lexed]) -> Lines:
    every = list(files)
    return Lines(
        files=len(every),
        code=sum(len(one.code) for one in every),
        comment=sum(len(one.comment) for one in every),
        blank=sum(one.blank for one in every),
    )


def _doubled(found: Iterable[Copy]) -> dict[str, set[int]]:
    """Path -> the lines that stand somewhere else, too."""
    held: dict[str, set[int]] = {}
    for copy in found:
        held.setdefault(copy.here, set()).update(range(copy.here_first, copy.here_last + 1))
        held.setdefault(copy.there, set()).update(range(copy.there_first, copy.there_last + 1))
    return held


def _fresh_lines(
    root: Path, lexed: Lexed, base: Path, before: SourceFile | None, contents: set[str]
) -> set[int]:
    now = _text(root, lexed.path)
    if now is None:
        return set()
    if before is None:
        moved = hashlib.sha256(now.encode()).hexdigest() in contents
        return set() if moved else set(lexed.code)
    then = _text(base, before.path)
    if then == now:
        return set()
    known = Counter(line.strip() for line in (then or "").split("\n"))
    fresh = set()
    for number, line in enumerate(now.split("\n"), start=1):
        told = line.strip()
        if known[told] > 0:
            known[told] -= 1
        elif number in lexed.code:
            fresh.add(number)
    return fresh


def _block(copy: Copy) -> Block:
    return Block(
        lines=copy.lines,
        tokens=copy.tokens,
        here=Place(path=copy.here[:MAX_SHOWN_PATH], first=copy.here_first, last=copy.here_last),
        there=Place(path=copy.there[:MAX_SHOWN_PATH], first=copy.there_first, last=copy.there_last),
    )


def _complexity(
    counted: Counted, complexities: Mapping[str, Sequence[int]] | None, failed: int
) -> Complexity | None:
    if complexities is None:
        return None
    every = [one for path, values in complexities.items() if path in counted.product for one in values]
    steps = Counter(next((name for most, name in _STEPS if one <= most), "over 30") for one in every)
    names = [name for _, name in _STEPS] + ["over 30"]
    return Complexity(
        functions=len(every),
        mean=round(sum(every) / len(every), 2) if every else 0.0,
        largest=max(every, default=0),
        distribution={name: steps[name] for name in names},
        failed_files=failed,
    )
