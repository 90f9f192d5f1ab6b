"""The place of a finding in a file's syntax tree, as a codemod sees it, and the edits that it asks for.

Owns: finding nodes by line, the meaning of imported names, gathering edits, writing the file anew. Knows no rule.
Invariant: what a codemod did not ask for stays byte for byte, comments and white space included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst import metadata as meta

BOM = b"\xef\xbb\xbf"


class Refused(Exception):
    """This fault cannot be mended mechanically; the message is the reason, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a finding is. Lines and columns count from 1. `tainted`: names that hold input on the way to it."""

    path: str
    rule: str
    line: int
    end_line: int
    column: int
    tainted: frozenset[str] = frozenset()


class File:
    """One parsed file; serves all its findings. Raises Refused if it does not parse."""

    def __init__(self, content: bytes) -> None:
        self.has_bom = content.startswith(BOM)
        try:
            module = cst.parse_module(content.removeprefix(BOM))
            self.wrapper = meta.MetadataWrapper(module, unsafe_skip_copy=True)
            self.positions: Mapping[cst.CSTNode, meta.CodeRange] = self.wrapper.resolve(meta.PositionProvider)
            self.parents: Mapping[cst.CSTNode, cst.CSTNode] = self.wrapper.resolve(meta.ParentNodeProvider)
            self.scopes: Mapping[cst.CSTNode, meta.Scope | None] = self.wrapper.resolve(meta.ScopeProvider)
        except (cst.ParserSyntaxError, UnicodeError, RecursionError, SyntaxError) as error:
            raise Refused(f"the file cannot be parsed: {type(error).__name__}") from error
        self.module = self.wrapper.module
        self.calls = [node for node in self.positions if isinstance(node, cst.Call)]


@dataclass(slots=True)
class Site:
    """One finding in a file."""

    file: File
    place: Place
    note: str = ""
    _edits: dict[cst.CSTNode, cst.CSTNode] = field(default_factory=dict)
    _before: dict[cst.CSTNode, list[str]] = field(default_factory=dict)
    _instead: dict[cst.CSTNode, list[str]] = field(default_factory=dict)
    _imports: list[str] = field(default_factory=list)

    # reading

    def calls(self) -> list[cst.Call]:
        """The calls on the finding's lines: those that start where it does, then the others, inner ones first."""
        place = self.place
        near = [
            call
            for call in self.file.calls
            if self.span(call).start.line <= place.end_line and place.line <= self.span(call).end.line
        ]
        return sorted(near, key=self._distance)

    def _distance(self, call: cst.Call) -> tuple[bool, int, int]:
        start, end = self.span(call).start, self.span(call).end
        off = abs(start.line - self.place.line) * 1000 + abs(start.column + 1 - self.place.column)
        return (off != 0, end.line - start.line, off)

    def span(self, node: cst.CSTNode) -> meta.CodeRange:
        """Where a node is; lines from 1, columns from 0."""
        return self.file.positions[node]

    def code(self, node: cst.CSTNode) -> str:
        """The node as source."""
        return self.file.module.code_for_node(node)

    def imported(self, node: cst.CSTNode) -> str:
        """The dotted name that a name or attribute was imported as or is built in as, or ""."""
        scope = self.file.scopes.get(node)
        if scope is None:
            return ""
        names = {
            one.name
            for one in scope.get_qualified_names_for(node)
            if one.source is not meta.QualifiedNameSource.LOCAL
        }
        return names.pop().removeprefix("builtins.") if len(names) == 1 else ""

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.file.parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes that hold a node, inner ones first."""
        at = self.parent(node)
        while at is not None:
            yield at
            at = self.parent(at)

    def statement(self, node: cst.CSTNode) -> cst.SimpleStatementLine:
        """The line that a node is on, if it has one to itself. Raises Refused."""
        for holder in self.above(node):
            if isinstance(holder, cst.SimpleStatementLine):
                if len(holder.body) == 1 and isinstance(self.parent(holder), cst.IndentedBlock | cst.Module):
                    return holder
                break
            if isinstance(holder, cst.Lambda | cst.CompFor | cst.BaseCompoundStatement):
                break
        raise Refused("it is part of a larger statement, before which nothing can be put")

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | cst.Module:
        """The function around a node, or the module."""
        for holder in self.above(node):
            if isinstance(holder, cst.FunctionDef | cst.Module):
                return holder
        return self.file.module

    def only_value(self, name: cst.Name) -> cst.Assign | None:
        """The one plain assignment of a local name, if it has exactly one."""
        found = self._assignments(name)
        if len(found) != 1:
            return None
        statement = self.parent(self.parent(found[0].node) or found[0].node)
        if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
            return statement if statement.targets[0].target is found[0].node else None
        return None

    def uses(self, name: cst.Name) -> int:
        """How often a local name is read."""
        return sum(len(one.references) for one in self._assignments(name))

    def is_stable(self, name: cst.Name) -> bool:
        """Tell whether a name gets its value once."""
        return len(self._assignments(name)) <= 1

    def _assignments(self, name: cst.Name) -> list[meta.Assignment]:
        scope = self.file.scopes.get(name)
        if scope is None:
            return []
        return [one for one in scope[name.value] if isinstance(one, meta.Assignment)]

    def is_text(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is a text for sure."""
        if isinstance(node, cst.SimpleString | cst.FormattedString | cst.ConcatenatedString):
            return True
        if isinstance(node, cst.Call):
            return self.imported(node.func) in ("str", "input", "repr", "os.getcwd")
        if isinstance(node, cst.Name):
            for one in self._assignments(node):
                param = self.parent(one.node) if isinstance(one.node, cst.Name) else one.node
                note = param.annotation if isinstance(param, cst.Param) else None
                return bool(note and isinstance(note.annotation, cst.Name) and note.annotation.value == "str")
        return False

    def modules(self) -> frozenset[str]:
        """The top names of what the file imports."""
        found = set()
        for scope in set(self.file.scopes.values()):
            for one in scope.assignments if scope else ():
                if isinstance(one, meta.ImportAssignment):
                    found |= {q.name for q in one.get_qualified_names_for(one.name)}
        return frozenset(found)

    def words_around(self, node: cst.CSTNode) -> str:
        """Names near a node that tell what it is for: function, class, target, file; in lower case."""
        told = [self.place.path]
        for holder in self.above(node):
            if isinstance(holder, cst.FunctionDef | cst.ClassDef):
                told.append(holder.name.value)
            elif isinstance(holder, cst.Assign):
                told += [self.code(target.target) for target in holder.targets]
            elif isinstance(holder, cst.AnnAssign):
                told.append(self.code(holder.target))
            elif isinstance(holder, cst.Arg) and holder.keyword:
                told.append(holder.keyword.value)
        return " ".join(told).lower()

    # asking for edits

    def replace(self, old: cst.CSTNode, new: cst.CSTNode) -> None:
        """Put a node in the place of another one."""
        self._edits[old] = new

    def put_before(self, statement: cst.SimpleStatementLine | cst.With, lines: Sequence[str]) -> None:
        """Put statements before one; each is source, compound ones with four blanks of indentation."""
        self._before[statement] = list(lines)

    def put_instead(self, statement: cst.SimpleStatementLine, lines: Sequence[str]) -> None:
        """Put statements in the place of one."""
        self._instead[statement] = list(lines)

    def use_module(self, name: str) -> str:
        """Have a module imported, and give the name that it has here. Raises Refused if the name is taken."""
        held = []
        for scope in set(self.file.scopes.values()):
            for one in scope.assignments[name] if scope else ():
                if not isinstance(one, meta.ImportAssignment) or {
                    q.name for q in one.get_qualified_names_for(name)
                } != {name}:
                    raise Refused(f"the name {name!r} means something else in this file")
                if isinstance(one.scope, meta.GlobalScope):
                    held.append(one)
        if not held:
            self._imports.append(f"import {name}")
        return name

    def use_from(self, module: str, name: str) -> str:
        """Have `from module import name`. Raises Refused if the name is taken."""
        for scope in set(self.file.scopes.values()):
            for one in scope.assignments[name] if scope else ():
                known = isinstance(one, meta.ImportAssignment) and {
                    q.name for q in one.get_qualified_names_for(name)
                } == {f"{module}.{name}"}
                if not known:
                    raise Refused(f"the name {name!r} means something else in this file")
                return name
        self._imports.append(f"from {module} import {name}")
        return name

    # writing

    def result(self) -> bytes:
        """The file with the edits."""
        module = self.file.module.visit(_Writer(self))
        assert isinstance(module, cst.Module)
        for line in self._imports:
            module = _with_import(module, line)
        return (BOM if self.file.has_bom else b"") + module.bytes

    def parsed(self, lines: Sequence[str]) -> list[cst.BaseStatement]:
        """Source as statements in the file's own style."""
        config = self.file.module.config_for_parsing
        return [cst.parse_statement(line, config=config) for line in lines]


