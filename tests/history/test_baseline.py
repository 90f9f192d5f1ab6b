"""Rows that were there before their model was tracked have a first version."""

from __future__ import annotations

from django.apps import apps
from django.db import connection
from django.utils import timezone

from history.baseline import keep_found
from history.versions import Change, with_before
from monitoring.models import WebHook
from tasks.models import LimitRule, Schedule
from tests.api.cast import Cast
from tests.history.rows import labels, rows_of, stamps, tracked_of


def find_again(label: str, *, masked: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> None:
    """Do what a migration does for a model, as if there were no versions yet."""
    with connection.schema_editor() as editor:
        editor.execute(f"TRUNCATE {apps.get_model(label)._meta.db_table}")
        keep_found(label, masked=masked, cut=cut).code(apps, editor)


def test_rows_that_are_there_have_a_first_version(cast: Cast) -> None:
    row = LimitRule.objects.create(name="few", most=3)
    find_again("tasks.LimitRuleVersion")
    find_again("accounts.UserVersion")
    assert [labels(one) for one in (row, cast.bob)] == [["found"], ["found"]]
    assert stamps(row) == [{"through": "command migrate"}]
    LimitRule.objects.filter(pk=row.pk).update(most=4)
    newest = with_before(tracked_of(LimitRule), rows_of(row)[::-1])[0]
    assert newest.changes == [Change(field="most", before=3, after=4)]


def test_secrets_of_urls_are_masked_here_as_well(cast: Cast) -> None:
    schedule = Schedule.objects.create(
        name="n", project=cast.project, cron="0 2 * * *", goal="g", request={"url": "https://u:hunter2@h/x"}
    )
    hook = WebHook.objects.create(project=cast.project, url="https://h/hunter2", created_at=timezone.now())
    find_again("tasks.ScheduleVersion", masked=("request",))
    find_again("monitoring.WebHookVersion", cut=("url",))
    assert rows_of(schedule)[0].request == {"url": "https://[masked]@h/x"}
    assert rows_of(hook)[0].url == "https://h/[masked]"
