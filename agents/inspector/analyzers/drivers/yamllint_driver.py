"""Runs yamllint over a list of files and prints JSON; started by `agents.inspector.analyzers.yamllint`.

    python -I yamllint_driver.py LIST      LIST holds paths, each ended by a NUL byte

yamllint's own command separates names from messages by colons, which names may hold, and looks for .yamllint.
Prints {"problems": [...], "templates": [...], "failed": [...]}.
"""

import json
import re
import sys
from pathlib import Path

from yamllint import linter
from yamllint.config import YamlLintConfig

# Only what is broken, or means something else than it says: NO is a country, and false.
TRUTHY = ["true", "false", "True", "False", "TRUE", "FALSE", "yes", "no", "on", "off", "Yes", "On"]
RULES = {"key-duplicates": "enable", "truthy": {"allowed-values": TRUTHY, "check-keys": False}}
# Helm, Jinja and ERB: text from which YAML will be made.
TEMPLATE = re.compile(r"\{\{|\{%|<%")


def main(list_file: str) -> None:
    """Check every file of the list, one at a time, so that one bad file spoils no other."""
    config = YamlLintConfig(json.dumps({"rules": RULES}))
    problems, templates, failed = [], [], []
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
            found = [row(path, one) for one in linter.run(text, config)]
        except (Exception, RecursionError) as error:
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        if any(one["rule"] == "syntax" for one in found) and TEMPLATE.search(text):
            templates.append(path)
        else:
            problems += found
    json.dump({"problems": problems, "templates": templates, "failed": failed}, sys.stdout)


def row(path: str, problem: linter.LintProblem) -> dict[str, object]:
    """One problem as data."""
    return {
        "path": path,
        "line": problem.line,
        "column": problem.column,
        "rule": problem.rule or "syntax",
        "message": problem.desc,
    }


if __name__ == "__main__":
    main(sys.argv[1])
