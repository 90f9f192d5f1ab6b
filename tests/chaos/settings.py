"""The settings of the harness's own web processes: the product's, and one more address."""

from __future__ import annotations

from wrenchai_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.chaos.urls"
