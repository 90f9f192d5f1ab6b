"""What asks for a review wherever its values come from: ciphers that nobody authenticates, and what a program
declares to be harmless: classes and filters whose HTML nobody escapes, placeholders in templates of SQL, views
without a check of who sent a form.

Such claims are silent where the same function or class does what would be missing, as far as words tell.
"""

from __future__ import annotations

import ast
import re

from agents.conventions import is_settings
from agents.inspector.taint import kinds, reviews
from agents.inspector.taint.frames import Frame
from agents.inspector.taint.specials import known_as
from agents.inspector.taint.structures import Arguments
from agents.inspector.taint.values import UNKNOWN, Value, deep_taints

_XSS = kinds.KINDS["xss"].bit
_CIPHER = kinds.KINDS["cipher"].bit
_MODES = {f"{sign}{name}": name for name in ("CBC", "CTR", "CFB", "CFB8", "OFB") for sign in ("", "MODE_")}
_NUMBERS = {2: "CBC", 3: "CFB", 5: "OFB", 6: "CTR"}
_AUTHENTICATES = re.compile(
    r"(?i)hmac|poly1305|cmac|\bmac\b|_mac\b|signature|verif|authentic|\bsign\(|digest"
)
_KEY_OF_SESSIONS = re.compile(r"SECRET_KEY['\"]?\]?$|\.secret_key$")
_MARKED = re.compile(
    r"^(?:django\.utils\.safestring\.Safe\w+|markupsafe\.Markup|flask\.Markup|jinja2\.Markup)$"
)
_ESCAPES = re.compile(r"escape|format_html|render|Markup\(|bleach|sanitiz|nh3")
_CONDITION = re.compile(r"(?i)\s*[\w.`\"]+\s*(?:[=<>!]|like\b|in\b|between\b|is\b)")
_EXPRESSIONS = re.compile(r"^django\.(?:contrib\.postgres|db\.models)\.(?:\w+\.)*(?!fields)\w+$")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
# What Django itself fills in, with SQL that it has compiled.
_COMPILED = frozenset(
    {
        "function",
        "expressions",
        "distinct",
        "filter",
        "field",
        "subquery",
        "lhs",
        "rhs",
        "ordering",
        "expression",
    }
)
# Who shows by a secret or a signature who sent something needs no token of a form; who only reads changes nothing.
_KNOWS_SENDER = re.compile(
    r"(?i)signature|hmac|verif|token|api_?key|authori[sz]|authenticat|secret|bearer|passw|require_(?:safe|GET)"
)
_DECLARE = {  # decorators -> kind, and what they declare
    "django.views.decorators.csrf.csrf_exempt": ("forgery", "forms of other pages are accepted"),
    "django.utils.html.html_safe": ("xss", "its objects are written into pages without escaping"),
}
_SWITCHES = {  # settings of Django -> value, kind, what it means
    "SESSION_COOKIE_SECURE": (False, "cookie_flags", "the session's cookie goes over plain HTTP"),
    "SESSION_COOKIE_HTTPONLY": (False, "cookie_flags", "scripts may read the session's cookie"),
    "CSRF_COOKIE_SECURE": (False, "cookie_flags", "the cookie that protects forms goes over plain HTTP"),
}


@known_as("unauthenticated")
def unauthenticated(
    frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value
) -> Value:
    """Cipher(AES(key), modes.CBC(iv)), AES.new(key, AES.MODE_CBC): whoever changes it changes what comes out."""
    mode = given.at(1, "mode") or UNKNOWN
    last = _MODES.get(mode.name.removeprefix("@").removesuffix("()").rpartition(".")[2], "")
    if not last and type(mode.const) is int:
        last = _NUMBERS.get(mode.const, "")
    if last and not _AUTHENTICATES.search(words := _around(frame)) and not _only_reads(words):
        what = f"{last} alone does not show that somebody changed what was encrypted"
        reviews.fact(frame, _CIPHER, node, what, callee.name.lstrip("@"))
    return UNKNOWN


def _around(frame: Frame) -> str:
    """The function or module in which something is written, as text."""
    if frame.function is None:
        return frame.module.source.decode("utf-8", "replace")
    return "\n".join(map(ast.unparse, frame.function.body))


def _only_reads(words: str) -> bool:
    """Tell whether it decrypts what others have encrypted, in a way that they chose."""
    return "decrypt" in words and "encrypt(" not in words and "encryptor(" not in words


