"""Which databases a project has: its credentials of the kind `dsn`, opened for one purpose and not kept.

Invariant: a URL leaves here as an `Address`, whose password does not print itself; names of another project's
credentials are neither found nor told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from agents.databases.dsn import Address, parse
from agents.databases.errors import DatabaseUnknown
from agents.databases.sessions import Rules

HOW_TO_STORE = "a maintainer can store one (docs/how_to/keep_credentials.md): a credential of the kind dsn"


def names_of(project_id: int) -> list[str]:
    """Name the database URLs that a project keeps, in order."""
    from accounts.models import Credential  # needs Django, which loads after the agents

    rows = Credential.objects.filter(project_id=project_id, kind=Credential.Kind.DSN)
    return list(rows.order_by("name").values_list("name", flat=True))


def address_of(project_id: int, name: str, *, purpose: str) -> Address:
    """Open a stored database URL, and log for what. Raises DatabaseUnknown, DsnInvalid."""
    from accounts import credentials  # needs Django's models, which load after the agents
    from accounts.crypto import CryptoError
    from accounts.models import Credential

    try:
        secret = credentials.reveal(
            project_id, Credential.Kind.DSN, name, purpose=purpose, now=datetime.now(UTC)
        )
    except credentials.CredentialUnknown as error:
        raise DatabaseUnknown(unknown(name, names_of(project_id))) from error
    except CryptoError as error:
        raise DatabaseUnknown(f"the stored database URL {name!r} cannot be opened: {error}") from error
    return parse(secret.text)


def unknown(name: str, there: list[str]) -> str:
    """Say that a project has no such database URL, and what it has."""
    told = f"it has {', '.join(map(repr, there))}" if there else "it has none"
    return f"the project has no database URL {name!r}; {told}; {HOW_TO_STORE}"


def rules(cancelled: Callable[[], bool]) -> Rules:
    """What this installation lays down for connections to users' databases."""
    from django.conf import settings  # read at work, not at import: the registry loads without Django too

    return Rules(
        private_hosts=tuple(settings.DATABASE_PRIVATE_HOSTS),
        ca_file=settings.DATABASE_CA_FILE,
        cancelled=cancelled,
    )
