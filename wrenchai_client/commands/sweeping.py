"""sweep: judge all findings that match, or take that back."""

from __future__ import annotations

import time
from typing import Any

from wrenchai_client import table
from wrenchai_client.commands.base import SEVERITIES, Call, Parsers, add, confirm, note
from wrenchai_client.errors import BAD_INPUT, DONE, ClientError
from wrenchai_client.server import ApiClient

ASK_SECONDS = 1.0


def register(commands: Parsers) -> None:
    """Add the command."""
    sweep = add(
        commands,
        "sweep",
        judge_all,
        "accept, dismiss or reopen all findings that match",
        more="It says how many match and asks first. What comes or changes meanwhile is left.\n"
        "Ctrl-C cancels it: what was judged stays so, until `wrenchai sweep undo --sweep ID`.",
    )
    sweep.add_argument("act", choices=("accept", "dismiss", "reopen", "undo"))
    sweep.add_argument(
        "--project", metavar="SLUG", help="slug, or team/slug (default: all in which you judge)"
    )
    sweep.add_argument("--run", metavar="ID", help="what this run found")
    sweep.add_argument("--severity", action="append", choices=SEVERITIES)
    sweep.add_argument("--min-severity", choices=SEVERITIES, help="so severe or worse")
    sweep.add_argument("--status", action="append", metavar="STATUS", help="default: those that count")
    sweep.add_argument("--rule", action="append", metavar="RULE")
    sweep.add_argument("--agent", action="append", metavar="AGENT")
    sweep.add_argument("--owner", metavar="OWNER", help="one of its owners: @acme/search")
    sweep.add_argument("--path", metavar="PATTERN", help="beginning of a path, or a pattern: src/**/*.py")
    sweep.add_argument("--text", metavar="TEXT", help="in title, message, rule or path")
    sweep.add_argument("--reason", default="", metavar="TEXT", help="a dismissal needs one")
    sweep.add_argument("--until", metavar="TIME", help="when a dismissal ends: 2027-01-31T00:00:00Z")
    sweep.add_argument("--sweep", metavar="ID", help="of `undo`: what is taken back")
    sweep.add_argument("--yes", action="store_true", help="do not ask")


def judge_all(call: Call) -> int:
    """Judge all that match, and wait until it is done."""
    options, client = call.options, call.client()
    if (options.act == "undo") != bool(options.sweep):
        raise ClientError("`undo` takes --sweep, and nothing else does", exit_code=BAD_INPUT)
    if options.act == "undo":
        begun = client.post(f"/api/v1/findings/sweeps/{options.sweep}/undo", {})
    else:
        seen = client.get("/api/v1/findings/matching", **_query(options))
        question = f"{options.act} {seen['count']:,} findings?"
        if not seen["count"]:
            note("nothing matches")
            return DONE
        confirm(question, yes=options.yes)
        order = {"seen": seen["seen"], "act": options.act, "reason": options.reason}
        begun = client.post(
            "/api/v1/findings/sweeps", order | ({"until": options.until} if options.until else {})
        )
    ended = _waited(client, begun)
    if options.json:
        table.dump(ended)
    else:
        left = ended["expected"] - ended["judged"]
        print(
            f"{ended['act']}: {ended['judged']:,} of {ended['expected']:,}"
            + (f", {left:,} left" if left > 0 else "")
        )
        print(f"sweep {ended['id']}")
    return DONE


def _query(options: Any) -> dict[str, Any]:
    return {
        "project": options.project,
        "run": options.run,
        "severity": options.severity,
        "min_severity": options.min_severity,
        "status": options.status or ["open", "accepted", "reopened"],
        "rule": options.rule,
        "agent": options.agent,
        "owner": options.owner,
        "path": options.path,
        "q": options.text,
    }


def _waited(client: ApiClient, begun: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of a sweep. Ctrl-C cancels it, and gives it as it is then."""
    path, sweep = f"/api/v1/findings/sweeps/{begun['id']}", begun
    try:
        while sweep["state"] == "running":
            note(f"{sweep['judged']:,} of {sweep['expected']:,}")
            time.sleep(ASK_SECONDS)
            sweep = client.get(path)
    except KeyboardInterrupt:
        sweep = client.post(f"{path}/cancel", {})
        note("cancelled")
    return sweep
