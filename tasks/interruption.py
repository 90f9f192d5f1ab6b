"""How an attempt is interrupted: signals, raised as exceptions only while the operation runs.

    SIGALRM   the soft limit, armed by the child itself after its claim    -> TimeLimitReached
    SIGUSR2   the run was cancelled; sent by the worker's heart            -> StepCancelled
    SIGURG    the worker shuts down and wants its leases back; from heart  -> LeaseWanted

A bell does not know its step, so Celery's per-message limits cannot be used. Outside of `interruptible` the
signals only leave a mark, so that settling is never torn in the middle.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from tasks.contract import StepCancelled

CANCEL_SIGNAL = signal.SIGUSR2
RELEASE_SIGNAL = signal.SIGURG  # ignored where no handler is in place; billiard takes SIGHUP for itself


class TimeLimitReached(BaseException):
    """The soft limit passed. A BaseException, so that no operation's `except Exception` swallows it."""


class LeaseWanted(BaseException):
    """The worker shuts down: stop, the step goes to another."""


class CancelWanted(BaseException):
    """The run was cancelled: stop."""


_active = False
_cancelled = False


def install() -> None:
    """Put the handlers in place. Called in each worker child, in its main thread."""
    signal.signal(signal.SIGALRM, _on_signal)
    signal.signal(CANCEL_SIGNAL, _on_signal)
    signal.signal(RELEASE_SIGNAL, _on_signal)


@contextlib.contextmanager
def interruptible(soft_limit_seconds: float) -> Iterator[None]:
    """Let signals interrupt the block. Raises TimeLimitReached, LeaseWanted, StepCancelled."""
    global _active, _cancelled
    _cancelled = False
    signal.setitimer(signal.ITIMER_REAL, soft_limit_seconds)
    _active = True
    try:
        yield
    except CancelWanted as error:
        raise StepCancelled("the run was cancelled") from error
    finally:
        _active = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def was_cancelled() -> bool:
    """Tell whether the cancel signal came during this attempt."""
    return _cancelled


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _active, _cancelled
    if number == CANCEL_SIGNAL:
        _cancelled = True
    if not _active:
        return
    _active = False  # one interruption per attempt: its tidying up is not interrupted again
    if number == signal.SIGALRM:
        raise TimeLimitReached
    if number == CANCEL_SIGNAL:
        raise CancelWanted
    raise LeaseWanted
