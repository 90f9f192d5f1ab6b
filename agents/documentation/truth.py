"""What the pages of a project say that is not so (any more): links, commands, paths, code blocks, lists of settings.

Owns: the rules, and their silence. A claim is made only where the tree itself would have to hold what is named;
pages about the past are asked for their links only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from agents.documentation.claims import Claim, Said
from agents.documentation.commands import SHELLS, Commands
from agents.documentation.pages import Page, Pages
from agents.findings import Confidence, Severity
from agents.grounding import joined_path
from agents.quality.globs import Globs, fault_of
from agents.symbols.sources import Sources

TOOL = "wrench-docs"
VERSION = "2"  # of the rules below

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_COMMAND = re.compile(r"\s*(\$ )?(python\d?(\.\d+)? |\./manage\.py |make |npm run |pnpm run |yarn run )")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/[\w-]+\.[a-z]{1,5}")
_FILE = re.compile(
    r"\.(md|markdown|rst|html?|txt|pdf|py|js|ts|png|svg|jpe?g|gif|toml|ini|cfg|ya?ml|json|sh|sql|csv)$"
)
_BLANK = re.compile(r"[A-Z]+(?:_[A-Z]+)+/")
_EXAMPLE = re.compile(r"\.(example|sample|dist|template|tmpl|in)$")
_SETTING = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_ASIDE = re.compile(r"(^|/)(benchmarks?|examples?|samples?|docs?|scripts|tools)/")  # not what operators run
MAX_IGNORED = 500  # patterns of what a reader is to make
LEAST_SETTINGS = 3  # a page that names fewer lists no settings


@dataclass(slots=True, kw_only=True)
class Checked:
    """How much was looked at. `external` links are never fetched."""

    links: int = 0
    external: int = 0
    commands: int = 0
    blocks: int = 0


def faults(pages: Pages, sources: Sources, commands: Commands, checked: Checked) -> Iterator[Claim]:
    """Yield what is not so."""
    anchors = {page.path: set(page.anchors) for page in pages.pages if not page.path.lower().endswith(".rst")}
    later, included = _made_later(sources), _included(pages, commands.paths)
    for page in pages.pages:
        folders = [page.folder, *included.get(page.path, ())]
        yield from _links(page, folders, anchors, commands.paths, checked)
        if not page.is_history:
            yield from _commands(page, commands, checked)
            yield from _spans(page, commands.paths, later)
            yield from _blocks(page, checked)
            yield from _settings(page, pages, sources)


def _claim(
    rule: str, title: str, message: str, path: str, line: int, *, severity: Severity, end_line: int = 0,
    confidence: Confidence = Confidence.HIGH,
) -> Claim:  # fmt: skip
    said = Said(tool=TOOL, version=VERSION, rule=rule, message=message)
    return Claim(
        rule=rule, title=title, message=message, path=path, line=line, end_line=end_line or line,
        severity=severity, confidence=confidence, said=(said,),
    )  # fmt: skip


def _links(
    page: Page, folders: list[str], anchors: dict[str, set[str]], paths: frozenset[str], checked: Checked
) -> Iterator[Claim]:
    """Follow the links of a page, which may be meant from any of these folders."""
    for link in page.links:
        if _SCHEME.match(link.target):
            checked.external += 1
            continue
        path, _, anchor = link.target.partition("#")
        path = unquote(path.partition("?")[0])
        if path.startswith("/") or "{" in link.target or (not path and not anchor) or _is_unsaid(path):
            continue
        checked.links += 1
        tried = (_resolved(path, folder, paths) for folder in folders)
        found = next((one for one in tried if one is not None), None) if path else page.path
        is_plain = bool(_FILE.search(path.lower()))
        if found is None and not is_plain:
            found = _on_site(path, page, paths)
        if found is None:
            yield _claim(
                "docs-broken-link", "Link leads nowhere", f"The link leads to {path!r}, which is not in the tree.",
                page.path, link.line, severity=Severity.MEDIUM,
                confidence=Confidence.HIGH if is_plain else Confidence.MEDIUM,
            )  # fmt: skip
        elif anchor and found in anchors and not _has_anchor(unquote(anchor), anchors[found]):
            yield _claim(
                "docs-broken-anchor", "Link to a heading that does not exist",
                f"{found} has no heading with the anchor {anchor!r}.", page.path, link.line,
                severity=Severity.LOW, confidence=Confidence.MEDIUM,
            )  # fmt: skip


def _included(pages: Pages, paths: frozenset[str]) -> dict[str, set[str]]:
    """Page -> folders of the reStructuredText that names it: if it is included there, its links count from there."""
    found: dict[str, set[str]] = {}
    for page in pages.pages:
        if page.path.lower().endswith(".rst"):
            for link in page.links:
                if named := _resolved(link.target, page.folder, paths):
                    found.setdefault(named, set()).add(page.folder)
    return found


def _is_unsaid(target: str) -> bool:
    """True for what site generators resolve by name: a label, or a module's or function's name; and for a path below
    a word that is to be replaced (`IMG_URL/badge.png`).
    """
    if _BLANK.match(target):
        return True
    return bool(target) and "/" not in target and not _FILE.search(target) and not target.isupper()


def _has_anchor(anchor: str, known: set[str]) -> bool:
    wanted = anchor.lower().removeprefix("user-content-")
    return wanted in known or anchor in known or bool(re.fullmatch(r"L\d+(-L\d+)?|top", anchor))


def _resolved(path: str, folder: str, paths: frozenset[str]) -> str | None:
    """Find the file that a link means, as code hosts and site generators do. A link out of the tree is believed."""
    joined = joined_path(path, base=folder)
    if joined is None or joined == ".":
        return ""
    stem = re.sub(r"\.html?$", "", joined)
    for tried in (
        joined,
        f"{stem}.md",
        f"{stem}/index.md",
        f"{stem}/README.md",
        f"{stem}.rst",
        f"{stem}.html",
    ):
        if tried in paths:
            return tried
    return None


def _on_site(path: str, page: Page, paths: frozenset[str]) -> str | None:
    """Find the page that a link without an ending means on a site that serves each page as a folder.

    There `../cron/` of `docs/logs.md` is `docs/cron.md`. What lies above all pages is the site's own to serve, and is
    believed ("").
    """
    joined = joined_path(path, base=page.site_folder)
    found = _resolved(path, page.site_folder, paths)
    if found is not None or joined is None or page.site_folder == page.folder:
        return found
    return "" if not f"{joined}/".startswith(f"{page.folder}/") and path.endswith("/") else None


def _made_later(sources: Sources) -> Globs:
    """What a reader is to make: paths that git ignores, and those beside which lies an example of them."""
    ignored = (sources.text(".gitignore") or "") if ".gitignore" in sources.paths else ""
    lines = [line.strip() for line in ignored.split("\n")]
    patterns = [line for line in lines if line and line[0] not in "#!" and not fault_of(line)]
    patterns += [f"/{stem}" for path in sources.paths if (stem := _EXAMPLE.sub("", path)) != path]
    return Globs(patterns[:MAX_IGNORED])


def _commands(page: Page, commands: Commands, checked: Checked) -> Iterator[Claim]:
    texts = [
        (block.text, block.line + 1)
        for block in page.blocks
        if block.language in SHELLS or (not block.language and "$ " in block.text)
    ]
    texts += [(span.text, span.line) for span in page.spans if _COMMAND.match(span.text)]
    for text, line in texts:
        checked.commands += 1
        for one in commands.missing(text, folder=page.folder, first=line):
            yield _claim(
                "docs-unknown-command" if one.kind != "path" else "docs-missing-path",
                "Command that cannot work" if one.kind != "path" else "Path that does not exist",
                f"{one.name!r}: {one.why}.", page.path, one.line, severity=Severity.MEDIUM,
            )  # fmt: skip


def _spans(page: Page, paths: frozenset[str], later: Globs) -> Iterator[Claim]:
    for span in page.spans:
        if span.is_title or not _PATH.fullmatch(span.text) or span.text.startswith(("www.", "..")):
            continue
        first = span.text.partition("/")[0]
        places = [place for place in (first, joined_path(first, base=page.folder)) if place in paths]
        tail = f"/{span.text}"
        if not places or span.text in paths or any(path.endswith(tail) for path in paths):
            continue
        if later.match(span.text) or later.match(joined_path(span.text, base=page.folder) or span.text):
            continue
        yield _claim(
            "docs-missing-path", "Path that does not exist",
            f"{span.text!r}: {places[0]} is there, but has no such file.", page.path, span.line,
            severity=Severity.LOW, confidence=Confidence.MEDIUM,
        )  # fmt: skip


def _blocks(page: Page, checked: Checked) -> Iterator[Claim]:
    for block in page.blocks:
        checked.blocks += bool(block.language)
        if block.fault:
            yield _claim(
                "docs-broken-example", "Example that does not parse",
                f"This block says that it is {block.language}, but is not: {block.fault}.", page.path, block.line,
                end_line=block.end_line, severity=Severity.LOW,
            )  # fmt: skip


def _settings(page: Page, pages: Pages, sources: Sources) -> Iterator[Claim]:
    """Compare a page that calls itself complete with the settings that the code asks for."""
    named = {span.text.partition("=")[0] for span in page.spans}
    listed = {name for name in named if _SETTING.fullmatch(name)}
    asked = {setting.name for setting in pages.settings}
    if not page.complete or len(listed & asked) < LEAST_SETTINGS:
        return
    families = {
        name for name, n in Counter(name.partition("_")[0] for name in listed & asked).items() if n > 1
    }
    told: set[str] = set()
    for setting in sorted(pages.settings, key=lambda one: (one.path, one.line)):
        if (
            setting.name in named | told
            or _ASIDE.search(setting.path)
            or setting.name.partition("_")[0] not in families
        ):
            continue
        told.add(setting.name)
        yield _claim(
            "docs-unlisted-setting", "Setting missing from the list that calls itself complete",
            f"{setting.name} is read here, but {page.path} (line {page.complete}), which calls itself complete, does "
            "not list it.",
            setting.path, setting.line, severity=Severity.MEDIUM,
        )  # fmt: skip