@known_as("hashids")
def hashids(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """hashids.Hashids(salt): the salt can be found out from a few hashes."""
    keywords = {one.arg: one.value for one in node.keywords} if isinstance(node, ast.Call) else {}
    written = keywords.get("salt") or (node.args[0] if isinstance(node, ast.Call) and node.args else None)
    if written is not None and _KEY_OF_SESSIONS.search(ast.unparse(written)):
        what = "the salt can be found out from a few of these hashes, and it is the key that signs sessions"
        frame.flag(_CIPHER, node, what, "hashids.Hashids", weak=1)
    return UNKNOWN


@known_as("condition")
def condition(frame: Frame, node: ast.expr, given: Arguments, receiver: Value | None, callee: Value) -> Value:
    """query.filter("name = '" + name + "'"): SQLAlchemy takes a text for SQL; who finds gives what was stored."""
    value = given.at(0) or UNKNOWN
    if _CONDITION.match(value.prefix):
        bit = kinds.KINDS["sql"].bit
        frame.hit(bit, deep_taints(value), node, reviews.CONDITION, weak=1)
        reviews.look(frame, bit, node, value, reviews.CONDITION)
    return Value(receiver.taints if receiver is not None else ())


def of_function(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Look at what a function's decorators and name declare."""
    if node.name == "__html__" and not _ESCAPES.search(_body(frame, node)):
        what = "whatever it returns is written into pages without escaping"
        reviews.fact(frame, _XSS, _head(node), what, f"{node.name}()")
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and _says_safe(one) and not _ESCAPES.search(_body(frame, node)):
            what = "it is said to add no markup, so pages do not escape what it makes of their markup"
            reviews.fact(frame, _XSS, _head(node), what, f"the filter {node.name}()")
    _declared(frame, node)


def of_class(frame: Frame, node: ast.ClassDef, bases: list[Value]) -> None:
    """Look at what a class is by its bases."""
    for written, base in zip(node.bases, bases, strict=True):
        if _MARKED.match(base.name):
            what = "its objects are written into pages without escaping"
            reviews.fact(frame, _XSS, written, what, f"the class {node.name}")
    _declared(frame, node)
    if any(_EXPRESSIONS.match(base.name) for base in bases):
        _template(frame, node)


def _template(frame: Frame, node: ast.ClassDef) -> None:
    for one in node.body:
        if not (isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "template"):
            continue
        text = one.value.value if isinstance(one.value, ast.Constant) else ""
        for name in _PLACEHOLDER.findall(text) if isinstance(text, str) else ():
            if name not in _COMPILED and not _is_constant(frame, node, name):
                what = f"%({name})s is put into the SQL as it is, without quotes and without a parameter"
                reviews.fact(frame, kinds.KINDS["sql"].bit, _head(node), what, f"the template of {node.name}")
                return


def _is_constant(frame: Frame, node: ast.ClassDef, name: str) -> bool:
    """Tell whether a class gives its template nothing but constants under a name."""
    methods = [one for one in node.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
    given = [
        one.value
        for method in methods
        for statement in frame.module.body(method)
        for one in ast.walk(statement)
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Subscript)
        and isinstance(one.targets[0].slice, ast.Constant)
        and one.targets[0].slice.value == name
    ]
    return bool(given) and all(isinstance(one, ast.Constant) for one in given)


def _says_safe(decorator: ast.Call) -> bool:
    name = decorator.func.attr if isinstance(decorator.func, ast.Attribute) else ""
    return name == "filter" and any(
        one.arg == "is_safe" and isinstance(one.value, ast.Constant) and one.value.value is True
        for one in decorator.keywords
    )


def _declared(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    for one in node.decorator_list:
        name = frame.evaluate(one).name if isinstance(one, (ast.Name, ast.Attribute)) else ""
        if name in _DECLARE:
            kind, what = _DECLARE[name]
            if kind == "forgery" and _KNOWS_SENDER.search(_words_of(frame, node)):
                continue
            reviews.fact(frame, kinds.KINDS[kind].bit, _head(node), what, node.name)


def _words_of(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    """A definition as text, with what decorates it."""
    for one in ast.walk(node):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            frame.module.body(one)  # fills it in, if it was not read yet
    return ast.unparse(node)


def of_module(frame: Frame) -> None:
    """Look at settings of Django that switch a protection off, if the module keeps them."""
    if not is_settings(frame.module.path):
        return
    for one in frame.module.tree.body:
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            _setting(frame, one, one.targets[0].id)


def _setting(frame: Frame, node: ast.Assign, name: str) -> None:
    value, kind, what = _SWITCHES.get(name, (None, "", ""))
    if kind and isinstance(node.value, ast.Constant) and node.value.value is value:
        reviews.fact(frame, kinds.KINDS[kind].bit, node, what, f"the setting {name}")
    if name == "TEMPLATES":
        for one in ast.walk(node.value):
            for key, option in zip(one.keys, one.values, strict=True) if isinstance(one, ast.Dict) else ():
                if _is(key, "autoescape") and _is(option, False):
                    reviews.fact(frame, _XSS, option, "no page is escaped", "the setting TEMPLATES")


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value and type(node.value) is type(value)


def _body(frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return "\n".join(map(ast.unparse, frame.module.body(node)))


def _head(node: ast.stmt) -> ast.AST:
    """The first line of a definition: a claim of the whole would cover all that is in it."""
    return ast.Pass(
        lineno=node.lineno, col_offset=node.col_offset, end_lineno=node.lineno, end_col_offset=node.col_offset
    )
