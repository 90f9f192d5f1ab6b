"""The reference as Markdown: the same content as in HTML, for forges and for programs that read.

Every code span here is a claim that `agents.grounding` checks. What docstrings name and the project does not have
(names of other projects, or outdated ones) is the author's claim, not ours: it is `<code>`, not a code span.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from agents.documentation.reference.forge import Source
from agents.documentation.reference.html_form import KINDS, ordered
from agents.documentation.reference.layout import GAPS, INDEX, SYMBOLS, Layout, module_id
from agents.documentation.reference.model import Entry, Page, Reference
from agents.documentation.reference.prose import Block, Note, Prose, fenced, plain
from agents.documentation.reference.signatures import Run, declaration, deprecation, marks, runs_of, text
from agents.grounding import Index, check, replaced
from agents.reporting.model import plural

_FENCED = re.compile(r"^[ >]*(`{3,})[^`\n]*$")


def stretches(markdown: str) -> Iterator[tuple[bool, list[str]]]:
    """Yield the lines of code blocks and those between them, in turn: (is it code, its lines)."""
    fence, lines = "", list[str]()
    for line in markdown.split("\n"):
        found = _FENCED.match(line)
        if not fence and found:
            yield False, lines
            fence, lines = found[1], [line]
        elif fence and found and found[1] == fence:
            yield True, [*lines, line]
            fence, lines = "", []
        else:
            lines.append(line)
    yield bool(fence), lines


def without_code(markdown: str) -> str:
    """The prose of a Markdown text."""
    prose = ("\n".join(lines) for is_code, lines in stretches(markdown) if not is_code)
    return "\n".join(replaced(text, lambda _: "") for text in prose)


@dataclass(slots=True, kw_only=True)
class Markdown:
    """Writes pages. `foreign` counts what docstrings name and the index does not have."""

    reference: Reference
    layout: Layout
    blocks: Callable[[str], Sequence[Block]]
    summaries: Callable[[str], str]
    source: Source
    index: Index
    foreign: set[str] = field(default_factory=set)
    _judged: dict[str, bool] = field(default_factory=dict)

    def index_page(self) -> str:
        """The first page."""
        reference = self.reference
        count = sum(1 for _ in reference.entries())
        lines = [
            f'<a id="page-index"></a>\n\n# {_text(reference.title)}',
            f"API reference{f' at {_text(reference.revision)}' if reference.revision else ''}: "
            f"{plural(len(reference.pages), 'module')}, {plural(count, 'name')}. "
            f"[All names]({self.layout.special(SYMBOLS, here=INDEX)}), "
            f"[not documented]({self.layout.special(GAPS, here=INDEX)}).",
        ]
        if reference.pages:
            rows = [
                f"| {self._link(name, name, '', INDEX)} | {self._summary(name)} |" for name in reference.pages
            ]
            lines.append("\n".join(["| Module | What it is for |", "|---|---|", *rows]))
        else:
            lines.append("No public module was found.")
        return "\n\n".join(lines) + "\n"

    def module(self, name: str) -> str:
        """The page of a module."""
        page = self.reference.pages[name]
        parts = [
            f'<a id="{escape(module_id(name))}"></a>\n\n# `{name}`',
            f"{self._place(page.module.file, 0)} · [Index]({self.layout.special(INDEX, here=name)})",
            *self._doc(name, name),
        ]
        below = [one for one in self.reference.pages if one.rpartition(".")[0] == name]
        if below:
            parts.append("## Modules")
            parts.append("\n".join(f"- {self._link(one, one, '', name)}" for one in below))
        for kind, title in KINDS:
            entries = [entry for entry in page.entries if entry.symbol.kind == kind]
            if entries:
                parts.append(f"## {title}")
                parts += [part for entry in entries for part in self._entry(entry, name, 3)]
        parts += self._exports(page)
        return "\n\n".join(filter(None, parts)) + "\n"

    def symbols(self) -> str:
        """All names, A to Z."""
        letters: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for page, entry in self.reference.entries():
            first = entry.name.lstrip("_")[:1].upper()
            told = f"- {self._link(entry.path, page.name, entry.path, SYMBOLS)} ({entry.symbol.kind})"
            letters[first if first.isalpha() else "_"].append((f"{entry.name.lower()} {entry.path}", told))
        parts = ['<a id="page-symbols"></a>\n\n# All names']
        for letter in sorted(letters):
            parts += [f"## {_text(letter)}", "\n".join(told for _, told in sorted(letters[letter]))]
        return "\n\n".join(parts) + "\n"

    def gaps(self) -> str:
        """What is not documented, and why."""
        rows = [f"| {_text(gap.what)} | {_text(gap.why)} |" for gap in self.reference.gaps]
        told = "\n".join(["| What | Why |", "|---|---|", *rows]) if rows else "Nothing is left out."
        return f'<a id="page-gaps"></a>\n\n# Not documented\n\n{told}\n'

    def single(self) -> str:
        """Everything on one page."""
        parts = [self.index_page(), *map(self.module, self.reference.pages), self.symbols(), self.gaps()]
        return "\n\n".join(parts)

    def _entry(self, entry: Entry, here: str, level: int) -> Iterator[str]:
        symbol = entry.symbol
        old = deprecation(symbol)
        words = [symbol.kind, *marks(symbol), *(["deprecated"] if old is not None else [])]
        yield f'<a id="{escape(entry.path)}"></a>\n\n{"#" * min(level, 6)} `{entry.name}`'
        yield f"{', '.join(words)} · {self._place(entry.file, symbol.line)}"
        yield fenced("\n\n".join(map(text, declaration(entry))), "python")
        if symbol.bases:
            yield "Bases: " + ", ".join(self._runs(runs_of(one), here) for one in symbol.bases)
        if old:
            yield f"**Deprecated:** {_text(old)}"
        yield from self._doc(entry.path, here)
        if entry.also:
            yield "Also importable as " + ", ".join(f"`{name}`" for name in entry.also[:10]) + "."
        for member in ordered(entry.members):
            yield from self._entry(member, here, level + 1)
        for one in entry.inherited:
            names = ", ".join(self._target(name, path, here) for name, path in one.members)
            yield f"Inherited from {self._target(one.base, one.base, here)}: {names}."

    def _exports(self, page: Page) -> Iterator[str]:
        if page.exports:
            yield "## Also offered here"
            yield "\n".join(
                f"- {self._target(f'{page.name}.{name}', target, page.name)} is {_text(target)}"
                for name, target in page.exports
            )
        if page.lost:
            yield f"In `__all__`, but not defined in this tree: {', '.join(map(_text, page.lost))}."

    def _doc(self, path: str, here: str) -> Iterator[str]:
        for block in self.blocks(path):
            if isinstance(block, Prose):
                yield self._grounded(block.text)
            elif isinstance(block, Note):
                told = f"**{_text(block.title)}.** {self._grounded(block.text)}"
                yield "\n".join(f"> {line}".rstrip() for line in told.split("\n"))
            else:
                rows = [f"**{_text(block.title)}**", ""]
                for row in block.rows:
                    kind = self._runs(runs_of(row.annotation), here)
                    name = self._grounded(f"`{plain(row.name)}`") if row.name else ""
                    head = " ".join(filter(None, [name, f"({kind})" if name and kind else kind]))
                    body = self._grounded(row.text).replace("\n", "\n  ")
                    rows.append(f"- {head}: {body}" if head else f"- {body}")
                yield "\n".join(rows) + (f"\n- and {plural(block.more, 'more')}" if block.more else "")

    def _summary(self, path: str) -> str:
        return self._grounded(self.summaries(path)).replace("|", "\\|")

    def _grounded(self, markdown: str) -> str:
        """Turn code spans that name what the project does not have into `<code>`, outside of code blocks."""
        out: list[str] = []
        for is_code, lines in stretches(markdown):
            out += lines if is_code else [replaced("\n".join(lines), self._span)]
        return "\n".join(out)

    def _span(self, match: re.Match[str]) -> str:
        named = match[2].strip()
        if named not in self._judged:
            self._judged[named] = not check(match[0], self.index)
        if self._judged[named]:
            return match[0]
        self.foreign.add(named)
        return f"<code>{escape(named)}</code>"

    def _runs(self, runs: Iterable[Run], here: str) -> str:
        return "".join(self._run(run, here) for run in runs)

    def _run(self, run: Run, here: str) -> str:
        place = self.reference.places.find(run.path) if run.path else None
        told = _text(run.text)
        return f"[{told}]({self.layout.href(*place, here=here)})" if place else told

    def _target(self, name: str, path: str, here: str) -> str:
        place = self.reference.places.find(path)
        return self._link(name, *place, here) if place else _text(name)

    def _link(self, name: str, page: str, anchor: str, here: str) -> str:
        return f"[`{name}`]({self.layout.href(page, anchor, here=here)})"

    def _place(self, path: str, line: int) -> str:
        address = self.source(path, line)
        told = f"{path}:{line}" if line else path
        if address is not None:
            return f"[{_text(told)}]({address})"
        return f"`{told}`" if check(f"`{told}`", self.index) == () and "`" not in told else _text(told)


def _text(value: str) -> str:
    """Text that stands for itself in Markdown, on one line."""
    value = " ".join(plain(value).split())
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", value.replace("&", "&amp;").replace("<", "&lt;"))
