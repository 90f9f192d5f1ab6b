"""Runs detect-secrets over a list of files and prints JSON; started by `agents.inspector.analyzers.detect_secrets`.

    python -I secrets_driver.py LIST      LIST holds paths, each ended by a NUL byte

The secrets never leave this process: a claim carries its line with every secret of that line cut out.
detect-secrets' own command prints hashes without columns and does not say which files it could not read.
Prints {"analysed": n, "secrets": [{path, type, line, column, snippet, hint, plain}], "failed": [...]}.
"""

import importlib.util
import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

# detect-secrets imports this client to ask services whether a secret is valid, and a second module to ask git which
# files there are. Without them nobody can be asked, and the driver starts in less than half the time.
_CLIENT = ModuleType("requests")
vars(_CLIENT).update(Response=object, exceptions=SimpleNamespace(RequestException=OSError))
sys.modules["requests"] = _CLIENT
sys.modules["subprocess"] = ModuleType("subprocess")
_SPEC = importlib.util.find_spec("detect_secrets")
assert _SPEC is not None
sys.modules["detect_secrets"] = importlib.util.module_from_spec(
    _SPEC
)  # the bare package, without its collections

from detect_secrets.core import scan as _scan  # noqa: E402 - after its client was taken away
from detect_secrets.filters.heuristic import is_indirect_reference  # noqa: E402 - as above
from detect_secrets.settings import configure_settings_from_baseline  # noqa: E402 - as above

scanning: Any = _scan
CUT = "[redacted]"
_JUDGE = Path(__file__).with_name("made_up.py")
MADE_UP = runpy.run_path(str(_JUDGE))
SNIPPET_CHARACTERS = 240
# All of detect-secrets 1.5 but IPPublicDetector (an address is no secret). None of them calls out.
PLUGINS = [
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
]
FILTERS = [
    "allowlist.is_line_allowlisted",
    "heuristic.is_likely_id_string",
    "heuristic.is_not_alphanumeric_string",
    "heuristic.is_potential_uuid",
    "heuristic.is_prefixed_with_dollar_sign",
    "heuristic.is_sequential_string",
    "heuristic.is_templated_secret",
]
SETTINGS = {
    "plugins_used": [
        *({"name": name} for name in PLUGINS),
        {"name": "Base64HighEntropyString", "limit": 4.5},
        {"name": "HexHighEntropyString", "limit": 3.0},
    ],
    "filters_used": [{"path": f"detect_secrets.filters.{name}"} for name in FILTERS],
}
# Most telling first: a line that is both an AWS key and "a keyword" is an AWS key.
VAGUE = {"Secret Keyword": 1, "Base64 High Entropy String": 2, "Hex High Entropy String": 3}
DIGIT, LETTER = re.compile(r"\d"), re.compile(r"[^\W\d_]")
LOCAL = re.compile(r"@(localhost|127\.0\.0\.1|db|postgres|redis|rabbitmq|mysql|mongo)\b")
# `LOCALHOST_DATABASE = "...@{}/"`: its name says on which machine it is.
NAMED_LOCAL = re.compile(r"\s*[\"']?(?:\w+_)?(?i:local|localhost)_\w+[\"']?\s*[=:]")
# and in one case: a default that everybody is told to change; weak, but no secret. Four words are a passphrase.
WORD = re.compile(r"[^\W\d_]{1,16}(?:[ -][^\W\d_]{1,16}){0,2}")
PORT_IN_WORDS = re.compile(r"@[\w.-]+:[^\W\d]")  # `@host:port`: an address that the reader is to fill in
# A key of a service that only its form tells: of small letters and hyphens alone it is a name.
NAME = re.compile(r"[a-z]+(?:[-_][a-z]+)+")
PEM_BODY = re.compile(r"(?=(?:[a-z0-9+/=]*[A-Z]){3})[A-Za-z0-9+/=]{16}")  # a part of a line of a key
PEM_LINES = 6  # an encrypted key begins with headers
LONGEST_WRITTEN_LINE = 2_000  # characters; in generated data the words that make a key stand near anything
SIGNED_TOKEN = re.compile(r"eyJ[\w=-]+\.[\w=-]+\.[\w+/=-]{8}")  # what nobody signed opens nothing
# Checksums look like secrets; these words on their line say what they are.
CHECKSUM = re.compile(
    r"sha(1|256|384|512)|md5|checksum|integrity|digest|commit|revision|rev\b|hash", re.IGNORECASE
)


def main(list_file: str) -> None:
    """Scan every file of the list, one at a time, so that one bad file spoils no other."""
    secrets, failed, analysed = [], [], 0
    configure_settings_from_baseline(SETTINGS)
    vars(scanning).update(_process_line_based_plugins=in_lines, call_function_with_arguments=called)
    for path in filter(None, Path(list_file).read_bytes().decode().split("\0")):
        try:
            secrets += scan(path)
        except (Exception, RecursionError) as error:  # its transformers parse YAML and INI
            failed.append({"path": path, "reason": f"{type(error).__name__} in detect-secrets"})
            continue
        analysed += 1
    json.dump({"analysed": analysed, "secrets": secrets, "failed": failed}, sys.stdout)


