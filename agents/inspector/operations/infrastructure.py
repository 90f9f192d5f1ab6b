"""The Inspector's look at shell scripts, Dockerfiles and YAML."""

from __future__ import annotations

from agents.base import OperationContext, operation
from agents.inspector.steps import ATTEMPTS, GIVES, NEEDS, TIMEOUT_SECONDS, AnalysisInput, analyse_step
from agents.reporting.model import AnalysisOutput


class Infrastructure:
    """Mixin: what builds, starts and configures a project."""

    @operation(
        AnalysisInput,
        AnalysisOutput,
        timeout_seconds=TIMEOUT_SECONDS,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=GIVES,
        examples=(
            "check the Dockerfile",
            "are our shell scripts correct?",
            "lint the YAML configuration",
            "look at the container build and the deployment scripts",
        ),
    )
    def infrastructure(self, input: AnalysisInput, context: OperationContext) -> AnalysisOutput:
        """Find mistakes in shell scripts, Dockerfiles and YAML.

        Looks for scripts that break or delete too much, images that run as root, change by themselves or ignore
        signals, keys given twice and YAML that cannot be read. Style, pinned package versions and line lengths are
        not its business. Runs shellcheck, hadolint and yamllint without any configuration of the project.
        """
        return analyse_step("infrastructure", input, context)
