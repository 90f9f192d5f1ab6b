"""All that the Documentation agent finds wrong in a tree, without an engine."""

from __future__ import annotations

from pathlib import Path

from agents.documentation import drift, pages, pydoclint, truth
from agents.documentation.claims import findings
from agents.documentation.commands import Commands
from agents.documentation.material import Material, tool_run
from agents.findings import FindingData
from agents.grounding import index_of
from agents.symbols import read, sources


def faults(root: Path, *, scratch: Path) -> list[FindingData]:
    """Run every check over the tree."""
    found = sources.listed(root)
    symbols = read(found, scratch=scratch)
    index = index_of(symbols, paths=found.paths, folders=found.folders)
    material = Material(sources=found, symbols=symbols, index=index, tool=tool_run(found, symbols))
    said, _ = pydoclint.run(material, scratch=scratch, cancelled=lambda: False)
    commands = Commands(sources=found, modules=frozenset(found.modules()))
    read_pages = pages.read(found, scratch=scratch)
    untrue = truth.faults(read_pages, found, commands, truth.Checked())
    return findings([*drift.drift(symbols, index, said), *untrue], found)
