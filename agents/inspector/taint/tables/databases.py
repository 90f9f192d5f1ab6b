"""Databases: drivers of PEP 249, SQLAlchemy, and methods that look like theirs."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, gives, passes, sink, special, stops

_CONNECTORS = [
    "sqlite3.connect",
    "psycopg2.connect",
    "psycopg.connect",
    "MySQLdb.connect",
    "pymysql.connect",
    "mysql.connector.connect",
    "cx_Oracle.connect",
    "oracledb.connect",
    "pyodbc.connect",
    "pymssql.connect",
    "duckdb.connect",
    "aiosqlite.connect",
    "psycopg2.pool.getconn",
    "asyncpg.connect",
    "aiomysql.connect",
    "aiopg.connect",
    "pg8000.connect",
    "pg8000.dbapi.connect",
    "pg8000.native.Connection",
    "psycopg.AsyncConnection.connect",
    "snowflake.connector.connect",
    "redshift_connector.connect",
    "vertica_python.connect",
    "teradatasql.connect",
    "hdbcli.dbapi.connect",
    "trino.dbapi.connect",
    "prestodb.dbapi.connect",
    "pyhive.hive.connect",
    "pyhive.presto.connect",
    "databricks.sql.connect",
    "jaydebeapi.connect",
    "firebird.driver.connect",
    "fdb.connect",
    "apsw.Connection",
    "sqlcipher3.connect",
]
_POOLS = [
    *("asyncpg.create_pool", "aiomysql.create_pool", "aiopg.create_pool", "psycopg_pool.ConnectionPool"),
    *("psycopg_pool.AsyncConnectionPool", "psycopg2.pool.SimpleConnectionPool"),
    "psycopg2.pool.ThreadedConnectionPool",
]
_EXECUTE = ["execute", "executemany", "executescript"]
_FETCH = ["fetch", "fetchrow", "fetchval"]

ROWS: tuple[Row, ...] = (
    *(gives(name, "@db.Connection") for name in _CONNECTORS),
    *(stops(name) for name in _CONNECTORS),
    *(gives(f"@db.Connection.{name}", "@db.Connection") for name in ("cursor", "__enter__", "connection")),
    *(
        sink(f"@db.Connection.{name}", "sql", "0 sql query operation statement")
        for name in (*_EXECUTE, *_FETCH)
    ),
    *(gives(name, "@db.Pool") for name in _POOLS),
    *(stops(name) for name in _POOLS),
    *(
        gives(f"@db.Pool.{name}", "@db.Connection")
        for name in ("acquire", "connection", "getconn", "cursor", "__enter__")
    ),
    *(sink(f"@db.Pool.{name}", "sql", "0 query") for name in ("execute", *_FETCH)),
    stops("@db.Pool.*"),
    sink("@db.Connection.run", "sql", "0 sql"),  # of pg8000
    sink("@db.Connection.prepare", "sql", "0 query"),
    *(sink(f"{owner}.copy_expert", "sql", "0 sql") for owner in ("@db.Connection", "")),
    *(sink(f"psycopg2.extras.{name}", "sql", "1 sql") for name in ("execute_values", "execute_batch")),
    *(special(f".{name}", "condition") for name in ("filter", "where", "having")),
    sink("ibm_db.exec_immediate", "sql", "1"),
    *(gives(f"clickhouse_driver.{name}Client", "@clickhouse.Client") for name in ("", "client.")),
    gives("clickhouse_connect.get_client", "@clickhouse.Client"),
    *(
        sink(f"@clickhouse.Client.{name}", "sql", "0 query cmd")
        for name in ("execute", "execute_iter", "query", "command", "query_df")
    ),
    gives("google.cloud.bigquery.Client", "@bigquery.Client"),
    sink("@bigquery.Client.query", "sql", "0 query"),
    gives("databases.Database", "@databases.Database"),
    *(
        sink(f"@databases.Database.{name}", "sql", "0 query")
        for name in ("execute", "execute_many", "fetch_all", "fetch_one", "fetch_val", "iterate")
    ),
    *(sink(f"duckdb.{name}", "sql", "0 query") for name in ("sql", "query", "execute")),
    *(gives(f"@db.Connection.{name}", "@db.Connection") for name in _EXECUTE),
    stops("@db.Connection.*"),
    # SQLAlchemy
    *(
        gives(name, "@sqlalchemy.Engine")
        for name in ("sqlalchemy.create_engine", "sqlalchemy.ext.asyncio.create_async_engine")
    ),
    *(
        gives(f"@sqlalchemy.Engine.{name}", "@sqlalchemy.Connection")
        for name in ("connect", "begin", "raw_connection")
    ),
    gives("sqlalchemy.orm.Session", "@sqlalchemy.Session"),
    gives("sqlalchemy.ext.asyncio.AsyncSession", "@sqlalchemy.Session"),
    *(
        sink(f"@sqlalchemy.{owner}.{name}", "sql", "0 statement sql")
        for owner in ("Connection", "Session", "Engine")
        for name in ("execute", "exec_driver_sql", "scalar", "scalars")
    ),
    *(stops(f"@sqlalchemy.{owner}.*") for owner in ("Connection", "Session", "Engine")),
    *(
        sink(name, "sql", "0 text")
        for name in ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text")
    ),
    stops(".bindparams"),
    stops(".params"),
    *(stops(name) for name in ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text")),
    *(sink(f"sqlalchemy.{name}", "sql", "0 text") for name in ("literal_column", "sql.literal_column")),
    *(sink(name, "sql", "0 sql") for name in ("pandas.read_sql", "pandas.read_sql_query")),
    # safe composition
    *(stops(f"psycopg2.sql.{name}") for name in ("Identifier", "Literal", "Placeholder")),
    *(stops(f"psycopg.sql.{name}") for name in ("Identifier", "Literal", "Placeholder")),
    sink("psycopg2.sql.SQL", "sql", "0 string"),
    passes("psycopg2.sql.SQL"),
    # objects of which nothing is known; a text that does not begin like SQL makes it less sure
    *(
        sink(f".{name}", "sql", "0 sql query statement")
        for name in (*_EXECUTE, "exec_driver_sql", "execute_sql", "raw_query")
    ),
    *(stops(f".{name}") for name in (*_EXECUTE, "exec_driver_sql", "execute_sql")),
    *(
        stops(f".{name}")
        for name in [
            "filter_by",
            "query",
            "first",
            "all",
            "one",
            "one_or_none",
            "scalar",
            "fetchone",
            "fetchall",
            "fetchmany",
            "commit",
            "find",
            "find_one",
            "insert_one",
            "update_one",
            "delete_one",
            "aggregate",
            "get_or_404",
            "first_or_404",
            "exists",
            "order_by",
            # What is found by a condition is what was stored, whoever chose the condition.
            "exclude",
            "annotate",
            "select_related",
            "prefetch_related",
            "values_list",
            "values",
            "execution_options",
            "filter_queryset",
            "extra",
            "outerjoin",
            "offset",
            "limit",
            "returning",
            "on_conflict_do_update",
            "on_conflict_do_nothing",
            "with_for_update",
            "select_from",
        ]
        if name != "find"
    ),
)
