"""Which commands a project has: management commands, make targets, npm scripts, modules, scripts.

Owns: the question whether a line of a shell block can work. Answers only for commands that the project itself would
have to provide; of others it knows nothing and says nothing. Reads files, runs none.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from agents.grounding import joined_path
from agents.symbols.sources import Sources

DJANGO = frozenset(
    """
    changepassword check clearsessions collectstatic compilemessages createcachetable createsuperuser
    dbshell diffsettings dumpdata findstatic flush help inspectdb loaddata makemessages makemigrations
    migrate ogrinspect optimizemigration remove_stale_contenttypes runserver sendtestemail shell
    showmigrations sqlflush sqlmigrate sqlsequencereset squashmigrations startapp startproject test
    testserver version
    """.split()  # noqa: SIM905 (a list of words reads better so)
)
# Of packages that many projects install; they are not in the tree.
INSTALLED = frozenset(
    """
    shell_plus runserver_plus show_urls graph_models runscript reset_db spectacular generateschema
    drf_create_token compress axes_reset tailwind rebuild_index update_index qcluster qmonitor runworker
    process_tasks crontab create_jwt pipchecker validate_templates export_emails clean_pyc collectmedia
    rqworker thumbnail
    """.split()  # noqa: SIM905 (a list of words reads better so)
)
SHELLS = frozenset(
    ("sh", "bash", "shell", "console", "zsh", "shell-session", "terminal", "shellsession", "commandline")
)

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_TARGET = re.compile(r"^([A-Za-z0-9_./-][^:=#\t\n]*?)\s*::?(?![=:])", re.MULTILINE)
_PLAIN = re.compile(r"[\w./-]+")
_MADE = re.compile(
    r"\b(curl|wget|git clone|touch|cp|mv|unzip|tar|cookiecutter|startproject|startapp|init|cat\s*>|tee)\b|>"
)
_PYTHON = re.compile(r"(python|python3|py)(\d\.\d+)?")
_CHAIN = re.compile(r"\s*(?:&&|\|\||;|\|)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A command that cannot work: what it wants and does not find, and what there is instead."""

    line: int
    kind: str  # command, target, script, module, path
    name: str
    why: str


