"""What a file is written in, by its name and its first line. One table for all agents.

Owns: names of languages and how files show them. Opens no file.
"""

from __future__ import annotations

import re

# Name ending, in lower case -> language.
CODE: dict[str, str] = {
    **dict.fromkeys((".py", ".pyi", ".pyw"), "python"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), "javascript"),
    **dict.fromkeys((".ts", ".tsx", ".mts"), "typescript"),
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh"), "cpp"),
    **dict.fromkeys((".kt", ".kts"), "kotlin"),
    **dict.fromkeys((".sh", ".bash", ".ksh"), "shell"),
    **dict.fromkeys((".html", ".htm", ".jinja", ".jinja2"), "html"),
    **dict.fromkeys((".css", ".scss", ".sass", ".less"), "css"),
    **dict.fromkeys((".pl", ".pm"), "perl"),
    **dict.fromkeys((".m", ".mm"), "objective-c"),
    ".cs": "csharp", ".go": "go", ".rs": "rust", ".java": "java", ".rb": "ruby", ".php": "php", ".swift": "swift",
    ".scala": "scala", ".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".hs": "haskell", ".lua": "lua",
    ".r": "r", ".jl": "julia", ".dart": "dart", ".sql": "sql", ".vue": "vue", ".clj": "clojure",
    ".groovy": "groovy", ".ps1": "powershell", ".tf": "terraform", ".sol": "solidity", ".zig": "zig",
    ".dockerfile": "dockerfile",
}  # fmt: skip

# Markup and data with a grammar of their own: analyzers may read them, but a project is not written in them.
DATA: dict[str, str] = {".yml": "yaml", ".yaml": "yaml"}

TITLES = {
    "cpp": "C++", "csharp": "C#", "css": "CSS", "html": "HTML", "php": "PHP", "sql": "SQL", "c": "C", "r": "R",
    "javascript": "JavaScript", "typescript": "TypeScript", "objective-c": "Objective-C", "powershell": "PowerShell",
    "yaml": "YAML",
}  # fmt: skip

_DOCKERFILE = re.compile(r"(?:docker|container)file(?:\.[\w.-]+)?")
_SHEBANG = re.compile(rb"#!\s*\S*?(?:/env\s+(?:-S\s+)?)?(?:\S*/)?(sh|bash|dash|ksh|python[0-9.]*)\b")


def title(language: str) -> str:
    """The language's name for people."""
    return TITLES.get(language, language.capitalize())


def by_name(path: str) -> str:
    """Tell the language of code by the file's name; "" for data, prose and what we do not know."""
    name = path.rpartition("/")[2]
    found = CODE.get(_ending(name), "")
    return found or ("dockerfile" if _DOCKERFILE.fullmatch(name.lower()) else "")


def by_first_line(content: bytes) -> str:
    """Tell the language of a script without an ending by its `#!` line; "" if it has none that we know."""
    found = _SHEBANG.match(content)
    if found is None:
        return ""
    return "python" if found[1].startswith(b"python") else "shell"


def of(path: str, content: bytes) -> str:
    """Tell the language of a file, data included."""
    found = by_name(path)
    if not found:
        ending = _ending(path.rpartition("/")[2])
        found = DATA.get(ending, "") if ending else by_first_line(content[:200])
    return found


def _ending(name: str) -> str:
    """What `PurePath.suffix` gives of a name, in small letters, for a fifth of the time: it is asked of each file."""
    at = name.rfind(".")
    return name[at:].lower() if 0 < at < len(name) - 1 else ""
