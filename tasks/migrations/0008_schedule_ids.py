import django.contrib.postgres.functions
from django.db import migrations, models

import tasks.models.work


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0007_log_levels_and_run_ends"),
    ]

    operations = [
        # PostgreSQL makes a new one for each row that is there, and for what the previous release stores
        migrations.AddField(
            model_name="schedule",
            name="public_id",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=tasks.models.work.new_public_id,
                editable=False,
                unique=True,
            ),
        ),
    ]
