"""Fields of classes that check what they are given: pydantic's models, forms, serializers, schemas.

When such a class is made, what its body says of a field is kept as one more member of the class, so that whoever
reads it is known to depend on it. A field is `harmless` (a number, a choice, one of an enumeration), clean for some
kinds (a pattern rules them out), checked by functions (each is called with the value, as the library does), or an
object with fields of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.inspector.taint import attributes, charsets, kinds
from agents.inspector.taint.structures import Arguments, Class, Function, Instance
from agents.inspector.taint.taints import ONE_FIELD, Taint
from agents.inspector.taint.values import SEEN, UNKNOWN, Attribute, Value, constant, deep_taints

if TYPE_CHECKING:
    from agents.inspector.taint.frames import Frame

HARMLESS = "!harmless"
_CLEAN = "!clean:"  # then the bits
_FORM_FIELD = "@form.Field"
_MODEL, _FORM, _WEB_FORM, _SCHEMA = "model", "form", "web form", "schema"
# The last part of a base's name -> what kind of class it makes, and the libraries whose name it must begin with.
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "BaseModel": (_MODEL, ("pydantic",)),
    "BaseSettings": (_MODEL, ("pydantic",)),
    "GenericModel": (_MODEL, ("pydantic",)),
    "SQLModel": (_MODEL, ("sqlmodel",)),
    "Form": (_FORM, ("django", "wtforms", "flask_wtf")),
    "ModelForm": (_FORM, ("django",)),
    "BaseForm": (_FORM, ("django", "wtforms")),
    "FlaskForm": (_WEB_FORM, ("flask_wtf",)),
    "Serializer": (_FORM, ("rest_framework",)),
    "ModelSerializer": (_FORM, ("rest_framework",)),
    "HyperlinkedModelSerializer": (_FORM, ("rest_framework",)),
    "Schema": (_SCHEMA, ("marshmallow",)),
}
PARSED = frozenset({
    "BooleanField", "ChoiceField", "DateField", "DateTimeField", "DecimalField", "DurationField", "FloatField",
    "GenericIPAddressField", "IntegerField", "IPAddressField", "ModelChoiceField", "MultipleChoiceField",
    "NullBooleanField", "PrimaryKeyRelatedField", "SlugField", "TimeField", "TypedChoiceField", "UUIDField",
    # WTForms
    "SelectField", "RadioField", "SelectMultipleField", "IntegerRangeField", "DateTimeLocalField", "MonthField",
    "SubmitField", "DecimalRangeField", "QuerySelectField",
    # marshmallow
    "Integer", "Int", "Float", "Number", "Decimal", "Boolean", "Bool", "UUID", "DateTime", "Date", "Time",
    "TimeDelta", "AwareDateTime", "NaiveDateTime", "Enum", "IP", "IPv4", "IPv6", "EnumField",
})  # fmt: skip
# Addresses of mail and of pages have one line. Of pydantic's types only such as nobody calls an own one.
_FIELDS_OF_ONE_LINE = frozenset({"Email", "EmailField", "Url", "URL", "URLField"})
_TYPES_OF_ONE_LINE = frozenset({"EmailStr", "HttpUrl", "AnyUrl", "AnyHttpUrl"})
_ONE_LINE = kinds.mask("log header")
_AROUND = frozenset({"", "Optional", "list", "List", "pydantic", "typing"})
_LOOK_AT_LINES = ("django.", "rest_framework.", "marshmallow.")  # WTForms only tells browsers to do so
# Fields of a program's own, whose names say what they make of a text.
_PARSED_BY_NAME = re.compile(
    r"(?:Boolean|Choices?|Date|DateTime|Time|Decimal|Duration|Enum|Float|Integer|Interval|Number|Radio|Select|Multiple|UUID"
    r"|Principal|Principals|TimeDelta|TimeZone|Related)Field$"
)
# Validators by which a text becomes one of a few, or a number written out.
_LIMITS = frozenset(
    {"AnyOf", "OneOf", "ContainsOnly", "NumberRange", "UUID", "IPAddress", "MacAddress", "Equal"}
)
# Validators that are given a pattern -> how they match it.
_PATTERNS = {"RegexValidator": "search", "Regexp": "match", "RegexField": "search"}
_VALIDATED = ("field_validator", "validator")
_OF_ALL = ("model_validator",)
_CLEANED = ("cleaned_data", "validated_data")
_TRUST = kinds.KINDS["trust"].bit
_MAKERS = frozenset({"model_validate", "model_validate_json", "parse_obj", "parse_raw", "from_orm"})
_MARK = ":field"  # no name of Python's ends so
_NAMES = ":fields"  # the member that tells which fields there are
_WHOLE = "*"  # the member that keeps the validators of a whole model


def kind_of(cls: Class) -> str:
    """What kind of class with fields it is; "" if none."""
    cls.order()  # whoever asks depends on its bases
    if cls.kind is None:
        cls.kind = next(filter(None, map(_kind_by, cls.outside())), "")
    return cls.kind


def keeps_row(cls: Class) -> bool:
    """Tell whether its `instance` is a row, whatever data it was given besides."""
    return kind_of(cls) == _FORM


def writes_itself(value: Value) -> bool:
    """Tell whether it is a form, of which a template writes fields, which escape what they hold."""
    cls = value.ref.cls if isinstance(value.ref, Instance) else None
    is_form = cls is not None and kind_of(cls) in (_FORM, _WEB_FORM)
    return is_form and cls is not None and not any("rest_framework" in one for one in cls.outside())


def _kind_by(base: str) -> str:
    kind, tops = _KINDS.get(base.rpartition(".")[2], ("", ()))
    name = base.lstrip("@")
    if not kind or not name.startswith(tops):
        return ""
    return _WEB_FORM if name.startswith(("wtforms", "flask_wtf")) else kind


def declare(frame: Frame, cls: Class) -> None:
    """Keep what a class's body says of its fields. The frame's state is the body's."""
    if not kind_of(cls):
        return
    for statement in cls.node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            _keep(cls, statement.target.id, _annotated(frame, statement))
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    _keep(cls, target.id, _called(frame, statement.value))
    for statement in cls.node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _add_method(cls, statement)
    cls.members[_NAMES] = constant(" ".join(_declared(cls)))