class _Writer(cst.CSTTransformer):
    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def on_leave(  # type: ignore[override]  # one method for every kind of node
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode | cst.FlattenSentinel[cst.BaseStatement]:
        site = self._site
        if original_node in site._edits:
            return site._edits[original_node]
        if original_node in site._instead:
            assert isinstance(original_node, cst.SimpleStatementLine)
            new = site.parsed(site._instead[original_node])
            first = new[0].with_changes(leading_lines=original_node.leading_lines)
            last = new[-1].with_changes(trailing_whitespace=original_node.trailing_whitespace)
            return cst.FlattenSentinel([first, *new[1:-1], last] if len(new) > 1 else [first])
        if original_node in site._before:
            assert isinstance(updated_node, cst.SimpleStatementLine | cst.With)
            new = site.parsed(site._before[original_node])
            first = new[0].with_changes(leading_lines=updated_node.leading_lines)
            rest = updated_node.with_changes(leading_lines=())
            return cst.FlattenSentinel([first, *new[1:], rest])
        return updated_node


def _with_import(module: cst.Module, line: str) -> cst.Module:
    """Add an import to the first block of imports, in alphabetical order among its plain ones."""
    new = cst.parse_statement(line, config=module.config_for_parsing)
    body = list(module.body)
    at = _head(body)
    block = at
    while block < len(body) and _imports_of(body[block], future=False):
        block += 1
    place = next((n for n in range(at, block) if _order(module.code_for_node(body[n])) > _order(line)), block)
    if place < len(body) and place == at and isinstance(new, cst.SimpleStatementLine):
        follower = body[place]
        if (
            isinstance(follower, cst.SimpleStatementLine) and block > at
        ):  # it takes over the comments above the block
            blank = [one for one in follower.leading_lines if one.comment is None]
            kept = [one for one in follower.leading_lines if one.comment is not None]
            new = new.with_changes(leading_lines=blank)
            body[place] = follower.with_changes(leading_lines=kept)
        elif at:
            new = new.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    body.insert(place, new)
    return module.with_changes(body=body)


def _order(code: str) -> tuple[bool, str]:
    text = code.strip().rpartition("\n")[2]
    return (not text.startswith("import "), text)


def _head(body: Sequence[cst.CSTNode]) -> int:
    """Behind the docstring and the __future__ imports."""
    at = 0
    if body and isinstance(body[0], cst.SimpleStatementLine):
        first = body[0].body[0]
        if isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString | cst.ConcatenatedString):
            at = 1
    while at < len(body) and _imports_of(body[at], future=True):
        at += 1
    return at


