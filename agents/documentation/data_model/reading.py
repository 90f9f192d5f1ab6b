"""Entities and their relations, from the classes that declare them.

Two dialects: Django (a class that descends from `django.db.models.Model`, over modules of the tree) and SQLAlchemy
(a class with `__tablename__`). A class counts as a Django model if one of its bases resolves to `models.Model`
through the file's imports, or to another model of the tree; abstract bases lend their fields and are no entities.

Invariant: what cannot be told is left out and named in `problems`: a target that is no entity of the tree (such as
`auth.User`) becomes an entity that is marked as foreign to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.documentation.data_model.model import MANY, ONE, Cardinality, DataModel, Entity, Field, Relation
from agents.documentation.imported import imported, module_of
from agents.pythons import why_unread
from agents.statements import statements

USER_MODEL = "the user model"  # what settings.AUTH_USER_MODEL names, if no file of the tree tells
_DJANGO_RELATIONS: dict[str, tuple[Cardinality, Cardinality]] = {
    "ForeignKey": (MANY, ONE),
    "OneToOneField": (ONE, ONE),
    "ManyToManyField": (MANY, MANY),
    "ParentalKey": (MANY, ONE),  # django-modelcluster's
    "TreeForeignKey": (MANY, ONE),  # django-mptt's
}


@dataclass(slots=True, kw_only=True)
class _Class:
    """A class statement before it is known whether it is a model."""

    node: ast.ClassDef
    path: str
    module: str
    bases: tuple[str, ...]  # dotted, resolved through the imports
    names: Mapping[str, str]  # of the module: local name -> dotted

    @property
    def dotted(self) -> str:
        return f"{self.module}.{self.node.name}"


def read(sources: Iterable[tuple[str, str]]) -> DataModel:
    """Read the model from (path, text) of Python files. Files that do not parse are told as problems."""
    model = DataModel()
    classes: dict[str, _Class] = {}
    for path, text in sources:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            model.problems.append(f"{path} was not read: {why_unread(error)}")
            continue
        model.user_model = model.user_model or _text_of(statements(tree.body), "AUTH_USER_MODEL")
        for found in _classes(tree, path):
            classes[found.dotted] = found
    django = _django_models(classes)
    entities = [
        _django_entity(found, classes, django) for found in django.values() if not _is_abstract(found.node)
    ]
    tables = [found for found in classes.values() if found.dotted not in django and _table_name(found.node)]
    model.entities = sorted(
        [*entities, *(_table(found) for found in tables)], key=lambda entity: (entity.group, entity.name)
    )
    _relate(model, django, classes, tables)
    return model


def _classes(tree: ast.Module, path: str) -> Iterator[_Class]:
    module = module_of(path)
    names = imported(tree, path)
    for node in statements(tree.body):
        if isinstance(node, ast.ClassDef):
            names.setdefault(node.name, f"{module}.{node.name}")
    for node in statements(tree.body):
        if isinstance(node, ast.ClassDef):
            bases = tuple(dotted for base in node.bases if (dotted := _resolve(base, names)))
            yield _Class(node=node, path=path, module=module, bases=bases, names=names)


def _resolve(node: ast.expr, names: Mapping[str, str]) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        inner = _resolve(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _django_models(classes: Mapping[str, _Class]) -> dict[str, _Class]:
    """Those that descend from a model of Django's, by as many bases as it takes."""
    found: dict[str, _Class] = {}
    growing = True
    while growing:
        growing = False
        for dotted, one in classes.items():
            if dotted not in found and any(_is_root(base) or _find(base, found) for base in one.bases):
                found[dotted] = one
                growing = True
    return found


def _is_root(dotted: str) -> bool:
    return dotted in _ROOTS or (
        dotted.startswith("django.contrib.") and dotted.endswith(("AbstractUser", "AbstractBaseUser"))
    )


_ROOTS = frozenset({
    "django.db.models.Model", "django.db.models.base.Model", "django.contrib.gis.db.models.Model",
    "django.contrib.auth.models.Group", "django.contrib.auth.models.User", "model_utils.models.TimeStampedModel",
    "polymorphic.models.PolymorphicModel", "mptt.models.MPTTModel", "wagtail.models.Page",
    "django_extensions.db.models.TimeStampedModel",
})  # fmt: skip


def _find(dotted: str, among: Mapping[str, _Class]) -> _Class | None:
    """Find a class by its dotted name; a package may hand it on, so the end of the name decides if it is unique."""
    if dotted in among:
        return among[dotted]
    parts = dotted.split(".")
    near = [
        one
        for one in among.values()
        if one.node.name == parts[-1] and one.module.startswith(".".join(parts[:-1]))
    ]
    return near[0] if len(near) == 1 else None


def _is_abstract(node: ast.ClassDef) -> bool:
    meta = next((item for item in node.body if isinstance(item, ast.ClassDef) and item.name == "Meta"), None)
    for item in meta.body if meta else ():
        if _assigned(item) & {"abstract", "proxy"} and isinstance(item, ast.Assign):
            return isinstance(item.value, ast.Constant) and item.value.value is True
    return False


