"""quality: what the gate decided, the ratings and the figures; its exit code is the gate's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wrenchai_client import table
from wrenchai_client.commands.base import Call, Parsers, add, add_run, note, project_of, run_of
from wrenchai_client.errors import BAD_INPUT, DONE, FAILED
from wrenchai_client.server import ApiClient, ApiRefused
from wrenchai_client.text import clean

GOOD = frozenset({"passed", "baseline"})
DIMENSIONS = ("security", "reliability", "maintainability")


def register(commands: Parsers) -> None:
    """Add the command."""
    quality = add(
        commands,
        "quality",
        tell_quality,
        "tell gate, ratings and figures of a run, or of a project's latest; exit with 1 unless the gate is good",
    )
    add_run(quality, optional=True)
    quality.add_argument("--project", metavar="SLUG", help="slug, or team/slug: what its latest run said")


def tell_quality(call: Call) -> int:
    """Tell what a run said of quality."""
    options, client = call.options, call.client()
    if options.project:
        told = client.get(f"/api/v1/projects/{project_of(client, options.project)}/quality")
    else:
        told = client.get(f"/api/v1/runs/{run_of(client, options.run)}/quality")
    if options.json:
        table.dump(told)
    else:
        print("\n".join(map(clean, _lines(told))))
    return code_of(told)


def code_of(told: Mapping[str, Any]) -> int:
    """Give the exit code that a gate deserves: one that could not be computed is not good."""
    return DONE if told.get("gate") in GOOD else FAILED


def gate_of(client: ApiClient, run: str) -> int:
    """Say what the gate of a run decided, and give its exit code."""
    try:
        told = client.get(f"/api/v1/runs/{run}/quality")
    except ApiRefused as error:
        if error.exit_code != BAD_INPUT:  # there is such a run, and it told of no quality
            raise
        told = {"gate": "not_computed", "details": {"gate": {"why": str(error)}}}
    note(_gate_line(told))
    return code_of(told)


def _gate_line(told: Mapping[str, Any]) -> str:
    why = (told.get("details") or {}).get("gate", {}).get("why") or "no reason told"
    return f"gate {str(told.get('gate')).replace('_', ' ')}: {clean(why)}"


def _lines(told: Mapping[str, Any]) -> list[str]:
    details = told.get("details") or {}
    head = _gate_line(told)
    lines = [head[0].upper() + head[1:]]
    for one in details.get("gate", {}).get("conditions") or ():
        state = str(one["state"]).replace("_", " ")
        figure = one.get("figure_text") or one.get("why") or ""
        lines.append(f"  {state:<14}  {one['title']}: {figure}".rstrip(": "))
        lines += [
            f"  {'':<14}    {each['severity']} {each['rule']} {each['path']}:{each['line']}"
            for each in one.get("breaches") or ()
        ]
        more = one.get("breach_count", 0) - len(one.get("breaches") or ())
        lines += [f"  {'':<14}    and {more:,} more"] if more > 0 else []
    ratings = details.get("ratings") or {}
    for name in DIMENSIONS:
        rated = ratings.get(name) or {}
        lines.append(
            f"{name.capitalize()}: {rated.get('rating') or '-'}, {rated.get('why') or 'no reason told'}"
        )
    return [*lines, *_figures(details.get("measures") or {}), f"Run {told['run']} at {told['at']}"]


def _figures(measures: Mapping[str, Any]) -> list[str]:
    lines = []
    for title, key in (("Product code", "product"), ("Test code", "tests")):
        if counted := measures.get(key):
            lines.append(f"{title}: {counted['code']:,} lines in {counted['files']:,} files")
    if copies := measures.get("duplication"):
        lines.append(f"Duplication: {copies['percent']} % in {copies['block_count']:,} blocks")
    hot = measures.get("hotspots")
    if hot:
        lines.append("Hotspots:")
        lines += [
            f"  {one['path']}: {one['commits']} commits x complexity {one['complexity']}" for one in hot
        ]
    elif hot is not None:
        lines.append(f"Hotspots: none, by {measures.get('hotspots_why')}")
    elif measures.get("hotspots_why"):
        lines.append(f"Hotspots: not measured, {measures['hotspots_why']}")
    return lines
