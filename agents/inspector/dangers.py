"""Which rules of which tools mean the same: claims of one danger at one place are one finding.

    by name     a table of rules: S608 of ruff and bandit, taint-sql of ours, pylint's names
    by weakness else the CWE numbers, if all that are known here are of one family
    else        the rule is a danger of its own

A family never holds two weaknesses that a reader would mend in two ways. CWE-326 and 327 alone do not tell a broken
hash from a broken cipher or protocol, so there the rule's words decide, or nothing is put together.
"""

from __future__ import annotations

import re

SECRET = "secret"  # noqa: S105 - what one tool calls a password another one calls an AWS key

_BY_RULE = {
    "sql": ("taint-sql", "review-sql", "S608", "S610", "S611"),
    "command": ("taint-command", "review-command", "S601", "S602", "S604", "S605"),
    "code": (
        "taint-code", "review-code", "S102", "S307", "pylint/W0122", "pylint/W0123", "pylint/exec-used",
        "pylint/eval-used",
    ),
    "deserialisation": ("taint-deserialisation", "review-deserialisation", "S301", "S302", "S506", "B614"),
    "xss": ("taint-xss", "review-xss", "S308", "S704"),
    "escaping": ("S701", "S702"),
    "ssrf": ("taint-ssrf", "S310"),
    "xxe": ("taint-xxe", "S313", "S314", "S315", "S316", "S317", "S318", "S319"),
    "path": ("taint-path", "taint-archive", "S202"),
    "template": ("taint-template", "review-template"),
    "hash": ("weak-hash", "S303", "S324"),
    "random": ("weak-random", "S311"),
    "cipher": ("weak-cipher", "review-weak-cipher", "S304", "S305", "B413"),
    "protocol": ("weak-tls", "S502", "S503", "S504"),
    "key": ("weak-key", "S505"),
    "certificate": ("unverified-certificate", "S323", "S501", "S507"),
    "temporary file": ("S108", "S306"),
    "permissions": ("S103",),
    "debugging": ("debug-mode", "review-debug-mode", "S201"),
    "logging configuration": ("S612",),
    "high-complexity": ("high-complexity", "C901", "PLR0912", "PLR0915", "pylint/R0912", "complexipy/complexity"),
    "docstring-unknown-parameter": (
        "docstring-unknown-parameter", "DOC102", "DOC103", "pydoclint/DOC102", "pydoclint/DOC103", "darglint/DAR102",
    ),
    "F401": ("F401", "pylint/W0611", "pylint/unused-import", "codeql/py/unused-import"),
    "F403": ("F403", "pylint/W0401", "pylint/wildcard-import", "codeql/py/polluting-import"),
    "F811": ("F811", "pylint/E0102", "pylint/function-redefined"),
    "F821": ("F821", "pylint/E0602", "pylint/undefined-variable", "codeql/py/undefined-global-variable"),
    "F841": ("F841", "pylint/W0612", "pylint/unused-variable", "codeql/py/unused-local-variable"),
    "E722": ("E722", "pylint/W0702", "pylint/bare-except", "codeql/py/catch-base-exception"),
    "B006": ("B006", "pylint/W0102", "pylint/dangerous-default-value", "codeql/py/modification-of-default-value"),
}  # fmt: skip
_BY_CWE = {
    "sql": (89, 564, 943),
    "command": (77, 78, 88),
    "code": (94, 95, 96),
    "path": (22, 23, 24, 35, 36, 37, 38, 39, 40, 73),
    "xss": (79, 80, 83, 87),
    "redirect": (601,),
    "xpath": (643,),
    "ldap": (90,),
    "xxe": (611, 827),
    "deserialisation": (502,),
    "template": (1336,),
    "ssrf": (918,),
    "log": (117,),
    "header": (93, 113, 644),
    "trust": (501,),
    "regex": (1333,),
    "hash": (328, 916),
    "random": (330, 331, 335, 336, 337, 338, 1241),
    "certificate": (295, 297, 599),
    "cookie flags": (614, 1004, 1275),
    "temporary file": (377, 378, 379),
    "permissions": (276, 277, 732),
    "debugging": (489, 11),
    "csrf": (352,),
    SECRET: (259, 321, 798),
}
_OF_RULE = {rule: danger for danger, rules in _BY_RULE.items() for rule in rules} | {
    "taint-redirect": "redirect",
    "taint-xpath": "xpath",
    "review-xpath": "xpath",
    "taint-ldap": "ldap",
    "review-ldap": "ldap",
    "taint-log": "log",
    "taint-header": "header",
    "taint-trust-boundary": "trust",
    "taint-regex": "regex",
    "cookie-flags": "cookie flags",
    "review-cookie-flags": "cookie flags",
}
_OF_CWE = {number: danger for danger, numbers in _BY_CWE.items() for number in numbers}
_CRYPTOGRAPHY = frozenset({326, 327})
_WORDS = (
    ("hash", re.compile(r"md[245]|sha-?1|hash|digest", re.IGNORECASE)),
    ("cipher", re.compile(r"cipher|\bdes\b|3des|rc4|arc4|blowfish|ecb|encrypt", re.IGNORECASE)),
    ("protocol", re.compile(r"ssl|tls|protocol", re.IGNORECASE)),
    ("key", re.compile(r"key[ _-]?(?:size|length)|(?:short|weak|small)[ _-]?key", re.IGNORECASE)),
)


def danger(rule: str, cwe: tuple[int, ...] = (), *, category: str = "", words: str = "") -> str:
    """The name that claims share when they mean the same danger. `words`: the rule's title, which tells a hash from a
    cipher.
    """
    if category == "secret":
        return SECRET
    known = _OF_RULE.get(rule)
    if known:
        return known
    families = {_OF_CWE[number] for number in cwe if number in _OF_CWE}
    if not families and _CRYPTOGRAPHY.intersection(cwe):
        families = {name for name, told in _WORDS if told.search(f"{rule} {words}")}
    return families.pop() if len(families) == 1 else rule