def _assigned(item: ast.stmt) -> set[str]:
    """The names that a plain assignment sets."""
    targets = item.targets if isinstance(item, ast.Assign) else []
    return {name.id for name in targets if isinstance(name, ast.Name)}


def _text_of(body: Iterable[ast.stmt], name: str) -> str:
    """The text that a name is set to, or ""."""
    for item in body:
        if name in _assigned(item) and isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
            return item.value.value if isinstance(item.value.value, str) else ""
    return ""


def _app_of(found: _Class) -> str:
    parts = PurePosixPath(found.path).parts
    for place, part in enumerate(parts):
        if part in ("models", "models.py"):
            return parts[place - 1] if place else ""
    return parts[-2] if len(parts) > 1 else ""


def _django_entity(found: _Class, classes: Mapping[str, _Class], django: Mapping[str, _Class]) -> Entity:
    fields = {item.name: item for one in reversed(_lineage(found, django)) for item in _django_fields(one)}
    own = [_pointer(parent, found) for parent in _parents(found, django)] + list(fields.values())
    if not any(item.is_key for item in own):
        own.insert(0, Field(name="id", kind="AutoField", line=found.node.lineno, is_key=True, is_unique=True))
    app = _app_of(found)
    return Entity(
        name=f"{app}.{found.node.name}" if app else found.node.name,
        title=found.node.name,
        dialect="django",
        group=app,
        path=found.path,
        line=found.node.lineno,
        doc=(ast.get_docstring(found.node) or "").split("\n")[0],
        fields=tuple(own),
    )


def _lineage(found: _Class, django: Mapping[str, _Class]) -> list[_Class]:
    """The class and the abstract ones that it inherits fields from, nearest first."""
    return [one for one in _ancestry(found, django) if one is found or _is_abstract(one.node)]


def _parents(found: _Class, django: Mapping[str, _Class]) -> list[_Class]:
    """The models with tables of their own that it extends, to which Django points: unless it says itself how."""
    line = _lineage(found, django)
    if any(_flag(call, "parent_link") for one in line for _, call, _ in _declarations(one.node)):
        return []
    return [one for one in _ancestry(found, django) if one not in line]


def _pointer(parent: _Class, found: _Class) -> Field:
    """The key that a model has which extends another one."""
    name = f"{parent.node.name.lower()}_ptr"
    return Field(name=name, kind="OneToOneField", line=found.node.lineno, is_key=True, is_unique=True)


def _ancestry(found: _Class, django: Mapping[str, _Class]) -> list[_Class]:
    """The class, and its ancestors as far as the first ones with tables of their own; bounded against cycles."""
    line, waiting = [found], list(found.bases)
    while waiting and len(line) < 50:
        parent = _find(waiting.pop(0), django)
        if parent is not None and parent not in line:
            line.append(parent)
            if _is_abstract(parent.node):
                waiting.extend(parent.bases)
    return line


def _declarations(node: ast.ClassDef) -> Iterator[tuple[str, ast.Call, int]]:
    for item in node.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Call):
            for target in item.targets:
                if isinstance(target, ast.Name):
                    yield target.id, item.value, item.lineno
        elif (
            isinstance(item, ast.AnnAssign)
            and isinstance(item.value, ast.Call)
            and isinstance(item.target, ast.Name)
        ):
            yield item.target.id, item.value, item.lineno


def _django_fields(found: _Class) -> Iterator[Field]:
    for name, call, line in _declarations(found.node):
        kind = _resolve(call.func, found.names).rpartition(".")[2]
        if kind.endswith("Field") or kind in _DJANGO_RELATIONS:
            yield Field(
                name=name,
                kind=_kind(kind, call),
                line=line,
                is_key=_flag(call, "primary_key"),
                is_unique=_flag(call, "unique") or _flag(call, "primary_key") or kind == "OneToOneField",
                is_optional=_flag(call, "null"),
            )


def _kind(kind: str, call: ast.Call) -> str:
    for word in call.keywords:
        if word.arg == "max_length" and isinstance(word.value, ast.Constant):
            return f"{kind}({word.value.value!r})"
    return kind


def _flag(call: ast.Call, name: str) -> bool:
    return any(
        word.arg == name and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in call.keywords
    )


def _table_name(node: ast.ClassDef) -> str:
    return _text_of(node.body, "__tablename__")


def _table(found: _Class) -> Entity:
    return Entity(
        name=found.node.name,
        title=f"{found.node.name} ({_table_name(found.node)})",
        dialect="sqlalchemy",
        group=_app_of(found),
        path=found.path,
        line=found.node.lineno,
        doc=(ast.get_docstring(found.node) or "").split("\n")[0],
        fields=tuple(_columns(found)),
    )


