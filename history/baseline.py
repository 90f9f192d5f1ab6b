"""For migrations: a first version of each row that is there when its model begins to be tracked.

Without it the first change of such a row could not tell what was before. Such a version says `found`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import migrations

from history.tracking import FOUND, masked_sql

_STAMP = json.dumps({"through": "command migrate"})


def keep_found(label: str, *, masked: Sequence[str] = (), cut: Sequence[str] = ()) -> migrations.RunPython:
    """Make the operation for a model of versions, given as app.Model; `masked` and `cut` are its own."""

    def store(apps: Any, schema_editor: Any) -> None:
        versions = apps.get_model(label)
        source = versions._meta.get_field("pgh_obj").related_model
        columns, values = [], []
        for field in versions._meta.fields:
            if not field.name.startswith("pgh_"):
                plain = f'"{field.column}"'
                columns.append(plain)
                is_masked = field.name in (*masked, *cut)
                values.append(masked_sql(plain, field, is_cut=field.name in cut) if is_masked else plain)
        own = ["pgh_created_at", "pgh_label", "pgh_context", "pgh_obj_id"]
        stored = f'"{versions._meta.db_table}" ({", ".join(own + columns)})'
        row = f'now(), %s, %s::jsonb, "{source._meta.pk.column}", {", ".join(values)}'
        schema_editor.execute(
            f'INSERT INTO {stored} SELECT {row} FROM "{source._meta.db_table}"',  # noqa: S608 - names of our models
            [FOUND, _STAMP],
        )

    return migrations.RunPython(store, migrations.RunPython.noop)
