"""The secret scan: what it finds, what it leaves alone, and that no secret is in anything that leaves it."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from agents.findings import Confidence, Severity
from agents.redaction import CUT, redact
from tests.agents.inspector.trees import inspect, places, plant

_random = random.Random(7)


def _letters(count: int) -> str:
    return "".join(_random.choice(string.ascii_letters + string.digits) for _ in range(count))


# Made at run time, so that no scanner of this repository finds a secret in a test of a scanner.
AWS = "AKIA" + "".join(_random.choice(string.ascii_uppercase) for _ in range(16))
GITHUB = "gh" + "p_" + _letters(36)
PASSWORD = "Tr0ub4dor" + "&3-" + _letters(4)
IN_URL = "s3" + _letters(9)
BASE64 = _letters(40)
SECRETS = (AWS, GITHUB, PASSWORD, IN_URL, BASE64)


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    key = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA " + "PRIVATE KEY-----\n"
    return plant(
        tmp_path,
        {
            "settings.py": f'password = "{PASSWORD}"\nAWS_KEY = "{AWS}"\nx = eval("{PASSWORD}")  # {GITHUB}\n'
            f'def connect(db, password="{PASSWORD}"):\n    db.execute("SELECT \'%s\'" % "{BASE64}")\n',
            "deploy.yml": f"env:\n  token: {GITHUB}\n",
            ".env": f"DATABASE_URL=postgres://app:{IN_URL}@db.internal.example.com/app\n",
            "id_rsa": key,
            "blob.js": f"const blob = '{BASE64}';\n",
        },
    )


def test_secrets_are_found_in_any_text_file(leaky: Path) -> None:
    found = inspect(leaky, "secret_scan").findings
    assert {place for place in places(found) if "entropy" not in place} == {
        "secret-keyword settings.py:1",
        "secret-aws-access-key settings.py:2",
        "secret-github-token settings.py:3",
        "secret-keyword settings.py:4",
        "secret-github-token deploy.yml:2",
        "secret-basic-auth-credentials .env:1",
        "secret-private-key id_rsa:1",
    }
    assert {finding.category for finding in found} == {"secret"}


def test_no_secret_is_in_anything_that_an_analysis_hands_back(leaky: Path) -> None:
    for operation in ("lint", "security_scan", "secret_scan", "complexity"):
        analysis = inspect(leaky, operation)
        told = "".join(
            [finding.model_dump_json() for finding in analysis.findings]
            + [run.model_dump_json() for run in analysis.tools]
        )
        assert [secret for secret in SECRETS if secret in told] == []
        assert "MIIEpAIBAAKCAQEA" not in told


def test_two_tools_that_report_one_password_make_one_finding(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": f'db_password = "{PASSWORD}"\n'})
    found = inspect(tmp_path, "secret_scan").findings
    assert places(found) == ["secret-keyword a.py:1"]
    assert [one.tool for one in found[0].evidence] == ["detect-secrets", "ruff"]
    assert found[0].evidence[0].snippet == f'db_password = "{CUT}"'


def test_placeholders_references_and_checksums_are_left_alone(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "settings.yml": "password: changeme\ntoken: <your-token>\nsecret: ${SECRET}\napi_key: xxxxxxxx\n",
            "compose.yml": "POSTGRES_PASSWORD: postgres\nsecret: '{{ vault.secret }}'\n",
            "forms.py": "field_name = 'password'\nTOKEN_HEADER = 'X-Shop-Token-9'\nif token == 'not in': pass\n",
            "settings.js": "const password = process.env.PASSWORD;\n",
            "image.txt": "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
            "poetry.lock": f'hash = "{BASE64}"\n',
            "signing.pub": "AKCDGzgLmj47OeTtaYWs9DeVud8MogCeLinbRpG7DHpBYYfyGiWPNNKabkWIXgQQ\n",
        },
    )
    assert places(inspect(tmp_path, "secret_scan").findings) == []


def test_real_token_in_a_test_is_reported_with_less_confidence(tmp_path: Path) -> None:
    plant(tmp_path, {"tests/test_a.py": f'TOKEN = "{GITHUB}"\nPASSWORD = "{PASSWORD}"\n'})
    found = inspect(tmp_path, "secret_scan").findings
    assert places(found) == ["secret-github-token tests/test_a.py:1"]
    assert (found[0].confidence, found[0].in_test_code) == (Confidence.MEDIUM, True)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('password = "abc"', f'password = "{CUT}"'),
        ('connect(user="x", api_key="abc")', f'connect(user="x", api_key="{CUT}")'),
        ('{"auth_token": "abc"}', f'{{"auth_token": "{CUT}"}}'),
        ("url = 'https://me:abc@host/x'", f"url = 'https://me:{CUT}@host/x'"),
        (f"# {AWS}", f"# {CUT}"),
        ('digest = "' + "0a" * 20 + '"', f'digest = "{CUT}"'),
        ("query = 'SELECT name FROM customers'", "query = 'SELECT name FROM customers'"),
        ('reverse("customer-detail-and-history-page")', 'reverse("customer-detail-and-history-page")'),
        ("def f(password: str) -> None:", "def f(password: str) -> None:"),
    ],
)
def test_redact_cuts_what_looks_like_a_secret(line: str, shown: str) -> None:
    assert redact(line) == shown


def test_words_and_patterns_about_passwords_are_none(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "PASSWORD_RESET_SUBJECT = 'Password Reset from {ctf}'\n"
            "PATTERN_PASSWORD = r'<b>Passwort: (?P<PWD>.*?)</b>'\n"
            f"PASSWORD = '{PASSWORD}'\n",
            "Makefile": 'env:\n\tprintf "APP_SECRET=`pwgen -1s 32`" >> .env\n',
        },
    )
    assert [(one.path, one.line) for one in inspect(tmp_path, "secret_scan").findings] == [("a.py", 3)]


def test_passwords_of_machines_for_tests_and_words_in_generated_lines_weigh_less(tmp_path: Path) -> None:
    secret = _letters(32)
    plant(
        tmp_path,
        {
            "compose.yaml": f"POSTGRES_PASSWORD: {secret}\n",
            ".ci/compose.yaml": f"POSTGRES_PASSWORD: {secret}\n",
            "docker/dev/compose.yaml": f"POSTGRES_PASSWORD: {secret}\n",
            "flags.json": '{"a": "' + "x" * 3000 + f'", "password": "{secret}"}}\n',
        },
    )
    weights = {one.path: one.severity for one in inspect(tmp_path, "secret_scan").findings}
    assert weights == {
        "compose.yaml": Severity.HIGH,
        ".ci/compose.yaml": Severity.MEDIUM,
        "docker/dev/compose.yaml": Severity.MEDIUM,
        "flags.json": Severity.LOW,
    }


def test_alphabets_calls_and_single_words_are_hardly_secrets(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a.py": "SECRET_KEY_CHARSET = 'abcdefghijklmnopqrstuvwxyz0123456789!@#'\n",
            "a.html": '<a [password]="pdfPassword()">\n',
            "compose.yml": "DB_PASSWORD: paperless\n",
        },
    )
    found = [(one.path, one.severity, one.confidence) for one in inspect(tmp_path, "secret_scan").findings]
    assert found == [("compose.yml", Severity.LOW, Confidence.LOW)]


def test_key_of_a_test_weighs_less_and_the_mere_first_line_of_one_nothing(tmp_path: Path) -> None:
    first, body = "-----BEGIN " + "PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    key = f"{first}\n{body}\n"
    plant(
        tmp_path,
        {
            "a.pem": key,
            "one.py": f'KEY = "{first}\\n{body}\\n"\n',
            "tests/a.pem": key,
            "examples/server.key": key,
            "docs/a.md": f"    {first}\n    <private key>\n",
            "look.py": f'def is_key(text):\n    return text.startswith("{first}")\n',
        },
    )
    found = inspect(tmp_path, "secret_scan").findings
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("a.pem", Severity.HIGH, Confidence.MEDIUM),
        ("one.py", Severity.HIGH, Confidence.MEDIUM),
        ("examples/server.key", Severity.LOW, Confidence.LOW),
        ("tests/a.pem", Severity.LOW, Confidence.LOW),
    ]


def test_keys_that_everybody_has_are_none(tmp_path: Path) -> None:
    key = _letters(86) + "=="
    line = "AZURE: http;AccountName={};AccountKey={}\n"
    far = f"LOCAL: devstoreaccount1 {'x ' * 200}{line.format('shop', key)}"
    files = {"a.yml": line.format("devstoreaccount1", key), "b.yml": line.format("shop", key), "c.yml": far}
    plant(tmp_path, files)
    assert {one.path for one in inspect(tmp_path, "secret_scan").findings} == {"b.yml", "c.yml"}


def test_literals_policies_and_words_of_manuals_are_no_secrets(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "policy.yaml": '"os-admin-password": "rule:admin_or_owner"\n"os-owner-password": "rule9:Kx_4owner"\n',
            "notes.yaml": '- {"token": {"user": {"password_expires_at": null}}}\n'
            "- Now `password_count = 0` means password\n",
            "limits.py": "R = {'reset_password': '1/m/ip,1/m/key'}\nS = {'change_password': '1/z9Kq_77/m/ip'}\n",
            "setup.cfg": f"url = mysql://keystone:KEYSTONE_DBPASS@db/x\nreal = mysql://keystone:{_letters(12)}@db/x\n",
            "releasenotes/a.yaml": f"- password = '{PASSWORD}'\n",
            "a.py": "AUTH_KEY = 'https://docker.io/v1/'\nAPI_KEY = 'sk-1234567890'\nAPI_KEY = 'sk-9z3Kq7Lw2x'\n",
            "words.py": "A = 'tell it by x://scope:prefix@databricks, which is a word'\n",
            "es.json": '{"a": "di «x://usuario:contraseña@host»"}\n{"b": "x://u:Contra9ena@host"}\n',
            "pl.json": '{"a": "x://nazwa:HASŁO@host"}\n',
            "local.py.example": f"#PASSWORD = '{PASSWORD}'\n",
        },
    )
    every = inspect(tmp_path, "secret_scan").findings
    low = {one.path for one in every if one.severity is Severity.LOW}
    grave = {(one.path, one.line) for one in every if one.severity is not Severity.LOW}
    assert low == {"words.py", "es.json", "pl.json"}
    assert grave == {("policy.yaml", 2), ("limits.py", 2), ("setup.cfg", 2), ("a.py", 3), ("es.json", 2)}


def test_names_and_addresses_to_fill_in_are_hardly_secrets(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "model.ts": 'key: "model-input-dimensions-not-detect-resolution",\n',
            "pt.json": '{"a": "x://nome:palavra-passe9@host:porta/b"}\n{"b": "x://nome:palavra9passe@host:8554/b"}\n',
            "locales/en/a.json": '{"b": "x://nome:palavra9passe@host:8554/b"}\n',
            "realm.json": '{"passwordKey": "geheim wort"}\n{"password": "correct horse9 battery"}\n',
            "settings.py": (
                'LOCALHOST_HOST = "x://u:Tr0ub4dorZZ@{}:1/b".format(h)\n\n\nOTHER_HOST = "x://u:Tr0ub4dorYY@{}:1/b"\n'
            ),
            "token.tsx": (
                "value='eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJzY2ltLXRva2VuIn0'\n"
                "other='eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJzY2ltLXRva2VuIn0.Rq8IxqeX7eA6GgYxlcHdPFVRNF'\n"
            ),
            "map.yaml": f'data:\n  a.py: |\n    SECRET_KEY = os.getenv("SECRET_KEY", "x")\n  password: {PASSWORD}\n',
        },
    )
    found = inspect(tmp_path, "secret_scan").findings
    assert {(one.path, one.line): one.severity for one in found} == {
        ("pt.json", 1): Severity.LOW,
        ("pt.json", 2): Severity.HIGH,
        ("locales/en/a.json", 1): Severity.MEDIUM,
        ("realm.json", 1): Severity.LOW,
        ("realm.json", 2): Severity.HIGH,
        ("map.yaml", 4): Severity.HIGH,
        ("token.tsx", 2): Severity.HIGH,
        ("settings.py", 1): Severity.MEDIUM,
        ("settings.py", 4): Severity.HIGH,
    }


def test_words_after_a_telling_name_are_less_sure_than_what_nobody_says(tmp_path: Path) -> None:
    plant(
        tmp_path, {"a.yaml": f"password: {PASSWORD}\n", "b.yaml": "password: correct-horse-battery-staple\n"}
    )
    found = inspect(tmp_path, "secret_scan").findings
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("a.yaml", Severity.HIGH, Confidence.MEDIUM),
        ("b.yaml", Severity.HIGH, Confidence.LOW),
    ]


def test_an_address_of_a_manual_names_what_is_to_be_put_there(tmp_path: Path) -> None:
    address = "s3://aws_key:{}@bucket/path\n"
    plant(tmp_path, {"a.rst": address.format("aws_secret"), "b.rst": address.format("hunter2_secret_9x")})
    found = inspect(tmp_path, "secret_scan").findings
    assert [one.path for one in found if one.rule == "secret-basic-auth-credentials"] == ["b.rst"]
