"""What a run leaves behind: the report files, the summary on the terminal, the exit code."""

import json
import os
import re
import shutil
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wrenchai_client.errors import ClientError
from wrenchai_client.server import ApiClient, RunView
from wrenchai_client.text import clean

SEVERITIES = ("critical", "high", "medium", "low", "info")
TOP = 10
WIDEST = 110  # columns of a message
REPORT_NAME = re.compile(r"report\.[a-z]+|pull_request\.md")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")  # nothing that leads elsewhere or hides
UNWANTED_NAME = re.compile(r".*\.tar")  # the trees that the run looked at, which whoever asked for it has


def save_reports(client: ApiClient, run: RunView, *, reports: Path, wanted: Path | None) -> list[Path]:
    """Write the run's files to `wanted`, or to `reports/<run>` with `reports/latest` pointing at it.

    Files are the reports and what the steps wrote: documents, patches, the bill of materials. Returns their paths.
    """
    folder = wanted or reports / run.id
    saved = save_files(client, files_of(run), folder)
    if wanted is None:
        try:
            _point_latest(reports, run.id)
        except OSError as error:
            raise _unwritable(folder, error) from None
    return saved


def files_of(run: RunView) -> list[Mapping[str, Any]]:
    """Return the run's artifacts that people want: all but the trees that it looked at."""
    named = [(str(artifact.get("name", "")), artifact) for artifact in run.artifacts]
    return [one for name, one in named if PLAIN_NAME.fullmatch(name) and not UNWANTED_NAME.fullmatch(name)]


def save_files(client: ApiClient, files: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write these artifacts into the folder, which is made. Returns their paths. Raises ClientError."""
    saved = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for artifact in files:
            path = folder / str(artifact["name"])
            path.write_bytes(client.artifact(artifact))
            saved.append(path)
    except OSError as error:
        raise _unwritable(folder, error) from None
    return sorted(saved)


def _unwritable(folder: Path, error: OSError) -> ClientError:
    return ClientError(f"cannot write the reports to {folder}: {error.strerror}")


def _point_latest(reports: Path, run: str) -> None:
    fresh = reports / f".latest.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(run)
    latest = reports / "latest"
    if latest.is_dir() and not latest.is_symlink():
        shutil.rmtree(latest)
    fresh.replace(latest)


def text(run: RunView, saved: list[Path], *, seconds: float | None = None, score: str = "") -> str:
    """Return the summary: answer, counts, top findings, what was not analysed, score, reports, time."""
    lines = [""]
    if answer := run.summary.get("answer"):
        lines += [clean(line) for line in str(answer).strip().splitlines()] + [""]
    lines.append(_counts(run))
    top = (run.summary.get("top") or [])[:TOP]
    lines += [line for one in top for line in _finding(one)]
    if top and (rest := sum(counted(run).values()) - len(top)) > 0:
        lines += ["", f"  ... and {rest:,} more in the reports"]
    if skipped := run.summary.get("not_analysed"):
        lines += ["", "Not analysed:", *(line for one in skipped for line in _wrapped(_skipped(one), 2))]
    lines += _failures(run)
    if score and looked_at(run):
        lines += ["", score]
    reports = [path for path in saved if REPORT_NAME.fullmatch(path.name)]
    for title, paths in (("Reports:", reports), ("Written:", [p for p in saved if p not in reports])):
        lines += ["", title, *(f"  {path}" for path in paths)] if paths else []
    took = "" if seconds is None else f" in {seconds:.1f} s"
    lines += ["", f"Run {run.id} {run.state}{took}"]
    return "\n".join(lines)


def as_json(run: RunView, saved: list[Path], *, seconds: float, **more: Any) -> str:
    """Return the same as one JSON object, with what else is to be told."""
    content: dict[str, Any] = {
        "run": run.id,
        "state": run.state,
        "seconds": round(seconds, 1),
        "summary": dict(run.summary),
        "reports": {path.name: str(path) for path in saved if REPORT_NAME.fullmatch(path.name)},
        "files": {path.name: str(path) for path in saved if not REPORT_NAME.fullmatch(path.name)},
        **more,
    }
    return json.dumps(content, indent=2)


def looked_at(run: RunView) -> bool:
    """Tell whether any step of an agent other than SuperAgent did its work: else nothing can be called clean."""
    return any(step.agent != "super" and step.state == "succeeded" for step in run.steps)


def _counts(run: RunView) -> str:
    counts = counted(run)
    told = ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if counts[name])
    if told:
        return f"Findings: {told}"
    return (
        "Findings: none in what was analysed"
        if looked_at(run)
        else "Nothing was analysed, so nothing was found"
    )


def counted(run: RunView) -> dict[str, int]:
    """Return severity -> number of findings, all severities."""
    found = run.summary.get("findings") or {}
    return {name: int(found.get(name, 0)) for name in SEVERITIES}


def exceeds(run: RunView, threshold: str | None) -> bool:
    """Tell whether a finding is so severe or worse, or nobody looked; never without a threshold."""
    if threshold is None:
        return False
    if not looked_at(run):
        return True  # who asks for a limit wants to know that it was kept
    counts = counted(run)
    return any(counts[name] for name in SEVERITIES[: SEVERITIES.index(threshold) + 1])


def _finding(one: Mapping[str, Any]) -> list[str]:
    place = f"{one.get('path') or ''}:{one['line']}" if one.get("line") else str(one.get("path") or "")
    severity, rule = str(one.get("severity", "")).upper(), one.get("rule", "")
    confidence = one.get("confidence") or "high"
    doubt = "" if confidence == "high" else f"  (confidence {confidence})"
    head = clean(f"  {severity:<8}  {place}  {rule}{doubt}")
    return ["", head, *_wrapped(clean(one.get("message", "")), 12)]


def _wrapped(text: str, indent: int) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(
        text,
        width=max(60, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)),
        initial_indent=margin,
        subsequent_indent=margin if indent > 2 else margin + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _skipped(one: object) -> str:
    if isinstance(one, Mapping):
        return ": ".join(clean(one[name]) for name in ("what", "why") if one.get(name))
    return clean(one)


def _failures(run: RunView) -> list[str]:
    dead = [step for step in run.steps if step.state == "dead"]
    return ["", "Failed:", *(f"  {step.key}: {step.message}" for step in dead)] if dead else []
