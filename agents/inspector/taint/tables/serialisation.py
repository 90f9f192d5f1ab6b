"""Formats that can build any object, and those that cannot."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, sink, special, wrong

_LOADS = [
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "pickle5", "zodbpickle.pickle"),
    *("compress_pickle", "six.moves.cPickle", "torch.serialization.pickle"),
]
_PIPES = ("multiprocessing.connection.Client", "multiprocessing.connection.Listener")
_KERAS = ("keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras")

ROWS: tuple[Row, ...] = (
    *(sink(f"{name}.loads", "deserialisation", "0 data s str") for name in _LOADS),
    *(sink(f"{name}.load", "deserialisation", "0 file") for name in _LOADS),
    *(special(f"{name}.Unpickler", "unpickler") for name in ("pickle", "cPickle", "_pickle", "cloudpickle")),
    *(
        wrong(
            name,
            "deserialisation",
            "what the other side sends is unpickled, and no key says who that is",
            when="authkey absent",
            review=True,
        )
        for name in _PIPES
    ),
    # What was just serialised here is no stranger's pickle: `loads(dumps(x))` copies.
    *(clean(f"{name}.dumps", "deserialisation") for name in _LOADS),
    sink("dill.Unpickler", "deserialisation", "0 file"),
    *(sink(f"shelve.{name}", "deserialisation", "0 filename") for name in ("open", "DbfilenameShelf")),
    sink("jsonpickle.decode", "deserialisation", "0 string"),
    sink("jsonpickle.loads", "deserialisation", "0 string"),
    sink("jsonpickle.unpickler.decode", "deserialisation", "0 string"),
    *(
        sink(f"{name}.load", "deserialisation", "0 filename", of_file=True)
        for name in ("joblib", "sklearn.externals.joblib")
    ),
    *(
        sink(f"{name}.models.load_model", "deserialisation", "0 filepath", weak=1, of_file=True)
        for name in _KERAS
    ),
    *(
        wrong(
            f"{name}.models.load_model",
            "deserialisation",
            "layers of the file may bring code of their own",
            when="safe_mode=False",
            review=True,
        )
        for name in _KERAS
    ),
    sink("torch.load", "deserialisation", "0 f", when="weights_only!=True", weak=1, of_file=True),
    sink("pandas.read_pickle", "deserialisation", "0 filepath_or_buffer", of_file=True),
    sink("numpy.load", "deserialisation", "0 file", when="allow_pickle=True", of_file=True),
    *(
        special(f"yaml.{name}", "yaml_load")
        for name in ("load", "load_all", "unsafe_load", "unsafe_load_all")
    ),
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
    wrong(
        "ruamel.yaml.YAML",
        "deserialisation",
        "it builds any object that a file names",
        when="typ='unsafe'",
        review=True,
    ),
)
