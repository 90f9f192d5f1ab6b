"""The cast, for this folder's tests."""

from tests.api.cast import _days, _fresh_counts, _plain_static, _quick_passwords, cast, planner  # noqa: F401 - fixtures
