"""Who is let in: what a decorator, a base, a list of permissions, a dependency or a first question says of staff."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set

from agents.inspector.taint.structures import Class, Function

_STAFF = re.compile(
    r"(?i)(?:^|[._])(?:is_?)?(?:staff|admin|superuser|super_?admin|sysadmin|site_?admin|root_?user)_?(?:user|member)?s?"
    r"_?(?:required|only|permission|check|access|view|mixin|$)"
    r"|require[sd]?_?(?:an?_)?(?:staff|admin|superuser)|(?:^|[._])admin_only"
)
_PERMISSIONS = "permission_classes"
_DEPENDENCIES = frozenset({"Depends", "Security"})  # of FastAPI
_IS_ONE = re.compile(r"(?i)^(?:is_?)?(?:staff|admin(?:istrator)?|super_?user|super_?admin|sysadmin)$")
_DEMANDS = re.compile(
    r"(?i)^_?(?:require|ensure|check|assert|verify|must_be|needs?)_?\w*(?:admin|superuser|staff)(?:_?\w{0,12})$"
)
_ROLE = re.compile(r"(?i)(?:^|[._])(?:user_?)?(?:role|role_?name|type|level)$")
_ENDS = frozenset({"abort", "exit"})


def is_for_staff(function: Function, owner: Class | None, lines: Set[int]) -> bool:
    """Tell whether nobody but staff comes to one of these lines of a function that a framework calls."""
    if isinstance(function.node, ast.Lambda):
        return False
    written = [_name_of(one) for one in function.node.decorator_list]
    written += [_name_of(one) for one in _dependencies(function.node)]
    for cls in owner.order() if owner is not None else ():
        written += [_name_of(one) for one in (*cls.node.decorator_list, *cls.node.bases)]
        cls.member(_PERMISSIONS)  # it is read, as its node tells
        for part in cls.node.body:
            if isinstance(part, ast.Assign) and any(_name_of(one) == _PERMISSIONS for one in part.targets):
                names = [_name_of(one) for one in getattr(part.value, "elts", ())]
                if any(map(_STAFF.search, names)):
                    return True
    return any(map(_STAFF.search, written)) or _stands_behind(function.node.body, lines)


def _dependencies(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """What `user=Depends(admin_user)`, its annotated form and `dependencies=[Depends(...)]` of a decorator name."""
    arguments = node.args
    given: list[ast.AST] = [one for one in (*arguments.defaults, *arguments.kw_defaults) if one is not None]
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    given += [one.annotation for one in every if isinstance(one.annotation, ast.Subscript)]
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            given += [one.value for one in decorator.keywords if one.arg == "dependencies"]
    for one in given:
        for part in ast.walk(one):
            if isinstance(part, ast.Call) and _name_of(part.func).rpartition(".")[2] in _DEPENDENCIES:
                yield from part.args[:1]


def _stands_behind(body: list[ast.stmt], lines: Set[int]) -> bool:
    """Tell whether one of the lines is behind a statement that ends the function for everybody but staff.

    Lines are names, which say nothing of what stands before what.
    """
    behind = _behind(body) or []
    return any(
        isinstance(one, (ast.expr, ast.stmt)) and one.lineno in lines
        for part in behind
        for one in ast.walk(part)
    )


def _behind(body: list[ast.stmt]) -> list[ast.stmt] | None:
    """What comes after the first statement that lets nobody but staff go on; None if there is no such statement."""
    for number, one in enumerate(body):
        inner = _behind(one.body) if isinstance(one, (ast.With, ast.AsyncWith, ast.Try)) else None
        if inner is not None or _asks(one):
            return [*(inner or []), *body[number + 1 :]]
    return None


def _asks(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return _ends(statement.body[-1]) and _refuses(statement.test)
    call = statement.value if isinstance(statement, ast.Expr) else None
    call = call.value if isinstance(call, ast.Await) else call
    return isinstance(call, ast.Call) and _DEMANDS.match(_name_of(call.func).rpartition(".")[2]) is not None


def _ends(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Raise, ast.Return)):
        return True
    called = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(called, ast.Call) and _name_of(called.func).rpartition(".")[2] in _ENDS


def _refuses(test: ast.expr) -> bool:
    """Tell whether it holds for everybody but staff: `not user.is_staff`, `user.role != "admin"`."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(map(_refuses, test.values))
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        asked = test.operand.func if isinstance(test.operand, ast.Call) else test.operand
        return _IS_ONE.match(_name_of(asked).rpartition(".")[2]) is not None
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.NotEq):
        role = test.comparators[0]
        is_staff = (
            isinstance(role, ast.Constant) and isinstance(role.value, str) and _IS_ONE.match(role.value)
        )
        return bool(is_staff) and _ROLE.search(_name_of(test.left)) is not None
    return False


def _name_of(node: ast.expr) -> str:
    """What a decorator or base is called; of a call, what it is given too: `method_decorator(staff_required)`."""
    if isinstance(node, ast.Call):
        return ".".join([_name_of(node.func), *(name for one in node.args if (name := _name_of(one)))])
    if isinstance(node, ast.Attribute):
        return f"{_name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
