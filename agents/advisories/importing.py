"""From a file of OSV records to the tables, all or nothing.

    records -> osv.read -> COPY into two temporary tables, some thousand at a time
            -> one statement each: withdrawn ones go, new and changed ones come, equal ones stay as they are
            -> AdvisorySource of each ecosystem that the file is whole for

One transaction: whoever reads meanwhile sees the old database. Memory is bounded by a batch. A record that is older
than what is stored changes nothing. Which ecosystems become *audited*: those that nearly every record of the file
is about, or, in a mixed file, all that it names; a single record makes none, since its silence means nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from agents.advisories import osv, reading
from agents.advisories.models import AdvisorySource
from agents.advisories.osv import BadRecord, Record
from agents.advisories.reading import ImportRefused

BATCH = 2_000
NAMED_FAULTS = 20
WHOLE_PERCENT = 95  # of a file's records are about the ecosystem that the file is made for
LOCK = 0x4F5356  # "OSV": one import at a time

Tell = Callable[[int, int], None]


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did. Counts are of records; `faults` names the first of `unreadable`."""

    file: str
    digest: str = ""
    read: int = 0
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unreadable: int = 0
    faults: list[str] = field(default_factory=list)
    audited: list[str] = field(default_factory=list)
    by_ecosystem: Counter[str] = field(default_factory=Counter)
    newest: dict[str, datetime] = field(default_factory=dict)
    records: int = 0

    @property
    def unchanged(self) -> int:
        return self.read - self.added - self.changed - self.withdrawn - self.unreadable


def load(path: Path, *, now: datetime, tell: Tell = lambda done, total: None) -> Imported:
    """Import a file or folder. Raises ImportRefused: then nothing was changed."""
    if not path.exists():
        raise ImportRefused(f"there is no {path}")
    total = reading.count(path)
    if not total:
        raise ImportRefused(f"{path} holds no JSON file: is it an archive of OSV records?")
    done = Imported(file=path.name[:255], digest=reading.digest(path))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(STAGE)
        batch: list[Record] = []
        for found in reading.records(path):
            done.read += 1
            _take(found, batch, done)
            if len(batch) >= BATCH:
                _copy(cursor, batch)
                batch.clear()
                tell(done.read, total)
        _copy(cursor, batch)
        if not done.records and done.unreadable:
            raise ImportRefused(f"{path.name} holds no record of the OSV format; the first: {done.faults[0]}")
        _merge(cursor, done)
        _tell_sources(done, whole=total > 1, now=now)
    tell(total, total)
    return done


def _take(found: reading.Found, batch: list[Record], done: Imported) -> None:
    try:
        if found.fault:
            raise BadRecord(found.fault)
        record = osv.read(found.content)
    except (BadRecord, RecursionError, OverflowError) as error:
        done.unreadable += 1
        if len(done.faults) < NAMED_FAULTS:
            done.faults.append(f"{osv.clean(found.name, 120)}: {osv.clean(str(error), 200)}")
        return
    done.records += 1
    for ecosystem in {one.ecosystem for one in record.affected}:
        newest = done.newest.get(ecosystem)
        done.newest[ecosystem] = record.modified if newest is None else max(newest, record.modified)
        done.by_ecosystem[ecosystem] += not record.is_withdrawn
    batch.append(record)


STAGE = """
DROP TABLE IF EXISTS pg_temp.stage_advisory, pg_temp.stage_range, pg_temp.changed;
CREATE TEMPORARY TABLE stage_advisory (
    place bigserial, osv_id text, modified timestamptz, summary text, aliases jsonb, severity text, score float8,
    cwe jsonb, url text, digest text, withdrawn boolean
) ON COMMIT DROP;
CREATE TEMPORARY TABLE stage_range (
    osv_id text, digest text, ecosystem text, package text, ranges jsonb, versions jsonb
) ON COMMIT DROP;
"""
COPY_ADVISORY = (
    "COPY stage_advisory (osv_id, modified, summary, aliases, severity, score, cwe, url, digest, withdrawn)"
    " FROM STDIN WITH (FORMAT csv)"
)
COPY_RANGE = "COPY stage_range FROM STDIN WITH (FORMAT csv)"


