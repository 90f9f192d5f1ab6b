"""All forms of a report at once."""

from __future__ import annotations

from agents.reporting.change import MEDIA_TYPE, PULL_REQUEST, as_pull_request
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
ALL_MEDIA_TYPES = {**MEDIA_TYPES, PULL_REQUEST: MEDIA_TYPE}


def write_all(report: Report) -> dict[str, bytes]:
    """Give every form by its file name, as in MEDIA_TYPES; of a run with a base a summary for a pull request, too."""
    forms = {
        "report.html": as_html(report),
        "report.md": as_markdown(report),
        "report.json": as_json(report),
        "report.sarif": as_sarif(report),
    }
    if report.compared is not None:
        forms[PULL_REQUEST] = as_pull_request(report, report.compared)
    return forms
