"""What a tree's Python code names: modules, classes, functions, attributes, with their signatures and docstrings.

    files = sources.listed(tree)                        # which files there are, and which are left out and why
    symbols = read(tree, files, scratch=...)            # griffe, in a process of its own

Nothing of the tree is imported or executed: griffe's visitor works on the syntax tree, its inspection is never
used, and no search path, `.pth` file or configuration of the tree is looked at. Text in here is data of the tree.
"""

from agents.symbols.model import (
    RECEIVERS,
    Docstring,
    Item,
    Module,
    Overload,
    Parameter,
    Section,
    Symbol,
    Symbols,
    Tokens,
    text_of,
)
from agents.symbols.reading import SymbolsUnreadable, read

__all__ = [
    "RECEIVERS",
    "Docstring",
    "Item",
    "Module",
    "Overload",
    "Parameter",
    "Section",
    "Symbol",
    "Symbols",
    "SymbolsUnreadable",
    "Tokens",
    "read",
    "text_of",
]
