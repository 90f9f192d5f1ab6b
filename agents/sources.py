"""The source that runs looked at, for people who look at it on pages.

    source = source_of_run(run_id) or latest(project_id)
    source.shelf().folder("")            agents.workspace.reading

What people see has its secrets cut out as in reports, and what would act on a reader is made visible: `shown_lines`.
Refuses to know HTTP, and who may look.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from agents.findings import line_key
from agents.models import Finding, RunQuality, TrackedFinding
from agents.redaction import CUT, redact
from agents.reporting.visible import visible
from agents.workspace.reading import Shelf, shelf_of
from tasks import artifacts
from tasks.models import Step

PLANNER = ("super", "plan")
LOOKED_BACK = 20  # runs of a project that are asked for a snapshot
MOST_SECRETS = 100  # of a file, that are looked for where their lines may have moved
MOST_SECRET_LINES = 200  # of one secret
MAX_LINE = 1_000  # characters of a line that are shown
MAX_WORD = 80  # of a text without a blank; blobs are shortened, which no reader misses
LOOK_SECONDS = 1.0  # for secrets in the lines of one page; foreign text may be made to take long
OVERHANG = 200  # characters that are looked through beyond the last shown, for a secret at the edge
_WORD = re.compile(rf"[\w\-.\"'\[\]]{{{MAX_WORD + 1},}}")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The tree of a run. `web`: the address of the repository's pages, "" if it has none."""

    run_id: UUID
    project_id: int
    digest: str
    revision: str
    web: str

    def shelf(self) -> Shelf:
        """Give its files. Raises ArtifactMissing, ArchiveRefused."""
        return shelf_of(self.digest, artifacts.open_blob)


def are_shown() -> bool:
    """Tell whether pages show source at all: an installation may say no."""
    return bool(settings.SHOW_SOURCE)


def source_of_run(run_id: UUID) -> Source | None:
    """Give the tree that a run looked at; None if it never had one, or the run is gone."""
    return _first(_plans().filter(run__public_id=run_id).order_by("-pk")[:1])


def latest(project_id: int) -> Source | None:
    """Give the tree that a project was last looked at: on its default branch, else wherever."""
    judged = RunQuality.objects.filter(project_id=project_id, is_default_branch=True).exclude(snapshot="")
    last = judged.order_by("-at", "-id").values_list("run", flat=True).first()
    found = source_of_run(last) if last is not None else None
    return found or _first(
        _plans().filter(run__project_id=project_id).order_by("-run_id", "-pk")[:LOOKED_BACK]
    )


def _plans() -> QuerySet[Step]:
    agent, operation = PLANNER
    return Step.objects.filter(run__hidden_at=None, agent=agent, operation=operation)


def _first(steps: QuerySet[Step]) -> Source | None:
    """Give the first tree of these steps, without reading all that they said."""
    told = steps.values_list(
        "run__public_id",
        "run__project_id",
        "output__snapshot__digest",
        "output__snapshot__revision",
        "output__web",
    )
    for run_id, project_id, digest, revision, web in told:
        if _DIGEST.match(digest or ""):
            return Source(
                run_id=run_id, project_id=project_id, digest=digest, revision=revision or "", web=web or ""
            )
    return None


def text_of(content: bytes) -> list[str] | None:
    """Give the lines of a file, numbered as analyzers do; None for what is no text."""
    if b"\0" in content[:8192]:
        return None
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    lines = text.split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines


def same_tree(source: Source, runs: Iterable[UUID]) -> set[UUID]:
    """Give those of the runs that looked at the very same tree."""
    same = _plans().filter(run__public_id__in=list(runs), output__snapshot__digest=source.digest)
    return set(same.values_list("run__public_id", flat=True))


def secret_lines(source: Source, path: str, lines: Sequence[str]) -> dict[int, str]:
    """Give the lines of a file in which a scan found a secret, in whichever run, judged or not.

    As the evidence of this tree's run shows them, else cut whole: where they were last, and, since lines move,
    wherever one begins as the secret's line did.
    """
    told: dict[int, str] = {}
    rows = Finding.objects.filter(run__public_id=source.run_id, path=path, category="secret")
    for first, last, evidence in rows.values_list("line", "end_line", "evidence"):
        told |= dict.fromkeys(range(first, min(last, first + MOST_SECRET_LINES) + 1), CUT)
        snippet = str(evidence[0].get("snippet") or "") if evidence else ""
        if snippet and "\n" not in snippet:
            told[first] = snippet
    known = TrackedFinding.objects.filter(project_id=source.project_id, path=path, category="secret")
    for first, last, key in known.values_list("line", "end_line", "line_text")[:MOST_SECRETS]:
        begin, cut, _rest = key.partition(CUT)
        moved = [
            n for n, line in enumerate(lines, start=1) if begin and cut and line_key(line).startswith(begin)
        ]
        for number in (*range(first, min(last, first + MOST_SECRET_LINES) + 1), *moved):
            told.setdefault(number, CUT)
    return told


def shown_lines(lines: Sequence[str], first: int, last: int, secrets: Mapping[int, str]) -> list[str]:
    """Give lines `first` to `last` (from 1) as people may see them: bounded, without secrets, nothing invisible.

    What takes too long to look through is cut whole.
    """
    keys = _key_lines(lines)
    ends = time.monotonic() + LOOK_SECONDS
    shown = []
    for number in range(first, min(last, len(lines)) + 1):
        if number in secrets:
            shown.append(visible(secrets[number]))
        elif number in keys or time.monotonic() > ends:
            shown.append(CUT)
        else:
            shown.append(_shown(lines[number - 1]))
    return shown


def _shown(line: str) -> str:
    known = _WORD.sub(lambda found: f"{found[0][:8]}…", line[: MAX_LINE + OVERHANG])
    told = visible(redact(known))
    return told if len(told) <= MAX_LINE and len(line) <= MAX_LINE + OVERHANG else f"{told[:MAX_LINE]}…"


def _key_lines(lines: Sequence[str]) -> set[int]:
    """Lines inside of private keys: their form tells them only at the first."""
    inside, found = False, set()
    for number, line in enumerate(lines, start=1):
        if "-----" not in line:
            if inside:
                found.add(number)
            continue
        begins, ends = _KEY_BEGIN.search(line), _KEY_END.search(line)
        if begins or inside:
            found.add(number)
        inside = (inside or begins is not None) and ends is None
    return found
