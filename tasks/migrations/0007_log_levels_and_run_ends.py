from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0006_installation"),
    ]

    operations = [
        migrations.AddField(
            model_name="logchunk",
            name="levels",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["project", "-finished_at", "-id"],
                name="run_by_end",
            ),
        ),
    ]
