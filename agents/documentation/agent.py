"""Documentation: writes and checks documentation from the code alone, without an LLM.

    api_reference       what can be imported, as pages that link to each other               griffe
    architecture_map    which modules stand on which: layers, cycles, a picture              grimp
    docstring_report    docstrings that are missing or no longer match the code      griffe, pydoclint
    docstring_patch     skeletons of missing docstrings, as a patch that was tried   griffe, LibCST
    data_model          entities and relations, as an ER diagram                     own reader of models
    http_api            the endpoints, with the skeleton of an OpenAPI document      own reader of routes
    changelog           what happened between two revisions, and what it breaks      git, griffe
    readme_check        what pages say that is not so any more                       markdown-it

Each operation is a mixin of `agents.documentation.operations`. Nothing of a tree is imported or executed, and
every text made here passes `agents.grounding`: a name that the code does not have ends the step.
"""

from __future__ import annotations

from agents.base import Agent
from agents.documentation.operations.architecture import Architecture
from agents.documentation.operations.changelog import Changelog
from agents.documentation.operations.docstring_patch import DocstringPatch
from agents.documentation.operations.docstrings import Docstrings
from agents.documentation.operations.interfaces import Interfaces
from agents.documentation.operations.readme import Readme
from agents.documentation.operations.reference import Reference


class Documentation(
    Docstrings, DocstringPatch, Readme, Interfaces, Reference, Architecture, Changelog, Agent
):
    """Writes and checks documentation: reference, drift between text and code, overviews."""

    name = "documentation"
    title = "Documentation"
    description = "Writes and checks documentation: reference, drift between text and code, overviews."
    priority = 7
