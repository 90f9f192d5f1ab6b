"""Runs lizard over a list of files and prints JSON; started by `agents.inspector.analyzers.lizard`.

    python -I lizard_driver.py LIST THRESHOLD      LIST holds paths, each ended by a NUL byte

lizard's own CSV does not quote file names, does not say which files it could not read, and takes
exclusions from a file in the working folder. Prints {"analysed": n, "functions": [...], "failed": [...]}.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import lizard

# Types and markup between the braces confuse it: a function of four lines may seem to reach to the end of its file.
MISREAD = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue"})
MOST_MISREAD = 10  # functions of one file, after each of which the rest is read again
LONGEST_READ_AGAIN = 300_000  # characters; longer ones are mostly put together by a program
GOES_ON = re.compile(r"[/*{<?:.&|+`'\"-]|(?:else|catch|finally|case|default)\b")


def main(list_file: str, threshold: int) -> None:
    """Analyse every file of the list, one at a time, so that one bad file spoils no other."""
    functions, failed, analysed = [], [], 0
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            # By a plain name: lizard takes a file whose name holds a line end for one of no language.
            name = f"file{Path(path).suffix}"
            if lizard.get_reader_for(name) is None:
                failed.append({"path": path, "reason": "lizard does not know its language"})
                continue
            source = Path(path).read_text(encoding="utf-8-sig")
            found = measured(name, source)
        except (Exception, RecursionError) as error:  # whatever a parser of 25 languages raises
            failed.append({"path": path, "reason": f"{type(error).__name__}: {error}"[:300]})
            continue
        analysed += 1
        functions += [
            {
                "path": path,
                "name": one.name[:200],
                "line": one.start_line + above,
                "end_line": one.end_line + above,
                "complexity": one.cyclomatic_complexity,
                "lines": one.nloc,
                "parameters": one.parameter_count,
            }
            for one, above in found
            if one.cyclomatic_complexity > threshold
        ]
    json.dump({"analysed": analysed, "functions": functions, "failed": failed}, sys.stdout)


def measured(name: str, source: str) -> list[tuple[Any, int]]:
    """Give the functions of a text, and how many lines stand above the part of it in which each was found.

    Where one goes on behind its end, it is measured by itself, and what stands behind it afresh; behind the last of
    so many, as lizard reads it.
    """
    if Path(name).suffix.lower() not in MISREAD or len(source) > LONGEST_READ_AGAIN:
        return [(one, 0) for one in functions(name, source)]
    found: list[tuple[Any, int]] = []
    lines, above = source.split("\n"), 0
    for _ in range(MOST_MISREAD):
        every = sorted(functions(name, "\n".join(lines[above:])), key=lambda one: one.start_line)
        ends = {id(one): end_of(lines, one.start_line + above, one.end_line + above) for one in every}
        misread = next((one for one in every if ends[id(one)] < one.end_line + above), None)
        if misread is None:
            return found + [(one, above) for one in every]
        found += [(one, above) for one in every if one.start_line < misread.start_line]
        begin, end = misread.start_line + above - 1, ends[id(misread)]
        found += [(one, begin) for one in functions(name, "\n".join(lines[begin:end]))]
        above = end
    return found + [(one, above) for one in functions(name, "\n".join(lines[above:]))]


def functions(name: str, source: str) -> list[Any]:
    """What lizard finds."""
    return list(lizard.analyze_file.analyze_source_code(name, source).function_list)


def end_of(lines: list[str], start: int, end: int) -> int:
    """The line on which a function ends by its indentation and its braces; the told one if these do not say."""
    base, last, is_deeper, is_quoted = indent(lines[start - 1]), 0, False, False
    for number in range(start + 1, min(end, len(lines)) + 1):
        bare, was_quoted = lines[number - 1].strip(), is_quoted
        is_quoted ^= bare.count("`") % 2 == 1
        if not bare or was_quoted:
            continue
        if indent(lines[number - 1]) > base:
            is_deeper = True
        elif bare[0] in ")]}":
            last = number
        elif not is_deeper:
            return end  # its body is not indented, so indentation says nothing
        elif not GOES_ON.match(bare):
            body = "".join(lines[start - 1 : last])
            return last if last and body.count("{") == body.count("}") else end
    return end


def indent(line: str) -> int:
    """How far a line is indented."""
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
