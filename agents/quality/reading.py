"""From the bytes of a `wrench.toml` to settings, or to sentences that say what is wrong and where.

Owns: the bounds on the text, the faults with their lines, and what becomes of a file with faults: the defaults, said
aloud. Refuses to know how the bytes were obtained (`agents.workspace`). Invariant: `read` raises nothing, whatever
the bytes are, and settings with a fault are never used in part.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.quality.config import VERSION, Settings

FILE = "wrench.toml"
MAX_BYTES = 64 * 1024
MAX_FAULTS = 20
MAX_SAID = 300
_HEADER = re.compile(r"\s*\[{1,2}([^\[\]#]{1,300})\]{1,2}")
_KEY = re.compile(r"""\s*([A-Za-z0-9_."'*?: -]{1,300}?)\s*=""")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^."']+))\s*(?:\.|$)""")
_AT = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


class Configured(BaseModel):
    """The settings of a run and where they are from. With `faults`, they are the defaults.

    `source` names the place for people; it is "" if there is no file. `digest` is the SHA-256 of its bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Settings = Settings()
    source: str = ""
    digest: str = ""
    faults: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """One sentence for people: what was used, or why it was not."""
        if self.faults:
            more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
            return f"{FILE} {self.source} was not used, the defaults were: {self.faults[0]}{more}"
        return f"Settings: {FILE} {self.source}" if self.source else "Settings: the defaults"


def read(content: bytes | None, *, source: str) -> Configured:
    """Read the bytes of a file; None: there is none."""
    if content is None:
        return Configured()
    digest = hashlib.sha256(content).hexdigest()
    settings, faults = parse(content)
    return Configured(settings=settings or Settings(), source=source, digest=digest, faults=tuple(faults))


def unreadable(why: str, *, source: str) -> Configured:
    """Tell of a file that could not be fetched: the defaults apply, and this is said."""
    return Configured(source=source, faults=(_said(why),))


def parse(content: bytes) -> tuple[Settings | None, list[str]]:
    """Give the settings, or None and the faults, each with its line and what is allowed."""
    if len(content) > MAX_BYTES:
        return None, [f"it is larger than {MAX_BYTES // 1024} KiB"]
    try:
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return None, [f"line {content[: error.start].count(10) + 1}: it is not UTF-8 text"]
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax(str(error), content)]
    except (
        RecursionError,
        ValueError,
        OverflowError,
    ):  # nests deeper, or a number is longer, than Python may
        return None, ["it nests too deep or holds a number that is too long"]
    lines = _lines(text)
    if "version" not in data:
        return None, [f"line 1: version is missing; write: version = {VERSION}"]
    if isinstance(data["version"], bool):  # which is the number 1 for Python
        return None, [f"line {lines.get(('version',), 1)}: version = true: allowed is {VERSION}"]
    try:
        return Settings.model_validate(data), []
    except ValidationError as error:
        return None, list(_faults(error, lines))
    except RecursionError:
        return None, ["it nests too deep"]


def _syntax(words: str, content: bytes) -> str:
    found = _AT.search(words)
    line = found[1] if found and found[1] else str(content.count(b"\n") + 1)
    return _said(f"line {line}: this is no TOML: {_AT.sub('', words)}")


def _faults(error: ValidationError, lines: dict[tuple[str, ...], int]) -> Iterator[str]:
    told = error.errors(include_url=False)
    seen: dict[str, None] = {}
    for fault in told:
        seen[_fault(fault, lines)] = None
    yield from list(seen)[:MAX_FAULTS]
    if len(seen) > MAX_FAULTS:
        yield f"and {len(seen) - MAX_FAULTS} more"


def _fault(fault: Any, lines: dict[tuple[str, ...], int]) -> str:
    where = _place(fault["loc"])
    name = ".".join(where)
    line = next((lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in lines), 1)
    said = f"line {line}: {name}"
    if fault["type"] == "extra_forbidden":
        return _said(f"{said}: there is no such setting; {_known(where)}")
    if fault["type"] == "missing":
        return _said(f"{said} is missing")
    if fault["type"] in ("model_type", "dict_type"):
        return _said(f"{said} is a table: write [{name}] and its settings below")
    given = fault.get("input")
    shown = f"{given!r:.60}" if isinstance(given, str | int | float | bool) else type(given).__name__
    allowed = allowed_at(where)
    words = str(fault["msg"]).removeprefix("Value error, ")
    if allowed and not words.startswith(("'", "the four")):
        words = f"allowed is {allowed}"
    return _said(f"{said} = {shown}: {words}")


def _place(loc: Iterable[str | int]) -> tuple[str, ...]:
    """Take out of pydantic's place what is no key: indices, members of a union, marks of dictionary keys."""
    parts: list[str] = []
    for part in loc:
        if (
            isinstance(part, int)
            or part == "[key]"
            or part.startswith(("literal[", "constrained", "function-"))
        ):
            continue
        if part in ("float", "int", "str", "bool") and parts and model_at(tuple(parts)) is None:
            continue
        parts.append(part)
    return tuple(parts)


def model_at(where: tuple[str, ...]) -> type[BaseModel] | None:
    """Give the table at a place, or None if there is a value."""
    model: type[BaseModel] | None = Settings
    for number, part in enumerate(where):
        if model is None:
            return None
        about = model.model_fields.get(part)
        if about is None:
            return None
        annotation = about.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        elif part == "rules" and number == 0:
            from agents.quality.config import Rule

            return Rule if len(where) == 2 else (None if len(where) > 2 else Settings)
        else:
            model = None
    return model


def allowed_at(where: tuple[str, ...]) -> str:
    """Say what a setting may be, as the reference page does; "" where there is none."""
    from agents.quality.reference import allowed  # which imports this module's constants

    return allowed(where)


def _known(where: tuple[str, ...]) -> str:
    model = model_at(where[:-1])
    if model is None:
        return "take it out"
    names = list(model.model_fields)
    close = get_close_matches(where[-1][:80], names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Where keys stand: (table, key) -> number of the line. A guess by the look of lines, for messages only."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        header = _HEADER.match(line[:400])
        if header:
            table = _split(header[1])
            found.setdefault(table, number)
            continue
        key = _KEY.match(line[:400])
        if key:
            found.setdefault((*table, *_split(key[1])), number)
    return found


def _split(dotted: str) -> tuple[str, ...]:
    return tuple((match[1] or match[2] or match[3] or "").strip() for match in _PART.finditer(dotted))


def _said(text: str) -> str:
    clean = "".join(char if char.isprintable() else "�" for char in text)
    return clean if len(clean) <= MAX_SAID else f"{clean[:MAX_SAID]}…"
