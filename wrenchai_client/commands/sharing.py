"""share: links that show a run to whoever has them, without an account."""

from __future__ import annotations

import argparse
import re

from wrenchai_client import table
from wrenchai_client.commands.base import Call, Parsers, add, add_run, note, run_of, whole_id
from wrenchai_client.errors import DONE

MOST_LISTED = 100
_LASTS = re.compile(r"(\d{1,3})([dw])\Z", re.ASCII)
_DAYS = {"d": 1, "w": 7}


def register(commands: Parsers) -> None:
    """Add the command."""
    share = add(
        commands,
        "share",
        share_run,
        "make a link that shows a run, live and read-only, to whoever has it; or list or revoke them",
        more="The link is printed this once. It shows plan, timeline, steps, events and the most important findings.",
    )
    add_run(share)
    share.add_argument(
        "--for",
        dest="days",
        type=_days,
        default=7,
        metavar="TIME",
        help="7d or 2w, at most 90d (default: 7d)",
    )
    share.add_argument("--note", default="", metavar="TEXT", help="for whom; you and your team read it")
    share.add_argument("--with-log", action="store_true", help="show what all steps said, word for word")
    share.add_argument("--without-report", action="store_true", help="do not show the report")
    instead = share.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="list the links that show the run now")
    instead.add_argument("--revoke", metavar="LINK", help="let the link with this id show nothing any more")


def share_run(call: Call) -> int:
    """Make a link and print its address; or list them, or end one."""
    options, client = call.options, call.client()
    place = f"/api/v1/runs/{run_of(client, options.run)}/shares"
    if options.list:
        return _list(call, list(client.pages(place, most=MOST_LISTED)))
    if options.revoke:
        link = whole_id(options.revoke, client.pages(place, most=MOST_LISTED), what="link")
        client.delete(f"{place}/{link}")
        note(f"link {link} shows nothing any more")
        return DONE
    body = {
        "expires_in_days": options.days,
        "note": options.note,
        "logs": options.with_log,
        "files": not options.without_report,
    }
    made = client.post(place, body, once=True)
    if options.json:
        table.dump(made)
        return DONE
    print(made["address"])
    note(f"link {made['id']}, until {made['expires_at']}; whoever has it sees the run")
    return DONE


def _list(call: Call, links: list[dict[str, object]]) -> int:
    if call.options.json:
        table.dump(links)
        return DONE
    rows = [(one["id"], one["created_by"], one["expires_at"], _shows(one), one["note"]) for one in links]
    table.show(("link", "by", "until", "shows", "for"), rows, nothing="No links.")
    return DONE


def _shows(link: dict[str, object]) -> str:
    return " and ".join(
        ["run", *(name for name, field in (("report", "files"), ("log", "logs")) if link[field])]
    )


def _days(text: str) -> int:
    """Read 7d or 2w as days."""
    found = _LASTS.match(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 7d or 2w")
    return int(found[1]) * _DAYS[found[2]]
