"""The envelope: values sealed by their project's data key, in rows of whatever table.

A row that holds such a value has `project_id`, `value` (a SealedField), `data_key` and `identity`, and its model is
registered by `holds`, so that a rotation seals it anew. Who seals or rotates has the project's row locked by `lock`,
so a value is never sealed by a key that a rotation is about to take away. Knows no purpose of a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.db.models import Model

from accounts import crypto
from accounts.crypto import Key
from accounts.models import DataKey, Project


class Holder(Protocol):
    """A row with a sealed value."""

    value: Any
    data_key: Any

    @property
    def project_id(self) -> int: ...

    @property
    def identity(self) -> str: ...


_M = TypeVar("_M", bound=type[Model])
_holders: list[type[Model]] = []


def holds(model: _M) -> _M:
    """Let rotations seal the values of this model anew. A decorator of models."""
    if model not in _holders:
        _holders.append(model)
    return model


def holders_of(project_id: int) -> Iterator[Any]:
    """Give all rows of a project with a sealed value, with their data keys."""
    for model in _holders:
        yield from list(model._default_manager.select_related("data_key").filter(project_id=project_id))


def put(row: Holder, value: str, now: datetime) -> None:
    """Seal a value into a row, which is not saved. The project is locked. Raises CryptoError."""
    current = DataKey.objects.filter(project_id=row.project_id, is_current=True).first()
    if current is None:
        current, key = new_data_key(row.project_id, crypto.master_keys()[0], now)
    else:
        key = unwrap(current)
    row.data_key = current
    row.value = crypto.seal(value.encode(), key, identity=row.identity)


def take(row: Holder) -> str:
    """Open a row's value. Raises CryptoError."""
    return crypto.open_sealed(row.value, unwrap(row.data_key), identity=row.identity).decode()


def lock(project_id: int) -> None:
    """Take turns per project. Rows that point to the project are written meanwhile: runs go on."""
    Project.objects.select_for_update(no_key=True).get(pk=project_id)


def new_data_key(project_id: int, master: Key, now: datetime) -> tuple[DataKey, Key]:
    """Make and store a data key, wrapped by a master key."""
    row = DataKey(project_id=project_id, master=master.id, created_at=now)
    key = crypto.new_key(str(row.public_id))
    row.wrapped = crypto.seal(key.secret, master, identity=row.identity)
    row.save(force_insert=True)
    return row, key


def unwrap(row: DataKey) -> Key:
    """Open a data key. Raises CryptoError."""
    master = crypto.master_key(row.master)
    return Key(str(row.public_id), crypto.open_sealed(row.wrapped, master, identity=row.identity))
