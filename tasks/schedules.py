"""Schedules: submitting a request again and again, by the clock.

Owns what becomes of a schedule whose time has come. Refuses to know how times are computed (`times`) and what a
request means (`contract.first_plan`). PostgreSQL's clock is the clock.

    next_fire_at <= now ─> times since then ─┬─ too old, or left out by catch_up ─> one MISSED row for all of them
                                             └─ the others, oldest first ─┬─ no earlier run ─────────> SUBMITTED
                                                  the earlier run is not over: overlap says
                                                  allow: SUBMITTED   skip: SKIPPED   queue: WAITING
                                                  cancel: the earlier run is cancelled; WAITING until it has ended

A schedule's fires are one transaction: its row locked, the unique ScheduleFire row, the run, `next_fire_at`. So two
schedulers at once are harmless, and a killed one leaves nothing half done. Schedules with nothing but one time to
submit share a transaction (`volleys`); if that is refused, each is fired by itself. The waiting fire is
always the one at `last_fire_at`: a later time takes its place, so at most one waits. A request that is refused is
told in the fire's note and the schedule goes on; a schedule whose times cannot be computed is switched off.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from tasks import events, runs, volleys
from tasks.changes import Change
from tasks.contract import first_plan
from tasks.database import each
from tasks.errors import EngineError
from tasks.models import Run, Schedule, ScheduleFire
from tasks.runs.moves import database_now
from tasks.states import FINAL_RUN_STATES
from tasks.times import Times, TimesInvalid

log = structlog.get_logger(__name__)

GRACE = timedelta(
    seconds=60
)  # a time that the sweep is so late for is not missed: it fires whatever catch_up says
MOST_PER_ROUND = 500  # schedules that a sweep looks at; the others come in the next, at once
VOLLEY = 20  # schedules that fire in one transaction: 0.1 s together, 0.3 s where each is fired by itself
SHARE_SECONDS = (
    0.25  # of a sweep for each of its three parts here, so that a midnight of many holds up nothing
)
MOST_FIRES = 5  # of one schedule in a sweep, where each missed time fires
MOST_COUNTED = 1000  # missed times are counted so far, and no further
TIMING = frozenset({"enabled", "cron", "interval_seconds", "time_zone", "starts_at", "ends_at"})
_FINAL = [state.value for state in FINAL_RUN_STATES]
_Outcome = ScheduleFire.Outcome
_INSTANT = timedelta(microseconds=1)

_T = TypeVar("_T")


def times_of(schedule: Schedule, *, now: datetime | None = None) -> Times:
    """Give the times of a schedule; `now` stands for the creation of one that is not stored yet."""
    created = schedule.created_at or now
    assert created is not None, "a schedule that is not stored needs `now`"
    return Times(
        cron=schedule.cron,
        interval_seconds=schedule.interval_seconds,
        time_zone=schedule.time_zone,
        anchor=schedule.starts_at or created.replace(microsecond=0),
        first=schedule.starts_at,
        last=schedule.ends_at,
    )


def faults(schedule: Schedule) -> dict[str, str]:
    """Say by the field's name what is wrong with a schedule, and what to do. Empty: it can be stored."""
    found: dict[str, str] = {}
    try:
        times_of(schedule, now=database_now()).check()
    except TimesInvalid as error:
        found |= error.faults
    try:
        plan, _ = first_plan()(schedule.goal, schedule.request)
        runs.check(plan)
    except EngineError as error:
        found["request"] = str(error)
    return found


def store(schedule: Schedule, *, changed: Collection[str] | None = None) -> None:
    """Store a schedule without `faults`; `changed` names the fields of one that is there.

    The engine's own columns are left alone: a sweep may have moved them meanwhile. Raises IntegrityError for a name
    that the project's schedules have already, TimesInvalid.
    """
    schedule.save(update_fields=None if changed is None else sorted(changed))
    if changed is None or TIMING & set(changed):
        try:
            replan(schedule)
        except TimesInvalid:
            if schedule.enabled:
                raise  # of one that is off they are mended before it is switched on again


def replan(schedule: Schedule) -> None:
    """Set when a schedule fires next, from now on: after an edit, and for one that is switched on.

    Times that passed meanwhile are not missed: nobody wanted them. Raises TimesInvalid.
    """
    times = times_of(schedule)
    times.check()
    schedule.next_fire_at = times.after(database_now())
    Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=schedule.next_fire_at)


