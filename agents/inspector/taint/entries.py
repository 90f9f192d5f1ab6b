"""Functions that a framework calls: which they are, and what their parameters hold.

By decorator (`entry` rows), by the type of a parameter (annotations, or a parameter named `request` in a module
that imports a framework), by the base of the class.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from agents.inspector.taint import attributes, fields, routes, sureness
from agents.inspector.taint.addresses import Addresses
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.structures import Class, Function, Instance
from agents.inspector.taint.tables.rows import Row, means
from agents.inspector.taint.values import SEEN, UNKNOWN, Value, constant

if TYPE_CHECKING:
    from agents.inspector.taint.engine import Engine

ENUMERATIONS = frozenset({"Enum", "IntEnum", "StrEnum", "IntFlag", "Flag", "TextChoices", "IntegerChoices"})
_HARMLESS = frozenset(
    [
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "uuid.UUID",
        "datetime.date",
        "datetime.datetime",
        "decimal.Decimal",
        "typing.Literal",
        "typing_extensions.Literal",
        "pydantic.UUID4",
        "pydantic.PositiveInt",
        "fastapi.BackgroundTasks",
        "fastapi.Response",
        "starlette.responses.Response",
    ]
)
_APIS = (".BaseApi", "RestApi")  # of Flask-AppBuilder, whose views are exposed by the same decorator
_BEGINS = frozenset("/<{^")  # of addresses
_INJECTED = frozenset({"fastapi.Depends", "fastapi.Security", "fastapi.params.Depends"})
_HTTP_METHODS = frozenset(["get", "post", "put", "patch", "delete", "head", "options"])
_NUMBERS = re.compile(r"^(?:pk|id|.*_(?:id|pk)|page|limit|offset|count|size)$")


def is_entry(engine: Engine, function: Function) -> bool:
    """Tell whether a decorator makes it an entry."""
    return entry_of(engine, function) is not None


def is_early(engine: Engine, function: Function) -> bool:
    """Tell whether it is called before the functions that answer a request."""
    found = entry_of(engine, function) if function.decorators else None
    return found is not None and found.is_early


def entry_of(engine: Engine, function: Function) -> Row | None:
    """The row of its decorator, if any."""
    node, tables = function.node, engine.tables
    if isinstance(node, ast.Lambda):
        return None
    for written, value in zip(node.decorator_list, function.decorators, strict=False):
        target = written.func if isinstance(written, ast.Call) else written
        name = value.name or (engine.project.known_name(value.ref) if isinstance(value.ref, Function) else "")
        rules = tables.of(name) if name else None
        if (
            (
                (rules is None or rules.entry is None)
                and isinstance(target, ast.Attribute)
                and isinstance(written, ast.Call)
            )
            and value.ref is None
            and (not value.name.startswith("@") or rules is None)
        ):
            rules = tables.of_method(target.attr) if _takes_path(written) else None
        if rules is not None and rules.entry is not None:
            return rules.entry
    return None


def handlers(engine: Engine, cls: Class) -> list[Row]:
    """The rows of a class's bases: which of its methods a framework calls."""
    tables = engine.tables
    names = [
        *cls.outside(),
        *(f"{one.module.name}.{one.name}" for one in cls.order() if "/" in one.module.path),
    ]
    found: list[Row] = []
    for name in names:
        for one in {name: None, tables.canonical(name): None}:
            found += [row for row in tables.handlers.get(one, ()) if row not in found]
    return found


def handler_of(engine: Engine, function: Function, owner: Class | None) -> Row | None:
    """The row that makes a method an entry, if any."""
    if owner is None or isinstance(function.node, ast.Lambda):
        return None
    name = function.node.name
    return next((row for row in handlers(engine, owner) if means(row.words, name)), None)


def inherited(engine: Engine, cls: Class) -> list[Function]:
    """Methods that a framework calls on this class and that stand in a base which is no handler itself (a mixin)."""
    if not handlers(engine, cls):
        return []
    found: list[Function] = []
    for base in cls.order()[1:]:
        if handlers(engine, base):
            continue
        for name, member in base.members.items():
            function = member.ref
            if (
                isinstance(function, Function)
                and cls.member(name) is member
                and handler_of(engine, function, cls)
            ):
                found.append(function)
    return found


