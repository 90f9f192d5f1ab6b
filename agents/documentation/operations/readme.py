"""`readme_check`: what the pages of a project say that is not so."""

from __future__ import annotations

from agents import workspace
from agents.base import OperationContext, operation
from agents.documentation import pages, truth
from agents.documentation.claims import findings
from agents.documentation.commands import Commands
from agents.documentation.material import ATTEMPTS, NEEDS, TreeInput, chosen, run_of
from agents.findings import FindingData
from agents.reporting.model import AnalysisOutput, count_by_severity, plural
from agents.symbols import sources
from tasks.contract import StepFailed


class Readme:
    """What pages say, beside what is there."""

    @operation(
        TreeInput,
        AnalysisOutput,
        timeout_seconds=600,
        attempts=ATTEMPTS,
        needs=NEEDS,
        gives=("findings",),
        examples=(
            "check the README",
            "do the commands in the README still work?",
            "find broken links in the docs",
            "are there settings that the configuration page forgets?",
            "do the examples in the documentation parse?",
        ),
    )
    def readme_check(self, input: TreeInput, context: OperationContext) -> AnalysisOutput:
        """Find what the README and other pages say that is not so any more.

        Reads every page in Markdown and reStructuredText: relative links and anchors that lead nowhere; management
        commands, make targets, npm scripts, modules and files in shell blocks that the project does not have; paths
        that are gone; Python, JSON, TOML and YAML examples that do not parse; settings that the code reads and a
        page that calls itself complete does not list. Links to other sites are counted, never fetched; nothing is
        executed.
        """
        with workspace.checked_out(input.snapshot, context.open_artifact) as tree:
            found = chosen(sources.listed(tree), [])
            try:
                read = pages.read(found, scratch=context.scratch, cancelled=context.cancelled)
            except pages.PagesUnreadable as error:
                raise StepFailed(str(error)) from error
            context.progress(1, 2, f"{len(read.pages)} pages read")
            checked = truth.Checked()
            commands = Commands(sources=found, modules=frozenset(found.modules()))
            claims = list(truth.faults(read, found, commands, checked))
            kept = chosen(found, input.paths).paths if input.paths else None
            faults = findings((one for one in claims if kept is None or one.path in kept), found)
        return _told(read, checked, faults, found, context)


def _told(
    read: pages.Pages,
    checked: truth.Checked,
    faults: list[FindingData],
    found: sources.Sources,
    context: OperationContext,
) -> AnalysisOutput:
    note = f"{plural(checked.external, 'link')} to other sites not checked" if checked.external else ""
    run = run_of(
        truth.TOOL,
        truth.VERSION,
        given=len(read.pages) + len(read.failed),
        failed={one.path: one.reason for one in read.failed},
        skipped=dict(found.counts),
        findings=len(faults),
        note=note,
        purpose="pages",
    )
    context.add_findings(faults)
    context.progress(2, 2, "done")
    context.summary = (
        f"{plural(len(faults), 'untrue statement')} in {plural(len(read.pages), 'page')}; looked at "
        f"{plural(checked.links, 'link')}, {plural(checked.commands, 'command')}, {plural(checked.blocks, 'example')}"
    )
    counts = {str(severity): n for severity, n in count_by_severity(faults).items() if n}
    return AnalysisOutput(tools=(run,), findings_by_severity=counts, summary=context.summary)
