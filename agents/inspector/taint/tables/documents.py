"""Document databases: MongoDB by its drivers and by MongoEngine.

A text in a query's field is only compared; parsed data may be a dictionary of operators, and code is code.
"""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, same, sink, special, stops

_DATABASE = "@mongo.Database"
_CLIENTS = [
    "pymongo.MongoClient",
    "pymongo.mongo_client.MongoClient",
    "pymongo.AsyncMongoClient",
    "motor.motor_asyncio.AsyncIOMotorClient",
    "motor.motor_tornado.MotorClient",
    "flask_pymongo.PyMongo",
    "mongoengine.connect",
    "mongoengine.get_db",
    "mongoengine.connection.connect",
    "mongoengine.connection.get_db",
]
# Only documents' methods have such names; an object of which nothing is known is taken for a collection.
_DISTINCT = [
    "find_one",
    "find_one_and_update",
    "find_one_and_delete",
    "find_one_and_replace",
    "count_documents",
    "update_one",
    "update_many",
    "delete_one",
    "delete_many",
    "replace_one",
    "map_reduce",
]
_COMMON = ["find", "aggregate", "distinct"]
_DOCUMENTS = [
    "mongoengine.Document",
    "mongoengine.DynamicDocument",
    "@flask_mongoengine.MongoEngine.Document",
]

ROWS: tuple[Row, ...] = (
    *(gives(name, _DATABASE) for name in _CLIENTS),
    same(f"{_DATABASE}.*", _DATABASE),
    *(
        gives(f"{_DATABASE}.{name}", _DATABASE)
        for name in ("__getitem__", "get_database", "get_collection", "get_default_database")
    ),
    *(special(f"{_DATABASE}.{name}", "document_query") for name in (*_DISTINCT, *_COMMON)),
    *(
        stops(f"{_DATABASE}.{name}")
        for name in ("insert_one", "insert_many", "command", "close", "create_index")
    ),
    *(special(f".{name}", "document_query") for name in (*_DISTINCT, *_COMMON)),
    clean("mongosanitizer.sanitizer.sanitize", "nosql"),
    gives("flask_mongoengine.MongoEngine", "@flask_mongoengine.MongoEngine"),
    gives("@flask_mongoengine.MongoEngine.get_db", _DATABASE),
    *(sink(f"{name}.objects", "nosql", "__raw__") for name in _DOCUMENTS),
    *(stops(f"{name}.objects") for name in _DOCUMENTS),
)
