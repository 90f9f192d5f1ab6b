"""What can go wrong on the way to a user's database. Every message says what to do, and none shows a password.

DatabaseError
    DatabaseUnknown      the project keeps no such database URL, or it cannot be opened
    DsnInvalid           the stored URL cannot be used; nothing was connected to
    HostForbidden        the host has no address, or one that is not public
    Unreachable          nobody answers there as PostgreSQL does (may pass)
    LoginRefused         the server is there and does not let us in
    ServerBusy           it lets nobody in at the moment (may pass)
    ConnectionGone       it went away in the middle (may pass)
    TooSlow              it did not answer in the time that we give it (may pass)
    RightsMissing        the role may not read what is needed
    SchemaUnknown        the database has no such schema
    CatalogueUnreadable  the answer cannot be read, or the server is too old
DatabaseCancelled        nobody wants the answer any more
"""

from __future__ import annotations

from typing import ClassVar


class DatabaseError(Exception):
    """Base. `retriable`: trying again may help, with nothing changed by people."""

    retriable: ClassVar[bool] = False


class DatabaseUnknown(DatabaseError):
    """The project keeps no such database URL, or it cannot be opened."""


class DsnInvalid(DatabaseError):
    """The stored URL cannot be used."""


class HostForbidden(DatabaseError):
    """We do not connect to this host."""


class Unreachable(DatabaseError):
    """Nobody answers there as PostgreSQL does."""

    retriable = True


class LoginRefused(DatabaseError):
    """The server does not let us in."""


class ServerBusy(DatabaseError):
    """The server lets nobody in at the moment."""

    retriable = True


class ConnectionGone(DatabaseError):
    """The server went away in the middle."""

    retriable = True


class TooSlow(DatabaseError):
    """The server did not answer in the time that we give it."""

    retriable = True


class RightsMissing(DatabaseError):
    """The role may not read what is needed."""


class SchemaUnknown(DatabaseError):
    """The database has no such schema."""


class CatalogueUnreadable(DatabaseError):
    """What the server answers cannot be read."""


class DatabaseCancelled(Exception):
    """Nobody wants the answer any more."""