def _columns(found: _Class) -> Iterator[Field]:
    for name, call, line in _declarations(found.node):
        if _resolve(call.func, found.names).rpartition(".")[2] not in ("Column", "mapped_column"):
            continue
        kinds = [_type_name(item) for item in call.args if _type_name(item) not in ("", "ForeignKey")]
        yield Field(
            name=name,
            kind=kinds[0] if kinds else _annotated(found.node, name),
            line=line,
            is_key=_flag(call, "primary_key"),
            is_unique=_flag(call, "unique") or _flag(call, "primary_key"),
            is_optional=_flag(call, "nullable"),
        )


def _type_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        inner = _type_name(node.func)
        if inner == "as_mutable" and node.args:  # MutableDict.as_mutable(JSONB): how its changes are seen
            return _type_name(node.args[0])
        size = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if type(size) is int:  # DateTime(True) has a zone, not a size
            return f"{inner}({size:d})"
        return inner
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _annotated(node: ast.ClassDef, name: str) -> str:
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id == name:
            inner = item.annotation.slice if isinstance(item.annotation, ast.Subscript) else item.annotation
            return ast.unparse(inner)
    return ""


def _relate(
    model: DataModel, django: Mapping[str, _Class], classes: Mapping[str, _Class], tables: Iterable[_Class]
) -> None:
    by_title = {entity.title: entity for entity in model.entities if entity.dialect == "django"}
    by_name = {entity.name.lower(): entity for entity in model.entities}
    by_place = {(entity.path, entity.title): entity for entity in model.entities}
    foreign: dict[str, Entity] = {}
    for found in django.values():
        if _is_abstract(found.node):
            continue
        source = by_place[(found.path, found.node.name)]
        for parent in _parents(found, django):
            if hit := by_place.get((parent.path, parent.node.name)):
                key = _pointer(parent, found).name
                model.relations.append(
                    Relation(
                        source=source.name,
                        target=hit.name,
                        field=key,
                        ends=_DJANGO_RELATIONS["OneToOneField"],
                    )
                )
        for one in _lineage(found, django):
            for name, call, _ in _declarations(one.node):
                kind = _resolve(call.func, one.names).rpartition(".")[2]
                if kind not in _DJANGO_RELATIONS:
                    continue
                wanted = _target(call, one, source)
                if wanted == USER_MODEL and model.user_model:
                    wanted = model.user_model
                hit = _entity(wanted, source, by_title, by_name, django, by_place)
                if hit is None:
                    hit = foreign.setdefault(wanted, Entity(name=wanted, title=wanted, dialect="foreign"))
                model.relations.append(Relation(
                    source=source.name, target=hit.name, field=name, ends=_DJANGO_RELATIONS[kind],
                    is_optional=_flag(call, "null"),
                ))  # fmt: skip
    model.relations.extend(_foreign_keys(model, tables))
    model.entities.extend(foreign[name] for name in sorted(foreign))


def _target(call: ast.Call, found: _Class, source: Entity) -> str:
    given = (
        call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "to"), None)
    )
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return source.name if given.value == "self" else given.value
    dotted = _resolve(given, found.names) if given is not None else ""
    if dotted.endswith(("AUTH_USER_MODEL", "get_user_model")):
        return USER_MODEL
    if isinstance(given, ast.Call):
        return _target_of_call(given, found)
    return dotted or "?"


def _target_of_call(call: ast.Call, found: _Class) -> str:
    dotted = _resolve(call.func, found.names)
    return USER_MODEL if dotted.endswith("get_user_model") else f"{dotted}()"


def _entity(
    wanted: str,
    source: Entity,
    by_title: Mapping[str, Entity],
    by_name: Mapping[str, Entity],
    django: Mapping[str, _Class],
    by_place: Mapping[tuple[str, str], Entity],
) -> Entity | None:
    near = by_name.get(f"{source.group}.{wanted}".lower()) or by_name.get(wanted.lower())
    if near is not None:
        return near
    found = _find(wanted, django)
    if found is not None and (found.path, found.node.name) in by_place:
        return by_place[(found.path, found.node.name)]
    return by_title.get(wanted)


def _foreign_keys(model: DataModel, tables: Iterable[_Class]) -> Iterator[Relation]:
    by_table = {_table_name(found.node): found.node.name for found in tables}
    for found in tables:
        for name, call, _ in _declarations(found.node):
            for part in ast.walk(call):
                if isinstance(part, ast.Call) and _type_name(part.func) == "ForeignKey" and part.args:
                    given = part.args[0]
                    table = str(given.value).rpartition(".")[0] if isinstance(given, ast.Constant) else ""
                    if table in by_table:
                        yield Relation(
                            source=found.node.name, target=by_table[table], field=name, ends=(MANY, ONE),
                            is_optional=_flag(call, "nullable"),
                        )  # fmt: skip
                    elif table:
                        model.problems.append(
                            f"{found.path}: {name} refers to the table {table!r}, which no class here has"
                        )
