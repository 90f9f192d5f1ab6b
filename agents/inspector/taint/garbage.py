"""How seldom Python looks for garbage in circles while a program is analysed.

Trees, classes and functions live until the end, and looking through them again and again was a fifth of a run. Until
all modules are executed nothing is looked for; then what is there is set aside for good.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 50_000  # made and not gone, before young ones are looked through


@contextmanager
def lasting() -> Iterator[None]:
    """While what is made will stay: look for no garbage, and set all of it aside at the end."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@contextmanager
def seldom() -> Iterator[None]:
    """Look for garbage less often; afterwards all is as it was before, what was set aside included."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
