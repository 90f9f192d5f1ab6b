"""What all commands share: where the server is, what a run is called, how an answer is printed."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wrenchai_client import summary
from wrenchai_client.door import Local, open_door
from wrenchai_client.errors import BAD_INPUT, DONE, FAILED, INTERRUPTED, ClientError
from wrenchai_client.server import ApiClient, RunView

SEVERITIES = summary.SEVERITIES
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
SHORT = re.compile(r"[0-9a-f-]{4,}\Z")
LATEST = "latest"
LOOKED_THROUGH = 500  # newest runs, for a short id

Options = argparse.Namespace
Perform = Callable[["Call"], int]
Parsers = Any  # argparse's own type of subparsers is private


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the program: what was asked, and the door that it goes through."""

    options: Options
    local: Local | None
    held: ExitStack

    def client(self) -> ApiClient:
        """Return the client of the server that is meant; it is closed at the end of the call."""
        made = open_door(self.options.url, self.local)
        self.held.callback(made.close)
        return made


def add(
    commands: Parsers, name: str, perform: Perform, text: str, *, more: str = "", json: bool = True
) -> argparse.ArgumentParser:
    """Add a command. `text` is its line in the list, `more` what its help says beyond."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}. {more}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(perform=perform)
    parser.add_argument(
        "--url", default="", metavar="URL", help="the server (default: where you signed in last)"
    )
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def add_run(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the argument that names a run."""
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?" if optional else None,
        default=LATEST if optional else None,
        help="id of a run, its first letters, or `latest`" + (" (the default)" if optional else ""),
    )


def add_fail_on(parser: argparse.ArgumentParser) -> None:
    """Add --fail-on."""
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES[:-1],
        help="exit with 1 if a finding is so severe or worse, or a run analysed nothing",
    )


def run_of(client: ApiClient, given: str) -> str:
    """Return the id of the run that is meant. Raises ClientError when none or several are."""
    if given == LATEST:
        newest = next(client.pages("/api/v1/runs", most=1), None)
        if newest is None:
            raise ClientError("there are no runs yet that you may see", exit_code=BAD_INPUT)
        return str(newest["id"])
    return whole_id(given, client.pages("/api/v1/runs", most=LOOKED_THROUGH), what="run")


def project_of(client: ApiClient, given: str) -> str:
    """Give a project as a path has it: team/slug. Raises ClientError when none or several are meant."""
    known = [str(one["path"]) for one in client.pages("/api/v1/projects", most=sys.maxsize)]
    fitting = [path for path in known if given in (path, path.partition("/")[2])]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        told = f"several projects are named {given!r}; say which: {', '.join(fitting)}"
        raise ClientError(told, exit_code=BAD_INPUT)
    raise ClientError(f"there is no project {given!r} that you may see", exit_code=BAD_INPUT)


def whole_id(given: str, newest: Iterable[Mapping[str, Any]], *, what: str) -> str:
    """Return the id, among these rows, that begins or ends so. Raises ClientError when none or several do."""
    if UUID.match(given):
        return given
    if not SHORT.match(given):
        raise ClientError(f"{given!r} is no id of a {what}", exit_code=BAD_INPUT)
    ids = [str(row["id"]) for row in newest]
    fitting = [one for one in ids if one.startswith(given) or one.endswith(given)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise ClientError(
            f"none of the newest {LOOKED_THROUGH} {what}s has the id {given}...", exit_code=BAD_INPUT
        )
    raise ClientError(f"{given} may be any of these: {', '.join(fitting[:10])}", exit_code=BAD_INPUT)


def outcome(run: RunView, *, interrupted: bool, fail_on: str | None) -> int:
    """Return the exit code that a run's end deserves."""
    if interrupted:
        return INTERRUPTED
    if run.state != "succeeded" or summary.exceeds(run, fail_on):
        return FAILED
    return DONE


def write_file(path: Path, content: bytes) -> None:
    """Write a file, making its folder. Raises ClientError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ClientError(f"cannot write {path}: {error.strerror}") from None


def note(text: str) -> None:
    """Say what is going on, apart from the results on standard output."""
    print(f"wrenchai: {text}", file=sys.stderr, flush=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person; raises ClientError unless they agree. Nobody is asked where there is no terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ClientError(f"{question} Say --yes to agree.", exit_code=BAD_INPUT)
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise ClientError("nothing was done")


def joined(words: Iterable[object]) -> str:
    """Join what is there."""
    return ", ".join(str(word) for word in words if word)
