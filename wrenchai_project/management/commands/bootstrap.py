"""`manage.py bootstrap [--json]`: make an installation ready to be entered, and hand out the way in.

Migrates, refuses a folder of artifacts that is another installation's, collects the static files, and makes what is
missing of: user `admin` (superuser), team and project `default`. Running it again changes nothing and is quick;
running it twice at once is safe, since an advisory lock of PostgreSQL lets one go after the other.

With `--link` it tells the path of a page that signs the admin in once, and, where nothing has run yet, submits a run
of the bundled sample: that is the page it leads to.

With `--password` the admin gets one if there is none yet, and it is shown by this call alone. Without, the account
stays closed: `./wrench run` needs no password, so the first `./wrench serve` is still the one that shows it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection, transaction
from django.urls import reverse

from accounts import entries, sessions, tokens
from accounts.models import Membership, Project, Team, User
from accounts.roles import Role
from agents import requests
from agents.workspace.targets import PathTarget
from tasks import artifacts, ownership
from tasks.database import resilient
from tasks.errors import ArtifactStoreForeign
from tasks.models import Run
from wrenchai_project import services

ADMIN = "admin"
DEFAULT = "default"
TOKEN_LIFETIME = timedelta(hours=12)  # longer than any run of the local command line
LOCK = 0x5752454E4348  # "WRENCH": the advisory lock's number, the same for everybody who bootstraps


class Command(BaseCommand):
    help = "Prepare the database and the static files, and make the first account and project."
    requires_system_checks: list[str] = []  # the database may be empty

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
        parser.add_argument(
            "--password",
            action="store_true",
            help="give the admin a password and show it, if there is none yet",
        )

        parser.add_argument(
            "--link",
            action="store_true",
            help="make a link that signs the admin in once; it leads to a first run of the sample",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with _alone():
            call_command("migrate", interactive=False, verbosity=0)
            self._own_artifacts()
            _collect_static()
            entry = _make_entry(with_password=options["password"])
            if options["link"]:
                entry["link"] = _make_link()
        if options["json"]:
            self.stdout.write(json.dumps(entry))
            return
        password = entry["password"] or "(not shown: --password makes the first one)"
        self.stdout.write(f"user {entry['admin']}, password {password}, project {entry['project']}")

    def _own_artifacts(self) -> None:
        """Mark the folder of artifacts as this installation's. Raises CommandError if it is another's."""
        store = artifacts.folder_store()
        if store is None:
            return
        try:
            ownership.adopt(store)
        except ArtifactStoreForeign as error:
            raise CommandError(str(error)) from error
        except OSError as error:  # it need not be mounted here; whoever prunes does the same
            self.stderr.write(f"the folder of artifacts is not marked from here: {error}")


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until PostgreSQL answers, as long as a worker would, and until nobody else bootstraps this database."""
    patience = settings.START_PATIENCE_SECONDS
    try:
        resilient(connection.ensure_connection, what="bootstrap", patience_seconds=patience)
    except OperationalError as error:
        told = str(error).strip()
        raise CommandError(
            f"PostgreSQL did not answer within {patience} s ({told}): check DATABASE_URL"
        ) from None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@transaction.atomic
def _make_entry(*, with_password: bool) -> dict[str, str | None]:
    admin, _ = User.objects.get_or_create(
        username=ADMIN,
        defaults={"is_staff": True, "is_superuser": True, "password": make_password(None)},
    )
    password = secrets.token_urlsafe(15) if with_password and not admin.has_usable_password() else None
    if password:
        admin.set_password(password)
        admin.save(update_fields=["password"])
    team, _ = Team.objects.get_or_create(slug=DEFAULT, defaults={"name": "Default"})
    Membership.objects.get_or_create(user=admin, team=team, defaults={"role": Role.OWNER})
    project, _ = Project.objects.get_or_create(team=team, slug=DEFAULT, defaults={"name": "Default"})
    token = tokens.access_token(sessions.local(admin, lasts=TOKEN_LIFETIME))
    token.set_exp(lifetime=TOKEN_LIFETIME)
    return {"admin": admin.username, "password": password, "token": str(token), "project": project.slug}


@transaction.atomic
def _make_link() -> str:
    """Make a link that signs the admin in, and give its path."""
    admin = User.objects.get(username=ADMIN)
    run = _first_run(admin)
    leads_to = reverse("frontend:run", args=[run.public_id]) if run else reverse("frontend:home")
    return reverse("frontend:enter", args=[entries.make(admin, leads_to=leads_to)])


def _first_run(admin: User) -> Run | None:
    """Submit a run of the sample where nothing has run yet, if workers may read the sample. None: no such run."""
    sample = services.SAMPLE
    if Run.every.exists() or not any(sample.is_relative_to(root) for root in settings.LOCAL_ROOTS):
        return None
    project = Project.objects.get(team__slug=DEFAULT, slug=DEFAULT)
    wanted = requests.Request(goal=services.GOAL, target=PathTarget(path=str(sample)))
    return requests.submit(
        wanted, project_id=project.pk, owner_id=admin.pk, idempotency_key=requests.FIRST_RUN
    )[0]


def _collect_static() -> None:
    """Collect the static files unless they are those of the last time."""
    mark = Path(settings.STATIC_ROOT) / ".collected"
    digest = _digest_of_sources()
    if mark.exists() and mark.read_text() == digest:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    mark.write_text(digest)


def _digest_of_sources() -> str:
    """Name the sources of all static files by path, size and time of change."""
    hashed = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            hashed.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return hashed.hexdigest()
