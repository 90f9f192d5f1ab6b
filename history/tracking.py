"""Which models have versions, and what of them: `track` beside the model is all that it takes.

    @track(secret=("password",), churn=("last_login",), fixed={"is_superuser": "power is given anew, never restored"})
    class User(...): ...

Triggers of PostgreSQL (django-pghistory) write a version per row that is inserted, changed or deleted, whoever does
it: a form, the API, `QuerySet.update`, SQL by hand. A version is the whole row after the change, but for what is
secret or changes by itself; of a deletion, the row before it. Version rows are only ever added, until pruned.

    ProjectVersion   pgh_id, pgh_created_at, pgh_label, pgh_obj_id, pgh_context (the stamp), and the model's columns

Invariant: a column in `secret` has no column there, so that no version can hold it; a column in `churn` has none
either, and its change alone makes no version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db import models
from django.db.models import Model
from pghistory import trigger

CREATED, CHANGED, DELETED, FOUND = "created", "changed", "deleted", "found"
"""What became of a row. `found`: it was there when its model began to be tracked."""

MASK = "[masked]"
_USERINFO = r'(https?://)[^/@\s"]+@|(://)[^/@\s":]*:[^/@\s"]*@'  # of a URL; a token may be the name, too
_BEHIND_HOST = "^([^:/]*://)([^/?#]*@)?([^/?#]*).*$"

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A model that has versions."""

    model: type[Model]
    versions: type[Any]  # the model of its versions, which pghistory makes
    secret: Sequence[str] = ()
    churn: Sequence[str] = ()
    masked: Sequence[str] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    unrestorable: str = ""
    project: str = ""

    @property
    def label(self) -> str:
        """How the model is named outside: accounts.project."""
        return str(self.model._meta.label_lower)

    @property
    def fields(self) -> list[models.Field[Any, Any]]:
        """What a version holds of the model, without its key."""
        kept = {one.name for one in self.versions._meta.fields}
        own = self.model._meta.concrete_model or self.model
        return [one for one in own._meta.local_fields if one.name in kept and not one.primary_key]


_tracked: dict[type[Model], Tracked] = {}


def track(
    *,
    secret: Sequence[str] = (),
    churn: Sequence[str] = (),
    masked: Sequence[str] = (),
    cut: Sequence[str] = (),
    fixed: Mapping[str, str] | None = None,
    unrestorable: str = "",
    project: str = "",
) -> Callable[[type[M]], type[M]]:
    """Let a model have versions. A decorator.

    `secret`: fields that no version may hold; `churn`: fields that change by themselves, and make none. `masked`:
    fields of JSON or text in which the user part of URLs is masked; `cut`: URLs of which all behind the host is.
    `fixed`: fields that a revert leaves as they are, each with the reason. `unrestorable`: why a deleted row cannot
    be put back; empty: it can. `project`: the column of the id of the project that a row belongs to; without it that
    of a field `project`.
    """

    def decorate(model: type[M]) -> type[M]:
        own = model._meta.concrete_model or model
        name = _write_versions(model, exclude=[*secret, *churn], masked=masked, cut=cut)
        if not project and any(one.name == "project" for one in own._meta.local_fields):
            of_project = "project_id"
        else:
            of_project = project
        _tracked[own] = Tracked(
            model=own,
            versions=_version_model(model, name),
            secret=tuple(secret),
            churn=tuple(churn),
            masked=(*masked, *cut),
            fixed=dict(fixed or {}),
            unrestorable=unrestorable,
            project=of_project,
        )
        return model

    return decorate


def _write_versions(
    model: type[Model], *, exclude: Sequence[str], masked: Sequence[str], cut: Sequence[str]
) -> str:
    """Make the table of a model's versions, and the triggers that write it. Returns the versions' model's name."""
    name = f"{model.__name__}Version"
    pghistory.track(
        _Inserted(CREATED, trigger_name="version_created"),
        _Updated(CHANGED, trigger_name="version_changed"),
        _Deleted(DELETED, trigger_name="version_deleted"),
        exclude=list(exclude),
        obj_field=pghistory.ObjForeignKey(related_name="+", related_query_name="+", db_index=False),
        context_field=pghistory.ContextJSONField(),
        context_id_field=None,  # type: ignore[arg-type]  # documented, but not typed
        append_only=True,
        model_name=name,
        attrs={"masked_fields": tuple(masked), "cut_fields": tuple(cut), "__str__": _told},
        meta={
            "indexes": [
                # the versions of a row, newest first; the version before one
                models.Index(fields=["pgh_obj", "-pgh_id"], name=_index_name(model, "of")),
                # what changed lately; what is to be pruned
                models.Index(fields=["-pgh_created_at", "-pgh_id"], name=_index_name(model, "at")),
            ]
        },
    )(model)
    return name


def tracked_models() -> list[Tracked]:
    """Give all models that have versions, by name."""
    return sorted(_tracked.values(), key=lambda one: one.label)


def find(model: type[Model]) -> Tracked | None:
    """Give what is known of a model; None: it is not tracked."""
    return _tracked.get(model._meta.concrete_model or model)


def tables() -> set[str]:
    """Give the names of the tables whose writes make versions."""
    return {str(one.model._meta.db_table) for one in _tracked.values()}


def masked_sql(value: str, field: Any, *, is_cut: bool = False) -> str:
    """Write the SQL that gives the value of a field without the user part of URLs, or as a URL up to its host."""
    if is_cut:
        return rf"regexp_replace({value}, '{_BEHIND_HOST}', '\1\3/{MASK}')"
    cast = "::jsonb" if isinstance(field, models.JSONField) else ""
    return rf"regexp_replace({value}::text, '{_USERINFO}', '\1\2{MASK}@', 'g'){cast}"


def _version_model(model: type[Model], name: str) -> type[Any]:
    found: type[Any] = model._meta.apps.get_registered_model(model._meta.app_label, name)
    return found


def _index_name(model: type[Model], what: str) -> str:
    return f"{model.__name__.lower()[:19]}_version_{what}"  # 30 characters at most


def _told(version: Any) -> str:
    return f"{version.pgh_label} at {version.pgh_created_at:%Y-%m-%d %H:%M:%S}"


class _MaskingTrigger(trigger.Event):
    """A trigger that masks the user part of URLs in some fields before it stores them."""

    event_model: Any = None

    def get_func(self, model: Any) -> Any:
        made: Any = super().get_func(model)  # type: ignore[no-untyped-call]  # pghistory has no types here
        text = made.func
        for name in (*self.event_model.masked_fields, *self.event_model.cut_fields):
            one = self.event_model._meta.get_field(name)
            plain = f'{self.row}."{one.column}"'
            text = text.replace(plain, masked_sql(plain, one, is_cut=name in self.event_model.cut_fields))
        return pgtrigger.Func(text)  # type: ignore[no-untyped-call]  # nor has pgtrigger


class _Masking:
    """Makes pghistory's trackers use our trigger."""

    def add_event_trigger(self: Any, event_model: type[Any]) -> None:
        made = _MaskingTrigger(  # type: ignore[no-untyped-call]  # as above
            event_model=event_model,
            label=self.label,
            name=self.trigger_name,
            row=self.row,
            operation=self.operation,
            condition=self.condition,
            level=self.level,
        )
        pgtrigger.register(made)(event_model.pgh_tracked_model)


class _Inserted(_Masking, pghistory.InsertEvent):
    pass


class _Updated(_Masking, pghistory.UpdateEvent):
    pass


class _Deleted(_Masking, pghistory.DeleteEvent):
    pass
