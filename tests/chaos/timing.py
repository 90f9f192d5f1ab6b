"""How fast leases run, and how long each recovery may take then.

A bound is `lease` times its factor, plus seconds that do not scale: the sweep, the bell, the claim. With the lease of
production (30 s) the sums are those of docs/operations/faults.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Heartbeat and lease of all workers, in seconds."""

    name: str
    heartbeat: int
    lease: int

    def environment(self) -> dict[str, str]:
        return {
            "WRENCH_HEARTBEAT_SECONDS": str(self.heartbeat),
            "WRENCH_LEASE_SECONDS": str(self.lease),
            "WRENCH_RETRY_CAP_SECONDS": "4",
            "WRENCH_CANCEL_GRACE_SECONDS": "4",
        }


FAST = Timing(name="fast", heartbeat=1, lease=4)  # the proportions of production, for short runs
PRODUCTION = Timing(name="production", heartbeat=10, lease=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The longest that work may stand still: `leases` leases and `seconds`."""

    leases: float = 0.0
    seconds: float = 0.0

    def at(self, timing: Timing) -> float:
        return self.leases * timing.lease + self.seconds
