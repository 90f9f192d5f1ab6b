"""Logs: one JSON object a line, with run, step and attempt bound by the executor, and the request's id.

Owns how a line looks; `settings` puts it in place. Refuses to know who writes.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from wrenchai_project import env, request_ids

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def level() -> str:
    """Read the least severe level that is written; INFO for one that is none, which is told as a fault."""
    wanted = env.text("LOG_LEVEL", "INFO", "Least severe level that is written")
    if wanted in LEVELS:
        return wanted
    fault = env.Fault(
        name="LOG_LEVEL", message=f"{wanted!r} is no level", hint="use DEBUG, INFO, WARNING or ERROR"
    )
    env.FAULTS.append(fault)
    return "INFO"


_SECRET = re.compile(r"(/(?:enter|shared|invitations|documents)/)[^/\s?&#\"']+")


def hide_tokens(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut out of the addresses that Django tells of what is a right to come in. For structlog."""
    if hasattr(event.get("_record"), "request") and isinstance(event.get("event"), str):
        event["event"] = _SECRET.sub(r"\1…", event["event"])
    return event


def configuration(level: str) -> dict[str, Any]:
    """Give Django's LOGGING: all to standard error, lines of foreign loggers in the same form."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    request_ids.add_to_log,
                    hide_tokens,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django.server": {"handlers": ["stderr"], "propagate": False}},
    }


def configure_structlog() -> None:
    """Let structlog's loggers write through those of Python."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
