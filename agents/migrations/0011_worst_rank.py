"""Lists of findings are worst first by how severe a claim is, then how sure: the doubtful stand behind the sure ones.

The column is made by PostgreSQL, of rows that the previous release writes as well. Adding it writes the table anew
(29 s for a million claims on two busy cores), during which nobody reads or writes findings. The index is built beside
writers, so this is in no transaction: if it is stopped on the way, drop the index that is named INVALID by
`\\d agents_trackedfinding` and migrate again. The previous release runs beside it; its
lists miss their index, so they take longer.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("agents", "0010_counting")]
    operations = [
        migrations.AddField(
            "trackedfinding",
            "worst_rank",
            models.GeneratedField(
                db_persist=True,
                expression=models.F("severity_rank") * 3
                + models.Case(
                    models.When(confidence="high", then=2),
                    models.When(confidence="medium", then=1),
                    default=0,
                ),
                output_field=models.PositiveSmallIntegerField(),
            ),
        ),
        AddIndexConcurrently(
            "trackedfinding",
            models.Index(fields=["project", "worst_rank", "id"], name="tracked_by_worst"),
        ),
        RemoveIndexConcurrently("trackedfinding", "tracked_by_severity"),
    ]
