import pytest

pytest.register_assert_rewrite("tests.engine.retention.aging")  # it compares for others
