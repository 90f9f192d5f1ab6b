"""Values in SQL become parameters, in the placeholder of the driver; names of tables and columns cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import libcst as cst

from agents.inspector.fixes.codemods.texts import Hole, Template, Text, take_apart
from agents.inspector.fixes.site import Place, Refused, Site, positional, with_argument

EXECUTING = frozenset({"execute", "raw"})
# Top name of an import -> what the driver takes in the place of a value.
STYLES = {
    "sqlite3": "?",
    "aiosqlite": "?",
    "psycopg2": "%s",
    "psycopg": "%s",
    "MySQLdb": "%s",
    "pymysql": "%s",
    "mysql": "%s",
    "django": "%s",
    "sqlalchemy": ":",
    "flask_sqlalchemy": ":",
}
_TOKEN = re.compile(r"\0(\d+)\0|'(?:[^']|'')*'|\"[^\"]*\"|[\w$.]+|<=|>=|<>|!=|\|\||.", re.DOTALL)
_COMPARING = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "+", "-", "*", "/", "||"})
_BEFORE_VALUES = frozenset(
    {
        "like",
        "ilike",
        "between",
        "limit",
        "offset",
        "when",
        "then",
        "else",
        "glob",
        "regexp",
        "and",
        "not",
        "escape",
    }
)
_NAME_PLACES = (
    "a name of a table or column, or a piece of SQL, cannot be a parameter: "
    "compare it with a list of allowed ones"
)


def parameterise(site: Site) -> None:
    """Mend the execute call at the finding, or the one that takes the text at the finding."""
    for call in [*site.calls(), *_takers(site)]:
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in EXECUTING:
            _mend(call, site)
            return
    raise Refused("no call of execute() takes this text directly")


def _takers(site: Site) -> list[cst.Call]:
    """The execute calls that take a variable that is assigned on the finding's lines."""
    place: Place = site.place
    found = []
    for call in site.file.calls:
        if call.args and isinstance(call.args[0].value, cst.Name):
            value = site.only_value(call.args[0].value)
            if value is not None:
                span = site.span(value)
                if span.start.line <= place.end_line and place.line <= span.end.line:
                    found.append(call)
    return found


def _mend(call: cst.Call, site: Site) -> None:
    args = positional(call)
    if len(args) != 1 or len(call.args) != 1:
        raise Refused("the call has parameters already, or none at all; put the value among them by hand")
    style = _style(site)
    taken, wrapper = args[0].value, None
    if isinstance(taken, cst.Call) and site.imported(taken.func).endswith("sqlalchemy.text"):
        wrapper, taken = taken, positional(taken)[0].value
    if style == ":" and wrapper is None:
        raise Refused("SQLAlchemy takes parameters in text() only")
    text = _text_of(taken, site)
    if _has_comments(text):
        raise Refused("comments stand among the parts of the text, and would be lost")
    template = take_apart(text, site)
    if not template.holes:
        raise Refused("the text holds no value at this place")
    if not template.quote:
        raise Refused("the text is made elsewhere")
    made = _Parameterised(template, style)
    site.replace(text, made.literal())
    _add_parameters(
        call, made, site, wrapper, text if isinstance(taken, cst.Call | cst.BinaryOperation) else None
    )
    site.note = "Values go to the database apart from the SQL, with their own type."


def _text_of(taken: cst.BaseExpression, site: Site) -> cst.BaseExpression:
    if not isinstance(taken, cst.Name):
        return taken
    value = site.only_value(taken)
    if value is None or site.uses(taken) != 1:
        raise Refused("the text is changed or used more than once before it is executed")
    for name in _names_in(value.value):
        if not site.is_stable(name):
            raise Refused(f"{name.value!r} may have another value by the time of the call")
    return value.value


def _names_in(node: cst.CSTNode) -> list[cst.Name]:
    return [one for one in _walk(node) if isinstance(one, cst.Name)]


def _has_comments(node: cst.CSTNode) -> bool:
    return any(isinstance(one, cst.Comment) for one in _walk(node))


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(one.children)


def _style(site: Site) -> str:
    tops = {name.partition(".")[0] for name in site.modules()}
    styles = {STYLES[top] for top in tops if top in STYLES}
    if len(styles) != 1:
        known = "several database drivers are" if styles else "no known database driver is"
        raise Refused(f"{known} imported here, so the form of a placeholder is not known")
    return styles.pop()


def _add_parameters(
    call: cst.Call, made: _Parameterised, site: Site, wrapper: cst.Call | None, inline: cst.CSTNode | None
) -> None:
    del inline
    first = call.args[0]
    literal = made.literal()
    # The call is written anew, so an edit inside of it goes in by hand.
    if wrapper is not None and not isinstance(wrapper.args[0].value, cst.Name):
        inner = wrapper.with_changes(args=[wrapper.args[0].with_changes(value=literal), *wrapper.args[1:]])
        first = first.with_changes(value=inner)
    elif wrapper is None and not isinstance(first.value, cst.Name):
        first = first.with_changes(value=literal)
    new = call.with_changes(args=[first])
    site.replace(call, with_argument(new, made.parameters(site)))


