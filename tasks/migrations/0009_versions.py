"""Versions of what people configure: their tables, the triggers that write them, a first one of each row."""

import django.contrib.postgres.functions
import django.db.models.deletion
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import tasks.models.work
from history.baseline import keep_found


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_versions"),
        ("tasks", "0008_schedule_ids"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitRuleVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=80)),
                ("agent", models.CharField(blank=True, default="", max_length=60)),
                ("key", models.CharField(blank=True, default="", max_length=120)),
                (
                    "each",
                    models.CharField(
                        choices=[
                            ("all", "all together"),
                            ("project", "each project by itself"),
                            ("key", "each key by itself"),
                        ],
                        default="all",
                        max_length=10,
                    ),
                ),
                (
                    "most",
                    models.PositiveIntegerField(
                        help_text="so many steps may run at once; 0 holds all of them"
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="QueueVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("name", models.CharField(max_length=80, serialize=False)),
                ("agent", models.CharField(max_length=60)),
                ("enabled", models.BooleanField(default=True)),
                ("priority", models.PositiveSmallIntegerField(default=5)),
                ("concurrency_limit", models.PositiveIntegerField(blank=True, null=True)),
                ("timeout_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("max_attempts", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RetentionPolicyVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("keep_runs_days", models.PositiveIntegerField(default=365)),
                ("keep_events_days", models.PositiveIntegerField(default=90)),
                ("keep_artifacts_days", models.PositiveIntegerField(default=90)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ScheduleVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=tasks.models.work.new_public_id,
                        editable=False,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "cron",
                    models.CharField(
                        blank=True, help_text="five fields: minute hour day month weekday", max_length=120
                    ),
                ),
                ("interval_seconds", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC", help_text="IANA name, such as Europe/Berlin", max_length=60
                    ),
                ),
                ("goal", models.TextField()),
                ("request", models.JSONField(blank=True, default=dict)),
                ("priority", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "catch_up",
                    models.CharField(
                        choices=[
                            ("none", "skip what was missed"),
                            ("last", "fire once for all that was missed"),
                            ("all", "fire each time that was missed, oldest first, within the window"),
                        ],
                        default="last",
                        max_length=6,
                    ),
                ),
                ("catch_up_window_seconds", models.PositiveIntegerField(default=86400)),
                (
                    "overlap",
                    models.CharField(
                        choices=[
                            ("allow", "start beside the earlier run"),
                            ("skip", "leave this time out"),
                            ("queue", "start when the earlier run is over; at most one waits"),
                            ("cancel", "cancel the earlier run, then start"),
                        ],
                        default="skip",
                        max_length=6,
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="limitrule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_limitruleversion" ("agent", "each", "enabled", "id", "key", "most", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."agent", NEW."each", NEW."enabled", NEW."id", NEW."key", NEW."most", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="3b9c02381a37e687ca776bb4a4afcce9d8d8cdab",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_bf708",
                    table="tasks_limitrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="limitrule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "tasks_limitruleversion" ("agent", "each", "enabled", "id", "key", "most", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."agent", NEW."each", NEW."enabled", NEW."id", NEW."key", NEW."most", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="1c6df2f784432d8a8140815baf8fe25c5dde0103",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_27f8a",
                    table="tasks_limitrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="limitrule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_limitruleversion" ("agent", "each", "enabled", "id", "key", "most", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (OLD."agent", OLD."each", OLD."enabled", OLD."id", OLD."key", OLD."most", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id"); RETURN NULL;',
                    hash="3eb61a3fe8efc4183cbe9d19d171146a1efea656",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_a3048",
                    table="tasks_limitrule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="queue",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_queueversion" ("agent", "concurrency_limit", "enabled", "max_attempts", "name", "paused_at", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (NEW."agent", NEW."concurrency_limit", NEW."enabled", NEW."max_attempts", NEW."name", NEW."paused_at", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."name", NEW."priority", NEW."timeout_seconds"); RETURN NULL;',
                    hash="27d0ee10905918646a2786c10051fa64d7b179c0",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_b71b8",
                    table="tasks_queue",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="queue",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "tasks_queueversion" ("agent", "concurrency_limit", "enabled", "max_attempts", "name", "paused_at", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (NEW."agent", NEW."concurrency_limit", NEW."enabled", NEW."max_attempts", NEW."name", NEW."paused_at", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."name", NEW."priority", NEW."timeout_seconds"); RETURN NULL;',
                    hash="fd722ad320b37ffa732f89db8326c6d5f4ca3e5c",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_273d2",
                    table="tasks_queue",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="queue",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_queueversion" ("agent", "concurrency_limit", "enabled", "max_attempts", "name", "paused_at", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "timeout_seconds") VALUES (OLD."agent", OLD."concurrency_limit", OLD."enabled", OLD."max_attempts", OLD."name", OLD."paused_at", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."name", OLD."priority", OLD."timeout_seconds"); RETURN NULL;',
                    hash="140920efd1bf70e6ad6e22680dca99f3f8afc458",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_38e55",
                    table="tasks_queue",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_retentionpolicyversion" ("id", "keep_artifacts_days", "keep_events_days", "keep_runs_days", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."id", NEW."keep_artifacts_days", NEW."keep_events_days", NEW."keep_runs_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="2a74a9646cf0c081951c72d94dcf20e9e83b85e0",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_868bd",
                    table="tasks_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "tasks_retentionpolicyversion" ("id", "keep_artifacts_days", "keep_events_days", "keep_runs_days", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."id", NEW."keep_artifacts_days", NEW."keep_events_days", NEW."keep_runs_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="71d1d124781ef7570e865d2b192fda54ed0f983e",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_87d3c",
                    table="tasks_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicy",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_retentionpolicyversion" ("id", "keep_artifacts_days", "keep_events_days", "keep_runs_days", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (OLD."id", OLD."keep_artifacts_days", OLD."keep_events_days", OLD."keep_runs_days", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id"); RETURN NULL;',
                    hash="026bd89df04aca4a3dc23336b8ad6eaad8e2dfac",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_87dbb",
                    table="tasks_retentionpolicy",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="schedule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_scheduleversion" ("catch_up", "catch_up_window_seconds", "created_at", "cron", "enabled", "ends_at", "goal", "id", "interval_seconds", "name", "overlap", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "project_id", "public_id", "request", "starts_at", "time_zone") VALUES (NEW."catch_up", NEW."catch_up_window_seconds", NEW."created_at", NEW."cron", NEW."enabled", NEW."ends_at", NEW."goal", NEW."id", NEW."interval_seconds", NEW."name", NEW."overlap", NEW."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."priority", NEW."project_id", NEW."public_id", regexp_replace(NEW."request"::text, \'(https?://)[^/@\\s"]+@|(://)[^/@\\s":]*:[^/@\\s"]*@\', \'\\1\\2[masked]@\', \'g\')::jsonb, NEW."starts_at", NEW."time_zone"); RETURN NULL;',
                    hash="b7a2f3c29ad6e18f8bab7efced640bd5e322e7f3",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_05f22",
                    table="tasks_schedule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="schedule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."catch_up" IS DISTINCT FROM (NEW."catch_up") OR OLD."catch_up_window_seconds" IS DISTINCT FROM (NEW."catch_up_window_seconds") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."cron" IS DISTINCT FROM (NEW."cron") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."goal" IS DISTINCT FROM (NEW."goal") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."interval_seconds" IS DISTINCT FROM (NEW."interval_seconds") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."overlap" IS DISTINCT FROM (NEW."overlap") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."request" IS DISTINCT FROM (NEW."request") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."time_zone" IS DISTINCT FROM (NEW."time_zone"))',
                    func='INSERT INTO "tasks_scheduleversion" ("catch_up", "catch_up_window_seconds", "created_at", "cron", "enabled", "ends_at", "goal", "id", "interval_seconds", "name", "overlap", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "project_id", "public_id", "request", "starts_at", "time_zone") VALUES (NEW."catch_up", NEW."catch_up_window_seconds", NEW."created_at", NEW."cron", NEW."enabled", NEW."ends_at", NEW."goal", NEW."id", NEW."interval_seconds", NEW."name", NEW."overlap", NEW."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."priority", NEW."project_id", NEW."public_id", regexp_replace(NEW."request"::text, \'(https?://)[^/@\\s"]+@|(://)[^/@\\s":]*:[^/@\\s"]*@\', \'\\1\\2[masked]@\', \'g\')::jsonb, NEW."starts_at", NEW."time_zone"); RETURN NULL;',
                    hash="0a041f11d209e492f2ef45b5d236d58ffad335c6",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_76fe7",
                    table="tasks_schedule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="schedule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "tasks_scheduleversion" ("catch_up", "catch_up_window_seconds", "created_at", "cron", "enabled", "ends_at", "goal", "id", "interval_seconds", "name", "overlap", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "priority", "project_id", "public_id", "request", "starts_at", "time_zone") VALUES (OLD."catch_up", OLD."catch_up_window_seconds", OLD."created_at", OLD."cron", OLD."enabled", OLD."ends_at", OLD."goal", OLD."id", OLD."interval_seconds", OLD."name", OLD."overlap", OLD."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."priority", OLD."project_id", OLD."public_id", regexp_replace(OLD."request"::text, \'(https?://)[^/@\\s"]+@|(://)[^/@\\s":]*:[^/@\\s"]*@\', \'\\1\\2[masked]@\', \'g\')::jsonb, OLD."starts_at", OLD."time_zone"); RETURN NULL;',
                    hash="276777b57f52d438d41371b009ea8b20f257a509",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_dfc7e",
                    table="tasks_schedule",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="limitruleversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="tasks.limitrule",
            ),
        ),
        migrations.AddField(
            model_name="limitruleversion",
            name="project",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="queueversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="tasks.queue",
            ),
        ),
        migrations.AddField(
            model_name="retentionpolicyversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="tasks.retentionpolicy",
            ),
        ),
        migrations.AddField(
            model_name="retentionpolicyversion",
            name="project",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="scheduleversion",
            name="owner",
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
            model_name="scheduleversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="tasks.schedule",
            ),
        ),
        migrations.AddField(
            model_name="scheduleversion",
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
            model_name="limitruleversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="limitrule_version_of"),
        ),
        migrations.AddIndex(
            model_name="limitruleversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="limitrule_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="limitruleversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="54fb5f127eae2841f67696c289746472cef3e52d",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4c380",
                    table="tasks_limitruleversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="queueversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="queue_version_of"),
        ),
        migrations.AddIndex(
            model_name="queueversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="queue_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="queueversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="326ad2d6b12c0455ea1e182ffbf4341ad0dc7de0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_82d94",
                    table="tasks_queueversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="retentionpolicyversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="retentionpolicy_version_of"),
        ),
        migrations.AddIndex(
            model_name="retentionpolicyversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="retentionpolicy_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="retentionpolicyversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1438294ceb252f93715c65b766bc611c914b08a4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_85fc5",
                    table="tasks_retentionpolicyversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="scheduleversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="schedule_version_of"),
        ),
        migrations.AddIndex(
            model_name="scheduleversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="schedule_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="scheduleversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="8057052945a963148834e1f88edc0c7b1f93b0f6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_cf96c",
                    table="tasks_scheduleversion",
                    when="BEFORE",
                ),
            ),
        ),
        keep_found("tasks.LimitRuleVersion"),
        keep_found("tasks.QueueVersion"),
        keep_found("tasks.RetentionPolicyVersion"),
        keep_found("tasks.ScheduleVersion", masked=("request",)),
    ]
