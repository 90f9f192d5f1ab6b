"""fixes, files: what a run offers to mend, and what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wrenchai_client import summary, table
from wrenchai_client.commands.base import Call, Parsers, add, add_run, note, run_of, write_file
from wrenchai_client.errors import BAD_INPUT, DONE, ClientError
from wrenchai_client.server import ApiClient
from wrenchai_client.text import clean

PATCHES = ("fixes.patch", "docstrings.patch")
"""What saves as one patch: the mends of findings, and the docstrings that were begun."""
LABELS = ("verified", "re-analysed", "parses only", "rejected")


def register(commands: Parsers) -> None:
    """Add the commands."""
    fixes = add(
        commands,
        "fixes",
        list_fixes,
        "list the fixes that a run offers, or save those that hold together as one patch",
    )
    add_run(fixes, optional=True)
    fixes.add_argument("--label", action="append", choices=LABELS, help="so labelled")
    fixes.add_argument("--limit", type=int, default=200, metavar="N", help="at most so many (default: 200)")
    fixes.add_argument("-o", "--output", type=Path, metavar="FILE", help="save the patch, for `git apply`")

    files = add(commands, "files", list_files, "list what a run wrote (documents, patches), or save it")
    add_run(files, optional=True)
    files.add_argument(
        "name", nargs="*", metavar="NAME", help="these alone; in the list's own words (default: all)"
    )
    files.add_argument("-o", "--output", type=Path, metavar="DIR", help="save them there")


def list_fixes(call: Call) -> int:
    """List the fixes, or save the patch. Nothing is applied."""
    options, client = call.options, call.client()
    run = run_of(client, options.run)
    if options.output is not None:
        return _save_patch(client, run, options.output)
    found = list(client.pages(f"/api/v1/runs/{run}/fixes", most=max(1, options.limit), label=options.label))
    if options.json:
        table.dump(found)
        return DONE
    rows = [
        (one["label"], one["mend"], one["rule"], f"{one['path']}:{one['line']}", one["title"])
        for one in found
    ]
    table.show(("label", "by", "rule", "where", "what"), rows, nothing="No fixes.")
    return DONE


def _save_patch(client: ApiClient, run: str, output: Path) -> int:
    """Save the run's patch. Of a run that has both the mends come first, and the other is named."""
    made = {str(one.get("name")): one for one in client.run(run).artifacts}
    patches = [name for name in PATCHES if name in made]
    if not patches:
        raise ClientError(f"run {run} made no patch: nothing in it was asked to mend", exit_code=BAD_INPUT)
    content = client.artifact(made[patches[0]])
    if not content:
        note(f"{patches[0]} is empty: the run found nothing that it can mend")
    write_file(output, content)
    note(f"wrote {output}")
    for name in patches[1:]:
        note(f"not in it: {name}, which `files {run} {name} -o DIR` saves")
    return DONE


def list_files(call: Call) -> int:
    """List the artifacts of a run that people want, or save them."""
    options, client = call.options, call.client()
    run = run_of(client, options.run)
    found = _chosen(summary.files_of(client.run(run)), options.name)
    if options.output is not None:
        for path in summary.save_files(client, found, options.output):
            note(f"wrote {path}")
    elif options.json:
        table.dump(found)
    else:
        rows = [(one["name"], one["size"], one["step"], one["media_type"]) for one in found]
        table.show(("name", "bytes", "by", "kind"), rows, nothing="No files yet.")
    return DONE


def _chosen(found: list[Mapping[str, Any]], names: list[str]) -> list[Mapping[str, Any]]:
    there = {str(one["name"]): one for one in found}
    if unknown := [name for name in names if name not in there]:
        has = clean(", ".join(sorted(there)) or "none")
        raise ClientError(f"the run has no file {unknown[0]!r} (it has: {has})", exit_code=BAD_INPUT)
    return [there[name] for name in names] if names else found
