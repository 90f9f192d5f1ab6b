import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_versions"),
        ("agents", "0004_run_quality"),
    ]

    operations = [
        migrations.CreateModel(
            name="FindingAlias",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64)),
                ("known_as", models.CharField(max_length=64)),
            ],
            options={
                "verbose_name": "finding alias",
                "verbose_name_plural": "finding aliases",
            },
        ),
        migrations.AddField(
            model_name="finding",
            name="is_new",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="line_text",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="finding",
            name="move_fingerprint",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="finding",
            name="owner",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="fixed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="fixed_run",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="line_text",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="move_fingerprint",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="owner",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="scope",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="trackedfinding",
            name="sightings",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddIndex(
            model_name="trackedfinding",
            index=models.Index(fields=["project", "first_seen_at"], name="tracked_by_first_seen"),
        ),
        migrations.AddIndex(
            model_name="trackedfinding",
            index=models.Index(fields=["project", "fixed_at"], name="tracked_by_fixed"),
        ),
        migrations.AddConstraint(
            model_name="trackedfinding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("fixed_at", None), ("fixed_run", None)),
                    models.Q(("fixed_at__isnull", False), ("fixed_run__isnull", False)),
                    _connector="OR",
                ),
                name="tracked_fixed_by_a_run",
            ),
        ),
        migrations.AddField(
            model_name="findingalias",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="finding_aliases",
                to="accounts.project",
            ),
        ),
        migrations.AddConstraint(
            model_name="findingalias",
            constraint=models.UniqueConstraint(
                fields=("project", "fingerprint"), name="alias_once_per_project"
            ),
        ),
    ]
