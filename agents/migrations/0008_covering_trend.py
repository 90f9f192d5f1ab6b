"""The trend reads when each claim of a project was first seen and fixed, and how severe it is, from indexes alone.

With 100,000 claims of a project its statement reads 750 pages instead of 12,500.

Built and dropped beside writers, so it is in no transaction: if it is stopped on the way, drop the index that is named
INVALID by `\\d agents_trackedfinding` and migrate again. The previous release runs beside either index.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("agents", "0007_fixes")]
    operations = [
        AddIndexConcurrently(
            "trackedfinding",
            models.Index(
                fields=["project", "first_seen_at"], include=["severity_rank"], name="tracked_first_seen_rank"
            ),
        ),
        RemoveIndexConcurrently("trackedfinding", "tracked_by_first_seen"),
        AddIndexConcurrently(
            "trackedfinding",
            models.Index(
                fields=["project", "fixed_at"], include=["severity_rank"], name="tracked_fixed_rank"
            ),
        ),
        RemoveIndexConcurrently("trackedfinding", "tracked_by_fixed"),
    ]
