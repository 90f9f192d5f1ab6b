"""`./wrench run [PATH_OR_URL]`: submit a request, watch it, show what came of it."""

import hashlib
import os
import re
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wrenchai_client import summary
from wrenchai_client.errors import INTERRUPTED, ClientError
from wrenchai_client.server import ApiClient, ApiRefused
from wrenchai_client.targets import ARCHIVES, URL, sent_base, sent_sarif
from wrenchai_client.watching import watch
from wrenchai_project import crew, scorecard, services
from wrenchai_project.management.local import LocalCommand, note

GOAL = services.GOAL
TEAM = "default"  # of the project that `bootstrap` makes
LOOKED_AT = 5  # newest runs of a project, to know whose it is
LONGEST_SLUG = 60  # as the API has it
NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A way into a running WrenchAI."""

    client: ApiClient
    project: str
    admin: str


class Command(LocalCommand):
    """Inspect a directory or repository and show what was found."""

    help = "Inspect a directory or a repository; without one, the bundled sample."
    verb = "run"
    needs_settings = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "target",
            nargs="?",
            metavar="PATH_OR_URL",
            help="a directory, an archive (.tar.gz, .zip, ...) or a git URL (default: the bundled sample)",
        )
        parser.add_argument("--goal", default=GOAL, metavar="TEXT", help=f"what you want (default: {GOAL})")
        parser.add_argument(
            "--base",
            metavar="REF",
            help="report only what is new against it; of a folder: where its branch left that revision",
        )
        parser.add_argument(
            "--project",
            metavar="SLUG",
            help="what it is compared with and counted in (default: one named after the folder or repository)",
        )
        parser.add_argument(
            "--sarif",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="take over what another tool found, from its SARIF 2.1.0 (several times: several files)",
        )
        parser.add_argument(
            "-o",
            "--output",
            type=Path,
            metavar="DIR",
            help="write the reports there, and all that it wrote",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
        parser.add_argument(
            "--fail-on",
            choices=summary.SEVERITIES[:-1],
            help="exit with 1 if a finding is so severe or worse, or nothing was analysed",
        )

    def perform(self, **options: Any) -> int:
        """Do the whole: bring up, submit, watch, save, tell."""
        began = float(os.environ.get("WRENCH_LAUNCHED") or time.time())
        target = read_target(options["target"])
        if not options["goal"].strip():
            raise ClientError("--goal is empty: say what you want, or leave it out", exit_code=2)
        state_dir = services.state_dir()
        slug = options["project"] or project_for(target)
        with crew.only_one(state_dir, role="run", say=note) as serving, _door(serving, target) as door:
            if not options["project"]:
                slug = own_slug(door.client, slug, target)
            project = made_project(door.client, door.project, slug)
            if target["kind"] == "upload":
                note(f"uploading {target['path']}")
                target = door.client.upload(Path(target["path"]), project=project)
            base = None
            if options["base"]:
                given = options["target"] or str(services.SAMPLE)
                base = sent_base(door.client, given, options["base"], project=project, say=note)
            sarif = sent_sarif(door.client, options["sarif"], project=project, say=note)
            run = door.client.submit(
                goal=options["goal"], target=target, project=project, base=base, sarif=sarif
            )
            final, interrupted = watch(
                door.client, run, quiet_stdout=options["json"], admin=door.admin, cancels=True
            )
            wanted = options["output"].absolute() if options["output"] else None
            saved = summary.save_reports(door.client, final, reports=state_dir / "reports", wanted=wanted)
            is_sample = target.get("path") == str(services.SAMPLE)
            card = scorecard.of_reports(saved, services.SAMPLE) if is_sample else None
            seconds = time.time() - began
            if options["json"]:
                more = {} if card is None else {"score_card": card.as_json()}
                print(summary.as_json(final, saved, seconds=seconds, **more), flush=True)
            else:
                score = "" if card is None else str(card)
                print(summary.text(final, saved, seconds=seconds, score=score), flush=True)
        if interrupted:
            return INTERRUPTED
        if final.state != "succeeded":
            return 1
        return 1 if summary.exceeds(final, options["fail_on"]) else 0


def read_target(given: str | None) -> dict[str, str]:
    """Return the API's target for a path or URL, or kind "upload" for an archive that has to be sent first.

    Raises ClientError for a path that cannot be inspected.
    """
    if given and URL.match(given) and not Path(given).exists():
        return {"kind": "git", "url": given}
    path = Path(given).expanduser() if given else services.SAMPLE
    if not path.exists():
        raise ClientError(f"there is no {given!r} (looked at {path.absolute()})", exit_code=2)
    if path.is_file() and path.name.lower().endswith(ARCHIVES):
        return {"kind": "upload", "path": str(path.resolve())}
    if not path.is_dir():
        raise ClientError(
            f"{given!r} is neither a directory nor an archive ({', '.join(ARCHIVES)})", exit_code=2
        )
    try:
        entries = [entry for entry in path.iterdir() if entry.name != ".git"]
    except PermissionError:
        raise ClientError(f"{given!r} cannot be read: you have no right to list it", exit_code=2) from None
    if not entries:
        raise ClientError(f"{given!r} is empty: there is nothing to inspect", exit_code=2)
    return {"kind": "path", "path": str(path.resolve())}


def project_for(target: dict[str, str]) -> str:
    """Return the slug of the project that a target is counted in: its own name; "" of the sample, and of no name.

    Two repositories in one project would be compared with each other: all of the second were new, and all of the
    first were mended.
    """
    place = target.get("url") or target["path"]
    if place == str(services.SAMPLE):
        return ""
    name = place.rstrip("/").replace("\\", "/").rpartition("/")[2].rpartition(":")[2].lower()
    for ending in (*ARCHIVES, ".git"):
        name = name.removesuffix(ending)
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:LONGEST_SLUG]


def own_slug(client: ApiClient, slug: str, target: dict[str, str]) -> str:
    """Return the slug, or one with a mark of the place if the project of that name has only runs of other places.

    Folders of one name are common (`shop`, `backend`); an archive has no place that could be known again.
    """
    place = _placed(target.get("url") or target["path"])
    if not slug or target["kind"] == "upload":
        return slug
    try:
        runs = list(client.pages("/api/v1/runs", most=LOOKED_AT, project=f"{TEAM}/{slug}"))
        known = [_placed(str(client.get(f"/api/v1/runs/{one['id']}").get("target"))) for one in runs]
    except ApiRefused:
        return slug  # there is no such project yet
    if not known or place in known:
        return slug
    own = f"{slug[: LONGEST_SLUG - 7]}-{hashlib.sha256(place.encode()).hexdigest()[:6]}"
    note(f"the project {slug} has runs of {known[0]}, so this one counts in {own}; --project names another")
    return own


def _placed(told: str) -> str:
    """Give a target's place without who signs in there and without its revision."""
    return re.sub(r"//[^/@]*@", "//", told.partition(" at ")[0]).rstrip("/")