def fire_due() -> int:
    """Fire what is due and start what has waited long enough. Returns how many schedules and fires were moved."""
    return fire_round()[0]


def fire_round() -> tuple[int, bool]:
    """Do as `fire_due`; tell also whether there was more than fits into a round, so that another should follow."""
    unplanned = Schedule.objects.filter(enabled=True, next_fire_at=None).filter(
        Q(ends_at=None) | Q(ends_at__gt=Now())
    )
    live = Run.objects.filter(fired_by__schedule__isnull=False).exclude(state__in=_FINAL)
    waiting = ScheduleFire.objects.filter(
        outcome=_Outcome.WAITING, fire_at=F("schedule__last_fire_at")
    ).exclude(schedule__in=live.values("fired_by__schedule"))
    moved = each(_plan, _in_time(unplanned.order_by("-pk").values_list("pk")[:MOST_PER_ROUND]))
    moved += each(_start_waiting, _in_time(waiting.values_list("schedule_id", "pk")[:MOST_PER_ROUND]))
    fired, is_behind = _fire_all()
    return moved + fired, is_behind


def _fire_all() -> tuple[int, bool]:
    due = Schedule.objects.filter(enabled=True, next_fire_at__lte=Now()).order_by("next_fire_at", "pk")
    pks = list(due.values_list("pk", flat=True)[:MOST_PER_ROUND])
    fired = looked_at = 0
    for portion in _in_time(pks[first : first + VOLLEY] for first in range(0, len(pks), VOLLEY)):
        fired += _fire_portion(portion)
        looked_at += len(portion)
    is_cut = looked_at < len(pks) or len(pks) == MOST_PER_ROUND
    return fired, is_cut and fired > 0  # those that cannot be fired are no reason to hurry


