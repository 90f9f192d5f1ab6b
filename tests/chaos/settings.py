"""The settings of the harness's own processes: the product's, one more address, and parts that are taken out."""

from __future__ import annotations

from wrenchai_project.settings import *  # noqa: F403 - whatever they are
from wrenchai_project.settings import INSTALLED_APPS as THE_PRODUCTS

INSTALLED_APPS = [*THE_PRODUCTS, "tests.chaos.off.Off"]
ROOT_URLCONF = "tests.chaos.urls"
