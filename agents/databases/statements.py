"""What is asked of a catalogue, each with a sentence. PostgreSQL 12 and later; parameters only.

All of it lies in `pg_catalog`, which every role may read: a role needs no right on a table to tell its columns.
Lists end at a bound, one row beyond it tells that there is more; texts are cut, for a comment may be of any length.
"""

from __future__ import annotations

TELLS_UNCOUNTED = 140_000  # since when a table that nobody has counted has -1 rows, and 0 is none
OLDEST = 120_000  # pg_partition_root() and attgenerated are of 12

SERVER = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_is_in_recovery(),
       coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false)
"""
"""The server, and whether our role can do everything there."""

SCHEMAS = """
SELECT nspname::text FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY nspname = ANY (%(schemas)s) DESC, nspname LIMIT %(most)s
"""
"""The schemas that are people's; first the wanted ones, if there are too many."""

RELATIONS = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::float8,
       left(obj_description(c.oid, 'pg_class'), 500),
       ARRAY(SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno),
       count(*) OVER ()
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname = ANY (%(schemas)s)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relkind IN ('v', 'm'), n.nspname, c.relname LIMIT %(most)s
"""
"""Tables and views but for partitions and what extensions bring; tables first, if there are too many."""

OF_EXTENSIONS = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY (%(schemas)s)
  AND EXISTS (SELECT FROM pg_depend d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
"""How many tables and views extensions bring."""

PARTITIONS = """
SELECT p.oid::bigint, left(pg_get_partkeydef(p.oid), 200), count(l.oid),
       sum(greatest(l.reltuples, 0)) FILTER (WHERE l.reltuples >= 0)::float8
FROM pg_class p
LEFT JOIN LATERAL pg_partition_tree(p.oid) t ON t.isleaf
LEFT JOIN pg_class l ON l.oid = t.relid AND l.oid <> p.oid
WHERE p.oid = ANY (%(oids)s::oid[]) AND p.relkind = 'p' GROUP BY p.oid
"""
"""Of each partitioned table its key, its partitions, and their rows by the planner's statistics."""

COLUMNS = """
SELECT a.attrelid::bigint, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       left(col_description(a.attrelid, a.attnum), 300)
FROM pg_attribute a WHERE a.attrelid = ANY (%(oids)s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum LIMIT %(most)s
"""
"""Columns in their order, with their types as people write them."""

UNIQUE = """
SELECT i.indrelid::bigint, i.indisprimary,
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts ORDER BY k.place)
FROM pg_index i
WHERE i.indrelid = ANY (%(oids)s::oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
  AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid LIMIT %(most)s
"""
"""Which columns together are unique, whether by a constraint or by an index of all rows."""

FOREIGN_KEYS = """
SELECT c.conname::text,
       coalesce(pg_partition_root(c.conrelid)::oid, c.conrelid)::bigint,
       coalesce(pg_partition_root(c.confrelid)::oid, c.confrelid)::bigint,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place),
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.place),
       c.convalidated, rn.nspname::text, r.relname::text
FROM pg_constraint c
JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.confrelid)::oid, c.confrelid)
JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.contype = 'f' AND c.conparentid = 0
  AND coalesce(pg_partition_root(c.conrelid)::oid, c.conrelid) = ANY (%(oids)s::oid[])
ORDER BY 2, c.conname, c.oid LIMIT %(most)s
"""
"""Foreign keys, those of partitions told of their table; copies that PostgreSQL makes for partitions are left out."""

ENUMS = """
SELECT n.nspname::text, t.typname::text,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 101)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND n.nspname = ANY (%(schemas)s) ORDER BY 1, 2 LIMIT %(most)s
"""
"""Enum types and their values."""
