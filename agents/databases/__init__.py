"""A user's database, read for an agent: where it is, a session that cannot write, what its catalogue holds.

    goal -> wishes.py: which stored database URL -> dsn.py: read by an allow-list -> sessions.py: resolved once,
    refused unless public, connected to what was resolved, read only, bounded, cancellable -> catalogue.py

The way of every agent to a database of its project (docs/adr/0056). Errors say what to do and show no password.
Invariant: nothing is written, no row of a user's table is read, and nothing of this host's own (its environment,
its home folder, its certificates, its tickets) takes part in a connection.
"""

from __future__ import annotations

from agents.databases.catalogue import Catalogue, read
from agents.databases.dsn import Address, parse
from agents.databases.errors import DatabaseCancelled, DatabaseError
from agents.databases.sessions import Session, opened

__all__ = ["Address", "Catalogue", "DatabaseCancelled", "DatabaseError", "Session", "opened", "parse", "read"]
