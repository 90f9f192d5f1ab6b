"""Runs pydoclint's checks over a list of files and prints JSON; started by `agents.documentation.drift`.

    python -I pydoclint_driver.py ORDERS      ORDERS is JSON: root, style, files (paths)

pydoclint's command reads the configuration of the folder it stands in; its visitor reads none. Prints
{"violations": [{path, line, code, message}], "failed": [{path, reason}]}.
"""

import ast
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from pydoclint.utils.violation import Violation
from pydoclint.visitor import Visitor


def main(orders: dict[str, Any]) -> None:
    """Check each file by itself, so that one bad file spoils no other."""
    sys.setrecursionlimit(3_000)
    warnings.simplefilter("ignore")
    violations, failed = [], []
    for path in orders["files"]:
        try:
            found = check(Path(orders["root"], path), orders["style"])
        except (Exception, RecursionError) as error:  # whatever odd source or docstring causes
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        violations += [
            {"path": path, "line": one.line, "code": one.fullErrorCode, "message": plain(one.msg)}
            for one in found
        ]
    json.dump({"violations": violations, "failed": failed}, sys.stdout)


def check(path: Path, style: str) -> list[Violation]:
    """Give the violations of one file. Types are compared only where both sides have them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        tree = ast.parse(file.read().decode("utf-8-sig"))
    visitor = Visitor(
        style=style,
        allowInitDocstring=True,
        checkClassAttributes=False,
        argTypeHintsInDocstring=False,
        argTypeHintsInSignature=False,
        checkReturnTypes=False,
        checkYieldTypes=False,
        shouldDocumentStarArguments=False,
        isStubFile=False,
    )
    visitor.visit(tree)
    found: list[Violation] = visitor.violations
    return found


def plain(text: str) -> str:
    """NUL, and halves of surrogate pairs, can neither be stored nor shown."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:1000]


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
