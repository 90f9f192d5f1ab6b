"""What a path says of its file."""

from __future__ import annotations

import pytest

from agents import conventions


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/tests/views.py", True),
        ("shop/test_views.py", True),
        ("shop/settings/test.py", True),
        ("config/testing.py", True),
        ("roles/files/test_admin.key", True),
        ("roles/files/apt-test.priv", True),
        ("molecule/upgrade/create.yml", True),
        ("roles/files/latest.key", False),
        ("shop/settings/base.py", False),
        ("shop/commands/test.py", False),
        ("shop/latest.py", False),
    ],
)
def test_path_of_a_test(path: str, *, expected: bool) -> None:
    assert conventions.is_test(path) is expected
