"""Leaves out of a docstring what is shown of a session; for the drivers of griffe and pydoclint.

Stands alone (standard library, no import of ours): the drivers, which have no path to this package, run it as a file.
"""


def without_sessions(docstring: str) -> str:
    """A docstring with its sessions (`>>> call()`, and what is answered) left empty: that is no list of its own."""
    lines, inside = docstring.split("\n"), False
    for number, line in enumerate(lines):
        inside = line.lstrip().startswith(">>>") or (inside and bool(line.strip()))
        lines[number] = "" if inside else line
    return "\n".join(lines)
