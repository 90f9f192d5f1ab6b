"""Versions of webhooks: their table, the triggers that write them, a first one of each row."""

import uuid

import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from history.baseline import keep_found


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_versions"),
        ("monitoring", "0001_webhooks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WebHookVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("url", models.CharField(max_length=2000)),
                ("events", models.JSONField(default=list)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("active", models.BooleanField(default=True)),
                ("inactive_reason", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhook",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "monitoring_webhookversion" ("active", "created_at", "created_by_id", "description", "events", "id", "inactive_reason", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "url") VALUES (NEW."active", NEW."created_at", NEW."created_by_id", NEW."description", NEW."events", NEW."id", NEW."inactive_reason", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id", NEW."public_id", regexp_replace(NEW."url", \'^([^:/]*://)([^/?#]*@)?([^/?#]*).*$\', \'\\1\\3/[masked]\')); RETURN NULL;',
                    hash="ca6fb6a25686cb35ba7665a1e486af972592b1f6",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_0c642",
                    table="monitoring_webhook",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhook",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."active" IS DISTINCT FROM (NEW."active") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."events" IS DISTINCT FROM (NEW."events") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."inactive_reason" IS DISTINCT FROM (NEW."inactive_reason") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."url" IS DISTINCT FROM (NEW."url"))',
                    func='INSERT INTO "monitoring_webhookversion" ("active", "created_at", "created_by_id", "description", "events", "id", "inactive_reason", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "url") VALUES (NEW."active", NEW."created_at", NEW."created_by_id", NEW."description", NEW."events", NEW."id", NEW."inactive_reason", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id", NEW."public_id", regexp_replace(NEW."url", \'^([^:/]*://)([^/?#]*@)?([^/?#]*).*$\', \'\\1\\3/[masked]\')); RETURN NULL;',
                    hash="64f4f81035c049f49da3ef5cdfa1e4584f186834",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_6e189",
                    table="monitoring_webhook",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhook",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "monitoring_webhookversion" ("active", "created_at", "created_by_id", "description", "events", "id", "inactive_reason", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "url") VALUES (OLD."active", OLD."created_at", OLD."created_by_id", OLD."description", OLD."events", OLD."id", OLD."inactive_reason", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id", OLD."public_id", regexp_replace(OLD."url", \'^([^:/]*://)([^/?#]*@)?([^/?#]*).*$\', \'\\1\\3/[masked]\')); RETURN NULL;',
                    hash="1d4e6e7e6bd617af75fc8548dccb4bd0e10368f5",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_eaa57",
                    table="monitoring_webhook",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="webhookversion",
            name="created_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="webhookversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="monitoring.webhook",
            ),
        ),
        migrations.AddField(
            model_name="webhookversion",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="webhook_version_of"),
        ),
        migrations.AddIndex(
            model_name="webhookversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="webhook_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="webhookversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d9301f849006eae168c89462b3bfd92d8a601dbe",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_e9746",
                    table="monitoring_webhookversion",
                    when="BEFORE",
                ),
            ),
        ),
        keep_found("monitoring.WebHookVersion", cut=("url",)),
    ]
