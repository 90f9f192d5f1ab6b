"""What is wrong by itself and its twin that is right; queries of document databases; programs and their arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found, in_view

CRYPTO = """\
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from Crypto.Cipher import AES, ARC4
from Crypto.PublicKey import RSA
import aiohttp, jwt, paramiko, requests, ssl
from OpenSSL import SSL
"""
HEAD_LINES = CRYPTO.count("\n")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("SHORT = 1024\nmake = rsa.generate_private_key\nmake(65537, SHORT)", ["weak-key 3"]),
        ("def make(bits):\n    return RSA.generate(bits)\nmake(1024)", ["weak-key 2"]),
        ("rsa.generate_private_key(public_exponent=65537, key_size=2048)\nRSA.generate(4096)", []),
        ("ec.generate_private_key(ec.SECP192R1())\nec.generate_private_key(ec.SECP256R1())", ["weak-key 1"]),
        ("dsa.generate_private_key(key_size=1024)\ndsa.generate_private_key(key_size=3072)", ["weak-key 1"]),
        (
            "Cipher(algorithms.ARC4(b'k'), mode=None)\nCipher(algorithms.AES(b'k'), modes.GCM(b'n'))",
            ["weak-cipher 1"],
        ),
        (
            "AES.new(b'k', AES.MODE_ECB)\nAES.new(b'k', AES.MODE_GCM)\nARC4.new(b'k')",
            ["weak-cipher 1", "weak-cipher 3"],
        ),
        ("hashes.MD5()\nhashes.SHA256()", ["weak-hash 1"]),
        ("ssl.SSLContext(ssl.PROTOCOL_TLSv1)\nssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)", ["weak-tls 1"]),
        ("METHOD = SSL.SSLv3_METHOD\nSSL.Context(METHOD)\nSSL.Context(SSL.TLSv1_2_METHOD)", ["weak-tls 2"]),
        (
            "c = ssl.SSLContext(ssl.PROTOCOL_TLS)\nc.minimum_version = ssl.TLSVersion.TLSv1_1\nc.wrap_socket(s)",
            ["weak-tls 3"],
        ),
        (
            "c = ssl.SSLContext(ssl.PROTOCOL_TLS)\nc.minimum_version = ssl.TLSVersion.TLSv1_2\nc.wrap_socket(s)",
            [],
        ),
        (
            "c = ssl.SSLContext(ssl.PROTOCOL_TLS)\nc.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1\n"
            "c.wrap_socket(s)",
            [],
        ),
        (
            "def make():\n    c = ssl.SSLContext(ssl.PROTOCOL_TLS)\n    c.options |= ssl.OP_NO_TLSv1\n    return c\n"
            "make().wrap_socket(s)",
            ["weak-tls 5"],
        ),
        ("c = ssl.create_default_context()\nc.options &= ~ssl.OP_NO_SSLv3\nc.wrap_socket(s)", ["weak-tls 3"]),
        ("c = ssl.create_default_context()\nc.wrap_socket(s)", []),
        ("c = ssl.create_default_context()\nc.verify_mode = ssl.CERT_NONE", ["unverified-certificate 2"]),
        ("c = ssl.create_default_context()\nc.verify_mode = ssl.CERT_REQUIRED", []),
        (
            "s = requests.Session()\ns.verify = False\nt = requests.Session()\nt.verify = True",
            ["unverified-certificate 2"],
        ),
        ("aiohttp.TCPConnector(ssl=False)\naiohttp.TCPConnector()", ["unverified-certificate 1"]),
        (
            "c = paramiko.SSHClient()\nc.set_missing_host_key_policy(paramiko.AutoAddPolicy())\n"
            "c.set_missing_host_key_policy(paramiko.RejectPolicy())",
            ["unverified-certificate 2"],
        ),
        (
            "jwt.decode(t, options={'verify_signature': False})\njwt.decode(t, KEY, algorithms=['HS256'])",
            ["unverified-token 1"],
        ),
        ("jwt.decode(t, verify=False)\njwt.decode(t, KEY, verify=True)", ["unverified-token 1"]),
    ],
)
def test_setting_is_wrong_by_itself(tmp_path: Path, program: str, expected: list[str]) -> None:
    told = found(
        tmp_path,
        {"a.py": f"{CRYPTO}def view(s, t):\n" + "".join(f"    {one}\n" for one in program.split("\n"))},
    )
    lines = [one.split(" a.py:") for one in told]
    assert [f"{rule} {int(line) - HEAD_LINES - 1}" for rule, line in lines] == expected


def test_switches_of_flask_are_read(tmp_path: Path) -> None:
    program = """\
        from flask import Flask
        app = Flask(__name__)
        app.config["WTF_CSRF_ENABLED"] = False
        app.config["SESSION_COOKIE_SECURE"] = True
        app.config["SESSION_COOKIE_HTTPONLY"] = False
        app.config["TESTING"] = False
        """
    assert found(tmp_path, {"a.py": program}) == ["forgery-protection-off a.py:3", "cookie-flags a.py:5"]


MONGO = "import json\nfrom pymongo import MongoClient\nposts = MongoClient().shop.posts\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("posts.find_one({'author': p})", []),
        ("posts.find_one({'author': json.loads(p)})", ["taint-nosql 1"]),
        ("posts.find(filter={'author': request.get_json()['author']})", ["taint-nosql 1"]),
        ("posts.find({'author': str(request.get_json()['author'])})", []),
        ("posts.find({'author': {'$eq': json.loads(p)}})", []),
        ("posts.find(json.loads(p))", ["taint-nosql 1"]),
        ("posts.find({'$where': 'this.author == ' + p})", ["taint-nosql 1"]),
        (
            "posts.find({'$expr': {'$function': {'body': 'f(' + p + ')', 'args': [], 'lang': 'js'}}})",
            ["taint-nosql 1"],
        ),
        ("posts.find({'$expr': {'$function': {'body': 'f', 'args': [p], 'lang': 'js'}}})", []),
        ("posts.aggregate([{'$match': {'author': json.loads(p)}}])", ["taint-nosql 1"]),
        ("MongoClient().get_database('a')['b'].find({'a': json.loads(p)})", ["taint-nosql 1"]),
        (
            "from shop import db\ndb.users.find_one({'a': json.loads(p)})\ndb.users.find('a', json.loads(p))",
            ["taint-nosql 2"],
        ),
    ],
)
def test_only_data_with_structure_changes_a_query(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body, MONGO) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.execv('/bin/ls', ['ls', p])", []),
        ("os.execv('/bin/sh', ['sh', '-c', p])", ["taint-command 1"]),
        ("os.spawnl(os.P_WAIT, '/bin/bash', '-c', 'ls ' + p)", ["taint-command 1"]),
        ("os.spawnve(os.P_WAIT, p, ['-a'], os.environ)", ["taint-command 1"]),
        ("os.spawnlp(os.P_WAIT, 'ls', 'ls', p)", []),
        ("import asyncio\nasyncio.create_subprocess_exec('ls', p)", []),
        ("import asyncio\nasyncio.create_subprocess_exec('bash', '-c', p)", ["taint-command 2"]),
    ],
)
def test_program_with_its_arguments_is_told_from_a_shell(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, body) == expected


def test_what_an_event_brings_is_input(tmp_path: Path) -> None:
    program = """\
        import os

        def handler(event, context):
            os.system("ls " + event["folder"])

        def other(event, name):
            os.system("ls " + event["folder"])
        """
    assert found(tmp_path, {"a.py": program}) == ["taint-command a.py:4"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "if (p or not request.is_json) and not re.fullmatch('[a-z]+', p):\n    p = 'x'\nif p:\n    open(p)",
            [],
        ),
        ("if not p:\n    open(p)", []),
        ("if not os.path.basename(p):\n    open(p)", ["taint-path 2"]),
        ("ok = check(p)\nif not ok:\n    open(p)", ["taint-path 3"]),
        ("m = re.fullmatch('[a-z]+', p)\nif not m:\n    open(p)", ["taint-path 3"]),
    ],
)
def test_empty_text_is_harmless(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body, "import re\nfrom checks import check\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("log.info('%s', password)", ["secret-logged 1"]),
        ("log.info(f'login {user.api_key}')", ["secret-logged 1"]),
        ("log.info('x ' + config['secret_key'])", ["secret-logged 1"]),
        ("log.info('{}'.format(get_password()))", ["secret-logged 1"]),
        ("log.info('%s', config.get('access_token'))", ["secret-logged 1"]),
        ("print(password)", ["secret-logged 1"]),
        ("log.info('password %s', len(password))", []),
        ("log.info('%s', digest(password))", []),
        ("log.info('%s', 'set' if password else 'unset')", []),
        ("log.info('%s', password_changed)", []),
        ("password = 'x'\nlog.info('the password of %s', user)", []),
        ("log.info('%s', forgot_password())", []),
        ("password = password[:2] + '****'\nlog.info('%s', password)", []),
        ("password = masked(password)\nlog.info('%s', password)", []),
        ("password = password[:2] + '-'\nlog.info('%s', password)", ["secret-logged 2"]),
        ("log.info('%s', password)\npassword = '***' + user", ["secret-logged 1"]),
    ],
)
def test_secret_in_a_log_is_told_by_its_name(tmp_path: Path, body: str, expected: list[str]) -> None:
    head = (
        "import logging\nlog = logging.getLogger('x')\ndef view(password, user, config, password_changed):\n"
    )
    told = found(tmp_path, {"a.py": head + "".join(f"    {line}\n" for line in body.split("\n"))})
    lines = [one.split(" a.py:") for one in told]
    assert [f"{rule} {int(line) - 3}" for rule, line in lines] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try:\n    work()\nexcept Exception:\n    return traceback.format_exc()", ["stack-trace-sent 4"]),
        (
            "try:\n    work()\nexcept Exception:\n    return {'error': traceback.format_exc()}",
            ["stack-trace-sent 4"],
        ),
        ("try:\n    work()\nexcept Exception:\n    log.error(traceback.format_exc())", []),
        ("return jsonify(error=traceback.format_exc())", ["stack-trace-sent 1"]),
        ("resp = make_response('x', {p: 'value'})\nreturn resp", ["taint-header 1"]),
        ("resp = make_response('x', {'X-Name': p})\nreturn resp", []),
        ("resp = make_response('x')\nresp.headers.extend([(p, 'value')])\nreturn resp", ["taint-header 2"]),
        ("resp = make_response('x')\nresp.headers.extend([('X-Name', p)])\nreturn resp", []),
    ],
)
def test_answer_holds_no_stack_trace_and_no_header_of_choice(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    head = (
        "import logging, traceback\nfrom flask import jsonify, make_response\nlog = logging.getLogger('x')\n"
    )
    assert in_view(tmp_path, body, head) == expected


@pytest.mark.parametrize(
    ("asked", "weight"),
    [
        ("args.debug", ("info", "low")),
        ("settings.DEV_MODE", ("info", "low")),
        ("args.host", ("high", "high")),
        ("args.device", ("high", "high")),
        ("args.debug and args.host", ("info", "low")),
        ("not args.debug", ("high", "high")),
        ("not args.no_debug", ("high", "high")),
        ("args.production:\n        app.run()\n    elif args.debug", ("info", "low")),
        ("args.no_debug:\n        app.run()\n    else", ("high", "high")),
    ],
)
def test_debug_mode_that_somebody_asks_for(tmp_path: Path, asked: str, weight: tuple[str, str]) -> None:
    text = (
        "from flask import Flask\nfrom shop import settings\napp = Flask(__name__)\n"
        f"def main(args):\n    if {asked}:\n        app.run(debug=True)\n"
    )
    told = analysed(tmp_path, {"app.py": text})["findings"]
    assert [(one["severity"], one["confidence"]) for one in told] == [weight]


@pytest.mark.parametrize(
    ("name", "severity"),
    [("'session_token'", "medium"), ("settings.SESSION_COOKIE_NAME", "medium"),
     ("key=settings.SESSION_COOKIE_NAME", "medium"), ("settings.session_cookie_name", "medium"),
     ("app.config['SESSION_COOKIE_NAME']", "medium"), ("settings.LANGUAGE_COOKIE_NAME", "info"),
     ("key=settings.language_cookie_name", "info"), ("'theme'", "info"), ("key", "info")],
)  # fmt: skip
def test_cookie_whose_name_tells_of_no_secret(tmp_path: Path, name: str, severity: str) -> None:
    text = (
        "from flask import Flask, make_response\nfrom shop import settings, key\napp = Flask(__name__)\n"
        "@app.route('/')\ndef view():\n    r = make_response('x')\n"
        f"    r.set_cookie({name}, value='x')\n    return r\n"
    )
    told = analysed(tmp_path, {"app.py": text})["findings"]
    assert [one["severity"] for one in told] == [severity]