def _takes_path(written: ast.Call) -> bool:
    first = written.args[0] if written.args else None
    return (
        isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value[:1] in ("/", "<", "")
    )


def prepare(frame: Frame, function: Function, owner: Class | None = None) -> None:
    """Bind the parameters of a root; `owner` is the class of the instance, if not its own."""
    owner = owner or function.owner
    entry = entry_of(frame.engine, function) or handler_of(frame.engine, function, owner)
    if entry is not None:
        frame.route = _route_kind(frame, function, entry)
    elif _is_view_method(function):
        frame.route = "html" if _in(function, "flask") else ""
    elif [one.arg for one in function.parameters] == ["event", "context"]:
        frame.route = "cloud"
    addresses = Addresses(_addresses(frame, function))
    arguments = function.node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    names = [one.arg for one in every]
    for number, parameter in enumerate(every):
        frame.state.variables[parameter.arg] = _parameter(
            frame, function, parameter, number, entry, addresses
        )
    for extra, shape in ((arguments.vararg, "tuple"), (arguments.kwarg, "dict")):
        if extra is not None:
            rest = UNKNOWN
            if shape == "dict" and entry is None:
                rest = routes.given(frame, function, extra, len(every)) or UNKNOWN
            if entry is not None and entry.parameters and shape == "dict":
                what = entry.what or "a part of the address"
                taint = attributes.fresh_taint(frame, extra, what, "remote", extra.arg)
                rest = Value((taint.weaker(entry.weak) if entry.weak else taint,), seen=SEEN)
            frame.state.variables[extra.arg] = Value(shape=shape, rest=rest)
    if owner is not None and names and function.kind != "static":
        receiver = Value(ref=Instance(owner), shape="object", items={})
        if function.kind == "class":
            receiver = Value(ref=owner)
        frame.state.variables[names[0]] = receiver
        frame.receiver = receiver


def _route_kind(frame: Frame, function: Function, entry: Row) -> str:
    node = function.node
    for written in node.decorator_list if not isinstance(node, ast.Lambda) else ():
        if isinstance(written, ast.Call):
            for keyword in written.keywords:
                if keyword.arg == "response_class":
                    chosen = frame.evaluate(keyword.value)
                    return "html" if chosen.name.endswith("HTMLResponse") else "json"
    if function.owner is not None and any(one.endswith(_APIS) for one in function.owner.outside()):
        return "json"
    return entry.returns


def _addresses(frame: Frame, function: Function) -> list[str]:
    """What its decorators are given as the address, as far as it is known."""
    node = function.node
    first = [
        written.args[0]
        for written in (node.decorator_list if not isinstance(node, ast.Lambda) else ())
        if isinstance(written, ast.Call) and written.args
    ]
    simple = [one for one in first if isinstance(one, (ast.Constant, ast.Name, ast.Attribute))]
    known = [frame.evaluate(one).const for one in simple]
    return [one for one in known if isinstance(one, str) and one[:1] in _BEGINS]


def _parameter(
    frame: Frame, function: Function, parameter: ast.arg, number: int, entry: Row | None, addresses: Addresses
) -> Value:
    if number == 0 and function.owner is not None and function.kind != "static":
        return UNKNOWN
    value = UNKNOWN if parameter.annotation is None else of_annotation(frame, parameter.annotation)
    if entry is None and (value.name.startswith("!") or value.items):
        value = UNKNOWN  # nobody has checked what callers pass
    protocol = _by_signature(frame, function, parameter)
    if protocol:
        return Value(name=protocol)
    if entry is None or not entry.parameters:
        return _not_called_from_outside(frame, function, parameter, number, value)
    if parameter.arg in addresses.converted or value.name.startswith("@"):
        return value
    if value.name == fields.HARMLESS:
        return UNKNOWN
    if parameter.arg in ("request", "req") and _request_type(frame, function):
        return Value(name=_request_type(frame, function))
    default = function.defaults.get(parameter.arg)
    if default is not None and (
        default.name.removeprefix("@").removesuffix("()") in _INJECTED or default.ref is not None
    ):
        return UNKNOWN
    if entry.what == sureness.OF_TEMPLATES and parameter.arg == "autoescape":
        return constant(True)  # the engine's own word, unless a page's author switches escaping off
    what = "a part of the address" if entry.parameters == "remote" else "the command line"
    if _is_api(entry):
        what = "a parameter of the request"
    what = entry.what or what
    marks, is_unknown = addresses.marks(parameter.arg)
    taint = attributes.fresh_taint(frame, parameter, what, entry.parameters, parameter.arg, marks=marks)
    weak = entry.weak + is_unknown + (entry.effect == "handler" and _NUMBERS.match(parameter.arg) is not None)
    given = Value((taint.weaker(weak) if weak else taint,), ref=value.ref, seen=SEEN)
    if not _is_api(entry):
        return given
    written = dict(function.written_defaults()).get(parameter.arg)
    return fields.checked(frame, parameter, fields.of_default(written, value), given)


