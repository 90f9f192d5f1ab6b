"""Reports of a run: the model, and its four forms.

report = Report(run_id=..., goal=..., created_at=..., findings=..., tool_runs=..., plan_steps=...)
for name, content in write_all(report).items():
    context.put_artifact(name, content, media_type=MEDIA_TYPES[name])
"""

from agents.reporting.forms import MEDIA_TYPES, write_all
from agents.reporting.model import (
    AnalysisOutput,
    FileProblem,
    NotAnalysed,
    PlanStep,
    Report,
    ReportedFinding,
    Target,
    ToolRun,
    ToolState,
)

__all__ = [
    "MEDIA_TYPES",
    "AnalysisOutput",
    "FileProblem",
    "NotAnalysed",
    "PlanStep",
    "Report",
    "ReportedFinding",
    "Target",
    "ToolRun",
    "ToolState",
    "write_all",
]