def _copy(cursor: Any, batch: Iterable[Record]) -> None:
    advisories, affected = io.StringIO(), io.StringIO()
    rows, others = csv.writer(advisories), csv.writer(affected)
    for record in batch:
        ranges = [
            (one.ecosystem, one.package, json.dumps(one.ranges), json.dumps(one.versions))
            for one in record.affected
        ]
        row = (
            record.id, record.modified.isoformat(), record.summary, json.dumps(record.aliases),
            record.severity or "-", "" if record.score is None else record.score, json.dumps(record.cwe), record.url,
        )  # fmt: skip
        digest = hashlib.sha256(json.dumps([row, ranges]).encode()).hexdigest()
        rows.writerow((*row, digest, record.is_withdrawn))
        others.writerows((record.id, digest, *one) for one in ranges if not record.is_withdrawn)
    for statement, made in ((COPY_ADVISORY, advisories), (COPY_RANGE, affected)):
        made.seek(0)
        cursor.copy_expert(statement, made)


PREPARE = """
DELETE FROM stage_advisory older USING stage_advisory newer
 WHERE older.osv_id = newer.osv_id
   AND (older.modified, older.place) < (newer.modified, newer.place);
CREATE INDEX ON stage_advisory (osv_id);
CREATE INDEX ON stage_range (osv_id);
ANALYZE stage_advisory;
ANALYZE stage_range;
"""
# An older record in the file changes nothing, and an equal one need not be written.
CHANGED = """
CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
SELECT s.osv_id, s.digest, a.id AS known FROM stage_advisory s LEFT JOIN agents_advisory a USING (osv_id)
 WHERE NOT s.withdrawn AND (a.id IS NULL OR (a.modified <= s.modified AND a.digest <> s.digest));
"""
WITHDRAWN = """
SELECT a.id INTO TEMPORARY TABLE withdrawn FROM agents_advisory a JOIN stage_advisory s USING (osv_id)
 WHERE s.withdrawn AND a.modified <= s.modified;
DELETE FROM agents_advisoryrange WHERE advisory_id IN (SELECT id FROM withdrawn)
    OR advisory_id IN (SELECT known FROM changed);
DELETE FROM agents_advisory WHERE id IN (SELECT id FROM withdrawn);
DROP TABLE withdrawn;
"""
UPSERT = """
INSERT INTO agents_advisory (osv_id, modified, summary, aliases, severity, score, cwe, url, digest)
SELECT s.osv_id, s.modified, s.summary, s.aliases, CASE s.severity WHEN '-' THEN '' ELSE s.severity END, s.score,
       s.cwe, s.url, s.digest
  FROM stage_advisory s JOIN changed c USING (osv_id, digest)
    ON CONFLICT (osv_id) DO UPDATE SET
       modified = excluded.modified, summary = excluded.summary, aliases = excluded.aliases,
       severity = excluded.severity, score = excluded.score, cwe = excluded.cwe, url = excluded.url,
       digest = excluded.digest;
"""
RANGES = """
INSERT INTO agents_advisoryrange (advisory_id, ecosystem, package, ranges, versions)
SELECT DISTINCT a.id, r.ecosystem, r.package, r.ranges, r.versions
  FROM stage_range r JOIN changed c USING (osv_id, digest) JOIN agents_advisory a USING (osv_id);
"""


def _merge(cursor: Any, done: Imported) -> None:
    cursor.execute(PREPARE)
    cursor.execute(CHANGED)
    cursor.execute("SELECT count(*) FILTER (WHERE known IS NULL), count(known) FROM changed")
    done.added, done.changed = cursor.fetchone()
    cursor.execute("SELECT count(*) FROM stage_advisory WHERE withdrawn")
    done.withdrawn = cursor.fetchone()[0]
    cursor.execute(WITHDRAWN)
    cursor.execute(UPSERT)
    cursor.execute(RANGES)


def _tell_sources(done: Imported, *, whole: bool, now: datetime) -> None:
    if not whole:
        return
    most = max(done.by_ecosystem.values(), default=0)
    least = done.records * WHOLE_PERCENT / 100 if most * 100 >= done.records * WHOLE_PERCENT else 0
    for ecosystem, newest in done.newest.items():
        count = done.by_ecosystem[ecosystem]
        if count >= least:
            done.audited.append(ecosystem)
            AdvisorySource.objects.update_or_create(
                ecosystem=ecosystem,
                defaults={
                    "file": done.file, "digest": done.digest, "imported_at": now, "newest": newest, "records": count,
                },
            )  # fmt: skip
    done.audited.sort()