def made_project(client: ApiClient, default: str, slug: str) -> str:
    """Return the path of the project with this slug in the team of the default one, made if there is none yet."""
    if not slug or slug == default:
        return default
    team, _, own = slug.rpartition("/")
    path = f"{team or TEAM}/{own}"
    try:
        client.get(f"/api/v1/projects/{path}")
    except ApiRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        client.post("/api/v1/projects", {"team": team or TEAM, "slug": own})
    return path


@contextmanager
def _door(serving: dict[str, str] | None, target: dict[str, str]) -> Iterator[Door]:
    """Yield a way in: to the `serve` that is up, or to a crew of our own."""
    state_dir = services.state_dir()
    if serving is not None:
        refuse_unreadable(serving, target)
        environ = crew.client_environment(state_dir)
        entry = crew.bootstrap(environ)
        yield from _client(serving["url"], entry, environ)
        return
    roots = [Path(target["path"])] if target["kind"] == "path" else []
    with crew.up(state_dir, role="run", roots=roots, say=note) as ours:
        yield from _client(ours.url, ours.entry, dict(ours.environ))


def _client(url: str, entry: crew.Entry, environ: dict[str, str]) -> Iterator[Door]:
    client = ApiClient(url, entry.token, renew=lambda _: crew.renewed_token(environ))
    try:
        yield Door(client=client, project=entry.project, admin=entry.admin)
    finally:
        client.close()


def refuse_unreadable(serving: dict[str, str], target: dict[str, str]) -> None:
    """Raise ClientError if the `serve` that is up may not read the path."""
    if target["kind"] != "path":
        return
    path = Path(target["path"])
    roots = [Path(root) for root in serving.get("roots", "").split(os.pathsep) if root]
    if not any(path.is_relative_to(root.resolve()) for root in roots):
        raise ClientError(
            f"./wrench serve is up (process {serving['pid']}) and may not read {path}: "
            f"start it with --root {path}, or end it first by ./wrench stop"
        )
