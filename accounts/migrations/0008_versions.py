"""Versions of what people configure: their tables, the triggers that write them, a first one of each row."""

import uuid

import django.contrib.auth.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pghistory.utils
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import accounts.limits.rules
from history.baseline import keep_found


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_invitations"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKeyVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=100)),
                ("prefix", models.CharField(editable=False, max_length=12)),
                ("scopes", models.JSONField(default=list)),
                ("is_bound", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="CredentialVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("git_token", "git token"), ("dsn", "database URL"), ("llm_key", "LLM key")],
                        max_length=20,
                    ),
                ),
                ("name", models.SlugField(db_index=False, max_length=60)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GroupPermissionVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.IntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="InvitationVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                (
                    "role",
                    models.PositiveSmallIntegerField(
                        choices=[(10, "viewer"), (20, "developer"), (30, "maintainer"), (40, "owner")]
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("is_mailed", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "open"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("revoked", "Revoked"),
                            ("replaced", "Replaced"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="KeyProjectVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="MembershipVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.PositiveSmallIntegerField(
                        choices=[(10, "viewer"), (20, "developer"), (30, "maintainer"), (40, "owner")],
                        default=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PermissionGroupVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.IntegerField()),
                ("name", models.CharField(max_length=150, verbose_name="name")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ProjectMembershipVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "role",
                    models.PositiveSmallIntegerField(
                        choices=[(10, "viewer"), (20, "developer"), (30, "maintainer"), (40, "owner")],
                        default=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ProjectVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(db_index=False, max_length=60)),
                ("description", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RateRuleVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "name",
                    models.SlugField(
                        db_index=False, help_text="Callers see it in headers and refusals.", max_length=60
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("global", "everybody together"),
                            ("ip", "each address"),
                            ("user", "each user"),
                            ("key", "each API key"),
                            ("project", "each project"),
                            ("route", "the route, everybody together"),
                            ("socket", "socket messages: each socket"),
                            ("socket_user", "socket messages: each user, over all sockets"),
                            ("llm", "LLM calls: each project"),
                        ],
                        help_text="Whose bucket it is.",
                        max_length=12,
                    ),
                ),
                (
                    "route",
                    models.CharField(
                        blank=True,
                        help_text="Only these requests: POST /api/v1/runs, /api/v1/runs/*/cancel, GET|HEAD /api/**, or WS for the opening of a socket. Empty: all.",
                        max_length=200,
                        validators=[accounts.limits.rules.check_route],
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        blank=True,
                        help_text="Only for this user (its name), address or network, project (team/slug) or API key (its prefix); then in place of the rules for everybody with the same scope and route. Empty: for everybody, each apart.",
                        max_length=200,
                    ),
                ),
                (
                    "rate",
                    models.CharField(
                        help_text="Units that come back per time: 600/m, 5/s, 100/10m.",
                        max_length=20,
                        validators=[accounts.limits.rules.check_rate],
                    ),
                ),
                (
                    "burst",
                    models.PositiveIntegerField(
                        help_text="Units that a full bucket holds: how many calls may come at once.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                    ),
                ),
                (
                    "cost",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="Units that one call takes.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000),
                        ],
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("refuse", "refuse it"), ("warn", "let it through, and warn in the log")],
                        default="refuse",
                        max_length=8,
                    ),
                ),
                (
                    "dry_run",
                    models.BooleanField(
                        default=False,
                        help_text="Count what it would refuse; refuse nothing and tell callers nothing.",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("note", models.TextField(blank=True, help_text="Why it is there.")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TeamVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(db_index=False, max_length=60)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="UserGroupVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="UserPermissionVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="UserVersion",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("pgh_context", pghistory.utils.JSONField(null=True)),
                ("id", models.BigIntegerField()),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                (
                    "date_joined",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="UserPermission",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.user_user_permissions",),
        ),
        migrations.CreateModel(
            name="UserGroup",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.user_groups",),
        ),
        migrations.CreateModel(
            name="PermissionGroup",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("auth.group",),
            managers=[
                ("objects", django.contrib.auth.models.GroupManager()),
            ],
        ),
        migrations.CreateModel(
            name="KeyProject",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.apikey_projects",),
        ),
        migrations.CreateModel(
            name="GroupPermission",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("auth.group_permissions",),
        ),
        migrations.AddField(
            model_name="auditrecord",
            name="request_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=128),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apikey",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_apikeyversion" ("created_at", "expires_at", "id", "is_bound", "name", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "public_id", "replaces_id", "revoked_at", "scopes") VALUES (NEW."created_at", NEW."expires_at", NEW."id", NEW."is_bound", NEW."name", NEW."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."prefix", NEW."public_id", NEW."replaces_id", NEW."revoked_at", NEW."scopes"); RETURN NULL;',
                    hash="b801456684eb1bdf028880eadaa4e17d4483fe12",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_e49b3",
                    table="accounts_apikey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apikey",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_bound" IS DISTINCT FROM (NEW."is_bound") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."owner_id" IS DISTINCT FROM (NEW."owner_id") OR OLD."prefix" IS DISTINCT FROM (NEW."prefix") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id") OR OLD."revoked_at" IS DISTINCT FROM (NEW."revoked_at") OR OLD."scopes" IS DISTINCT FROM (NEW."scopes"))',
                    func='INSERT INTO "accounts_apikeyversion" ("created_at", "expires_at", "id", "is_bound", "name", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "public_id", "replaces_id", "revoked_at", "scopes") VALUES (NEW."created_at", NEW."expires_at", NEW."id", NEW."is_bound", NEW."name", NEW."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."prefix", NEW."public_id", NEW."replaces_id", NEW."revoked_at", NEW."scopes"); RETURN NULL;',
                    hash="63959be840c24dbf9ff70beb98927ae2dfcca888",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_7396a",
                    table="accounts_apikey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apikey",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_apikeyversion" ("created_at", "expires_at", "id", "is_bound", "name", "owner_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "prefix", "public_id", "replaces_id", "revoked_at", "scopes") VALUES (OLD."created_at", OLD."expires_at", OLD."id", OLD."is_bound", OLD."name", OLD."owner_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."prefix", OLD."public_id", OLD."replaces_id", OLD."revoked_at", OLD."scopes"); RETURN NULL;',
                    hash="98394d2d6caca3e9ae129392f0de28c0122ca50c",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_6ef3e",
                    table="accounts_apikey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="credential",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_credentialversion" ("created_at", "created_by_id", "description", "id", "kind", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "replaced_at") VALUES (NEW."created_at", NEW."created_by_id", NEW."description", NEW."id", NEW."kind", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id", NEW."public_id", NEW."replaced_at"); RETURN NULL;',
                    hash="9198b0a62b8df7a3f01c96521574e019b9851fb7",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_02531",
                    table="accounts_credential",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="credential",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."replaced_at" IS DISTINCT FROM (NEW."replaced_at"))',
                    func='INSERT INTO "accounts_credentialversion" ("created_at", "created_by_id", "description", "id", "kind", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "replaced_at") VALUES (NEW."created_at", NEW."created_by_id", NEW."description", NEW."id", NEW."kind", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id", NEW."public_id", NEW."replaced_at"); RETURN NULL;',
                    hash="494f18e1798eb4e65ff04b3adf9215c1b72d4b84",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_04a5d",
                    table="accounts_credential",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="credential",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_credentialversion" ("created_at", "created_by_id", "description", "id", "kind", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "replaced_at") VALUES (OLD."created_at", OLD."created_by_id", OLD."description", OLD."id", OLD."kind", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id", OLD."public_id", OLD."replaced_at"); RETURN NULL;',
                    hash="5c75a2afffd7a23f8b56e272fe8b5f765d6bdcf5",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_8bc2d",
                    table="accounts_credential",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitation",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_invitationversion" ("answered_at", "answered_by_id", "created_at", "email", "expires_at", "id", "invited_by_id", "is_mailed", "outcome", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "role", "sent_at", "team_id", "user_id") VALUES (NEW."answered_at", NEW."answered_by_id", NEW."created_at", NEW."email", NEW."expires_at", NEW."id", NEW."invited_by_id", NEW."is_mailed", NEW."outcome", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id", NEW."public_id", NEW."role", NEW."sent_at", NEW."team_id", NEW."user_id"); RETURN NULL;',
                    hash="417f02bdd09455e21c0e5f29cdab356242d98d4e",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_1319b",
                    table="accounts_invitation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitation",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."answered_at" IS DISTINCT FROM (NEW."answered_at") OR OLD."answered_by_id" IS DISTINCT FROM (NEW."answered_by_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."expires_at" IS DISTINCT FROM (NEW."expires_at") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."invited_by_id" IS DISTINCT FROM (NEW."invited_by_id") OR OLD."is_mailed" IS DISTINCT FROM (NEW."is_mailed") OR OLD."outcome" IS DISTINCT FROM (NEW."outcome") OR OLD."project_id" IS DISTINCT FROM (NEW."project_id") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."role" IS DISTINCT FROM (NEW."role") OR OLD."sent_at" IS DISTINCT FROM (NEW."sent_at") OR OLD."team_id" IS DISTINCT FROM (NEW."team_id") OR OLD."user_id" IS DISTINCT FROM (NEW."user_id"))',
                    func='INSERT INTO "accounts_invitationversion" ("answered_at", "answered_by_id", "created_at", "email", "expires_at", "id", "invited_by_id", "is_mailed", "outcome", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "role", "sent_at", "team_id", "user_id") VALUES (NEW."answered_at", NEW."answered_by_id", NEW."created_at", NEW."email", NEW."expires_at", NEW."id", NEW."invited_by_id", NEW."is_mailed", NEW."outcome", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id", NEW."public_id", NEW."role", NEW."sent_at", NEW."team_id", NEW."user_id"); RETURN NULL;',
                    hash="bf80e3c0687c75b510011ee549236e33e6552e83",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_0bdd7",
                    table="accounts_invitation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitation",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_invitationversion" ("answered_at", "answered_by_id", "created_at", "email", "expires_at", "id", "invited_by_id", "is_mailed", "outcome", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "public_id", "role", "sent_at", "team_id", "user_id") VALUES (OLD."answered_at", OLD."answered_by_id", OLD."created_at", OLD."email", OLD."expires_at", OLD."id", OLD."invited_by_id", OLD."is_mailed", OLD."outcome", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id", OLD."public_id", OLD."role", OLD."sent_at", OLD."team_id", OLD."user_id"); RETURN NULL;',
                    hash="59b1b944f04fe57fa117f7a5bbe8e51126b92750",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_ca08d",
                    table="accounts_invitation",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_membershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "team_id", "user_id") VALUES (NEW."created_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."role", NEW."team_id", NEW."user_id"); RETURN NULL;',
                    hash="1a1d58ff7bdb59fb5573c12874d89c64cff3520a",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_ea872",
                    table="accounts_membership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_membershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "team_id", "user_id") VALUES (NEW."created_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."role", NEW."team_id", NEW."user_id"); RETURN NULL;',
                    hash="7c753c38d49fd93c5c23ac7120ca900bbee73661",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_4ea7d",
                    table="accounts_membership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_membershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "role", "team_id", "user_id") VALUES (OLD."created_at", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."role", OLD."team_id", OLD."user_id"); RETURN NULL;',
                    hash="c2d5246436dea426fe32766ffc624e76e609e4ad",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_82bec",
                    table="accounts_membership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="project",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_projectversion" ("created_at", "description", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "team_id") VALUES (NEW."created_at", NEW."description", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."slug", NEW."team_id"); RETURN NULL;',
                    hash="135198573abfbbeef5d41b05ce021991e22fd1f0",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_e3922",
                    table="accounts_project",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="project",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_projectversion" ("created_at", "description", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "team_id") VALUES (NEW."created_at", NEW."description", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."slug", NEW."team_id"); RETURN NULL;',
                    hash="1afa5b8bc6237f5fbffe5093e995e903b869d850",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_1dc7a",
                    table="accounts_project",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="project",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_projectversion" ("created_at", "description", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug", "team_id") VALUES (OLD."created_at", OLD."description", OLD."id", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."slug", OLD."team_id"); RETURN NULL;',
                    hash="fdbfedebda2c0a633ddba39e866947fc0094f626",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_4ec5a",
                    table="accounts_project",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="projectmembership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_projectmembershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "role", "user_id") VALUES (NEW."created_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id", NEW."role", NEW."user_id"); RETURN NULL;',
                    hash="fcf98f2090e4f50def5c1a3c57c70f29846d0677",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_d308c",
                    table="accounts_projectmembership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="projectmembership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_projectmembershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "role", "user_id") VALUES (NEW."created_at", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id", NEW."role", NEW."user_id"); RETURN NULL;',
                    hash="62a118262f97a6050b3f8e11fddc4d608f9a6987",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_3d952",
                    table="accounts_projectmembership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="projectmembership",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_projectmembershipversion" ("created_at", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id", "role", "user_id") VALUES (OLD."created_at", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id", OLD."role", OLD."user_id"); RETURN NULL;',
                    hash="07c59041505f3c15c5e2b9fe03f6b15bce70ce21",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_e8499",
                    table="accounts_projectmembership",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="raterule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_rateruleversion" ("action", "burst", "cost", "dry_run", "enabled", "id", "name", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "rate", "route", "scope", "subject") VALUES (NEW."action", NEW."burst", NEW."cost", NEW."dry_run", NEW."enabled", NEW."id", NEW."name", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."rate", NEW."route", NEW."scope", NEW."subject"); RETURN NULL;',
                    hash="5c6f3add4775f2000f4a08eb8a320f655bd3c86f",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_48d88",
                    table="accounts_raterule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="raterule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."action" IS DISTINCT FROM (NEW."action") OR OLD."burst" IS DISTINCT FROM (NEW."burst") OR OLD."cost" IS DISTINCT FROM (NEW."cost") OR OLD."dry_run" IS DISTINCT FROM (NEW."dry_run") OR OLD."enabled" IS DISTINCT FROM (NEW."enabled") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."note" IS DISTINCT FROM (NEW."note") OR OLD."rate" IS DISTINCT FROM (NEW."rate") OR OLD."route" IS DISTINCT FROM (NEW."route") OR OLD."scope" IS DISTINCT FROM (NEW."scope") OR OLD."subject" IS DISTINCT FROM (NEW."subject"))',
                    func='INSERT INTO "accounts_rateruleversion" ("action", "burst", "cost", "dry_run", "enabled", "id", "name", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "rate", "route", "scope", "subject") VALUES (NEW."action", NEW."burst", NEW."cost", NEW."dry_run", NEW."enabled", NEW."id", NEW."name", NEW."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."rate", NEW."route", NEW."scope", NEW."subject"); RETURN NULL;',
                    hash="312aea256faf7ac3cb7955615c245529c1c1da02",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_626e6",
                    table="accounts_raterule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="raterule",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_rateruleversion" ("action", "burst", "cost", "dry_run", "enabled", "id", "name", "note", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "rate", "route", "scope", "subject") VALUES (OLD."action", OLD."burst", OLD."cost", OLD."dry_run", OLD."enabled", OLD."id", OLD."name", OLD."note", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."rate", OLD."route", OLD."scope", OLD."subject"); RETURN NULL;',
                    hash="aea65fe90d65dcf405e8dd1a131cd55ec458cec8",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_b4fa6",
                    table="accounts_raterule",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="team",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_teamversion" ("created_at", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug") VALUES (NEW."created_at", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."slug"); RETURN NULL;',
                    hash="82d9a90c99f0ea405b84b4dd927ab7cbc3d41534",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_cfc22",
                    table="accounts_team",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="team",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_teamversion" ("created_at", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug") VALUES (NEW."created_at", NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."slug"); RETURN NULL;',
                    hash="09503397ea92734ddc7f355bad846ae6d5e6e3d7",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_89e0d",
                    table="accounts_team",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="team",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_teamversion" ("created_at", "id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "slug") VALUES (OLD."created_at", OLD."id", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."slug"); RETURN NULL;',
                    hash="ec55a83159ae73ae31e8df9edfe00448de4faf59",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_3fc7b",
                    table="accounts_team",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_userversion" ("date_joined", "email", "first_name", "id", "is_active", "is_staff", "is_superuser", "last_name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "username") VALUES (NEW."date_joined", NEW."email", NEW."first_name", NEW."id", NEW."is_active", NEW."is_staff", NEW."is_superuser", NEW."last_name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."username"); RETURN NULL;',
                    hash="2eca9dc625555296c9adafbcb2d0de429fbb449f",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_f894d",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."date_joined" IS DISTINCT FROM (NEW."date_joined") OR OLD."email" IS DISTINCT FROM (NEW."email") OR OLD."first_name" IS DISTINCT FROM (NEW."first_name") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_active" IS DISTINCT FROM (NEW."is_active") OR OLD."is_staff" IS DISTINCT FROM (NEW."is_staff") OR OLD."is_superuser" IS DISTINCT FROM (NEW."is_superuser") OR OLD."last_name" IS DISTINCT FROM (NEW."last_name") OR OLD."username" IS DISTINCT FROM (NEW."username"))',
                    func='INSERT INTO "accounts_userversion" ("date_joined", "email", "first_name", "id", "is_active", "is_staff", "is_superuser", "last_name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "username") VALUES (NEW."date_joined", NEW."email", NEW."first_name", NEW."id", NEW."is_active", NEW."is_staff", NEW."is_superuser", NEW."last_name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."username"); RETURN NULL;',
                    hash="f96b17af1e6ce8a78b5455c58065a00876d9e56f",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_5f5fd",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_userversion" ("date_joined", "email", "first_name", "id", "is_active", "is_staff", "is_superuser", "last_name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "username") VALUES (OLD."date_joined", OLD."email", OLD."first_name", OLD."id", OLD."is_active", OLD."is_staff", OLD."is_superuser", OLD."last_name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."username"); RETURN NULL;',
                    hash="6a3ec066c1fb812c362b5ca8931809caf9b22ec0",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_c3caa",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="apikeyversion",
            name="owner",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="apikeyversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            model_name="apikeyversion",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            model_name="credentialversion",
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
            model_name="credentialversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.credential",
            ),
        ),
        migrations.AddField(
            model_name="credentialversion",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="grouppermissionversion",
            name="group",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="auth.group",
            ),
        ),
        migrations.AddField(
            model_name="grouppermissionversion",
            name="permission",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="auth.permission",
            ),
        ),
        migrations.AddField(
            model_name="invitationversion",
            name="answered_by",
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
            model_name="invitationversion",
            name="invited_by",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="invitationversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.invitation",
            ),
        ),
        migrations.AddField(
            model_name="invitationversion",
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
            model_name="invitationversion",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="invitationversion",
            name="user",
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
            model_name="keyprojectversion",
            name="apikey",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.apikey",
            ),
        ),
        migrations.AddField(
            model_name="keyprojectversion",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="membershipversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.membership",
            ),
        ),
        migrations.AddField(
            model_name="membershipversion",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="membershipversion",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="projectmembershipversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.projectmembership",
            ),
        ),
        migrations.AddField(
            model_name="projectmembershipversion",
            name="project",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="projectmembershipversion",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="projectversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.project",
            ),
        ),
        migrations.AddField(
            model_name="projectversion",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="rateruleversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.raterule",
            ),
        ),
        migrations.AddField(
            model_name="teamversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="usergroupversion",
            name="group",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="auth.group",
            ),
        ),
        migrations.AddField(
            model_name="usergroupversion",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="userpermissionversion",
            name="permission",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="auth.permission",
            ),
        ),
        migrations.AddField(
            model_name="userpermissionversion",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_tablespace="",
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="userversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="userpermissionversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.userpermission",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="userpermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_userpermissionversion" ("id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="e7436f1a3b4c74fd040580a44068d493b41abe63",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_9d487",
                    table="accounts_user_user_permissions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="userpermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_userpermissionversion" ("id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="6783a8bc46b7bf6054ec94ef156f34eefbcafbb2",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_41530",
                    table="accounts_user_user_permissions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="userpermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_userpermissionversion" ("id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (OLD."id", OLD."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."user_id"); RETURN NULL;',
                    hash="8ac6a9578d41964988151849d7c3f685dd2c16b3",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_7f191",
                    table="accounts_user_user_permissions",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="usergroupversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.usergroup",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usergroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_usergroupversion" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."group_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="b99ae186d53cf612c21a1b23476be45cf1f7ff6b",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_da303",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usergroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_usergroupversion" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (NEW."group_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."user_id"); RETURN NULL;',
                    hash="ec5a371846764cdbd29a57ebbbc78040c60e061e",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_597ba",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usergroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_usergroupversion" ("group_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") VALUES (OLD."group_id", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."user_id"); RETURN NULL;',
                    hash="b265944b58137dccf7166981be1dcbc09ec4cae6",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_3e59f",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="permissiongroupversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.permissiongroup",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="permissiongroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_permissiongroupversion" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id"); RETURN NULL;',
                    hash="7d1eff22abdfe50439d56198edbf04a5500b37d4",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_a5099",
                    table="auth_group",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="permissiongroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_permissiongroupversion" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."id", NEW."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id"); RETURN NULL;',
                    hash="d1da32a3292b1988043ef5b75dc01ab6f65d922d",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_8d6d9",
                    table="auth_group",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="permissiongroup",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_permissiongroupversion" ("id", "name", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."id", OLD."name", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id"); RETURN NULL;',
                    hash="71f78e7cdd838bcb0cd529a1cd69b9f06146dd52",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_b0f91",
                    table="auth_group",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="keyprojectversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.keyproject",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="keyproject",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_keyprojectversion" ("apikey_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."apikey_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="12a98e0c022d72f95b5a3e16226e7344a83de964",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_3fee5",
                    table="accounts_apikey_projects",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="keyproject",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_keyprojectversion" ("apikey_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (NEW."apikey_id", NEW."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id", NEW."project_id"); RETURN NULL;',
                    hash="3beda2975341f3ce6354ade03346280132fb4d86",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_ee397",
                    table="accounts_apikey_projects",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="keyproject",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_keyprojectversion" ("apikey_id", "id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id", "project_id") VALUES (OLD."apikey_id", OLD."id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id", OLD."project_id"); RETURN NULL;',
                    hash="15f4b15137bbdd08a2b4bca3e0b1618ed1c01835",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_4458a",
                    table="accounts_apikey_projects",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="grouppermissionversion",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="accounts.grouppermission",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grouppermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_created",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_grouppermissionversion" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."group_id", NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'created\', NEW."id"); RETURN NULL;',
                    hash="d76607e53e865a2b463b3ea77e9ecd3e85c900f3",
                    operation="INSERT",
                    pgid="pgtrigger_version_created_f864f",
                    table="auth_group_permissions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grouppermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "accounts_grouppermissionversion" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (NEW."group_id", NEW."id", NEW."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'changed\', NEW."id"); RETURN NULL;',
                    hash="3809e65aee8bb3eaf1ab83c32c6bcadce61f47e3",
                    operation="UPDATE",
                    pgid="pgtrigger_version_changed_b8d53",
                    table="auth_group_permissions",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grouppermission",
            trigger=pgtrigger.compiler.Trigger(
                name="version_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "accounts_grouppermissionversion" ("group_id", "id", "permission_id", "pgh_context", "pgh_created_at", "pgh_label", "pgh_obj_id") VALUES (OLD."group_id", OLD."id", OLD."permission_id", COALESCE(NULLIF(CURRENT_SETTING(\'pghistory.context_metadata\', TRUE), \'\'), NULL)::JSONB, NOW(), \'deleted\', OLD."id"); RETURN NULL;',
                    hash="84821489f4b65efb41f18991afca6c4c7b6748e8",
                    operation="DELETE",
                    pgid="pgtrigger_version_deleted_0ca9c",
                    table="auth_group_permissions",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="apikeyversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="apikey_version_of"),
        ),
        migrations.AddIndex(
            model_name="apikeyversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="apikey_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apikeyversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ed72c3b330a138eee23b7fc00372f2209881653f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_d553e",
                    table="accounts_apikeyversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="credentialversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="credential_version_of"),
        ),
        migrations.AddIndex(
            model_name="credentialversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="credential_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="credentialversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ab468fbe1beac6085c29113a7c11d16c6fbed5f7",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0284e",
                    table="accounts_credentialversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="invitationversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="invitation_version_of"),
        ),
        migrations.AddIndex(
            model_name="invitationversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="invitation_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invitationversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="861d48b121c9a19b27b2372059f68627eccbaa62",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_e2b55",
                    table="accounts_invitationversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="membershipversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="membership_version_of"),
        ),
        migrations.AddIndex(
            model_name="membershipversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="membership_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membershipversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="6d5dd8bca4b8cab22ab1a2587768de9007e95fa8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_25057",
                    table="accounts_membershipversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="projectmembershipversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="projectmembership_version_of"),
        ),
        migrations.AddIndex(
            model_name="projectmembershipversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="projectmembership_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="projectmembershipversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="cdb1520915a4b5ee15769837fc328ccc607b8580",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4b3aa",
                    table="accounts_projectmembershipversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="projectversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="project_version_of"),
        ),
        migrations.AddIndex(
            model_name="projectversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="project_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="projectversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="8448f1d9aae239452abef27bd69afccbaa5b06d6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_40fb3",
                    table="accounts_projectversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="rateruleversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="raterule_version_of"),
        ),
        migrations.AddIndex(
            model_name="rateruleversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="raterule_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="rateruleversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="faafc2e1e18ea04b6198a1e8949a71cdddfa0b15",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_a4ec4",
                    table="accounts_rateruleversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="teamversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="team_version_of"),
        ),
        migrations.AddIndex(
            model_name="teamversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="team_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="teamversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c57a72a641c09851cac697197f8d91eae8a93fb4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_52b7d",
                    table="accounts_teamversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="userversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="user_version_of"),
        ),
        migrations.AddIndex(
            model_name="userversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="user_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="userversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f3031754ceccc96b9aafcbaece8086e8713d46c4",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_f3ac6",
                    table="accounts_userversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="userpermissionversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="userpermission_version_of"),
        ),
        migrations.AddIndex(
            model_name="userpermissionversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="userpermission_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="userpermissionversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="94cfa067bbfbb318c5e95da2ba0f9de07b122032",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_e449d",
                    table="accounts_userpermissionversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="usergroupversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="usergroup_version_of"),
        ),
        migrations.AddIndex(
            model_name="usergroupversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="usergroup_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="usergroupversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="aaa0c0e6423735dc713d4da3be6c63d36b29e9d0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_80d3a",
                    table="accounts_usergroupversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="permissiongroupversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="permissiongroup_version_of"),
        ),
        migrations.AddIndex(
            model_name="permissiongroupversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="permissiongroup_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="permissiongroupversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9b56f611caf0e89b928b910eb1dac89fae70af25",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_5c923",
                    table="accounts_permissiongroupversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="keyprojectversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="keyproject_version_of"),
        ),
        migrations.AddIndex(
            model_name="keyprojectversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="keyproject_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="keyprojectversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fa2b053da5e1b07063651af4ecd0ab3b0784fb5f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_22134",
                    table="accounts_keyprojectversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="grouppermissionversion",
            index=models.Index(fields=["pgh_obj", "-pgh_id"], name="grouppermission_version_of"),
        ),
        migrations.AddIndex(
            model_name="grouppermissionversion",
            index=models.Index(fields=["-pgh_created_at", "-pgh_id"], name="grouppermission_version_at"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grouppermissionversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="35673c92ab60a1543d34f63ad91271f73b7adfd2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_90199",
                    table="accounts_grouppermissionversion",
                    when="BEFORE",
                ),
            ),
        ),
        keep_found("accounts.ApiKeyVersion"),
        keep_found("accounts.CredentialVersion"),
        keep_found("accounts.GroupPermissionVersion"),
        keep_found("accounts.InvitationVersion"),
        keep_found("accounts.KeyProjectVersion"),
        keep_found("accounts.MembershipVersion"),
        keep_found("accounts.PermissionGroupVersion"),
        keep_found("accounts.ProjectMembershipVersion"),
        keep_found("accounts.ProjectVersion"),
        keep_found("accounts.RateRuleVersion"),
        keep_found("accounts.TeamVersion"),
        keep_found("accounts.UserGroupVersion"),
        keep_found("accounts.UserPermissionVersion"),
        keep_found("accounts.UserVersion"),
    ]
