"""The WSGI door, for servers without WebSockets. The usual one is `asgi`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from history import origins
from wrenchai_project.env import refuse_faults

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")

application = get_wsgi_application()
refuse_faults()
origins.name_process("web")
