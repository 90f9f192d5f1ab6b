"""Let a link say whether it shows logs and files. Links that there are show neither, as was said when they were made."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0010_run_shares")]

    operations = [
        migrations.AddField("runshare", "with_logs", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("runshare", "with_files", models.BooleanField(default=False, db_default=False)),
    ]