def _not_called_from_outside(
    frame: Frame, function: Function, parameter: ast.arg, number: int, value: Value
) -> Value:
    """What a parameter is of which no table says that input comes by it. `value`: what its annotation says."""
    has_type = parameter.annotation is not None
    if not has_type and _is_request(parameter.arg, number, function):
        kind = _request_type(frame, function)
        if not kind and routes.reads_request(function, parameter.arg):
            kind = frame.engine.tables.requests["django"]
        if kind:
            return Value(name=kind)
    part = routes.given(frame, function, parameter, number) if not has_type else None
    if part is not None:
        return part
    if (
        not has_type
        and _is_path_part(function, parameter, number)
        and not routes.is_left_out(frame, function)
    ):
        taint = attributes.fresh_taint(frame, parameter, "a part of the address", "remote", parameter.arg)
        return Value((taint.weaker(),), seen=SEEN)
    default = function.defaults.get(parameter.arg)
    if value is UNKNOWN and default is not None and not default.known and (default.ref or default.name):
        return default  # nobody else is known to choose the function or class
    return value


def _by_signature(frame: Frame, function: Function, parameter: ast.arg) -> str:
    """The type that a protocol gives to a parameter, if the function's parameters are the protocol's."""
    names = tuple(one.arg for one in function.parameters)
    for row in frame.engine.tables.signatures:
        if names[-len(row.words) :] == row.words and parameter.arg in row.words:
            number = row.words.index(parameter.arg)
            return row.types[number] if number < len(row.types) else ""
    return ""


def _is_api(entry: Row) -> bool:
    return entry.returns == "json"


