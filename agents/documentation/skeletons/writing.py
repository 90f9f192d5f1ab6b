"""Docstrings into source, so that all else stays byte for byte. Runs inside the driver.

LibCST tells where a new docstring goes; it goes in as lines, for writing a large file anew for each of its docstrings
takes seconds. So do further entries of one that is there. Afterwards both texts are parsed: apart from docstrings
they must be the same program.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from functools import cached_property

import libcst as cst
from libcst import metadata as meta

from agents.documentation.skeletons.leaving import leaving
from agents.documentation.skeletons.wording import Facts, Parameter, entry, skeleton
from agents.patches.diffs import lines_of

BOM = b"\xef\xbb\xbf"
_Definition = cst.FunctionDef | cst.ClassDef


class Refused(Exception):
    """A docstring cannot be written here; the message is the reason, for people."""


class Source:
    """One file, parsed once for all its objects. Raises Refused if it does not parse."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.bom = BOM if content.startswith(BOM) else b""
        try:
            module = cst.parse_module(content.removeprefix(BOM))
            self.wrapper = meta.MetadataWrapper(module, unsafe_skip_copy=True)
            self.positions = self.wrapper.resolve(meta.PositionProvider)
            self.tree = _parsed(content)
        except (cst.ParserSyntaxError, UnicodeError, RecursionError, SyntaxError, ValueError) as error:
            raise Refused(f"the file cannot be parsed: {type(error).__name__}") from error
        self.module = self.wrapper.module
        self.definitions = [one for one in self.positions if isinstance(one, cst.FunctionDef | cst.ClassDef)]

    def raises(self, name: str, line: int) -> list[str]:
        """The errors that leave a function."""
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name != name:
                continue
            if line in (node.lineno, *(one.lineno for one in node.decorator_list)):
                return leaving(node)
        return []

    def with_docstring(self, name: str, line: int, facts: Facts, style: str, *, typed: bool) -> bytes:
        """The file with a docstring in the definition that begins on a line."""
        node = self._definition(name, line)
        if node.get_docstring() is not None:
            raise Refused("it has a docstring already")
        text = self._literal(node, skeleton(facts, style, typed=typed))
        if re.search(rb"\r(?!\n)", self.content):
            raise Refused("it has lines that end with a carriage return alone")
        return self._checked(self._with_lines(node, text))

    def _with_lines(self, node: _Definition, text: str) -> bytes:
        """The file with a docstring below the line on which the head of a definition ends."""
        body, indent, end = node.body, self._indent(node), self.module.default_newline
        told = indent + text + end
        if isinstance(body, cst.IndentedBlock):
            told += end if _wants_space(node, body.body[0]) else ""
            at = behind = self.positions[body.header].end.line - 1
        else:
            begin = self.positions[body].start
            at, behind = begin.line - 1, begin.line
            row = self._lines[at].decode(self.module.encoding)
            told = row[: begin.column].rstrip() + end + told + indent + row[begin.column :]
        new = told.encode(self.module.encoding)
        return self.bom + b"".join([*self._lines[:at], new, *self._lines[behind:]])

    def _definition(self, name: str, line: int) -> _Definition:
        for node in self.definitions:
            begins = [self.positions[one].start.line for one in (*node.decorators, node)]
            if node.name.value == name and line in begins:
                return node
        raise Refused("the definition is not found on its line")

    def _literal(self, node: _Definition, lines: Sequence[str]) -> str:
        if len(lines) == 1:
            return f'"""{lines[0]}"""'
        indent = self._indent(node)
        told = [lines[0], *(f"{indent}{line}" if line else "" for line in lines[1:])]
        return '"""' + self.module.default_newline.join([*told, f'{indent}"""'])

    def _indent(self, node: _Definition) -> str:
        """What the lines of its body begin with."""
        body = node.body
        step = (body.indent if isinstance(body, cst.IndentedBlock) else None) or self.module.default_indent
        row = self._lines[self.positions[node].start.line - 1]
        return row[: len(row) - len(row.lstrip(b" \t\f"))].lstrip(b"\f").decode("ascii") + step

    @cached_property
    def _lines(self) -> list[bytes]:
        return lines_of(self.content.removeprefix(BOM))

    @cached_property
    def _program(self) -> str:
        return _program(_parsed(self.content))

    def with_entries(
        self, at: int, last: int, parameters: Sequence[Parameter], style: str, *, typed: bool
    ) -> bytes:
        """The file with further parameters behind the entry on line `at` of a docstring that ends on line `last`."""
        lines = self._lines
        if not 0 < at < last <= len(lines):
            raise Refused("its docstring ends on the line of its last entry")
        row = lines[at - 1]
        indent = row[: len(row) - len(row.lstrip(b" \t"))]
        end = b"\r\n" if row.endswith(b"\r\n") else b"\n"
        behind = at
        while behind < last - 1 and _continues(lines[behind], indent):
            behind += 1
        # Entries of Google's style are indented themselves; the line that is there says how far.
        new = [
            text.removeprefix("    ") if style == "google" else text
            for one in parameters
            for text in entry(one, style, typed=typed)
        ]
        added = [indent + text.encode("utf-8") + end for text in new]
        return self._checked(self.bom + b"".join([*lines[:behind], *added, *lines[behind:]]))

    def _checked(self, made: bytes) -> bytes:
        """Let pass what is the same program apart from its docstrings. Raises Refused."""
        try:
            tree = _parsed(made)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise Refused(f"the result would not parse: {type(error).__name__}") from error
        if _program(tree) != self._program:
            raise Refused("more than a docstring would change")
        return made


def _continues(row: bytes, indent: bytes) -> bool:
    """Tell whether a line belongs to the entry above it: it is indented further, or tells its type."""
    text = row.strip()
    if not text:
        return False
    if re.match(rb":(?:type|vartype)\b", text):
        return True
    return row.startswith(indent) and row[len(indent) : len(indent) + 1] in (b" ", b"\t")


def _wants_space(node: _Definition, first: cst.BaseStatement) -> bool:
    """Tell whether an empty line belongs between its docstring and what comes first in its body."""
    if not (isinstance(node, cst.ClassDef) or isinstance(first, cst.FunctionDef | cst.ClassDef)):
        return False
    leading = getattr(first, "leading_lines", None)
    return leading is not None and not (leading and leading[0].comment is None)


def _parsed(content: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes of the project are not ours
        return ast.parse(content)


def _program(tree: ast.Module) -> str:
    """The tree without docstrings, as text to compare."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
