"""runs, show: what there is."""

from __future__ import annotations

from wrenchai_client import summary, table
from wrenchai_client.commands.base import Call, Parsers, add, add_fail_on, add_run, outcome, run_of
from wrenchai_client.errors import DONE
from wrenchai_client.progress import elapsed, waits
from wrenchai_client.text import clean


def register(commands: Parsers) -> None:
    """Add the commands."""
    runs = add(commands, "runs", list_runs, "list runs, newest first")
    runs.add_argument(
        "--state", metavar="STATE", help="accepted, running, paused, succeeded, failed or cancelled"
    )
    runs.add_argument("--project", metavar="SLUG", help="slug, or team/slug")
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default: 20)")

    show = add(commands, "show", show_run, "say how a run stands, step by step, and what came of it")
    add_run(show, optional=True)
    add_fail_on(show)


def list_runs(call: Call) -> int:
    """List runs."""
    options, client = call.options, call.client()
    found = list(
        client.pages("/api/v1/runs", most=max(1, options.limit), state=options.state, project=options.project)
    )
    if options.json:
        table.dump(found)
        return DONE
    rows = [
        (
            run["id"],
            run["state"],
            run["project"],
            run.get("owner") or "",
            table.ago(run["created_at"]),
            run["goal"],
        )
        for run in found
    ]
    table.show(
        ("id", "state", "project", "by", "when", "what"), rows, nothing="No runs yet: `run PATH_OR_URL`."
    )
    return DONE


def show_run(call: Call) -> int:
    """Show one run. Exit code 1 if it is over and did not succeed."""
    client = call.client()
    run = client.run(run_of(client, call.options.run))
    if call.options.json:
        table.dump(dict(run.raw))
    else:
        print(f"{clean(run.raw.get('goal', ''))}\n{run.page}\n")
        rows = [(step.key, step.state.replace("_", " "), elapsed(step), step.message) for step in run.steps]
        table.show(("step", "state", "took", "what"), rows, nothing="No steps yet.")
        for told in waits(run):
            print(told)
        if run.is_final:
            print(summary.text(run, []))
    return outcome(run, interrupted=False, fail_on=call.options.fail_on) if run.is_final else DONE
