"""findings, trend, triage, logs, report: what came of the work."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from wrenchai_client import table
from wrenchai_client.commands.base import (
    LOOKED_THROUGH,
    SEVERITIES,
    Call,
    Parsers,
    add,
    add_fail_on,
    add_run,
    note,
    project_of,
    run_of,
    whole_id,
    write_file,
)
from wrenchai_client.errors import DONE, FAILED
from wrenchai_client.feed import Feed
from wrenchai_client.server import ApiClient
from wrenchai_client.text import clean

FORMS = {"json": ".json", "sarif": ".sarif", "markdown": ".md", "html": ".html"}
"""Each form of a report, and how its file's name ends."""
QUIET_SECONDS = 5.0  # a log that says nothing is asked for so often all the same
COUNTING = ("open", "accepted", "reopened")


def register(commands: Parsers) -> None:
    """Add the commands."""
    findings = add(
        commands,
        "findings",
        list_findings,
        "list findings, worst first; of a run, or of all that you may see",
    )
    add_run(findings, optional=True)
    findings.set_defaults(run=None)
    findings.add_argument("--project", metavar="SLUG", help="slug, or team/slug")
    findings.add_argument("--min-severity", choices=SEVERITIES, help="so severe or worse")
    findings.add_argument(
        "--status", action="append", metavar="STATUS", help="open, accepted, dismissed or reopened"
    )
    findings.add_argument("--new", action="store_true", help="only what no earlier run has seen")
    findings.add_argument("--rule", action="append", metavar="RULE")
    findings.add_argument("--path", metavar="PATTERN", help="beginning of a path, or a pattern: src/**/*.py")
    findings.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default: 50)")
    add_fail_on(findings)

    developed = add(commands, "trend", show_trend, "say how many findings a project had over time")
    developed.add_argument(
        "--project", default="default", metavar="SLUG", help="slug, or team/slug (default: default)"
    )
    developed.add_argument("--by", choices=("day", "week", "run"), default="day", help="default: day")
    developed.add_argument("--last", type=int, default=14, metavar="N", help="so many of them (default: 14)")

    triage = add(commands, "triage", judge, "accept, dismiss or reopen a finding")
    triage.add_argument("finding", metavar="FINDING", help="id of a finding, or its first letters")
    triage.add_argument("act", choices=("accept", "dismiss", "reopen"))
    triage.add_argument("--reason", default="", metavar="TEXT", help="a dismissal needs one")
    triage.add_argument("--until", metavar="TIME", help="when a dismissal ends: 2027-01-31T00:00:00Z")

    logs = add(commands, "logs", read_log, "print what the steps of a run say")
    add_run(logs, optional=True)
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the run is over")
    logs.add_argument("--step", metavar="STEP", help="of this step alone")
    logs.add_argument("--level", metavar="LEVEL", help="debug, info, warning or error: so grave or graver")

    report = add(commands, "report", fetch_report, "print the report of a run, or save it", json=False)
    add_run(report, optional=True)
    report.add_argument(
        "--format", choices=tuple(FORMS), help="default: what the file's name says, else markdown"
    )
    report.add_argument(
        "-o", "--output", type=Path, metavar="PATH", help="a file; or a folder, which gets all forms"
    )


def list_findings(call: Call) -> int:
    """List findings. Exit code 1 if --fail-on matches one that is not dismissed."""
    options, client = call.options, call.client()
    query = {
        "run": None if options.run is None else run_of(client, options.run),
        "project": options.project,
        "min_severity": options.min_severity,
        "status": options.status,
        "new": "true" if options.new else None,
        "rule": options.rule,
        "path": options.path,
    }
    found = list(client.pages("/api/v1/findings", most=max(1, options.limit), **query))
    if options.json:
        table.dump(found)
    else:
        rows = [
            (
                one["id"],
                one["severity"],
                one["status"],
                one["rule"],
                f"{one['path']}:{one['line']}",
                one["title"],
            )
            for one in found
        ]
        table.show(("id", "severity", "status", "rule", "where", "what"), rows, nothing="No findings.")
    return _gate(client, options.fail_on, query)


