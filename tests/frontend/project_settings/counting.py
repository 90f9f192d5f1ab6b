"""Counting the queries of a page, to show that they do not grow with its rows."""

from __future__ import annotations

from unittest import mock

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.limits.book import book


def queries(client: Client, path: str) -> int:
    """Open a page twice, and count the queries of the second time: what is kept by then is no part of it.

    Nor are the rules of the rate limits, which are read again each second.
    """
    with mock.patch.object(book, "_read_seconds", 3_600.0):
        assert client.get(path).status_code == 200
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
    return len(seen)
