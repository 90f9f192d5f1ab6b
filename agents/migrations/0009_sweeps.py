"""All findings that match a filter are judged by one act, which can be taken back: an act tells what was before it.

The previous release runs beside it: it writes acts that tell nothing of what was before, and belong to no sweep.
"""

import django.db.models.deletion
from django.db import migrations, models

import tasks.models.work


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0008_covering_trend"),
    ]

    operations = [
        migrations.CreateModel(
            name="Sweep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.UUIDField(default=tasks.models.work.new_public_id, editable=False, unique=True),
                ),
                ("ticket", models.CharField(max_length=64)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("accept", "accept"),
                            ("dismiss", "dismiss"),
                            ("reopen", "reopen"),
                            ("undo", "undo"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("by", models.CharField(max_length=150)),
                ("by_user", models.BigIntegerField()),
                ("seen", models.JSONField()),
                ("projects", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Done"), ("cancelled", "Cancelled")],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("expected", models.PositiveIntegerField()),
                ("judged", models.PositiveIntegerField(default=0)),
                ("after", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="triageact",
            name="sweep",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="triageact",
            name="was",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="triageact",
            name="was_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="triageact",
            name="verdict",
            field=models.CharField(
                choices=[
                    ("accept", "accept"),
                    ("dismiss", "dismiss"),
                    ("reopen", "reopen"),
                    ("undo", "undo"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="triageact",
            index=models.Index(
                condition=models.Q(("sweep__isnull", False)),
                fields=["sweep", "id"],
                name="triage_act_of_sweep",
            ),
        ),
        migrations.AddField(
            model_name="sweep",
            name="undoes",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="undone_by",
                to="agents.sweep",
            ),
        ),
        migrations.AddIndex(
            model_name="sweep",
            index=models.Index(condition=models.Q(("state", "running")), fields=["id"], name="sweep_running"),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.UniqueConstraint(fields=("by_user", "ticket"), name="sweep_once_per_ticket"),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("state", "running")),
                    models.Q(models.Q(("state", "running"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="sweep_ends_once",
            ),
        ),
    ]