def of_annotation(frame: Frame, annotation: ast.expr) -> Value:
    """What an annotation says of the values that a library lets through (`fields`)."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return UNKNOWN
    return _of_annotation(frame, annotation, 4)


def _any_of(frame: Frame, parts: list[ast.expr], depth: int) -> Value:
    """Of a union: harmless only if each part is that is not None."""
    found = [
        _of_annotation(frame, one, depth)
        for one in parts
        if not (isinstance(one, ast.Constant) and one.value is None)
    ]
    if found and all(one.name == fields.HARMLESS for one in found):
        return found[0]
    told = [one for one in found if one is not UNKNOWN and one.name != fields.HARMLESS]
    return told[0] if told and (told[0].ref is not None or len(found) == 1) else UNKNOWN


def _of_annotation(frame: Frame, annotation: ast.expr, depth: int) -> Value:
    if isinstance(annotation, ast.BinOp) and depth:
        return _any_of(frame, [annotation.left, annotation.right], depth - 1)
    if isinstance(annotation, ast.Call):  # constr(pattern="^[a-z]+$"), conint(gt=0)
        word = annotation.func
        name = word.attr if isinstance(word, ast.Attribute) else word.id if isinstance(word, ast.Name) else ""
        return (
            Value(name=fields.HARMLESS)
            if name in _NUMBERS_BY_CALL
            else fields.of_default(annotation, UNKNOWN)
        )
    if isinstance(annotation, ast.Subscript) and depth:
        return _of_generic(frame, annotation, depth)
    if not isinstance(annotation, (ast.Name, ast.Attribute)):
        return UNKNOWN
    found = frame.evaluate(annotation)
    if isinstance(found.ref, Class):
        if any(base.rpartition(".")[2] in ENUMERATIONS for base in found.ref.outside()):
            return Value(name=fields.HARMLESS)  # a framework refuses what is none of its members
        return Value(ref=Instance(found.ref))
    if found.name in _HARMLESS:
        return Value(name=fields.HARMLESS)
    if not found.name or found.name.startswith("builtins."):
        return UNKNOWN
    tables = frame.engine.tables
    return Value(name=tables.canonical(f"@{found.name}"))


def _of_generic(frame: Frame, annotation: ast.Subscript, depth: int) -> Value:
    outer = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Annotated" and parts:
        return _of_annotated(frame, parts, depth - 1)
    if outer in ("Optional", "Union") and parts:
        return _any_of(frame, parts, depth - 1)
    if outer == "Literal":
        return Value(name=fields.HARMLESS)
    if outer in _CONTAINERS and parts:
        found = [_of_annotation(frame, one, depth - 1) for one in parts if not _is_ellipsis(one)]
        if all(one.name == fields.HARMLESS for one in found):
            return Value(name=fields.HARMLESS)
    return UNKNOWN


_CONTAINERS = frozenset({
    "list", "List", "set", "Set", "frozenset", "FrozenSet", "tuple", "Tuple", "dict", "Dict", "Sequence",
})  # fmt: skip
_NUMBERS_BY_CALL = frozenset({"conint", "confloat", "condecimal", "condate"})
_CHECKS = frozenset({"AfterValidator", "BeforeValidator", "PlainValidator"})


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _of_annotated(frame: Frame, parts: list[ast.expr], depth: int) -> Value:
    """`Annotated[str, Query(pattern=...), AfterValidator(check)]`."""
    found = _of_annotation(frame, parts[0], depth)
    checks: list[Value] = []
    for extra in parts[1:]:
        called = extra.func if isinstance(extra, ast.Call) else extra
        if not isinstance(called, (ast.Name, ast.Attribute)):
            continue
        name = frame.evaluate(called).name
        if name in _INJECTED:
            return Value(name=fields.HARMLESS)
        if name.rpartition(".")[2] in _CHECKS and isinstance(extra, ast.Call) and extra.args:
            checks.append(frame.evaluate(extra.args[0]))
        found = fields.of_default(extra, found)
    return found.but(items={f"~{number}": one for number, one in enumerate(checks)}) if checks else found


def _is_request(name: str, number: int, function: Function) -> bool:
    first = 1 if function.owner is not None and function.kind != "static" else 0
    return name in ("request", "req", "websocket", "ws") and number <= first + 1


def _request_type(frame: Frame, function: Function) -> str:
    for imported, target in frame.engine.tables.requests.items():
        if imported in function.module.imports:
            return target
    if function.owner is not None:
        for base in function.owner.outside():
            found = frame.engine.tables.requests.get(base.partition(".")[0])
            if found:
                return found
    return ""


def _is_path_part(function: Function, parameter: ast.arg, number: int) -> bool:
    """A Django view's further parameters come from the address (as texts, unless their name says a number)."""
    names = [one.arg for one in function.parameters]
    first = 1 if function.owner is not None and function.kind != "static" else 0
    if number <= first or len(names) <= first or names[first] != "request" or _NUMBERS.match(parameter.arg):
        return False
    if function.owner is not None:
        return _is_view_method(function) and "django" in function.module.imports
    return "django" in function.module.imports and "view" in function.module.path.rpartition("/")[2]


def _is_view_method(function: Function) -> bool:
    node = function.node
    return function.owner is not None and not isinstance(node, ast.Lambda) and node.name in _HTTP_METHODS and any(
        base.rpartition(".")[2].endswith(("View", "MethodView", "Resource", "APIView", "ViewSet"))
        for base in function.owner.outside()
    )  # fmt: skip


def _in(function: Function, imported: str) -> bool:
    assert function.owner is not None
    return any(
        base.startswith(f"{imported}.") and "Resource" not in base for base in function.owner.outside()
    )
