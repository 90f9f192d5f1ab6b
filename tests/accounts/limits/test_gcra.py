"""The script in Redis against a model that is written another way, and against many threads at once."""

from __future__ import annotations

import threading
from fractions import Fraction
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.limits import shared
from accounts.limits.buckets import Bucket, Decision, decide
from accounts.limits.local import LocalBuckets

names = count()


class TokenBuckets:
    """The model: a bucket is what it holds now, as an exact fraction, filled by the time that went by."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[Fraction, int]] = {}

    def take(self, buckets: list[Bucket], now: int) -> tuple[bool, list[tuple[int, int]]]:
        filled = [self._filled(bucket, now) for bucket in buckets]
        fits = [has >= bucket.cost for has, bucket in zip(filled, buckets, strict=True)]
        admitted = all(fit or bucket.soft for fit, bucket in zip(fits, buckets, strict=True))
        told = []
        for bucket, has, fit in zip(buckets, filled, fits, strict=True):
            wait = max(Fraction(0), bucket.cost - has) * bucket.interval
            left = has - bucket.cost if admitted and fit else has
            self.held[bucket.key] = (left, now)
            told.append((int(wait), int((bucket.burst - left) * bucket.interval)))
        return admitted, told

    def _filled(self, bucket: Bucket, now: int) -> Fraction:
        left, at = self.held.get(bucket.key, (Fraction(bucket.burst), now))
        return min(Fraction(bucket.burst), left + Fraction(now - at, bucket.interval))


@st.composite
def bucket_shapes(draw: st.DrawFn) -> tuple[int, int, int, bool]:
    burst = draw(st.integers(1, 50))
    interval = draw(st.one_of(st.integers(1, 3000), st.integers(10**6, 86_400 * 10**6)))
    return interval, burst, draw(st.integers(1, burst)), draw(st.booleans())


def buckets_of(shapes: list[tuple[int, int, int, bool]]) -> list[Bucket]:
    name = f"0{next(names)}"
    return [
        Bucket(key=f"{name}.{n}", rule=f"r{n}", interval=interval, burst=burst, cost=cost, soft=soft)
        for n, (interval, burst, cost, soft) in enumerate(shapes)
    ]


def told(decision: Decision) -> tuple[bool, list[tuple[int, int]]]:
    return decision.admitted, [(level.wait, level.used) for level in decision.levels]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=st.lists(bucket_shapes(), min_size=1, max_size=6),
    steps=st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=25),
)
def test_script_and_python_agree_with_a_token_bucket(
    shapes: list[tuple[int, int, int, bool]], steps: list[set[int]]
) -> None:
    """Each step asks some of the buckets. All three see the time that Redis told, and agree to the microsecond."""
    buckets = buckets_of(shapes)
    model = TokenBuckets()
    full_at: dict[str, int] = {}
    for step in steps:
        chosen = [buckets[n] for n in sorted(step) if n < len(buckets)] or buckets
        by_script = shared.decide(chosen)
        held = [full_at.get(bucket.key, by_script.now) for bucket in chosen]
        by_python, after = decide(chosen, held, by_script.now)
        full_at.update(zip((bucket.key for bucket in chosen), after, strict=True))
        assert by_python == by_script
        assert told(by_script) == model.take(chosen, by_script.now)


def test_refusal_by_one_charges_none() -> None:
    wide, narrow = buckets_of([(10**9, 10, 1, False), (10**9, 1, 1, False)])
    assert shared.decide([wide, narrow]).admitted
    for _ in range(5):
        assert not shared.decide([wide, narrow]).admitted
    used = shared.decide([wide], charge=False).levels[0].used
    assert 0 <= 10**9 - used < 10**7  # one unit, less what has come back meanwhile


def test_looking_changes_nothing() -> None:
    (bucket,) = buckets_of([(10**9, 1, 1, False)])
    for _ in range(3):
        assert shared.decide([bucket], charge=False).admitted
    assert shared.decide([bucket]).admitted
    assert not shared.decide([bucket], charge=False).admitted
    assert shared.counts() == {}


def test_soft_bucket_never_refuses_and_is_counted() -> None:
    soft, hard = buckets_of([(10**9, 1, 1, True), (10**9, 3, 1, False)])
    assert [shared.decide([soft, hard]).admitted for _ in range(5)] == [True, True, True, False, False]
    assert shared.counts() == {"r0:over": 2, "r1:refused": 2}


def test_key_expires_when_the_bucket_is_full() -> None:
    (bucket,) = buckets_of([(10**6, 5, 2, False)])
    shared.decide([bucket])
    assert 1900 <= int(shared.redis().pttl(shared.PREFIX + bucket.key)) <= 2000


def test_clock_set_back_and_edited_rule_make_nobody_wait_longer_than_an_empty_bucket() -> None:
    (bucket,) = buckets_of([(10**6, 2, 1, False)])
    far = shared.decide([bucket]).now + 10**12
    shared.redis().set(shared.PREFIX + bucket.key, far)
    decision = shared.decide([bucket])
    assert (decision.admitted, decision.levels[0].wait) == (False, 10**6)
    assert shared.redis().get(shared.PREFIX + bucket.key) == b"%d" % (decision.now + bucket.depth)
    assert shared.decide([bucket]).levels[0].wait < 10**6  # it fills


def test_script_is_told_again_after_redis_forgot_it() -> None:
    (bucket,) = buckets_of([(10**9, 2, 1, False)])
    shared.decide([bucket])
    shared.redis().script_flush()
    assert shared.decide([bucket]).admitted
    assert not shared.decide([bucket]).admitted


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_together_never_get_more_than_burst_and_rate(threads: int) -> None:
    """admitted <= burst + time / interval, by Redis's own clock; and the burst is had for sure."""
    (bucket,) = buckets_of([(2_000, 40, 1, False)])  # 500 a second
    decisions: list[Decision] = []
    start = threading.Barrier(threads)

    def ask() -> None:
        start.wait()
        for _ in range(1200 // threads):
            decisions.append(shared.decide([bucket]))

    workers = [threading.Thread(target=ask) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    times = [decision.now for decision in decisions]
    most = bucket.burst + (max(times) - min(times)) // bucket.interval
    admitted = sum(decision.admitted for decision in decisions)
    assert len(decisions) == 1200 // threads * threads
    assert bucket.burst <= admitted <= most


def test_local_buckets_count_and_stay_few() -> None:
    held = LocalBuckets(most=3)
    first, *others = buckets_of([(10**9, 1, 1, False)] * 5)
    assert held.decide([first]).admitted
    assert not held.decide([first]).admitted
    for other in others:
        held.decide([other])
    assert held.decide([first]).admitted  # it was unused for longest, and so forgotten
