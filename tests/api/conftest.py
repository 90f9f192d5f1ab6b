"""The cast, for this folder's tests."""

from tests.api.cast import (  # noqa: F401 - fixtures
    _days,
    _fresh_counts,
    _plain_static,
    _quick_passwords,
    cast,
    one_window,
    planner,
    steady_rules,
    worker,
)
from tests.api.websocket import closed_connections, people  # noqa: F401 - fixtures
