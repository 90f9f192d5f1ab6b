"""Times of cron lines and intervals, where clocks jump and where they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.times import Times, TimesInvalid

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2018, 1, 1, tzinfo=UTC)


def times(**fields: Any) -> Times:
    return Times(**{"time_zone": "Europe/Berlin", "anchor": ANCHOR, **fields})


def local(wanted: Times, since: str, count: int) -> list[str]:
    """The next times after a local moment, on the local clocks."""
    zone = ZoneInfo(wanted.time_zone)
    start = datetime.fromisoformat(since).replace(tzinfo=zone)
    return [f"{at.astimezone(zone):%d %H:%M %Z}" for at in wanted.upcoming(start, count)]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["29 03:00 CEST", "30 02:30 CEST"]),  # does not exist: the first moment after the gap
        ("0 2,3 * * *", ["29 03:00 CEST", "30 02:00 CEST"]),  # both are the same moment: once
        ("*/20 2 * * *", ["30 02:00 CEST", "30 02:20 CEST"]),  # by elapsed time: that hour was not there
        ("0 * * * *", ["29 00:00 CET", "29 01:00 CET"]),
    ],
)
def test_clocks_go_forward(cron: str, expected: list[str]) -> None:
    assert local(times(cron=cron), "2026-03-28 23:30", 2) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["25 02:30 CEST", "26 02:30 CET"]),  # comes twice: the first time only
        ("30 2,3 * * *", ["25 02:30 CEST", "25 03:30 CET"]),
        ("30 * * * *", ["25 01:30 CEST", "25 02:30 CEST", "25 02:30 CET", "25 03:30 CET"]),
    ],
)
def test_clocks_go_back(cron: str, expected: list[str]) -> None:
    assert local(times(cron=cron), "2026-10-25 00:59", len(expected)) == expected


def test_repeated_hour_gives_no_time_of_the_past() -> None:
    second_quarter_past_two = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    found = times(cron="30 2 * * *").after(second_quarter_past_two)
    assert found == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_midnight_that_does_not_exist_fires_at_one() -> None:
    wanted = times(cron="0 0 * * *", time_zone="America/Sao_Paulo")
    assert wanted.after(datetime(2018, 11, 3, 12, tzinfo=UTC)) == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_interval_goes_by_elapsed_time_and_keeps_its_anchor() -> None:
    wanted = times(interval_seconds=7200, first=ANCHOR)
    assert wanted.upcoming(ANCHOR - timedelta(days=1), 2) == [ANCHOR, ANCHOR + timedelta(hours=2)]
    assert times(interval_seconds=7200).after(ANCHOR) == ANCHOR + timedelta(hours=2)
    night = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert wanted.after(night) == datetime(2026, 3, 29, 2, tzinfo=UTC)


def test_times_lie_between_first_and_last() -> None:
    wanted = times(cron="0 * * * *", first=ANCHOR, last=ANCHOR + timedelta(hours=1))
    assert list(wanted.following(datetime(2020, 1, 1, tzinfo=UTC))) == [ANCHOR, ANCHOR + timedelta(hours=1)]


@given(
    cron=st.sampled_from(
        ["30 2 * * *", "*/7 * * * *", "15 1-3 * * *", "0 0 1 * *", "5 2 * * 0", "* 2 29 3 *"]
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"]
    ),
    since=st.integers(0, 9 * 365 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds)),
)
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 10, 25, 0, 59, tzinfo=UTC))
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
@settings(max_examples=200, deadline=None)
def test_times_grow_and_the_latest_is_the_last_of_them(cron: str, zone: str, since: datetime) -> None:
    wanted = times(cron=cron, time_zone=zone)
    found = wanted.upcoming(since, 5)
    assert found == sorted(set(found))
    assert found[0] > since
    assert all(at.second == 0 and at.microsecond == 0 for at in found)
    just_before = [wanted.after(at - timedelta(microseconds=1)) for at in found]
    assert just_before == found
    assert wanted.latest(since, found[-1]) == found[-1]
    assert wanted.latest(since, found[-1] - timedelta(microseconds=1)) == found[-2]


@given(st.text(alphabet="0123456789*/,-#LWMONJA ٣", max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_line_is_sound_or_said_to_be_bad(line: str) -> None:
    wanted = times(cron=line)
    try:
        wanted.check()
    except TimesInvalid as error:
        faults = set(error.faults)
    else:
        faults = set() if wanted.after(ANCHOR) is not None else {"never"}
    assert faults <= {"cron"}


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "", "../etc/passwd", "Europe", "europe/berlin"])
def test_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(TimesInvalid) as caught:
        times(cron="* * * * *", time_zone=zone).check()
    assert repr(zone) in caught.value.faults["time_zone"]
