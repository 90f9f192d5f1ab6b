"""The finished reference: every form of it, checked, in an archive that is the same for the same tree.

Two checks stand before anything is handed out: each name in the Markdown is one that the code has
(`agents.grounding`), and each link of both forms leads to a page and an anchor that are there. What fails either is
refused whole.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from agents.documentation.reference.forge import Source
from agents.documentation.reference.html_form import Html
from agents.documentation.reference.layout import GAPS, INDEX, SYMBOLS, Layout, Paged, Single
from agents.documentation.reference.markdown_form import Markdown, without_code
from agents.documentation.reference.model import Entry, Reference
from agents.documentation.reference.prose import Block, Listing, blocks, summary
from agents.documentation.reference.rendering import rendered
from agents.documentation.reference.signatures import declaration, deprecation, text
from agents.grounding import Index, Ungrounded, Unresolved, demand

MAX_SINGLE_BYTES = 6 << 20  # of all on one page: beyond it a browser takes its time
MAX_SITE_BYTES = 192 << 20
_EPOCH = (2000, 1, 1, 0, 0, 0)
_HTML_LINK = re.compile(r' href="([^"]*)"')
_HTML_ID = re.compile(r' id="([^"]*)"')
_MD_LINK = re.compile(r"(?<!\\)\]\(([^()\s]+)\)")
_MD_ID = re.compile(r'<a id="([^"]*)"></a>')


class ReferenceTooLarge(Exception):
    """The pages have more bytes than may be; the message says how many, and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is stored: the archive, and everything on one page, which is None if that page would be too large."""

    archive: bytes
    html: bytes | None
    markdown: bytes | None
    json: bytes
    foreign: tuple[str, ...]


def build(
    reference: Reference,
    index: Index,
    source: Source,
    *,
    scratch: Path,
    cancelled: Callable[[], bool],
    progress: Callable[[str], None],
) -> Site:
    """Write and check all forms. Raises Ungrounded, ReferenceTooLarge, ProseUnreadable, StepCancelled."""
    parts = {page.name: blocks(page.module.docstring) for page in reference.pages.values()}
    short = {page.name: summary(page.module.docstring) for page in reference.pages.values()}
    for _, entry in reference.entries():
        parts[entry.path] = blocks(entry.symbol.docstring)
        short[entry.path] = summary(entry.symbol.docstring)
    progress("rendering docstrings")
    prose = rendered([*_texts(parts), *filter(None, short.values())], scratch=scratch, cancelled=cancelled)
    index.words.update(_words(reference))

    def html(layout: Layout) -> Html:
        return Html(
            reference=reference, layout=layout, prose=prose, blocks=lambda path: parts.get(path, ()),
            summaries=lambda path: short.get(path, ""), source=source,
        )  # fmt: skip

    def markdown(layout: Layout) -> Markdown:
        return Markdown(
            reference=reference, layout=layout, blocks=lambda path: parts.get(path, ()),
            summaries=lambda path: short.get(path, ""), source=source, index=index,
        )  # fmt: skip

    progress("writing pages")
    paged_html, paged_md = Paged.of(reference.pages, "html"), Paged.of(reference.pages, "md")
    writer, writer_md = html(paged_html), markdown(paged_md)
    pages = _html_pages(writer, paged_html, reference)
    texts = _markdown_pages(writer_md, paged_md, reference)
    _demand_size(pages, texts)
    progress("checking names and links")
    _demand_links(pages, _HTML_LINK, _HTML_ID)
    _demand_links({name: without_code(content) for name, content in texts.items()}, _MD_LINK, _MD_ID)
    index.paths.update(texts, (name.removeprefix("api/") for name in texts), {"../index.md"})
    for name, content in texts.items():
        demand(content, index, base=dirname(name))
    return Site(
        archive=_packed({**pages, **{f"markdown/{name}": content for name, content in texts.items()}}),
        html=_single(lambda: html(Single()).single(), pages, _HTML_LINK, _HTML_ID),
        markdown=_single(lambda: markdown(Single()).single(), texts, _MD_LINK, _MD_ID),
        json=json.dumps(told(reference, paged_html), indent=1).encode(),
        foreign=tuple(sorted(writer_md.foreign)),
    )


def _texts(parts: Mapping[str, Sequence[Block]]) -> Iterator[str]:
    for several in parts.values():
        for block in several:
            if isinstance(block, Listing):
                yield from (row.text for row in block.rows if row.text)
            elif block.text:
                yield block.text


def _words(reference: Reference) -> Iterator[str]:
    """Names that are true by being public: those that re-exports give."""
    yield "__all__"
    for page in reference.pages.values():
        yield from (f"{page.name}.{name}" for name, _ in page.exports)
    for _, entry in reference.entries():
        yield entry.path
        yield from entry.also


def _html_pages(writer: Html, layout: Paged, reference: Reference) -> dict[str, str]:
    pages = {layout.file(INDEX): writer.index()}
    pages |= {layout.file(name): writer.module(name) for name in reference.pages}
    return pages | {layout.file(SYMBOLS): writer.symbols(), layout.file(GAPS): writer.gaps()}


def _markdown_pages(writer: Markdown, layout: Paged, reference: Reference) -> dict[str, str]:
    pages = {layout.file(INDEX): writer.index_page()}
    pages |= {layout.file(name): writer.module(name) for name in reference.pages}
    return pages | {layout.file(SYMBOLS): writer.symbols(), layout.file(GAPS): writer.gaps()}


def _demand_size(*forms: Mapping[str, str]) -> None:
    total = sum(len(content) for form in forms for content in form.values())
    if total > MAX_SITE_BYTES:
        raise ReferenceTooLarge(
            f"the pages have {total >> 20} MB, and {MAX_SITE_BYTES >> 20} may be; "
            "name folders in 'paths' to have less"
        )


def _demand_links(pages: Mapping[str, str], link: re.Pattern[str], anchor: re.Pattern[str]) -> None:
    """Raise Ungrounded if a link leads to no page or anchor of these."""
    anchors = {
        name: {"top", *(unescape(one) for one in anchor.findall(content))} for name, content in pages.items()
    }
    faults = []
    for name, content in pages.items():
        for target in set(link.findall(content)):
            address = unescape(target)
            if address.startswith(("http://", "https://")):
                continue
            path, _, fragment = address.partition("#")
            page = normpath(join(dirname(name), unquote(path))) if path else name
            if page not in pages or (fragment and unquote(fragment) not in anchors[page]):
                faults.append(
                    Unresolved(kind="path", text=address, why=f"{name} links to it, and it is not there")
                )
    if faults:
        raise Ungrounded(tuple(faults))


def _single(
    write: Callable[[], str], pages: Mapping[str, str], link: re.Pattern[str], anchor: re.Pattern[str]
) -> bytes | None:
    if sum(len(content) for content in pages.values()) > 4 * MAX_SINGLE_BYTES:
        return None
    content = write()
    if len(content) > MAX_SINGLE_BYTES:
        return None
    _demand_links({"": without_code(content) if link is _MD_LINK else content}, link, anchor)
    return content.encode("utf-8", "replace")


def _packed(files: Mapping[str, str]) -> bytes:
    """An archive of the files: sorted and without times, so that the same tree gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            about = zipfile.ZipInfo(name, _EPOCH)
            about.external_attr = 0o644 << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, files[name].encode("utf-8", "replace"))
    return out.getvalue()


def told(reference: Reference, layout: Paged) -> dict[str, object]:
    """The reference for programs."""
    return {
        "title": reference.title,
        "revision": reference.revision,
        "modules": [
            {
                "name": page.name,
                "file": page.module.file,
                "page": layout.file(page.name),
                "names": [_told(entry, layout.file(page.name)) for entry in page.entries],
                "exports": [{"name": name, "target": target} for name, target in page.exports],
            }
            for page in reference.pages.values()
        ],
        "not_documented": [{"what": gap.what, "why": gap.why} for gap in reference.gaps],
    }


def _told(entry: Entry, page: str) -> dict[str, object]:
    symbol = entry.symbol
    return {
        "name": entry.path,
        "kind": symbol.kind,
        "defined_as": symbol.path,
        "declarations": [text(form) for form in declaration(entry)],
        "summary": summary(symbol.docstring),
        "documented": symbol.docstring is not None,
        "deprecated": deprecation(symbol) is not None,
        "file": entry.file,
        "line": symbol.line,
        "address": f"{page}#{entry.path}",
        "also": list(entry.also),
        "members": [_told(member, page) for member in entry.members],
        "inherited": [name for one in entry.inherited for name, _ in one.members],
    }
