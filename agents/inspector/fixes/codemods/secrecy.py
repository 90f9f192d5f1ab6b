"""Randomness that nobody can guess, hashes that nobody can make collide: where names say that secrecy is meant."""

from __future__ import annotations

import re

import libcst as cst

from agents.inspector.fixes.site import Refused, Site, keyword, positional

_SECRET = re.compile(
    r"token|secret|passw|passphrase|nonce|salt|otp|session|csrf|xsrf|api_?key|auth|credential|reset|invit|voucher"
    r"|signature|sign|verification|remember|captcha|(?:^|[^a-z])pin(?:[^a-z]|$)|cookie|ticket"
)
_CHECKSUM = re.compile(r"checksum|etag|cache|fingerprint|dedup|bucket|shard|git|content_hash|file_hash")
_BROKEN = ("md5", "sha1")


def unpredictable(site: Site) -> None:
    """random.choice(x) -> secrets.choice(x), and its kin."""
    for call in site.calls():
        name = site.imported(call.func)
        if not name.startswith("random."):
            continue
        method = name.removeprefix("random.").removeprefix("SystemRandom.")
        _check_random(call, method, site)
        secrets = site.use_module("secrets")
        site.replace(call, _secret_form(call, method, secrets, site))
        site.note = "The numbers can no longer be guessed, nor repeated by a seed."
        return
    raise Refused("no call of the module random here")


def _check_random(call: cst.Call, method: str, site: Site) -> None:
    if method in ("seed", "setstate", "getstate", "Random"):
        raise Refused("it makes numbers repeatable on purpose")
    if any(site.imported(other.func) in ("random.seed", "random.setstate") for other in site.file.calls):
        raise Refused("the file seeds its random numbers, so it wants them repeatable")
    if not site.place.rule.startswith("weak-") and not _SECRET.search(site.words_around(call)):
        raise Refused("nothing here says that the number must not be guessed")


def _secret_form(call: cst.Call, method: str, secrets: str, site: Site) -> cst.BaseExpression:
    args = positional(call)
    plain = len(args) == len(call.args)
    codes = [site.code(arg.value) for arg in args]
    if method == "choice" and plain and len(codes) == 1:
        return call.with_changes(func=cst.parse_expression(f"{secrets}.choice"))
    if method == "getrandbits" and plain and len(codes) == 1:
        return call.with_changes(func=cst.parse_expression(f"{secrets}.randbits"))
    if method == "randrange" and plain and len(codes) == 1:
        return call.with_changes(func=cst.parse_expression(f"{secrets}.randbelow"))
    if (
        method == "randint"
        and plain
        and len(args) == 2
        and all(isinstance(arg.value, cst.Integer) for arg in args)
    ):
        low, high = (int(code.replace("_", ""), 0) for code in codes)
        below = f"{secrets}.randbelow({high - low + 1})"
        return cst.parse_expression(below if low == 0 else f"({codes[0]} + {below})")
    return call.with_changes(func=cst.parse_expression(f"{secrets}.SystemRandom().{method}"))


def strong_hash(site: Site) -> None:
    """hashlib.md5(x) -> hashlib.sha256(x), where it is there for security."""
    for call in site.calls():
        name = site.imported(call.func)
        if name not in ("hashlib.md5", "hashlib.sha1", "hashlib.new"):
            continue
        if keyword(call, "usedforsecurity"):
            raise Refused("it says itself whether it is there for security")
        words = site.words_around(call) + " " + site.code(call).lower()
        _check_hash(words)
        if name == "hashlib.new":
            site.replace(call, _new_hash(call))
        elif isinstance(call.func, cst.Attribute):
            site.replace(call, call.with_changes(func=call.func.with_changes(attr=cst.Name("sha256"))))
        else:
            site.replace(
                call, call.with_changes(func=cst.parse_expression(f"{site.use_module('hashlib')}.sha256"))
            )
        site.note = "The result is longer (64 hex digits), and values stored before no longer match."
        return
    raise Refused("no call of hashlib here")


def _check_hash(words: str) -> None:
    if "passw" in words:
        raise Refused(
            "a password wants a slow hash with a salt (hashlib.scrypt, argon2), not a faster strong one"
        )
    if _CHECKSUM.search(words):
        raise Refused("it looks like a checksum: if it is one, say so by usedforsecurity=False")
    if not _SECRET.search(words):
        raise Refused(
            "nothing here says what it is for: if it is no security, say so by usedforsecurity=False"
        )


def _new_hash(call: cst.Call) -> cst.Call:
    args = positional(call)
    if not args or not isinstance(args[0].value, cst.SimpleString):
        raise Refused("the name of the hash comes from elsewhere")
    text = args[0].value
    if str(text.evaluated_value).lower().replace("-", "") not in _BROKEN:
        raise Refused("its hash is none of those that are broken")
    first = args[0].with_changes(value=cst.SimpleString(f"{text.quote}sha256{text.quote}"))
    return call.with_changes(args=[first if arg is args[0] else arg for arg in call.args])
