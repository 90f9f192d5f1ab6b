"""Formats that can build any object, and those that cannot."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, sink, special

_LOADS = ["pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal"]

ROWS: tuple[Row, ...] = (
    *(sink(f"{name}.loads", "deserialisation", "0 data s str") for name in _LOADS),
    *(sink(f"{name}.load", "deserialisation", "0 file") for name in _LOADS),
    special("pickle.Unpickler", "unpickler"),
    # What was just serialised here is no stranger's pickle: `loads(dumps(x))` copies.
    *(clean(f"{name}.dumps", "deserialisation") for name in _LOADS),
    sink("dill.Unpickler", "deserialisation", "0 file"),
    sink("shelve.open", "deserialisation", "0 filename"),
    sink("jsonpickle.decode", "deserialisation", "0 string"),
    sink("jsonpickle.loads", "deserialisation", "0 string"),
    sink("joblib.load", "deserialisation", "0 filename"),
    sink("torch.load", "deserialisation", "0 f", when="weights_only!=True", weak=1),
    sink("pandas.read_pickle", "deserialisation", "0 filepath_or_buffer"),
    sink("numpy.load", "deserialisation", "0 file", when="allow_pickle=True"),
    *(special(f"yaml.{name}", "yaml_load") for name in ("load", "load_all")),
    *(sink(f"yaml.{name}", "deserialisation", "0 stream") for name in ("unsafe_load", "unsafe_load_all")),
    *(sink(f"yaml.{name}", "deserialisation", "0 stream", weak=1) for name in ("full_load", "full_load_all")),
    *(
        special(name, "structured")
        for name in (
            *("json.loads", "json.load", "orjson.loads", "ujson.loads", "rapidjson.loads"),
            *("yaml.safe_load", "tomllib.loads", "toml.loads", "tomli.loads", "ast.literal_eval"),
        )
    ),
    *(
        clean(f"{name}.dumps", "log", "header") for name in ("json", "orjson", "ujson")
    ),  # a line end is written as two letters
    sink("ruamel.yaml.load", "deserialisation", "0 stream", weak=1),
)
