"""fixes: what a run offers to mend."""

from __future__ import annotations

from pathlib import Path

from wrenchai_client import table
from wrenchai_client.commands.base import Call, Parsers, add, add_run, note, run_of, write_file
from wrenchai_client.errors import DONE

LABELS = ("verified", "re-analysed", "parses only", "rejected")


def register(commands: Parsers) -> None:
    """Add the command."""
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


def list_fixes(call: Call) -> int:
    """List the fixes, or save the patch. Nothing is applied."""
    options, client = call.options, call.client()
    run = run_of(client, options.run)
    if options.output is not None:
        write_file(options.output, client.content(f"/api/v1/runs/{run}/artifacts/fixes.patch"))
        note(f"wrote {options.output}")
        return DONE
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
