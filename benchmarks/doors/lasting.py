"""Bare Django REST framework in the product's threads: what is left of a difference is the API's own work."""

from __future__ import annotations

import django
from django.conf import settings

django.setup(set_prefix=False)

from wrenchai_project.threads import Handler, Threads

application = Handler(Threads(settings.WEB_THREADS))