@dataclass(slots=False, kw_only=True)
class Commands:
    """The commands of one tree."""

    sources: Sources
    modules: frozenset[str]
    _texts: dict[str, str] = field(default_factory=dict)

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(self.sources.paths) | self.sources.folders

    @cached_property
    def management(self) -> frozenset[str]:
        """The project's own management commands."""
        found = (
            re.search(r"(?:^|/)management/commands/([A-Za-z]\w*)\.py$", path) for path in self.sources.paths
        )
        return frozenset(match[1] for match in found if match)

    def missing(self, text: str, *, folder: str, first: int) -> Iterator[Missing]:
        """Yield what a shell block wants and the tree does not have. `first` is the line of its first line."""
        has_made = bool(_MADE.search(text))
        moved = re.search(r"(^|\s|&&)(cd|pushd)\s", text) is not None
        for offset, line in enumerate(text.replace("\\\n", "  \n").split("\n")):
            for part in _CHAIN.split(line.strip().removeprefix("$ ").removeprefix("# ")):
                words = _words(part)
                found = self._missing(words, folder, loose=moved, made=has_made) if words else None
                if found:
                    kind, name, why = found
                    yield Missing(line=first + offset, kind=kind, name=name, why=why)

    def _missing(
        self, words: list[str], folder: str, *, loose: bool, made: bool
    ) -> tuple[str, str, str] | None:
        if _PYTHON.fullmatch(words[0]) and len(words) > 1:
            if words[1] == "-m" and len(words) > 2:
                return self._module(words[2])
            if words[1].rpartition("/")[2] == "manage.py":
                return self._management(words[2:])
            return self._path(words[1], folder, made=made) if words[1].endswith(".py") else None
        if words[0].rpartition("/")[2] == "manage.py":
            return self._management(words[1:])
        if words[0] == "make":
            return self._target(words[1:], folder, loose=loose)
        if words[0] in ("npm", "pnpm", "yarn") and words[1:2] == ["run"] and len(words) > 2:
            return self._script(words[2], folder, loose=loose)
        if words[0] in ("bash", "sh", "source", ".") and len(words) > 1 and words[1].endswith(".sh"):
            return self._path(words[1], folder, made=made)
        if words[0].startswith("./") and "/" in words[0] and not words[0].startswith("./manage"):
            return self._path(words[0], folder, made=made)
        return None

    def _management(self, words: list[str]) -> tuple[str, str, str] | None:
        name = next((word for word in words if not word.startswith("-")), "")
        has_one = any(path.rpartition("/")[2] == "manage.py" for path in self.sources.paths)
        if not has_one or not re.fullmatch(r"[a-z]\w*", name) or name in DJANGO | INSTALLED | self.management:
            return None
        own = ", ".join(sorted(self.management)[:8]) or "none"
        return (
            "command",
            name,
            f"neither Django nor the project has such a management command (the project's: {own})",
        )

    def _module(self, name: str) -> tuple[str, str, str] | None:
        top = name.partition(".")[0]
        if not re.fullmatch(r"[\w.]+", name) or name in self.modules or "." not in name:
            return None
        if top not in self.modules or any(one.startswith(f"{name}.") for one in self.modules):
            return None
        return "module", name, f"the package {top} has no such module"

    def _target(self, words: list[str], folder: str, *, loose: bool) -> tuple[str, str, str] | None:
        names = [word for word in words if _PLAIN.fullmatch(word) and not word.startswith("-")]
        if not names or {"-C", "-f", "--directory", "--file"} & set(words):
            return None
        made = self._nearest("Makefile", folder, loose=loose)
        text = "\n".join(self._text(path) for path in made)
        if not made or re.search(r"^-?s?include\b|%.*:", text, re.MULTILINE):
            return None
        targets = {name for match in _TARGET.finditer(text) for name in match[1].split()}
        lacking = next((name for name in names if name not in targets), "")
        return ("target", lacking, f"{made[0]} has no such target") if lacking else None

    def _script(self, name: str, folder: str, *, loose: bool) -> tuple[str, str, str] | None:
        found = self._nearest("package.json", folder, loose=loose)
        scripts: set[str] = set()
        for path in found:
            try:
                manifest = json.loads(self._text(path))
            except (ValueError, RecursionError):
                return None
            own = manifest.get("scripts") if isinstance(manifest, dict) else None
            scripts |= set(own) if isinstance(own, dict) else set()
        if not found or name in scripts or not _PLAIN.fullmatch(name.replace(":", "")):
            return None
        return "script", name, f"{found[0]} has no such script"

    def _path(self, written: str, folder: str, *, made: bool) -> tuple[str, str, str] | None:
        if made or not _PLAIN.fullmatch(written) or written.startswith(("/", "~")) or ".venv" in written:
            return None
        tail = written.removeprefix("./").lstrip("./")
        joined = joined_path(written, base=folder)
        if joined in self.paths or any(path == tail or path.endswith(f"/{tail}") for path in self.paths):
            return None
        return "path", written, "the tree has no such file"

    def _nearest(self, name: str, folder: str, *, loose: bool) -> list[str]:
        """The files of a name that a command in this folder may mean; all of them when it changes folders."""
        if loose:
            return [path for path in self.sources.paths if path.rpartition("/")[2] == name]
        places = dict.fromkeys((f"{folder}/{name}" if folder else name, name))
        return [path for path in places if path in self.paths]

    def _text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self.sources.text(path) or ""
        return self._texts[path]


def _words(part: str) -> list[str]:
    """The words of a command without the variables set before it; [] for what is no plain command."""
    try:
        words = shlex.split(part, comments=True)
    except ValueError:
        return []
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] in ("sudo", "time", "env", "exec")):
        words.pop(0)
    if words[:2] in (["uv", "run"], ["poetry", "run"], ["pipenv", "run"], ["pdm", "run"]):
        words = words[2:]
    return words
