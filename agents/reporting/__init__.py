"""Reports of a run: the model, and its four forms.

report = Report(run_id=..., goal=..., created_at=..., findings=..., tool_runs=..., plan_steps=...)
for name, content in write_all(report).items():
    context.put_artifact(name, content, media_type=ALL_MEDIA_TYPES[name])
"""

from agents.reporting.forms import ALL_MEDIA_TYPES, MEDIA_TYPES, write_all
from agents.reporting.model import (
    AnalysisOutput,
    ChangeOutput,
    Compared,
    FileProblem,
    NotAnalysed,
    PlanStep,
    Report,
    ReportedFinding,
    SetAside,
    Target,
    ToolRun,
    ToolState,
    Written,
)

__all__ = [
    "ALL_MEDIA_TYPES",
    "MEDIA_TYPES",
    "AnalysisOutput",
    "ChangeOutput",
    "Compared",
    "FileProblem",
    "NotAnalysed",
    "PlanStep",
    "Report",
    "ReportedFinding",
    "SetAside",
    "Target",
    "ToolRun",
    "ToolState",
    "Written",
    "write_all",
]
