"""Python's builtins."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, passes, sink, source, special, stops

ROWS: tuple[Row, ...] = (
    special("builtins.int", "number"),
    special("builtins.float", "number"),
    special("builtins.bool", "number"),
    special("builtins.str", "text"),
    special("builtins.bytes", "text"),
    special("builtins.unicode", "text"),
    special("builtins.repr", "text"),
    special("builtins.str.maketrans", "maketrans"),
    special("builtins.len", "length"),
    special("builtins.chr", "character"),
    special("builtins.ord", "character"),
    *(
        special(f"builtins.{name}", "sequence")
        for name in ("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter")
    ),
    special("builtins.dict", "mapping"),
    special("builtins.range", "range"),
    special("builtins.enumerate", "enumerate"),
    special("builtins.zip", "zip"),
    special("builtins.map", "map"),
    special("builtins.filter", "map"),
    special("builtins.next", "next"),
    special("builtins.anext", "next"),
    special("builtins.any", "any"),
    special("builtins.all", "all"),
    special("builtins.isinstance", "isinstance"),
    special("builtins.getattr", "getattr"),
    special("builtins.setattr", "setattr"),
    special("builtins.super", "super"),
    special("builtins.type", "type"),
    *(
        stops(f"builtins.{name}")
        for name in ("hash", "id", "callable", "hasattr", "issubclass", "dir", "help")
    ),
    *(
        clean(f"builtins.{name}", "all")
        for name in ("abs", "round", "sum", "pow", "divmod", "complex", "bin", "hex", "oct")
    ),
    special("builtins.print", "print"),
    passes("builtins.min"),
    passes("builtins.max"),
    passes("builtins.format"),
    passes("builtins.compile"),
    passes("builtins.bytearray"),
    passes("builtins.memoryview"),
    source("builtins.input", "what somebody types", origin="local"),
    source("builtins.raw_input", "what somebody types", origin="local"),
    sink("builtins.eval", "code", "0 source"),
    sink("builtins.exec", "code", "0 source object"),
    sink("builtins.compile", "code", "0 source"),
    *(sink(f"timeit.{name}", "code", "0 1 stmt setup") for name in ("timeit", "repeat", "Timer")),
    *(sink(f"{name}.run", "code", "0 statement") for name in ("cProfile", "profile")),
    sink("pandas.eval", "code", "0 expr"),
    sink("sympy.sympify", "code", "0 a"),
    *(
        sink(f"@code.{owner}.{name}", "code", "0 source line code")
        for owner in ("InteractiveInterpreter", "InteractiveConsole")
        for name in ("runsource", "runcode", "push")
    ),
    *(
        sink(name, "code", "1 script", weak=1)
        for name in ("_xxsubinterpreters.run_string", "_interpreters.run_string")
    ),
    *(sink(f"{name}.run_in_subinterp", "code", "0") for name in ("_testcapi", "test.support")),
    *(gives(f"builtins.{name}", f"@builtins.{name}") for name in ("globals", "locals")),
    *(sink(f"@builtins.{name}.get", "code", "0 key", weak=1) for name in ("globals", "locals")),
    passes("code.compile_command"),
    passes("codeop.compile_command"),
    sink("code.InteractiveInterpreter.runsource", "code", "1 source"),
    *(sink(f"{name}.eval_js", "code", "0 js") for name in ("js2py",)),
    *(sink(f"execjs.{name}", "code", "0 source") for name in ("eval", "exec_", "compile")),
    *(sink(f"runpy.{name}", "code", "0 path_name mod_name", weak=1) for name in ("run_path", "run_module")),
    sink("builtins.execfile", "code", "0 filename"),
    sink("builtins.__import__", "code", "0 name", weak=1),
    special("builtins.__import__", "imported"),
    sink("builtins.open", "path", "0 file"),
    stops("builtins.open"),
)
