"""All forms of a report at once."""

from __future__ import annotations

from agents.reporting.html import as_html
from agents.reporting.json_report import as_json
from agents.reporting.markdown import as_markdown
from agents.reporting.model import Report
from agents.reporting.sarif import as_sarif

MEDIA_TYPES = {
    "report.html": "text/html; charset=utf-8",
    "report.md": "text/markdown; charset=utf-8",
    "report.json": "application/json",
    "report.sarif": "application/sarif+json",
}


def write_all(report: Report) -> dict[str, bytes]:
    """Give every form by its file name; MEDIA_TYPES has the same names."""
    return {
        "report.html": as_html(report),
        "report.md": as_markdown(report),
        "report.json": as_json(report),
        "report.sarif": as_sarif(report),
    }
