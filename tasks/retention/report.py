"""The account of one round: what was deleted, written in the transactions that delete it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import structlog

from tasks.models import PruneReport

log = structlog.get_logger(__name__)


class Account(Protocol):
    """Where a batch says what it deleted. Called inside its transaction, as the last thing."""

    def add(self, deleted: Mapping[str, int]) -> None:
        """Count more of these."""


class StoredAccount:
    """Counts in the row of a report, so that a round that is killed has told what it did."""

    def __init__(self, report: PruneReport) -> None:
        self.report = report

    def add(self, deleted: Mapping[str, int]) -> None:
        """Read and write the row: a batch that was rolled back has counted nothing."""
        counts: dict[str, int] = dict(
            PruneReport.objects.filter(pk=self.report.pk).values_list("counts", flat=True).get()
        )
        for what, many in deleted.items():
            if many:
                counts[what] = counts.get(what, 0) + many
        self.report.counts = counts
        self.report.save(update_fields=["counts"])


class LoggedAccount:
    """Tells the log alone, between two rounds."""

    def add(self, deleted: Mapping[str, int]) -> None:
        """Log what was deleted, if anything."""
        if deleted:
            log.info("discarded_rows_deleted", counts=dict(deleted))
