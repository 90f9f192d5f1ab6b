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
        ("ci/src/shop_integration_tests/utils/misc.py", True),
        ("compatibility-test/src/util.py", True),
        ("shop/testdata/key.pem", True),
        ("shop/test_data/key.pem", True),
        ("shop/url_tests.py", True),
        ("api/e2etests/seed.py", True),
        ("frontend/e2e/config.ts", True),
        ("shop/e2e_report/config.ts", False),
        ("t/unit/security/__init__.py", True),
        ("shop/t/keys.py", False),
        ("t.py", False),
        ("agents/test_engineer/agent.py", False),
        ("shop/contest/vote.py", False),
        ("shop/contests.py", False),
        ("roles/files/latest.key", False),
        ("shop/settings/base.py", False),
        ("shop/commands/test.py", False),
        ("shop/latest.py", False),
    ],
)
def test_path_of_a_test(path: str, *, expected: bool) -> None:
    assert conventions.is_test(path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data/unused.py", True),
        ("tests/roots/test-ext/target/coroutine.py", True),
        ("shop/tests/fixtures/pkg/late.py", True),
        ("tests/data/test_unused.py", False),
        ("tests/unused.py", False),
        ("shop/data/unused.py", False),
    ],
)
def test_path_of_what_tests_are_tried_on(path: str, *, expected: bool) -> None:
    assert conventions.is_test_sample(path) is expected