def _declared(cls: Class) -> list[str]:
    return [name.removesuffix(_MARK) for name in cls.members if name.endswith(_MARK)]


def _member(name: str) -> str:
    return f"{name}{_MARK}"


def _keep(cls: Class, name: str, field: Value) -> None:
    cls.members[_member(name)] = field


def _add_method(cls: Class, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """A method that checks a field: by its decorator, or by its name."""
    names: list[str] = []
    for written in node.decorator_list:
        word = _last(written.func if isinstance(written, ast.Call) else written)
        if word in _VALIDATED and isinstance(written, ast.Call):
            names += [str(one.value) for one in written.args if isinstance(one, ast.Constant)]
        elif word in _OF_ALL and _is_after(written):
            names.append(_WHOLE)
    for begin in ("clean_", "validate_"):
        if node.name.startswith(begin):
            names.append(node.name.removeprefix(begin))
    function = cls.members.get(node.name)
    for name in names:
        for one in _declared(cls) if name == _WHOLE and not _is_whole(node) else [name]:
            given = cls.member(_member(one))  # a base's, too: its type holds here
            old = UNKNOWN if given is None else given
            if function is not None:
                _keep(cls, one, old.but(items={**(old.items or {}), node.name: function}))


def _is_whole(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        _last(one.func if isinstance(one, ast.Call) else one) in _OF_ALL for one in node.decorator_list
    )


def _is_after(written: ast.expr) -> bool:
    return isinstance(written, ast.Call) and any(
        isinstance(one.value, ast.Constant) and one.value.value == "after" for one in written.keywords
    )


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _annotated(frame: Frame, statement: ast.AnnAssign) -> Value:
    """`name: type = Field(pattern=...)`."""
    from agents.inspector.taint import entries

    found = entries.of_annotation(frame, statement.annotation)
    words = {_last(one) for one in ast.walk(statement.annotation) if isinstance(one, ast.expr)}
    if words & _TYPES_OF_ONE_LINE and words <= _TYPES_OF_ONE_LINE | _AROUND:
        found = clean(_ONE_LINE)
    if isinstance(statement.value, ast.Call):
        found = of_default(statement.value, found)
    return found


def of_default(written: ast.expr | None, field: Value) -> Value:
    """What a default such as `Query(pattern="^[a-z]+$")` adds."""
    bits = pattern_bits(written)
    return Value(name=f"{_CLEAN}{bits}", items=field.items) if bits and not field.name else field


def pattern_bits(written: ast.expr | None) -> int:
    """The kinds that a call with a constant pattern among its settings rules out."""
    if not isinstance(written, ast.Call):
        return 0
    found = 0
    for one in written.keywords:
        if one.arg in ("pattern", "regex") and isinstance(one.value, ast.Constant):
            how = "search" if one.arg == "pattern" else "match"
            found |= charsets.excluded(one.value.value, how) if isinstance(one.value.value, str) else 0
    return found


def clean(bits: int, checks: list[Value] | None = None) -> Value:
    """A field that is clean for these kinds and goes through these functions."""
    return Value(
        name=f"{_CLEAN}{bits}" if bits else "",
        items={f"~{number}": one for number, one in enumerate(checks)} if checks else None,
    )


def _called(frame: Frame, written: ast.Call) -> Value:
    """`name = CharField(validators=[...])`, `name = fields.Str(validate=OneOf(...))`."""
    kind = _last(written.func)
    if kind in PARSED or _PARSED_BY_NAME.search(kind):
        return Value(name=HARMLESS)
    if kind == "Nested" or kind.endswith("Serializer"):
        named = [one.value for one in written.keywords if one.arg == "nested"]
        of = [*written.args[:1], *named][:1] if kind == "Nested" else [written.func]
        inner = frame.evaluate(of[0]) if of else UNKNOWN
        return Value(ref=Instance(inner.ref)) if isinstance(inner.ref, Class) else Value(name=_FORM_FIELD)
    bits = _of_pattern(written) if kind in _PATTERNS else 0
    if kind in _FIELDS_OF_ONE_LINE and frame.evaluate(written.func).name.startswith(_LOOK_AT_LINES):
        bits = _ONE_LINE
    checks: list[Value] = []
    for one in _validators(written):
        called = one.func if isinstance(one, ast.Call) else one
        word = _last(called)
        if word in _LIMITS:
            return Value(name=HARMLESS)
        if word in _PATTERNS:
            bits |= _of_pattern(one)
        elif not isinstance(one, ast.Call):
            checks.append(frame.evaluate(one))
    found = clean(bits, [one for one in checks if isinstance(one.ref, Function)])
    return found if found.name else found.but(name=_FORM_FIELD)


def _validators(written: ast.Call) -> Iterator[ast.expr]:
    lists = [one.value for one in written.keywords if one.arg in ("validators", "validate")]
    if len(written.args) > 1:
        lists.append(written.args[1])  # WTForms: StringField("Name", [validators])
    for one in lists:
        yield from one.elts if isinstance(one, (ast.List, ast.Tuple)) else [one]


def _of_pattern(written: ast.expr) -> int:
    if not isinstance(written, ast.Call):
        return 0
    given = [one.value for one in written.keywords if one.arg in ("regex", "pattern")] or written.args[:1]
    pattern = given[0] if given else None
    if isinstance(pattern, ast.Call) and pattern.args:  # re.compile("...")
        pattern = pattern.args[0]
    if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
        return charsets.excluded(pattern.value, _PATTERNS[_last(written.func)])
    return 0


def of_field(cls: Class, name: str) -> Value | None:
    """What the class says of its field; None if it has none of this name, or is none of these classes."""
    return cls.member(_member(name)) if kind_of(cls) else None


def checked(
    frame: Frame, node: ast.expr | ast.arg, field: Value, value: Value, cls: Class | None = None
) -> Value:
    """A value that a field has let through."""
    if not deep_taints(value):
        return value
    if field.name == HARMLESS:
        return UNKNOWN
    if field.name.startswith(_CLEAN):
        bits = int(field.name.removeprefix(_CLEAN))
        value = value.but(taints=tuple(one.with_cleaned(bits) for one in value.taints))
    for check in (field.items or {}).values():
        value = _after(frame, node, check, value, cls)
    if field.ref is not None and value.ref is None:
        value = value.but(ref=field.ref)
    return value


def _after(frame: Frame, node: ast.expr | ast.arg, check: Value, value: Value, cls: Class | None) -> Value:
    """The value after a function has looked at it, which raises or gives back what is to be taken."""
    from agents.inspector.taint import summaries

    function = check.ref
    if not isinstance(function, Function) or function is frame.function:
        return value
    holder = None
    if function.owner is not None and function.kind != "static" and cls is not None:
        holder = Value(ref=cls)
        if _is_of_form(function):  # reads and gives back `self.cleaned_data["name"]`
            return value.but(taints=tuple(one.weaker() for one in value.taints))
    given = [value] if holder is None else [holder, value]
    written = node if isinstance(node, ast.expr) else ast.Name(id=node.arg, ctx=ast.Load())
    ast.copy_location(written, node)
    result = summaries.call(frame, written, function, Arguments(given, nodes=[None for _ in given]))
    if result.known and result.const is None:  # it only checks
        result = value
    return frame.state.settled(result)


def _is_of_form(function: Function) -> bool:
    """Tell whether it is a form's `clean_name(self)`, which takes no value."""
    return len(function.parameters) == 1


def read(frame: Frame, node: ast.expr, cls: Class, holder: Value, name: str) -> Value | None:
    """`model.name`, `form.name`, of an instance; None if it is no field that was checked."""
    kind = kind_of(cls)
    if not kind or (frame.function is not None and frame.function.owner is cls):
        return None
    if kind in (_FORM, _WEB_FORM) and name in _CLEANED and holder.taints:
        taints = tuple(one.with_cleaned(_TRUST) for one in attributes.parts_of(holder.taints, f".{name}"))
        return loaded(frame, node, cls, Value(taints))
    if kind in (_FORM, _WEB_FORM) and name == "errors" and holder.taints:
        # sentences of fields, few of which quote what was refused
        return Value(tuple(one.weaker(2) for one in attributes.parts_of(holder.taints, ".errors")))
    field = of_field(cls, name) if kind == _MODEL and holder.taints else None
    if field is None:
        return None
    whole = cls.member(_member(_WHOLE))
    for check in (whole.items or {}).values() if whole is not None else ():
        if isinstance(check.ref, Function) and check.ref is not frame.function:
            _look(frame, node, check, holder)
    taints = attributes.parts_of(holder.taints, f".{name}")
    return checked(frame, node, field, Value(taints, seen=holder.seen), cls)


def data(frame: Frame, node: ast.expr, form: Value, name: str) -> Value | None:
    """`form.name.data` of a form that reads the request by itself; None if it is something else."""
    ref = form.ref
    field = of_field(ref.cls, name) if isinstance(ref, Instance) and kind_of(ref.cls) == _WEB_FORM else None
    if field is None:
        return None
    identity = f"{ONE_FIELD}{ref.cls.name}.{name}"
    taint = attributes.fresh_taint(frame, node, "a form field", "remote", identity=identity)
    return checked(frame, node, field, Value((taint,), seen=SEEN), ref.cls)


def _look(frame: Frame, node: ast.expr, check: Value, holder: Value) -> None:
    from agents.inspector.taint import summaries

    summaries.call(frame, node, check.ref, Arguments([holder], nodes=[None]))


def maker(cls: Class, name: str) -> Value | None:
    """`Model.model_validate`: what is called makes an instance of what it is given."""
    return Value(ref=cls) if name in _MAKERS and kind_of(cls) == _MODEL else None


def filled(frame: Frame, node: ast.expr, cls: Class, items: dict[object, Value]) -> dict[object, Value]:
    """The attributes of a new model, each let through by its field."""
    if kind_of(cls) != _MODEL:
        return items
    return {
        key: value if (field := of_field(cls, key.attribute)) is None else checked(frame, node, field, value, cls)
        for key, value in items.items()
        if isinstance(key, Attribute)
    }  # fmt: skip


def loaded(frame: Frame, node: ast.expr, cls: Class, data: Value) -> Value:
    """`schema.load(data)`: a dictionary whose elements their fields let through."""
    taints: tuple[Taint, ...] = deep_taints(data)
    items: dict[object, Value] = {}
    for one in cls.order():
        names = one.own("member", _NAMES)
        for key in names.const.split() if names is not None else ():
            field = of_field(cls, key)
            if key != _WHOLE and key not in items and field is not None:
                part = Value(attributes.parts_of(taints, f"[{key!r}]"))
                items[key] = checked(frame, node, field, part, cls)
    return Value(shape="dict", items=items, rest=Value(taints) if taints else None)


def is_schema(cls: Class) -> bool:
    """Tell whether its instances load dictionaries."""
    return kind_of(cls) == _SCHEMA


def of_key(frame: Frame, node: ast.Subscript, key: str) -> tuple[Value, Class] | None:
    """The field that `form.cleaned_data[key]` reads, if the form's class is known."""
    holder = node.value.value if isinstance(node.value, ast.Attribute) else None
    if not isinstance(holder, (ast.Name, ast.Attribute)):
        return None
    ref = frame.evaluate(holder).ref
    if not isinstance(ref, Instance) or kind_of(ref.cls) not in (_FORM, _WEB_FORM):
        return None
    field = of_field(ref.cls, key)
    return None if field is None else (field, ref.cls)
