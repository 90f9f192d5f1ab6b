"""How a browser is shown what a run wrote, so that nothing in it can act: types and policies, for every door."""

from __future__ import annotations

from typing import Final

from agents.reporting import searching

SANDBOX: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
SEARCHED: Final = f"sandbox allow-scripts;{SANDBOX.partition(';')[2]}; script-src {searching.SOURCE}"
"""For a run's own report, which searches itself by a script that is named by its digest; it has no origin either."""

SHOWN_AS: Final = {
    "text/html": "text/html; charset=utf-8",
    "text/plain": "text/plain; charset=utf-8",
    "text/markdown": "text/plain; charset=utf-8",
    "text/x-diff": "text/plain; charset=utf-8",
    "application/json": "application/json",
    "application/sarif+json": "application/json",
    "image/png": "image/png",
}
"""Media types that a browser may show, and the type that it is told."""
