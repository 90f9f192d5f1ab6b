"""Counting the queries of a page, to show that they do not grow with its rows."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def queries(client: Client, path: str) -> int:
    """Open a page twice, and count the queries of the second time: what is kept by then is no part of it."""
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get(path)
    return len(seen)
