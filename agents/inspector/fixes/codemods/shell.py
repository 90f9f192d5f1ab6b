"""A command without a shell: its words become an argument list, where the shell did nothing but split them."""

from __future__ import annotations

import re
import shlex

import libcst as cst

from agents.inspector.fixes.codemods.texts import Hole, Text, take_apart
from agents.inspector.fixes.site import Refused, Site, keyword, positional, without

RUNNERS = frozenset(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen"))
# Characters by which a shell does more than splitting words.
_MEANING = re.compile(r"[|&;<>()$`\\*?\[\]#~{}!\n\r]")
_BUILT_IN = frozenset(
    [
        ".",
        ":",
        "alias",
        "bg",
        "bind",
        "cd",
        "command",
        "eval",
        "exec",
        "exit",
        "export",
        "fg",
        "getopts",
        "hash",
        "jobs",
        "read",
        "readonly",
        "set",
        "shift",
        "source",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
        "if",
        "for",
        "while",
        "case",
        "until",
    ]
)


def without_shell(site: Site) -> None:
    """Mend the call at the finding."""
    for call in site.calls():
        name = site.imported(call.func)
        if name in RUNNERS:
            _mend_runner(call, site)
            return
        if name == "os.system":
            _mend_system(call, site)
            return
    raise Refused("no call of subprocess or os.system() here whose command is known")


def _mend_runner(call: cst.Call, site: Site) -> None:
    shell = keyword(call, "shell")
    if shell is None or not (isinstance(shell.value, cst.Name) and shell.value.value == "True"):
        raise Refused("the call has no shell=True")
    if keyword(call, "executable"):
        raise Refused("it names the shell that it wants")
    args = positional(call)
    if len(args) != 1:
        raise Refused("the call has no command, or other arguments without a name")
    first = args[0].with_changes(value=_words(args[0].value, site))
    new = call.with_changes(args=[first if arg is args[0] else arg for arg in call.args])
    site.replace(call, without(new, shell))


def _mend_system(call: cst.Call, site: Site) -> None:
    args = positional(call)
    if len(args) != 1:
        raise Refused("the call has no command")
    if not isinstance(site.parent(call), cst.Expr):
        raise Refused("what os.system() returns is used, and subprocess returns something else")
    module = site.use_module("subprocess")
    words = site.code(_words(args[0].value, site))
    site.replace(call, cst.parse_expression(f"{module}.run({words}, check=False)"))
    site.note += " A program that does not exist raises FileNotFoundError now."


def _words(command: cst.BaseExpression, site: Site) -> cst.List:
    """The command as a list of words. Raises Refused where a shell would do more than split it."""
    template = take_apart(command, site)
    if not template.quote:
        raise Refused("the command is made elsewhere")
    if template.prefix:
        raise Refused("the command is a raw text")
    values: list[cst.BaseExpression] = []
    whole = ""
    for piece in template.pieces:
        if isinstance(piece, Text):
            if _MEANING.search(piece.source):
                raise Refused(
                    "the shell does more here than start a program: it pipes, redirects, expands or joins"
                )
            whole += piece.source
        else:
            whole += f"\0{len(values)}\0"
            values.append(_unquoted(piece, site))
    try:
        words = shlex.split(whole)
    except ValueError as error:
        raise Refused(f"the command's quotes cannot be read: {error}") from error
    _check_first(words)
    if values:
        site.note = "Each value is one argument now, also if it holds blanks."
    return cst.List([cst.Element(_word(word, values, site)) for word in words])


def _check_first(words: list[str]) -> None:
    if not words or "\0" in words[0]:
        raise Refused("which program is started depends on a value")
    if "=" in words[0] or words[0] in _BUILT_IN:
        raise Refused("the command is the shell's own")


def _unquoted(hole: Hole, site: Site) -> cst.BaseExpression:
    value = hole.value
    if isinstance(value, cst.Call) and site.imported(value.func) in ("shlex.quote", "pipes.quote"):
        return positional(value)[0].value
    return value


def _word(word: str, values: list[cst.BaseExpression], site: Site) -> cst.BaseExpression:
    parts = re.split(r"\0(\d+)\0", word)
    if len(parts) == 1:
        return cst.parse_expression(_literal(word))
    if len(parts) == 3 and not parts[0] and not parts[2]:
        value = values[int(parts[1])]
        return value if site.is_text(value) else cst.parse_expression(f"str({site.code(value)})")
    made = ""
    for n, part in enumerate(parts):
        code = site.code(values[int(part)]) if n % 2 else part.replace("{", "{{").replace("}", "}}")
        if '"' in code or "\\" in code or "\n" in code:
            raise Refused("a word of the command is put together from an expression with quotes")
        made += "{" + code + "}" if n % 2 else code
    return cst.parse_expression(f'f"{made}"')


def _literal(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