def show_trend(call: Call) -> int:
    """Show what was open, new and fixed in each period, and the course of what was open as a line."""
    options, client = call.options, call.client()
    path = f"/api/v1/projects/{project_of(client, options.project)}/findings/trend"
    told = client.get(path, by=options.by, last=options.last)
    if options.json:
        table.dump(told)
        return DONE
    points = told["points"]
    rows = [
        (
            str(point["ends"] if point["run"] else point["begins"])[: 16 if point["run"] else 10],
            sum(point["open"].values()),
            *(point["open"][severity] for severity in SEVERITIES),
            sum(point["new"].values()),
            sum(point["fixed"].values()),
        )
        for point in points
    ]
    columns = (told["by"], "open", *SEVERITIES, "new", "fixed")
    table.show(columns, rows, nothing="No run has told of this project's quality yet.")
    if rows and sys.stdout.isatty():
        print(table.spark([int(row[1]) for row in rows]))
    return DONE


def _gate(client: ApiClient, fail_on: str | None, query: dict[str, Any]) -> int:
    """Ask again for the gate: it must not depend on how many were to be listed."""
    if fail_on is None:
        return DONE
    asked = query["min_severity"]
    least = fail_on if asked is None else min(fail_on, asked, key=SEVERITIES.index)
    counting = {**query, "min_severity": least, "status": query["status"] or list(COUNTING)}
    worst = next(client.pages("/api/v1/findings", most=1, **counting), None)
    return DONE if worst is None else FAILED


def judge(call: Call) -> int:
    """Say what you think of a finding."""
    options, client = call.options, call.client()
    order: dict[str, Any] = {"act": options.act, "reason": options.reason}
    if options.until:
        order["until"] = options.until
    finding = _finding(client, options.finding)
    answer = client.post(f"/api/v1/findings/{finding}/triage", order)
    if options.json:
        table.dump(answer)
    else:
        print(f"{clean(answer.get('status'))}: {clean(answer.get('title'))}")
    return DONE


def _finding(client: ApiClient, given: str) -> str:
    newest = client.pages("/api/v1/findings", most=LOOKED_THROUGH, ordering="-last_seen")
    return whole_id(given, newest, what="finding")


def read_log(call: Call) -> int:
    """Print lines: when, step, text; with --json an object a line."""
    options, client = call.options, call.client()
    run, after = run_of(client, options.run), "0"
    with Feed(client, run, after=client.head(run, after=0)) as feed:
        while True:
            page = client.get(
                f"/api/v1/runs/{run}/logs", after=after, step=options.step, level=options.level, limit=1000
            )
            for line in page["lines"]:
                print(json.dumps(line) if options.json else _line(line))
            sys.stdout.flush()
            after = str(page["next"])
            if page["over"] or (page["caught_up"] and not options.follow):
                return DONE
            if page["caught_up"]:
                feed.wait(QUIET_SECONDS)


def _line(line: dict[str, Any]) -> str:
    level = "" if line["level"] in {"info", "debug"} else f"{line['level'].upper()} "
    return clean(f"{str(line['at'])[11:19]}  {line['step']}  {level}{line['text']}")


def fetch_report(call: Call) -> int:
    """Print the report, or write it."""
    options, client = call.options, call.client()
    run = run_of(client, options.run)
    output: Path | None = options.output
    named = (
        None if output is None else next((form for form, end in FORMS.items() if end == output.suffix), None)
    )
    if output is not None and (output.is_dir() or (named is None and options.format is None)):
        forms = tuple(FORMS) if options.format is None else (options.format,)
        for form in forms:
            _save(output / f"report{FORMS[form]}", _report(client, run, form))
        return DONE
    content = _report(client, run, options.format or named or "markdown")
    if output is not None:
        _save(output, content)
        return DONE
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
    return DONE


def _report(client: ApiClient, run: str, form: str) -> bytes:
    return client.content(f"/api/v1/runs/{run}/report", format=form)


def _save(path: Path, content: bytes) -> None:
    write_file(path, content)
    note(f"wrote {path}")
