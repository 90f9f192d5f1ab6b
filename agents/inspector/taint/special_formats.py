"""Calls whose settings decide: processes, hashes, XML and YAML."""

from __future__ import annotations

import ast
import re

from agents.inspector.taint import containers, kinds, reviews, texts
from agents.inspector.taint.expressions import truth_of
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import SPECIALS, known_as
from agents.inspector.taint.structures import Arguments, Class
from agents.inspector.taint.taints import Place, Taint
from agents.inspector.taint.values import NONE, UNKNOWN, Attribute, Value, constant, deep_taints


@known_as("command")
def command(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """subprocess: a shell reads a text; without one, only the program's name and `sh -c` texts are dangerous."""
    value = given.at(0, "args") or UNKNOWN
    shell = given.at(8, "shell") if callee.name.endswith("Popen") else given.keywords.get("shell")
    if shell is None and given.double_star is not None:
        shell = UNKNOWN
    bit = kinds.KINDS["command"].bit
    words = f"{callee.name}()"
    uses_shell = False if shell is None else truth_of(shell)
    if uses_shell is not False:
        frame.witness(bit, node, value)
        frame.hit(bit, deep_taints(value), node, f"{words} with a shell", weak=0 if uses_shell else 1)
        if uses_shell:
            reviews.look(frame, bit, node, value, f"{words} with a shell")
        return Value(name=f"@{callee.name}")
    items = value.items if value.shape in ("list", "tuple") else None
    if items:
        _program(frame, node, items, value, words)
    elif value.taints and not texts.known_prefix(value):
        frame.hit(
            bit, tuple(one for one in value.taints if not one.cleaned & kinds.BASED), node, words, weak=1
        )
    elif value.taints and " " in texts.known_prefix(value):
        # One text with blanks: meant as a command line, which Windows makes of it.
        frame.hit(bit, value.taints, node, f"{words} as a command line", weak=2)
    else:
        reviews.look(frame, bit, node, value, f"{words}, as the program")
    return Value(name=f"@{callee.name}")


_COMMAND_OPTIONS = ("-c", "/c", "/C", "-lc", "-ic", "-e", "-Command")
_SHELLS = frozenset(
    [
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "cmd",
        "cmd.exe",
        "powershell",
        "powershell.exe",
        "pwsh",
        "/bin/sh",
        "/bin/bash",
        "/usr/bin/bash",
        "/usr/bin/sh",
        "/usr/bin/env",
        "ssh",
        "python",
        "python3",
        "perl",
    ]
)


def _program(frame: Frame, node: ast.expr, items: dict[object, Value], value: Value, words: str) -> None:
    bit = kinds.KINDS["command"].bit
    every = list(items.values())
    first = every[0]
    if first.taints and not texts.known_prefix(first):
        frame.hit(bit, first.taints, node, f"{words}, as the program", weak=1)
    else:
        reviews.look(frame, bit, node, first, f"{words}, as the program")
    if len(every) == 3 and not any(one.known or one.taints or one.prefix for one in every[:2]):
        text = every[2]
        if text.taints and " " in text.prefix:  # a command line for whichever shell the system has
            frame.hit(bit, text.taints, node, f"{words}, as a command line", weak=1)
    if not isinstance(first.const, str) or first.const not in _SHELLS:
        return
    options = [number for number, one in enumerate(every[:4]) if number and one.const in _COMMAND_OPTIONS]
    if not options:
        return
    rest = [value.rest] if value.rest is not None else []
    for one in _read_as_code(first.const, every[options[0] + 1 :], rest):
        sink = f"{words} with {first.const} {every[options[0]].const}"
        frame.hit(bit, deep_taints(one), node, sink)
        reviews.look(frame, bit, node, one, sink)


_JOINING = frozenset({"cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh", "ssh", "/usr/bin/env"})
# A script that executes what it is given: `eval "$1"`, `"$@"`, `sh -c "$1"`.
_HANDS_ON = re.compile(r"""(?:^|[;&|]|\b(?:eval|exec|source|sudo|xargs|-c))\s*["']?\$""")


def _read_as_code(program: str, given: list[Value], rest: list[Value]) -> list[Value]:
    """What a program executes of what follows its `-c`: a shell's script alone, whose arguments are only data."""
    script = given[0] if given else None
    if program in _JOINING or script is None or not isinstance(script.const, str):
        return [*given, *rest] if program in _JOINING or script is None else [script]
    if script.const.startswith("-") or _HANDS_ON.search(script.const):
        return [*given, *rest]
    return [script]


@known_as("program")
def program(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """os.exec*(path, ...), os.spawn*(mode, path, ...), create_subprocess_exec(program, ...): arguments one by one."""
    last = callee.name.rpartition(".")[2]
    first = 1 if last.startswith("spawn") or last == "subprocess_exec" else 0
    words = f"{last or 'subprocess_exec'}()"
    every = given.positional[first:]
    if given.star is not None:
        every = [*every, given.star]
    if len(every) > 1 and every[1].shape in ("list", "tuple") and every[1].items:
        every = [every[0], *every[1].items.values()]
    elif every and every[0].shape in ("list", "tuple") and every[0].items:
        every = [*every[0].items.values(), *every[1:]]
    if every:
        _program(frame, node, dict(enumerate(every)), UNKNOWN, words)
    return Value(name=f"@{callee.name}")


DEFAULT = Attribute("~default")  # what a setting is unless somebody sets it
_BROKEN = frozenset({"md5", "sha1", "sha", "md4", "md2", "ripemd160", "sha-1"})


_PROTECTED = re.compile(
    r"(?i)passw|(?:^|_)pass(?:$|_)|pwd|secret|token|sign|auth(?!or)|credential|salt|hmac|session|private"
)
_KEYS_OF_CACHES = ("cache_key", "etag", "checksum", "gravatar")  # also of a token
# What is found again by a hash, or compared with what it was: nobody gains by another text of the same hash.
_UNPROTECTED = re.compile(
    r"(?i)e_?mail|cache|e_?tag|checksum|fingerprint|digest_file|gravatar|avatar|index|cluster|shard|bucket|partition|ring"
    r"|dedup|duplicate|uniq|distinct|changed|colou?r|file_?(?:name|hash|md5|sha1)|path|folder|identifier|lock"
)
_HARMLESS_DATA = re.compile(
    r"(?i)(?:^|_)(?:e?mail|email_address|path|file_?name|ur[il]|slug|title|file|chunk|block|filehandle|fh)$"
)


@known_as("hash")
def hashed(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """hashlib: broken algorithms by name, also when the name is computed from constants."""
    last = callee.name.rpartition(".")[2]
    name: object = last.lower()
    data = given.at(0, "data")
    if last == "new" and not callee.name.startswith("hashlib"):
        name = callee.name.rpartition(".")[0].rpartition(".")[2].lower()
    elif last == "new":
        chosen = given.at(0, "name") or UNKNOWN
        if not chosen.known:
            chosen = (chosen.items or {}).get(DEFAULT, chosen)
        name = chosen.const.lower() if isinstance(chosen.const, str) else ""
        data = given.at(1, "data")
    elif last in ("pbkdf2_hmac", "file_digest"):
        return UNKNOWN
    allowed = given.keywords.get("usedforsecurity")
    if name in _BROKEN and not (allowed is not None and truth_of(allowed) is False):
        frame.flag(
            kinds.KINDS["hash"].bit,
            node,
            f"{name} is broken",
            f"hashlib.{last}()",
            weak=_harmless(frame, node),
        )
    taints = deep_taints(data) if data is not None else ()
    return Value(taints, name="@hashlib.HASH")


def _harmless(frame: Frame, node: ast.expr) -> int:
    """How harmless the words around call it: 0 for a password's, 2 for a cache's key, 1 if they say nothing."""
    function = frame.function.name.lower() if frame.function else ""
    if any(word in function for word in _KEYS_OF_CACHES):
        return 2
    names = f"{function} {_assigned_to(frame, node)}"
    if _is_of_a_code(frame, node):
        return 2
    if _PROTECTED.search(names) or _PROTECTED.search(ast.unparse(node)):
        return 0
    return 2 if _UNPROTECTED.search(names) or _is_harmless_data(_hashed(frame, node)) else 1


def _assigned_to(frame: Frame, node: ast.expr) -> str:
    """The names and keys to which the statement around assigns, as written."""
    for statement in frame.function.body if frame.function is not None else ():
        for one in ast.walk(statement):
            if not isinstance(one, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or one.value is None:
                continue
            if any(part is node for part in ast.walk(one.value)):
                targets = one.targets if isinstance(one, ast.Assign) else [one.target]
                return " ".join(ast.unparse(target) for target in targets)
    return ""


_OF_A_CODE = re.compile(r"(?i)[th]otp|hmac")


def _is_of_a_code(frame: Frame, node: ast.expr) -> bool:
    """Tell whether it is handed to what makes codes with a key, as `TOTP(key, 6, SHA1(), 30)`: not broken there."""
    return any(
        isinstance(one, ast.Call)
        and any(part is node for part in (*one.args, *(each.value for each in one.keywords)))
        and _OF_A_CODE.search(ast.unparse(one.func)) is not None
        for statement in (frame.function.body if frame.function is not None else ())
        for one in ast.walk(statement)
    )


def _hashed(frame: Frame, node: ast.expr) -> list[ast.expr]:
    """What is hashed: by the call itself, or by `update` of the variable that it is put into."""
    if isinstance(node, ast.Call) and node.args:
        return node.args
    name = _assigned_to(frame, node)
    return [
        part
        for statement in (frame.function.body if frame.function is not None and name.isidentifier() else ())
        for one in ast.walk(statement)
        if isinstance(one, ast.Call) and ast.unparse(one.func) == f"{name}.update"
        for part in one.args
    ]


def _is_harmless_data(given: list[ast.expr]) -> bool:
    """Tell whether all that is hashed is called an address, a name or the like, and nothing that is kept secret."""
    names = [
        one.attr if isinstance(one, ast.Attribute) else one.id
        for part in given
        for one in ast.walk(part)
        if isinstance(one, ast.Name) or (isinstance(one, ast.Attribute) and one.attr not in _WRITTEN)
    ]
    held = [name for name in names if _HARMLESS_DATA.search(name)]
    return bool(held) and not any(_PROTECTED.search(name) for name in names)


_WRITTEN = frozenset({"encode", "lower", "strip", "hexdigest", "digest", "format", "join", "upper"})


@known_as("setting")
def setting(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """os.environ.get(name, default): not known, but often the default."""
    default = given.at(1, "default")
    return UNKNOWN if default is None else Value(items={DEFAULT: default.but(taints=())})


@known_as("xml_parser")
def xml_parser(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """lxml.etree.XMLParser(): whether it follows external entities."""
    chosen = given.keywords.get("resolve_entities")
    state = truth_of(chosen) if chosen is not None else None
    if (
        any(
            (one := given.keywords.get(name)) is not None and truth_of(one)
            for name in ("load_dtd", "dtd_validation", "huge_tree")
        )
        and state is None
        and "load_dtd" in given.keywords
    ):
        state = True
    return Value(
        name="@lxml.etree.XMLParser",
        items={Attribute("~entities"): constant("default" if state is None else state)},
    )


_TOLD = Attribute("~told")  # where a parser was told to read external entities


@known_as("sax_feature")
def sax_feature(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """parser.setFeature(feature_external_ges, True)."""
    feature, state = given.at(0) or UNKNOWN, given.at(1) or UNKNOWN
    text_ = feature.name if feature.name else feature.const if isinstance(feature.const, str) else ""
    wanted = any(
        part in text_
        for part in (
            "external_ges",
            "external_pes",
            "external-general-entities",
            "external-parameter-entities",
        )
    )
    if wanted and receiver is not None:
        old = (receiver.items or {}).get(Attribute("~entities"))
        now = truth_of(state) is not False
        if "external_ges" in text_ or "general" in text_ or old is None or now:
            changed = receiver.but(
                items={
                    **(receiver.items or {}),
                    Attribute("~entities"): constant(now),
                    _TOLD: constant(repr(tuple(frame.place(node)))),
                }
            )
            containers.put_back(frame, node, receiver, changed)
    return NONE


@known_as("xml_parse")
def xml_parse(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """Parsing: dangerous if the parser follows external entities. lxml's default did before version 5."""
    parser = next(
        (
            one
            for one in (*given.every(), receiver)
            if one is not None and Attribute("~entities") in (one.items or {})
        ),
        None,
    )
    is_lxml = "lxml" in callee.name
    state = (
        (parser.items or {})[Attribute("~entities")].const
        if parser is not None
        else "default"
        if is_lxml
        else False
    )
    chosen = given.keywords.get("resolve_entities")  # of iterparse(), which makes its own parser
    if chosen is not None and truth_of(chosen) is not None:
        state = truth_of(chosen)
    data = [one for one in given.every() if one is not parser]
    if state is not False:
        weak = 1 if state == "default" else 0
        told = ((parser.items if parser is not None else None) or {}).get(_TOLD, UNKNOWN).const
        for one in data[:1]:
            frame.witness(kinds.KINDS["xxe"].bit, node, one)
            if isinstance(told, str):
                frame.witness(kinds.KINDS["xxe"].bit, Place(*ast.literal_eval(told)), one)
            frame.hit(
                kinds.KINDS["xxe"].bit, deep_taints(one), node, f"{callee.name.lstrip('@')}()", weak=weak
            )
    taints: tuple[Taint, ...] = ()
    for one in data[:1]:
        taints = deep_taints(one)
    name = "@etree.Element" if "etree" in callee.name or "ElementTree" in callee.name else "@xml.dom.Document"
    return Value(taints, name=name)


_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader")


@known_as("yaml_load")
def yaml_load(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """yaml.load(): its loader decides."""
    loader = given.at(1, "Loader")
    name = loader.name.rpartition(".")[2] if loader is not None else ""
    value = given.at(0, "stream") or UNKNOWN
    if loader is not None and isinstance(loader.ref, Class):
        outside = list(loader.ref.outside())
        if outside and all(one.rpartition(".")[2] in _SAFE_LOADERS for one in outside):
            name = "SafeLoader"
    is_unsafe = callee.name.startswith("yaml.unsafe")
    if is_unsafe or name not in _SAFE_LOADERS:
        bit, words = kinds.KINDS["deserialisation"].bit, f"{callee.name}()"
        weak = 1 if not is_unsafe and (loader is None or not name or name == "FullLoader") else 0
        frame.hit(bit, deep_taints(value), node, words, weak=weak)
        if isinstance(value.const, str) and "!!python/" in value.const:
            reviews.fact(frame, bit, node, "the text itself names what is called", words)
        else:
            frame.witness(bit, node, value)
            reviews.look(frame, bit, node, value, words)
    return SPECIALS["structured"](frame, node, given, receiver, callee)


@known_as("unpickler")
def unpickler(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """pickle.Unpickler(file): what it may build is chosen beside if `find_global` or `find_class` is replaced."""
    value = given.at(0, "file") or UNKNOWN
    weak = 2 if _is_replaced(frame, node, ("find_global", "find_class")) else 0
    frame.hit(kinds.KINDS["deserialisation"].bit, deep_taints(value), node, f"{callee.name}()", weak=weak)
    if not weak:
        reviews.look(frame, kinds.KINDS["deserialisation"].bit, node, value, f"{callee.name}()")
    return Value(deep_taints(value))


def _is_replaced(frame: Frame, node: ast.expr, members: tuple[str, ...]) -> bool:
    """Tell whether a member of what the call makes is replaced in the same function."""
    own = ast.walk(frame.function.node) if frame.function is not None else ()
    statements = [one for one in own if isinstance(one, ast.Assign) and len(one.targets) == 1]
    made = {ast.unparse(one.targets[0]) for one in statements if one.value is node}
    return any(
        isinstance(target, ast.Attribute) and target.attr in members and ast.unparse(target.value) in made
        for target in (one.targets[0] for one in statements)
    )
