"""Tells placeholders, names and references from secrets; for the secrets driver and the analyzer of ruff's passwords.

Stands alone (standard library, no import of ours): the driver, which has no path to this package, runs it as a file.
"""

import re

_PLACEHOLDER = re.compile(
    r"example|sample|placeholder|change[-_ ]?(me|this)|dummy|fake|your[-_ ]|my[-_ ]?(secret|password|key)|insert"
    r"|redacted|not[-_ ](?:specified|set|given)|todo|xxx|12345678|\*\*\*|\.\.\."
    r"|^(password|passwd|secret|token|none|null|true|false|test(ing)?|foo|bar|string|postgres|root|admin"
    r"|user(name)?|(?:sk|pk|rk)_test_\w{1,9}|whsec_\w{1,9}|guest|default|value|pass|pwd|p[a4]55w[o0]rd)\d*$|^(.)\6*$|^[a-z]+([-_][a-z]+)*[-_]?(password|passwd)$",
    re.IGNORECASE,
)
# `KEYSTONE_DBPASS`: what a manual writes where the reader is to write theirs.
_TO_REPLACE = re.compile(r"^[A-Z]+(?:_[A-Z]+)*_?(?:PASS|PASSWORD|PWD|PW|SECRET|KEY|TOKEN)$")
# `null}}`, "True``) with", "0` means": a literal of the language, and what stands behind it.
_LITERAL = re.compile(r"(?i)^(?:null|nil|none|true|false)(?!\w)|^\d{1,4}[`\s)}\],;]")
_PLAIN_ADDRESS = re.compile(r"^https?://[^@\s]*$")  # where something is, with nobody's password in it
_RULE = re.compile(r"^[a-z]+:[a-z]+(?:_[a-z]+)+$")  # `rule:admin_or_owner`: a policy's expression
# Keys that manuals and emulators publish: everybody has them.
_BESIDE = 200  # characters between a key and the name of its account; a line may hold a whole file
_PUBLISHED = re.compile(r"devstoreaccount1|eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l")
# Only letters, and one of the words is what such things are called: the name of a field, not its content.
_NAME = re.compile(
    r"(?i)^[a-z_\-. :]*(password|passwd|passphrase|token|secret|key|csrf|auth|credential|login)[a-z_\-. :]*$"
)
_RATE = re.compile(
    r"(?i)^\d+/\d*(?:s|m|h|d|sec|min|hour|day|month)[a-z]*(?:[/,]|$)"
)  # `5/m/ip`: how often one may ask
_WORDS = re.compile(r"^[a-z]+(?:_[a-z]+)+$")  # `mail_settings`: a name of the program's own
# `PASSWORD_FIELD = "..."` names a place where passwords are.
_NAMES_A_PLACE = re.compile(
    r"(?i)_?(field(_?name)?|name|prefix|suffix|header|url|path|file|param(eter)?|type|cookie|session|length|source|label"
    r"|help|help_text|regex|pattern|missing|invalid|error|message|msg|format|template|view|hasher|validators?"
    r"|subject|body|text|title|description|content|html|css|selector|xpath|placeholder|hint|policy|prompt|question"
    r"|endpoint|route|scope|action|event|topic|permission|role|id)$"
    r"|^_?(pattern|regex|re|url|uri|path|file|template|msg|message|error|html|xpath|css|label|text|title)_"
    r"|passwordless"
)
_REFERENCE = re.compile(r"os\.environ|getenv|process\.env|\$\{|\{\{|secrets\.|config\(|env\(|\$\(|=\s*`\w")
_ASSIGNED = re.compile(r"([\w.\-]+)[\"'\])]*\s*(?::\s*[\w.\[\]]+\s*)?(?:[!=]?=|:)\s*\S")
# What every plugin of detect-secrets needs on a line: a long run, a URL, a key's head, or a telling word.
_NEEDED = re.compile(
    r"[A-Za-z0-9+/=_\-]{16}|://|-----BEGIN|\bA(?:KC|P)[A-Za-z0-9]{8}"
    r"|key|pass|pwd|secret|contrase|token|auth|credential",
    re.IGNORECASE,
)
# A line of armour, of a public key or a picture: what looks like a token in there is a piece of something else.
# (Private keys are known by their first line.)
_ARMOUR = re.compile(r"^\s*[A-Za-z0-9+/]{60,76}={0,2}\s*$")
# A sentence of lower-case words is said to people: "Please enter a password".
_SENTENCE = re.compile(r"^[A-Z]?[a-z']+(?:[ ,]+[\w'\-{}]+){3,}[.!?]?$|^(?:\S+ ){5,}\S+$")
# Capitalised words of any language are said to people as well: "Falsches Passwort".
_PHRASE = re.compile(r"^(?=[^\W\d_a-z])[^\W\d_]+(?:[ ,'’-]+[^\W\d_]+)+[.!?]?$")
# A regular expression, or markup: what finds a password in a page, not the password.
_PATTERN = re.compile(r"\(\?[P:=!<]|\.[*+]\??|\\[dws][+*{]|\[\^?[a-z]-|</?[a-z]+[ >]")
# An alphabet, or a call in a page's template.
_NO_TEXT = re.compile(r"abcdefgh|ABCDEFGH|^[\w.]+\([\w., ]*\)$")
SHORTEST = 6  # shorter ones are too weak to be in use, and mostly words


def is_published(value: str, line: str) -> bool:
    """Tell whether everybody knows a value: the key of Azure's emulator, jwt.io's token of John Doe."""
    at = max(0, line.find(value))
    return _PUBLISHED.search(line, max(0, at - _BESIDE), at + len(value) + _BESIDE) is not None


def is_placeholder(value: str) -> bool:
    """Tell whether a value says of itself that it is none."""
    return _PLACEHOLDER.search(value) is not None or _TO_REPLACE.match(value) is not None


def is_made_up(value: str, line: str) -> bool:
    """Tell whether a value, on this line, is a placeholder, a name or a reference rather than a password."""
    if len(value) < SHORTEST or (value.replace(" ", "").isalpha() and len(value) < 8):
        return True
    if (
        is_placeholder(value)
        or _NAME.match(value)
        or _WORDS.match(value)
        or _RULE.match(value)
        or _RATE.match(value)
        or _LITERAL.match(value)
        or _PLAIN_ADDRESS.match(value)
        or _SENTENCE.match(value)
        or _REFERENCE.search(line)
        or _REFERENCE.search(value)
    ):
        return True
    if _PHRASE.match(value) or _PATTERN.search(value) or _NO_TEXT.search(value):
        return True
    assigned = _ASSIGNED.search(line[: line.rfind(value) + 1]) if value in line else None
    return bool(assigned and names_a_place(assigned[1]))


def names_a_place(name: str) -> bool:
    """Tell whether a variable's name says that it holds a word about passwords, not one of them."""
    return _NAMES_A_PLACE.search(name) is not None


def names_a_secret(value: str) -> bool:
    """Tell whether a value is the name of what is to be put there: `aws_secret` in an address of a manual."""
    return _WORDS.match(value) is not None and _NAME.match(value) is not None


def cannot_hold_a_secret(line: str) -> bool:
    """Tell whether no plugin can find anything on this line; asked first, it makes a scan four times as fast."""
    return _NEEDED.search(line) is None or _ARMOUR.match(line) is not None