def fire_now(schedule_pk: int, *, by: str) -> ScheduleFire:
    """Fire a schedule at once, enabled or not, as its overlap policy allows. Its times stay as they are."""
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update().get(pk=schedule_pk)
        fire = _fire_at(schedule, database_now(), note=f"fired by {by}")
    assert fire is not None, "the present moment is nobody else's"
    return fire


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What is due of a schedule: the times to fire, oldest first; the last one that was missed; what comes next."""

    fire: list[datetime]
    missed: datetime | None
    upcoming: datetime | None


def _in_time(found: Iterable[_T]) -> Iterator[_T]:
    """Give at least one of these, and more while SHARE_SECONDS are not over."""
    end = time.monotonic() + SHARE_SECONDS
    for n, row in enumerate(found):
        if n and time.monotonic() >= end:
            return
        yield row


def _plan(schedule_pk: int) -> bool:
    """Give a schedule that was stored without the admin its first time."""
    with transaction.atomic():
        schedule = _lock(schedule_pk)
        if schedule is None or not schedule.enabled or schedule.next_fire_at is not None:
            return False
        try:
            replan(schedule)
        except TimesInvalid as error:
            _switch_off(schedule, database_now(), error)
        return schedule.next_fire_at is not None


def _fire_portion(pks: Sequence[int]) -> int:
    """Fire what is alike of these together, the others one by one."""
    try:
        fired = _fire_together(pks)
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is away, or a deadlock: the whole round comes again
    except DatabaseError as error:
        log.info("volley_refused", schedules=list(pks), reason=str(error).strip())
        fired = set()
    return len(fired) + each(_fire, [(pk,) for pk in pks if pk not in fired])


def _fire_together(pks: Sequence[int]) -> set[int]:
    """Fire those that have nothing but one time to submit. Returns which."""
    with transaction.atomic():
        now = database_now()
        due = Schedule.objects.filter(pk__in=pks, enabled=True, next_fire_at__lte=now).order_by("pk")
        locked = list(due.select_for_update(skip_locked=True))
        ids = [schedule.pk for schedule in locked]
        live = Run.objects.filter(fired_by__schedule__in=ids).exclude(state__in=_FINAL)
        waiting = ScheduleFire.objects.filter(
            schedule__in=ids, fire_at=F("schedule__last_fire_at"), outcome=_Outcome.WAITING
        )
        busy = {
            *live.values_list("fired_by__schedule", flat=True),
            *waiting.values_list("schedule", flat=True),
        }
        shots = [shot for one in locked if one.pk not in busy and (shot := _shot(one, now)) is not None]
        for fire in volleys.fire(shots) if shots else ():
            _log(fire)
    return {shot.schedule.pk for shot in shots}


def _shot(schedule: Schedule, now: datetime) -> volleys.Shot | None:
    """Give what a locked, due schedule submits, or None if there is more to say of it than that."""
    assert schedule.next_fire_at is not None, "it is due"
    try:
        times = times_of(schedule)
        times.check()
        due = _sort(schedule, times, schedule.next_fire_at, now)
        if len(due.fire) != 1 or due.missed is not None:
            return None
        plan, request = first_plan()(schedule.goal, schedule.request)
        runs.check(plan)
    except (TimesInvalid, EngineError):
        return None
    return volleys.Shot(
        schedule=schedule, moment=due.fire[0], upcoming=due.upcoming, plan=plan, request=request
    )


def _fire(schedule_pk: int) -> bool:
    with transaction.atomic():
        schedule, now = _lock(schedule_pk), database_now()
        if schedule is None or not schedule.enabled:
            return False
        if schedule.next_fire_at is None or schedule.next_fire_at > now:
            return False
        try:
            times = times_of(schedule)
            times.check()
        except TimesInvalid as error:
            _switch_off(schedule, now, error)
            return True
        due = _sort(schedule, times, schedule.next_fire_at, now)
        if due.missed is not None:
            _tell_missed(schedule, times, schedule.next_fire_at, due.missed)
        for moment in due.fire:
            _fire_at(schedule, moment)
        Schedule.objects.filter(pk=schedule.pk).update(next_fire_at=due.upcoming)
    return True


def _sort(schedule: Schedule, times: Times, since: datetime, now: datetime) -> _Due:
    """Sort the times in [since, now] by what the catch-up policy makes of them."""
    latest = times.latest(since, now)
    if latest is None:  # the times were changed by somebody who did not replan
        return _Due(fire=[], missed=None, upcoming=times.after(now))
    window = max(GRACE, timedelta(seconds=schedule.catch_up_window_seconds))
    if schedule.catch_up == Schedule.CatchUp.ALL:
        oldest = max(since, now - window)
        wanted = [m for m in islice(times.following(oldest - _INSTANT), MOST_FIRES) if m <= now]
        upcoming = times.after(wanted[-1] if wanted else now)
        return _Due(fire=wanted, missed=times.latest(since, oldest - _INSTANT), upcoming=upcoming)
    reach = GRACE if schedule.catch_up == Schedule.CatchUp.NONE else window
    if now - latest > reach:
        return _Due(fire=[], missed=latest, upcoming=times.after(now))
    return _Due(fire=[latest], missed=times.latest(since, latest - _INSTANT), upcoming=times.after(now))


def _tell_missed(schedule: Schedule, times: Times, since: datetime, until: datetime) -> None:
    """One row for all times that were missed: a year of minutes would be half a million."""
    if until < since:
        return
    missed = list(islice((m for m in times.following(since - _INSTANT)), MOST_COUNTED + 1))
    count = sum(1 for moment in missed if moment <= until)
    told = str(count) if count <= MOST_COUNTED else f"more than {MOST_COUNTED}"
    note = f"{told} time(s) from {missed[0]:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} UTC"
    ScheduleFire.objects.get_or_create(
        schedule=schedule,
        fire_at=until,
        defaults={"fired_at": Now(), "outcome": _Outcome.MISSED, "note": note},
    )
    log.warning("schedule_missed", schedule=schedule.pk, missed=told, last=until.isoformat())


def _fire_at(schedule: Schedule, moment: datetime, *, note: str = "") -> ScheduleFire | None:
    """Fire one time of a locked schedule. None: it has fired before. The unique row is stored before the run."""
    fire, is_first = ScheduleFire.objects.get_or_create(
        schedule=schedule,
        fire_at=moment,
        defaults={"fired_at": Now(), "outcome": _Outcome.WAITING, "note": note},
    )
    if not is_first:
        return None
    _give_up_waiting(schedule, "a later time took its place")
    Schedule.objects.filter(pk=schedule.pk).update(last_fire_at=moment)
    schedule.last_fire_at = moment
    earlier = list(_live_runs(schedule))
    if not earlier or schedule.overlap == Schedule.Overlap.ALLOW:
        _submit(schedule, fire)
    elif schedule.overlap == Schedule.Overlap.SKIP:
        _settle(fire, _Outcome.SKIPPED, f"run {earlier[0].public_id} is {earlier[0].state}")
    elif schedule.overlap == Schedule.Overlap.CANCEL and _cancel(schedule, earlier):
        _submit(schedule, fire)
    else:
        _settle(fire, _Outcome.WAITING, f"waits, or waited, for run {earlier[0].public_id}")
    return fire


def _start_waiting(schedule_pk: int, fire_pk: int) -> bool:
    """Submit the fire that waited, now that nothing of its schedule is under way."""
    with transaction.atomic():
        schedule = _lock(schedule_pk)
        if schedule is None or _live_runs(schedule).exists():
            return False
        fire = ScheduleFire.objects.filter(pk=fire_pk, outcome=_Outcome.WAITING).first()
        if fire is None:
            return False
        if schedule.enabled:
            _submit(schedule, fire)
        else:
            _settle(fire, _Outcome.SKIPPED, "the schedule was switched off while it waited")
    return True


def _submit(schedule: Schedule, fire: ScheduleFire) -> None:
    """Make the run of a fire, or write down why there is none."""
    try:
        plan, request = first_plan()(schedule.goal, schedule.request)
        run, _ = runs.submit(
            plan,
            project_id=schedule.project_id,
            owner_id=schedule.owner_id,
            goal=schedule.goal,
            request=request,
            idempotency_key=volleys.idempotency_key(schedule, fire.fire_at),
            priority=schedule.priority,
        )
    except EngineError as error:
        _settle(fire, _Outcome.REFUSED, str(error))
        return
    fact = events.RunScheduled(schedule=schedule.name, fire_at=fire.fire_at.isoformat())
    change = Change(run.pk)
    change.tell(fact)
    change.write()
    fire.run = run
    _settle(fire, _Outcome.SUBMITTED, "")


def _settle(fire: ScheduleFire, outcome: ScheduleFire.Outcome, why: str) -> None:
    fire.outcome = outcome.value
    fire.note = "; ".join(part for part in (fire.note, why) if part)
    fire.save(update_fields=["outcome", "note", "run"])
    _log(fire)


def _log(fire: ScheduleFire) -> None:
    fields: Mapping[str, object] = {
        "schedule": fire.schedule_id,
        "fire_at": fire.fire_at.isoformat(),
        "outcome": _Outcome(fire.outcome).value,
        "run": str(fire.run.public_id) if fire.run else None,
        "note": fire.note,
    }
    if fire.outcome == _Outcome.REFUSED:
        log.warning("schedule_fired", **fields)
    else:
        log.info("schedule_fired", **fields)


def _cancel(schedule: Schedule, earlier: list[Run]) -> bool:
    """Cancel the earlier runs. Tells whether they are over already: running attempts take a moment to end."""
    for run in earlier:
        runs.cancel(run.public_id, by=f"schedule {schedule.name}", reason="its next time has come")
    return not _live_runs(schedule).exists()


def _give_up_waiting(schedule: Schedule, why: str) -> None:
    if schedule.last_fire_at is None:
        return
    waiting = schedule.fires.filter(fire_at=schedule.last_fire_at, outcome=_Outcome.WAITING).first()
    if waiting is not None:
        _settle(waiting, _Outcome.SKIPPED, why)


def _switch_off(schedule: Schedule, now: datetime, error: TimesInvalid) -> None:
    """A schedule that can never fire would be looked at in every sweep; its last fire says what to mend."""
    note = f"switched off: {error}; correct it and enable it again"
    schedule.fires.get_or_create(
        fire_at=schedule.next_fire_at or now,
        defaults={"fired_at": Now(), "outcome": _Outcome.REFUSED, "note": note},
    )
    Schedule.objects.filter(pk=schedule.pk).update(enabled=False, next_fire_at=None)
    log.error("schedule_switched_off", schedule=schedule.pk, reason=str(error))


def _lock(schedule_pk: int) -> Schedule | None:
    """Lock a schedule; None if another scheduler has it, or it is gone."""
    return Schedule.objects.select_for_update(skip_locked=True).filter(pk=schedule_pk).first()


def _live_runs(schedule: Schedule) -> QuerySet[Run]:
    return Run.objects.filter(fired_by__schedule=schedule).exclude(state__in=_FINAL).order_by("-pk")
