"""Versions of what people configure: their tables, the triggers that write them, a first one of each row."""

import django.core.validators
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from history.baseline import keep_found


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_tracked_findings"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentConfigVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("agent", models.CharField(editable=False, max_length=60)),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="Off: its steps wait, nothing is lost"),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="0 is most urgent, 9 least",
                        null=True,
                        validators=[django.core.validators.MaxValueValidator(9)],
                    ),
                ),
                (
                    "concurrency_limit",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="At most so many steps at once over all workers",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "timeout_seconds",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Soft limit of every operation",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "max_attempts",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(20),
                        ],
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agentconfig",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "agents_agentconfigversion" ("agent", "concurrency_limit", "enabled", "id", "max_attempts", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (NEW."agent", NEW."concurrency_limit", NEW."enabled", NEW."id", NEW."max_attempts", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."priority", NEW."timeout_seconds"); RETURN NULL;',
                    hash="2b730dc2d4b6df6b41a9ad563ab25393bd7978ab",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_ad0e9",
                    table="agents_agentconfig",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agentconfig",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."agent" IS DISTINCT FROM (NEW."agent") OR OLD."concurrency_limit" IS DISTINCT FROM (NEW."concurrency_limit") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."max_attempts" IS DISTINCT FROM (NEW."max_attempts") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."timeout_seconds" IS DISTINCT FROM (NEW."timeout_seconds"))',
                    func='INSERT INTO "agents_agentconfigversion" ("agent", "concurrency_limit", "enabled", "id", "max_attempts", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (NEW."agent", NEW."concurrency_limit", NEW."enabled", NEW."id", NEW."max_attempts", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."priority", NEW."timeout_seconds"); RETURN NULL;',
                    hash="6db0ea2ebd70c47d657fdd86cdcfae61a402bca0",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_252cb",
                    table="agents_agentconfig",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agentconfig",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "agents_agentconfigversion" ("agent", "concurrency_limit", "enabled", "id", "max_attempts", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (OLD."agent", OLD."concurrency_limit", OLD."enabled", OLD."id", OLD."max_attempts", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."priority", OLD."timeout_seconds"); RETURN NULL;',
                    hash="acb2323df682e66f5d3253ceda6e4e5b11864a19",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_40874",
                    table="agents_agentconfig",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="agentconfigversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="agents.agentconfig",
            ),
        ),
        migrations.AddIndex(
            model_name="agentconfigversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="agentconfig_version_of"),
        ),
        migrations.AddIndex(
            model_name="agentconfigversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="agentconfig_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agentconfigversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f2547b0b58a750c7c757d9ca155a4bfbb5b1b892",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d1670",
                    table="agents_agentconfigversion",
                    when="BEFORE",
                ),
            ),
        ),
        keep_found("agents.AgentConfigVersion"),
    ]
