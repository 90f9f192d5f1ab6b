"""What is dangerous weighs as much as what is known of it: where it stands, what reaches it, what is said of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agents.findings import Confidence, Severity
from agents.inspector.analysis import analyse
from agents.inspector.analyzers import ANALYZERS
from agents.inspector.analyzers.drivers.made_up import is_made_up, is_placeholder
from agents.inspector.weighing import NO_WAY_FOUND
from tests.agents.inspector.trees import inspect, places, plant


def test_a_sentence_is_no_password() -> None:
    line = 'PASS_ERR = "Please enter a password 8-12 characters in length"'
    assert is_made_up("Please enter a password 8-12 characters in length", line)
    assert not is_made_up("correct horse battery", 'PASS = "correct horse battery"')


def test_a_name_that_a_line_has_twice_is_told_once(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "def f():\n    return lost + lost + other\n"})
    assert [one.message for one in inspect(tmp_path, "lint").findings] == [
        "Undefined name `lost`",
        "Undefined name `other`",
    ]


def test_dangerous_code_in_tests_and_examples_weighs_less_than_in_the_product(tmp_path: Path) -> None:
    code = "import subprocess\n\n\ndef f(x):\n    subprocess.run(x, shell=True)\n"
    plant(
        tmp_path,
        dict.fromkeys(
            ("a.py", "tests/test_a.py", "examples/a.py", "example_page/a.py", "examples_of/a.py"), code
        ),
    )
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("a.py", Severity.MEDIUM, Confidence.LOW),
        ("examples_of/a.py", Severity.MEDIUM, Confidence.LOW),
        ("example_page/a.py", Severity.LOW, Confidence.LOW),
        ("examples/a.py", Severity.LOW, Confidence.LOW),
        ("tests/test_a.py", Severity.LOW, Confidence.LOW),
    ]


def test_a_broken_hash_in_a_test_protects_nothing(tmp_path: Path) -> None:
    code = "import hashlib\n\n\ndef f(x):\n    password = hashlib.md5(x).hexdigest()\n    return password\n"
    plant(tmp_path, {"a.py": code, "b.py": code.replace("password", "stamp"), "tests/test_a.py": code})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.path, one.severity) for one in found] == [
        ("a.py", Severity.LOW),
        ("b.py", Severity.INFO),  # no word around says that it protects anything
        ("tests/test_a.py", Severity.INFO),
    ]


@pytest.mark.parametrize(
    ("body", "matters"),
    [
        ("return hashlib.md5(x).hexdigest()", True),
        ("index_id = hashlib.md5(x).hexdigest()\n    return index_id", False),
        ("return hashlib.sha1(user.email.lower().encode()).hexdigest()", False),
        ("m = hashlib.md5()\n    m.update(x.path.encode())\n    return m", False),
        ("return TOTP(x, 6, hashlib.sha1(), 30)", False),
        ("return Page(x, 6, hashlib.sha1(), 30)", True),
        ("m = hashlib.md5()\n    m.update(x.word.encode())\n    return m", True),
        ("index_id = hashlib.md5(password).hexdigest()\n    return index_id", True),
        ("token = hashlib.md5(user.email + user.secret).hexdigest()\n    return token", True),
    ],
)
def test_a_broken_hash_by_which_something_is_found_again_is_mere_information(
    tmp_path: Path, body: str, *, matters: bool
) -> None:
    code = f"import hashlib\n\n\ndef f(x, user):\n    {body}\n"
    plant(
        tmp_path, {"a.py": code, "tests/test_a.py": "import hashlib\n\nX = hashlib.md5(b'a').hexdigest()\n"}
    )
    found = inspect(tmp_path, "security_scan").findings
    idle = [(one.path, one.severity) for one in found if one.confidence is Confidence.LOW]
    assert ("tests/test_a.py", Severity.INFO) in idle
    assert (("a.py", Severity.INFO) not in idle) is matters
    assert len(found) == 2


def test_a_pattern_weighs_less_where_input_was_followed_and_does_not_reach_it(tmp_path: Path) -> None:
    query = 'cursor.execute("select * from t where name = " + x)\n'
    views = f"from flask import request\n\n\ndef f(cursor):\n    x = request.args['x']\n    {query}"
    plant(tmp_path, {"views.py": views, "reports.py": f"def f(cursor, x):\n    {query}"})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.path, one.severity, one.confidence) for one in found] == [
        ("views.py", Severity.HIGH, Confidence.HIGH),
        ("reports.py", Severity.LOW, Confidence.LOW),
    ]
    assert found[1].message == (
        "Possible SQL injection vector through string-based query construction; "
        "no way of untrusted input to it was found"
    )


def test_a_pattern_keeps_its_weight_where_input_was_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, {"a.py": "import subprocess\n\n\ndef f(x):\n    subprocess.run(x, shell=True)\n"})
    linters = [one for one in ANALYZERS["security_scan"] if not one.follows]
    with TemporaryDirectory() as scratch:
        found = analyse(tmp_path, linters, scratch=Path(scratch)).findings
    assert [(one.rule, one.severity, one.confidence) for one in found] == [
        ("S602", Severity.HIGH, Confidence.MEDIUM)
    ]
    assert NO_WAY_FOUND not in found[0].message


def test_a_stack_trace_that_a_setting_asks_for_is_less_sure(tmp_path: Path) -> None:
    code = (
        "import traceback\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n@app.route('/')\ndef view():\n"
        "    try:\n        return work()\n    except Exception:\n        if {}:\n"
        "            return traceback.format_exc()\n        return 'no'\n"
    )
    plant(
        tmp_path,
        {
            "a.py": code.format("app.config.get('serve_traceback')"),
            "b.py": code.format("app.config.get('serve')"),
        },
    )
    short = code.partition("        if")[0] + "        return traceback.format_exc() if {} else 'no'\n"
    plant(tmp_path, {"c.py": short.format("app.debug"), "d.py": short.format("app.device")})
    found = [one for one in inspect(tmp_path, "security_scan").findings if one.rule == "stack-trace-sent"]
    assert {one.path: one.confidence for one in found} == {
        "a.py": Confidence.LOW,
        "b.py": Confidence.HIGH,
        "c.py": Confidence.LOW,
        "d.py": Confidence.HIGH,
    }


def test_a_timeout_that_is_computed_is_one(tmp_path: Path) -> None:
    text = (
        "import requests\n\n\ndef f(url, config):\n"
        "    requests.get(\n        url,\n        timeout=config.get('seconds', 3),\n    )\n"
        "    requests.get(url, timeout=None)\n"
    )
    plant(tmp_path, {"a.py": text})
    assert places(inspect(tmp_path, "security_scan").findings) == ["S113 a.py:9"]


def test_options_that_are_handed_on_may_hold_the_timeout(tmp_path: Path) -> None:
    text = (
        "import requests\n\n\ndef f(url, **options):\n    requests.get(url, **options)\n"
        "    requests.post(\n        url,\n        **options,\n    )\n    requests.get(url + options['a'] ** 2)\n"
    )
    plant(tmp_path, {"a.py": text})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.line, one.severity, one.confidence) for one in found if one.rule == "S113"] == [
        (10, Severity.MEDIUM, Confidence.HIGH),
        (5, Severity.LOW, Confidence.LOW),
        (6, Severity.LOW, Confidence.LOW),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("oplog_reader_password", True), ("reader-password", True), ("x9_reader_password", False)],
)
def test_password_that_says_whose_it_would_be_is_none(value: str, expected: bool) -> None:
    assert is_placeholder(value) is expected


def test_what_is_done_without_a_password_is_none() -> None:
    assert is_made_up("Q7v.x2-direct", '"webPasswordlessRequirement": "Q7v.x2-direct"')
    assert is_made_up("sk_test_123", 'api_key = "sk_test_123"')
    assert not is_made_up("sk_test_4eC39HqLyjWDarjtT1zdp7dc", 'api_key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"')
    assert is_made_up("not specified", '"webPassword": "not specified"')
    assert not is_made_up("Q7v.x2-direct", '"webPassword": "Q7v.x2-direct"')


def test_a_password_that_calls_itself_one_is_made_up() -> None:
    assert is_made_up("Falsches Kennwort", '"wrong-password": "Falsches Kennwort"')
    assert is_made_up("rabbitmqpassword", 'broker = "amqp://rabbitmquser:rabbitmqpassword@host"')
    assert not is_made_up("rabbit9mqK2w", 'broker = "amqp://rabbitmquser:rabbit9mqK2w@host"')


def test_a_text_of_the_source_may_be_marked_as_safe_and_another_is_told(tmp_path: Path) -> None:
    text = (
        "from django.utils.safestring import mark_safe\n\n"
        "A = mark_safe('<br />')\nB = mark_safe(\n    \"<b>it's</b>\"\n    '<br>',\n)\n\n\n"
        "def f(x):\n    return mark_safe('<b>' + x), mark_safe(f'<b>{x}</b>'), mark_safe('<b>%s' % x)\n"
    )
    plant(tmp_path, {"a.py": text})
    assert places(inspect(tmp_path, "security_scan").findings) == ["S308 a.py:11"]


def test_who_says_why_a_cipher_shows_patterns_is_believed(tmp_path: Path) -> None:
    head = "from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes\n\n\ndef f(key):\n"
    plant(tmp_path, {"a.py": f"{head}    return Cipher(algorithms.AES(key), modes.ECB())\n"})
    plant(tmp_path, {"b.py": f"{head}    return Cipher(algorithms.AES(key), modes.ECB())  # nosec B305\n"})
    found = inspect(tmp_path, "security_scan").findings
    assert [(one.path, one.severity) for one in found] == [("a.py", Severity.MEDIUM), ("b.py", Severity.INFO)]


def test_a_program_that_the_own_command_line_names_is_information_unless_by_a_shell(tmp_path: Path) -> None:
    code = "import subprocess\nimport sys\n\n\ndef f():\n    subprocess.{}\n\n\nf()\n"
    plant(
        tmp_path,
        {
            "a.py": code.format("Popen([sys.argv[1], 'x'])"),
            "b.py": code.format("run(sys.argv[1], shell=True)"),
            "c.py": code.replace("import sys", "import pty\nimport sys").format(
                "x = pty.spawn(sys.argv[1:])"
            ),
        },
    )
    own, shell, terminal = sorted(
        (one for one in inspect(tmp_path, "security_scan").findings if one.evidence[0].hops),
        key=lambda one: one.path,
    )
    assert (own.severity, own.confidence) == (Severity.INFO, Confidence.LOW)
    assert own.message.endswith("whoever starts the program may run anything anyway.")
    assert shell.path == "b.py"
    assert shell.severity is not Severity.INFO
    assert shell.confidence is Confidence.MEDIUM  # nobody gains by it
    assert terminal.severity is Severity.INFO
