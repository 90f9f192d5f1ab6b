"""The source that runs looked at, for people who look at it on pages.

    source = source_of_run(run_id) or latest(project_id)
    source.shelf().folder("")            agents.workspace.reading

What people see has its secrets cut out as in reports, and what would act on a reader is made visible: `shown_lines`.
Refuses to know HTTP, and who may look.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from agents.models import Finding, RunQuality, TrackedFinding
from agents.redaction import CUT, redact
from agents.reporting.visible import visible
from agents.workspace.reading import Shelf, shelf_of
from tasks import artifacts
from tasks.models import Step

PLANNER = ("super", "plan")
LOOKED_BACK = 20  # runs of a project that are asked for a snapshot
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


def secret_lines(source: Source, path: str) -> dict[int, str]:
    """Give the lines in which a scan found a secret, each as its evidence shows it, judged or not."""
    told: dict[int, str] = {}
    rows = Finding.objects.filter(run__public_id=source.run_id, path=path, category="secret")
    for first, last, evidence in rows.values_list("line", "end_line", "evidence"):
        for number in range(first, min(last, first + 200) + 1):
            told[number] = CUT
        snippet = str(evidence[0].get("snippet") or "") if evidence else ""
        if snippet and "\n" not in snippet:
            told[first] = snippet
    tracked = TrackedFinding.objects.filter(project_id=source.project_id, path=path, category="secret")
    for number in tracked.filter(last_run=source.run_id).values_list("line", flat=True):
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
