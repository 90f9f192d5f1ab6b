"""Text search in the HTML report: the only script that a page of ours may run, and the policy that allows it alone.

The policy names the script by its digest, so a script that got in by a hole in the escaping would not run. Without
scripts the field stays hidden and every finding is shown. A page with one finding has neither field nor script.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

SCRIPT = (Path(__file__).parent / "templates" / "reporting" / "search.js").read_text(encoding="utf-8")
SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}'"
"""What a `script-src` calls the script."""

WITHOUT = "default-src 'none'; style-src 'unsafe-inline'"
WITH = f"{WITHOUT}; script-src {SOURCE}"


def is_searched(findings: int) -> bool:
    """Tell whether a page that shows so many findings has the field."""
    return findings > 1
