"""Buckets in this process, for when Redis does not answer. Each process counts for itself, so limits are looser."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from accounts.limits.buckets import Bucket, Decision, decide

MOST = 10_000  # buckets that are kept; the one unused for longest goes first


class LocalBuckets:
    """Buckets by key. Safe for threads."""

    def __init__(self, most: int = MOST) -> None:
        self._full_at: OrderedDict[str, int] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def decide(self, buckets: Sequence[Bucket], *, charge: bool = True) -> Decision:
        """Take one call from all buckets, or from none."""
        with self._lock:
            now = time.monotonic_ns() // 1000
            held = [self._full_at.get(bucket.key, now) for bucket in buckets]
            decision, after = decide(buckets, held, now, charge=charge)
            for bucket, at in zip(buckets, after, strict=True):
                self._full_at[bucket.key] = at
                self._full_at.move_to_end(bucket.key)
            while len(self._full_at) > self._most:
                self._full_at.popitem(last=False)
        return decision

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._full_at.clear()
