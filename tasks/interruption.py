"""How an attempt is interrupted: signals, raised as exceptions only while the operation runs.

    SIGALRM   the soft limit, armed by the child itself after its claim    -> TimeLimitReached
    SIGUSR2   the run was cancelled; sent by the worker's heart            -> CancelWanted
    SIGURG    the worker shuts down and wants its leases back; from heart  -> LeaseWanted

A bell does not know its step, so Celery's per-message limits cannot be used. Outside of `interruptible` the
signals only leave a mark, so that settling is never torn in the middle. The heart reads a row and then sends: a
signal may reach the attempt after the one that it was meant for, so the mark is a hint and the run's row decides.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

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
_release_wanted = False
_shared = False  # a cancel may be meant for another step that this child has claimed
_deferred: int | None = None  # the last signal that came while nothing could be interrupted


def install() -> None:
    """Put the handlers in place. Called in each worker child, in its main thread."""
    signal.signal(signal.SIGALRM, _on_signal)
    signal.signal(CANCEL_SIGNAL, _on_signal)
    signal.signal(RELEASE_SIGNAL, _on_signal)


@contextlib.contextmanager
def interruptible(soft_limit_seconds: float) -> Iterator[None]:
    """Let signals interrupt the block. Raises TimeLimitReached, LeaseWanted, CancelWanted.

    Also from its edges: a signal may strike while the block is being entered or left.
    """
    global _active
    try:
        signal.setitimer(signal.ITIMER_REAL, soft_limit_seconds)
        _active = True
        if was_cancelled():  # between the claim and here
            raise CancelWanted
        if _release_wanted:
            raise LeaseWanted
        yield
    finally:
        _active = False
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals wait until the block is left: for what must not be torn once it has begun."""
    global _active, _deferred
    was_active, _active = _active, False
    try:
        yield
    finally:
        number, _deferred = _deferred, None
        _active = was_active
    if number is not None and was_active:
        _on_signal(number, None)


def forget() -> None:
    """Forget signals of attempts that are over. Called before each claim."""
    global _cancelled, _release_wanted, _deferred
    _cancelled, _release_wanted, _deferred = False, False, None


def share(*, on: bool) -> bool:
    """While this child holds several steps, let a cancel only leave its mark: the signal does not say for which.

    Returns whether there is a mark.
    """
    global _shared
    _shared = on
    return _cancelled


def forget_cancel() -> None:
    """Forget a cancel that was meant for another step."""
    global _cancelled
    _cancelled = False


def was_cancelled() -> bool:
    """Tell whether the cancel signal came during this attempt, and for it."""
    return _cancelled and not _shared


def was_stopped() -> bool:
    """Tell whether a signal came since `forget` that ends more than one attempt: nothing new should be begun."""
    return _cancelled or _release_wanted


def _on_signal(number: int, frame: FrameType | None) -> None:
    global _active, _cancelled, _release_wanted, _deferred
    if number == CANCEL_SIGNAL:
        _cancelled = True
    if number == RELEASE_SIGNAL:
        _release_wanted = True
    if number == CANCEL_SIGNAL and _shared:
        return
    if not _active:
        _deferred = number
        return
    _active = False  # one interruption per attempt: its tidying up is not interrupted again
    if number == signal.SIGALRM:
        raise TimeLimitReached
    if number == CANCEL_SIGNAL:
        raise CancelWanted
    raise LeaseWanted