@dataclass(slots=True)
class _Parameterised:
    """The text with placeholders, and what goes into them."""

    template: Template
    style: str
    _values: list[tuple[str, cst.BaseExpression | str]] = field(default_factory=list)
    _literal: cst.SimpleString | None = None

    def literal(self) -> cst.SimpleString:
        if self._literal is None:
            self._literal = self._build()
        return self._literal

    def parameters(self, site: Site) -> str:
        self.literal()
        codes = [value if isinstance(value, str) else site.code(value) for _, value in self._values]
        if self.style == ":":
            return "{" + ", ".join(f'"{n}": {c}' for (n, _), c in zip(self._values, codes, strict=True)) + "}"
        return f"({', '.join(codes)}{',' if len(codes) == 1 else ''})"

    def _build(self) -> cst.SimpleString:
        template = self.template
        holes = template.holes
        numbers = count()
        whole = "".join(p.source if isinstance(p, Text) else f"\0{next(numbers)}\0" for p in template.pieces)
        if "\\'" in whole or '\\"' in whole or "--" in whole or "/*" in whole:
            raise Refused("the SQL has comments or escaped quotes, which are not read here")
        written = "".join(self._rewritten(whole, holes))
        quote = template.quote
        source = f"{template.prefix}{quote}{written}{quote}"
        try:
            node = cst.parse_expression(source)
        except cst.ParserSyntaxError as error:
            raise Refused("the text cannot be put together again") from error
        assert isinstance(node, cst.SimpleString)
        return node

    def _rewritten(self, whole: str, holes: list[Hole]) -> list[str]:
        tokens = [match[0] for match in _TOKEN.finditer(whole)]
        out: list[str] = []
        for at, token in enumerate(tokens):
            if token.startswith("\0"):
                _check_place(tokens, at)
                out.append(self._placeholder(holes[int(token.strip("\0"))].value))
            elif "\0" in token:
                if not token.startswith("'"):
                    raise Refused(_NAME_PLACES)
                out.append(self._quoted(token, holes))
            else:
                out.append(self._plain(token))
        return out

    def _plain(self, token: str) -> str:
        if self.style == "%s":
            return token.replace("%", "%%")
        if self.style == "?" and "?" in token and not token.startswith(("'", '"')):
            raise Refused("the SQL has a question mark of its own")
        if self.style == ":" and ":" in token:
            raise Refused("the SQL has a colon of its own")
        return token

    def _quoted(self, token: str, holes: list[Hole]) -> str:
        """A literal of SQL with values in it becomes one parameter as a whole."""
        inner = token[1:-1]
        if "''" in inner or "\\" in inner:
            raise Refused("a value stands among escaped characters of SQL")
        parts = re.split(r"\0(\d+)\0", inner)
        if len(parts) == 3 and not parts[0] and not parts[2]:
            return self._placeholder(holes[int(parts[1])].value)
        quote = "'" if '"' in self.template.quote else '"'
        pieces = []
        for n, part in enumerate(parts):
            if n % 2:
                code = cst.Module([]).code_for_node(holes[int(part)].value)
                if any(one in code for one in "\"'{}\\\n"):
                    raise Refused("a value is put into a text within the SQL by a larger expression")
                pieces.append("{" + code + "}")
            else:
                if '"' in part or "'" in part:
                    raise Refused("a text within the SQL has quotes")
                pieces.append(part.replace("{", "{{").replace("}", "}}"))
        del quote
        return self._placeholder('f"' + "".join(pieces) + '"')

    def _placeholder(self, value: cst.BaseExpression | str) -> str:
        name = f"p{len(self._values) + 1}"
        if isinstance(value, cst.Name) and value.value not in {n for n, _ in self._values}:
            name = value.value
        self._values.append((name, value))
        return f":{name}" if self.style == ":" else self.style


def _check_place(tokens: list[str], at: int) -> None:
    """Let pass a hole that stands where SQL takes a value. Raises Refused."""
    before, after = tokens[at - 1] if at else "", tokens[at + 1] if at + 1 < len(tokens) else ""
    if re.match(r"[\w$.\0\"'`]", before[-1:]) or re.match(r"[\w$.\0\"'`(]", after[:1]):
        raise Refused(_NAME_PLACES)
    words = [token.lower() for token in tokens[:at] if not token.isspace()]
    if not words:
        raise Refused(_NAME_PLACES)
    last = words[-1]
    if last in _COMPARING or last in _BEFORE_VALUES:
        return
    if last in ("(", ",") and _is_in_values(words):
        return
    raise Refused(_NAME_PLACES)


def _is_in_values(words: list[str]) -> bool:
    """Tell whether the innermost open bracket belongs to VALUES."""
    depth = 0
    for at in range(len(words) - 1, -1, -1):
        if words[at] == ")":
            depth += 1
        elif words[at] == "(":
            if depth == 0:
                return at > 0 and _is_of_values(words, at)
            depth -= 1
    return False


def _is_of_values(words: list[str], at: int) -> bool:
    """True for the bracket at `at` if it follows VALUES, or another bracket of the same VALUES."""
    before = words[at - 1]
    return before == "values"
