"""The analyzers of the Inspector, by operation. A new one is one file here and one line below."""

from __future__ import annotations

from collections.abc import Mapping

from agents.inspector.analyzers.bandit import Bandit
from agents.inspector.analyzers.base import Analyzer
from agents.inspector.analyzers.complexipy import Complexipy
from agents.inspector.analyzers.detect_secrets import DetectSecrets
from agents.inspector.analyzers.griffe import Griffe
from agents.inspector.analyzers.grimp import Grimp
from agents.inspector.analyzers.hadolint import Hadolint
from agents.inspector.analyzers.lizard import Lizard
from agents.inspector.analyzers.pydoclint import Pydoclint
from agents.inspector.analyzers.ruff import Ruff, RuffPasswords, RuffSecurity
from agents.inspector.analyzers.shellcheck import Shellcheck
from agents.inspector.analyzers.taint import Taint
from agents.inspector.analyzers.vulture import VultureTool
from agents.inspector.analyzers.yamllint import Yamllint

# Operation -> its analyzers. Where two say the same of one place, the first one's place is kept.
ANALYZERS: Mapping[str, tuple[Analyzer, ...]] = {
    "lint": (Ruff(), Griffe(), Pydoclint()),
    "security_scan": (RuffSecurity(), Bandit(), Taint()),
    "secret_scan": (DetectSecrets(), RuffPasswords()),
    "complexity": (Lizard(), Complexipy()),
    "dead_code": (VultureTool(),),
    "structure": (Grimp(),),
    "infrastructure": (Shellcheck(), Hadolint(), Yamllint()),
}