def _imports_of(node: cst.CSTNode, *, future: bool) -> bool:
    if not isinstance(node, cst.SimpleStatementLine):
        return False
    first = node.body[0]
    if isinstance(first, cst.ImportFrom):
        is_future = isinstance(first.module, cst.Name) and first.module.value == "__future__"
        return is_future == future
    return isinstance(first, cst.Import) and not future


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    """The keyword argument of a call, or None."""
    return next((arg for arg in call.args if arg.keyword and arg.keyword.value == name), None)


def positional(call: cst.Call) -> list[cst.Arg]:
    """The positional arguments of a call. Raises Refused if it has starred ones."""
    if any(arg.star for arg in call.args):
        raise Refused("the call has starred arguments, whose meaning is not known here")
    return [arg for arg in call.args if arg.keyword is None]


def without(call: cst.Call, *gone: cst.Arg) -> cst.Call:
    """The call without some arguments, its own spacing kept."""
    kept = [arg for arg in call.args if arg not in gone]
    if kept and call.args[-1] in gone:
        kept[-1] = kept[-1].with_changes(
            comma=call.args[-1].comma, whitespace_after_arg=call.args[-1].whitespace_after_arg
        )
    return call.with_changes(args=kept)


def with_keyword(call: cst.Call, name: str, value: str) -> cst.Call:
    """The call with a keyword argument more, or with another value for it, spaced as its neighbours are."""
    held = keyword(call, name)
    if held is not None:
        new = held.with_changes(value=cst.parse_expression(value))
        return call.with_changes(args=[new if arg is held else arg for arg in call.args])
    return with_argument(call, value, name)


def with_argument(call: cst.Call, value: str, name: str = "") -> cst.Call:
    """The call with one more argument at its end, spaced as its neighbours are."""
    no_blanks = cst.SimpleWhitespace("")
    equal = cst.AssignEqual(no_blanks, no_blanks) if name else cst.MaybeSentinel.DEFAULT
    arg = cst.Arg(value=cst.parse_expression(value), keyword=cst.Name(name) if name else None, equal=equal)
    args = list(call.args)
    if not args:
        return call.with_changes(args=[arg])
    last = args[-1]
    between = next((a.comma for a in args[:-1] if isinstance(a.comma, cst.Comma)), None)
    if isinstance(last.comma, cst.Comma):  # a comma behind the last: keep that style
        arg = arg.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
        step = between or _line_break(call) or cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    else:
        arg = arg.with_changes(whitespace_after_arg=last.whitespace_after_arg)
        step = between or _line_break(call) or cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    args[-1] = last.with_changes(comma=step, whitespace_after_arg=no_blanks)
    return call.with_changes(args=[*args, arg])


def _line_break(call: cst.Call) -> cst.Comma | None:
    """In a call whose arguments stand on lines of their own: a comma that goes to the next such line."""
    before = call.whitespace_before_args
    return cst.Comma(whitespace_after=before) if isinstance(before, cst.ParenthesizedWhitespace) else None