def in_lines(lines: list[tuple[int, str]], filename: str) -> Iterator[Any]:
    """As detect-secrets does it, but lines that cannot hold a secret are left out first: four times as fast."""
    every = [line for _, line in lines]
    for number, line in lines:
        bare = line.rstrip()
        if MADE_UP["cannot_hold_a_secret"](bare):
            continue
        around = scanning.get_code_snippet(lines=every, line_number=number)
        known = {"filename": filename, "line": bare, "context": around}
        if scanning._is_filtered_out(required_filter_parameters=["line"], **known):
            continue
        for plugin in scanning.get_plugins():
            for secret in scanning._scan_line(plugin=plugin, line_number=number, **known):
                found = {"filename": secret.filename, "secret": secret.secret_value, "plugin": plugin}
                if not scanning._is_filtered_out(
                    required_filter_parameters=["context"], **{**known, **found}
                ):
                    yield secret


def called(function: Any, **given: Any) -> Any:
    """Call a function with what it takes of what there is to give; each function is looked at once."""
    code = function.__code__
    names = TAKEN.get(code)
    if names is None:
        names = TAKEN[code] = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    return function(**{name: value for name, value in given.items() if name in names})


TAKEN: dict[CodeType, frozenset[str]] = {}
IN_ADDRESS = "Basic Auth Credentials"


def scan(path: str) -> list[dict[str, object]]:
    """Give one claim per line and secret, without the secret."""
    raw = Path(path).read_text(encoding="utf-8")
    lines = raw.split("\n")
    by_line: dict[int, dict[str, str]] = {}
    for found in scanning.scan_file(path):
        value = found.secret_value or ""
        known = by_line.setdefault(max(1, found.line_number), {})
        known[value] = min(known.get(value, found.type), found.type, key=lambda kind: VAGUE.get(kind, 0))
    claims = []
    for number, values in sorted(by_line.items()):
        line = lines[number - 1] if number <= len(lines) else ""
        snippet = cut(line, values)
        for value, kind in values.items():
            is_empty = "Private Key" in kind and not has_body(lines, number)
            if not is_empty and not is_no_secret(value, kind, line):
                is_local = LOCAL.search(line) or (kind == IN_ADDRESS and NAMED_LOCAL.match(line))
                hint = "local" if is_local else ""
                hint = "word" if kind in {*VAGUE, IN_ADDRESS} and is_word(value) else hint
                hint = "word" if kind == IN_ADDRESS and PORT_IN_WORDS.search(line) else hint
                hint = "generated" if len(line) > LONGEST_WRITTEN_LINE else hint
                column = line.find(value) + 1 if value else 0
                claims.append(
                    {
                        "path": path,
                        "type": kind,
                        "line": number,
                        "column": max(1, column),
                        "snippet": snippet,
                        "hint": hint,
                        "plain": not (DIGIT.search(value) and LETTER.search(value)),
                    }
                )
                break  # one claim a line: the others are parts or neighbours of the same
    return claims


def is_word(value: str) -> bool:
    """Tell whether a value is a word or two of some language, small or in capitals, as manuals and forms have it."""
    return WORD.fullmatch(value) is not None and (value.islower() or value.isupper())


def has_body(lines: list[str], number: int) -> bool:
    """Tell whether a key follows the first line of one: manuals say `<private key>`, programs look for the line."""
    return any(PEM_BODY.search(line) for line in lines[number - 1 : number + PEM_LINES])


def cut(line: str, values: dict[str, str]) -> str:
    """Take every secret out of a line; where one is not found literally, keep the line's left side only."""
    if any("Private Key" in kind for kind in values.values()):
        return CUT
    if all(value and value in line for value in values):
        for value in sorted(values, key=len, reverse=True):
            line = line.replace(value, CUT)
        return line.strip()[:SNIPPET_CHARACTERS]
    left = re.match(r"\s*([\w.\-\"' ]{1,60}?)\s*[=:]", line)
    return f"{left[1]} = {CUT}" if left else CUT


def is_no_secret(value: str, kind: str, line: str) -> bool:
    """Tell whether it is a placeholder, a reference or a checksum rather than a secret."""
    if MADE_UP["is_placeholder"](value) or MADE_UP["is_published"](value, line):
        return True
    if kind == IN_ADDRESS and MADE_UP["names_a_secret"](value):
        return True
    if kind == "JSON Web Token" and value in line and not SIGNED_TOKEN.match(line, line.find(value)):
        return True
    if kind not in {*VAGUE, IN_ADDRESS} and NAME.fullmatch(value):
        return True
    if kind in VAGUE and (is_indirect_reference(line) or MADE_UP["is_made_up"](value, line)):
        return True
    return VAGUE.get(kind, 0) >= 2 and bool(CHECKSUM.search(line))


if __name__ == "__main__":
    main(sys.argv[1])
