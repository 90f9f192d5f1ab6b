"""When something that starts by the clock is due: cron lines and intervals, in a time zone.

Pure: knows neither rows nor the present moment. A cron line is read by cronsim, which follows Debian's cron:

    clocks go forward   a fixed time that does not exist fires at the first moment after the gap, once
    clocks go back      a fixed time that comes twice fires the first time only
    `*` in minute/hour  goes by elapsed time: nothing in the gap, and in the repeated hour, too

An interval is counted in elapsed seconds from its anchor, whatever the clocks on the wall do.
Invariant: `after(moment)` is later than `moment`, so whoever goes from one time to the next makes progress.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

LONGEST_INTERVAL_SECONDS = 366 * 86_400
LEAST_INTERVAL_SECONDS = 10  # the sweep looks every second; a run costs more than that
EARLIEST, LATEST = (
    datetime(1970, 1, 2, tzinfo=UTC),
    datetime(2200, 1, 1, tzinfo=UTC),
)  # cron lines look 50 years on
FIELDS = ("minute", "hour", "day", "month", "weekday")
LOOK_BACK = (timedelta(hours=2), timedelta(days=2), timedelta(days=62), timedelta(days=800))
_INSTANT = timedelta(microseconds=1)


class TimesInvalid(ValueError):
    """Times cannot be computed. `faults` says by the field's name what is wrong and what to do."""

    def __init__(self, faults: dict[str, str]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{field}: {message}" for field, message in faults.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Moments by a cron line, or every so many seconds from `anchor`; none before `first` or after `last`."""

    time_zone: str
    anchor: datetime
    cron: str = ""
    interval_seconds: int | None = None
    first: datetime | None = None
    last: datetime | None = None

    def check(self) -> None:
        """Let sound times pass. Raises TimesInvalid with every fault."""
        faults: dict[str, str] = {}
        if self.time_zone not in _known_zones():
            faults["time_zone"] = _unknown_zone(self.time_zone)
        if bool(self.cron) == (self.interval_seconds is not None):
            which = "both are set" if self.cron else "neither is set"
            faults["cron"] = f"a schedule has either a cron line or an interval, and {which}; set exactly one"
        elif self.cron:
            fault = _fault_of_cron(self.cron)
            if fault:
                faults["cron"] = fault
        elif self.interval_seconds is not None and self.interval_seconds < LEAST_INTERVAL_SECONDS:
            faults["interval_seconds"] = (
                f"{self.interval_seconds} s is too often; the least is {LEAST_INTERVAL_SECONDS} s"
            )
        for field, moment in (("starts_at", self.first), ("ends_at", self.last)):
            if moment is not None and not EARLIEST <= moment <= LATEST:
                faults[field] = f"{moment:%Y-%m-%d} lies outside of {EARLIEST:%Y} to {LATEST:%Y}"
        if not faults and self.first is not None and self.last is not None and self.last < self.first:
            faults["ends_at"] = f"the end {self.last:%Y-%m-%d %H:%M} lies before the start; no time is left"
        if faults:
            raise TimesInvalid(faults)

    def after(self, moment: datetime) -> datetime | None:
        """Give the first time later than `moment`, in UTC, or None if there is none any more."""
        if self.first is not None and moment < self.first:
            moment = self.first - _INSTANT
        found = self._by_interval(moment) if self.interval_seconds is not None else self._by_cron(moment)
        return None if found is None or (self.last is not None and found > self.last) else found

    def following(self, moment: datetime) -> Iterator[datetime]:
        """Give the times later than `moment`, one after the other."""
        found = self.after(moment)
        while found is not None:
            yield found
            found = self.after(found)

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        """Give the next `count` times later than `moment`; fewer if there are no more."""
        return list(islice(self.following(moment), count))

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """Give the last time in [since, until], or None. Cheap also for years of minutes."""
        until = until if self.last is None else min(until, self.last)
        if self.interval_seconds is not None:
            return self._latest_interval(since, until, timedelta(seconds=self.interval_seconds))
        for back in LOOK_BACK:
            found = self._latest_cron(max(since, until - back), until)
            if found is not None or until - back <= since:
                return found
        return self._latest_cron(since, until)

    def _latest_cron(self, since: datetime, until: datetime) -> datetime | None:
        found = None
        for moment in self.following(since - _INSTANT):
            if moment > until:
                break
            found = moment
        return found

    def _latest_interval(self, since: datetime, until: datetime, step: timedelta) -> datetime | None:
        first = self.after(since - _INSTANT)
        return None if first is None or first > until else first + (until - first) // step * step

    def _by_interval(self, moment: datetime) -> datetime:
        step = timedelta(seconds=self.interval_seconds or 0)
        least = 0 if self.first is not None else 1  # without a start the first time is one interval away
        return self.anchor + max(least, (moment - self.anchor) // step + 1) * step

    def _by_cron(self, moment: datetime) -> datetime | None:
        local = moment.astimezone(ZoneInfo(self.time_zone))
        for found in CronSim(self.cron, local):
            as_utc = found.astimezone(UTC)
            if as_utc > moment:  # in the second of two equal hours it gives the first one's times again
                return as_utc
        return None


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _unknown_zone(name: str) -> str:
    near = difflib.get_close_matches(name, sorted(_known_zones()), n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "give a name such as Europe/Berlin or UTC"
    return f"there is no time zone {name!r}; {hint}"


def _fault_of_cron(line: str) -> str | None:
    """Say what is wrong with a cron line, or None."""
    fields = line.split()
    if len(fields) != len(FIELDS):
        return (
            f"{line!r} has {len(fields)} field(s), and a cron line has five: {' '.join(FIELDS)};"
            " for example '30 2 * * 1-5'"
        )
    for place, name in enumerate(FIELDS):
        alone = ["*"] * len(FIELDS)
        alone[place] = fields[place]
        try:
            CronSim(" ".join(alone), datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError:
            if place == 2 and fields[place].isdecimal() and 1 <= int(fields[place]) <= 31:
                continue  # a day that only some months have
            return (
                f"{fields[place]!r} is no {name} in {line!r};"
                f" a {name} is {_RANGES[name]}, a list (1,2), a range (1-3), or a step (*/2)"
            )
    try:
        found = next(iter(CronSim(line, datetime(2026, 1, 1, tzinfo=UTC))), None)
    except CronSimError:
        found = None
    return None if found else f"{line!r} never comes; no such day is in any of these months"


_RANGES = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day": "1 to 31, L (the month's last) or LW (its last weekday)",
    "month": "1 to 12 or JAN to DEC",
    "weekday": "0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L (the last Friday) or 1#2 (the second Monday)",
}
