"""The weaknesses that are about how a thing is done, not about what flows: there every request will do."""

from __future__ import annotations

from benchmarks.inspector.cases.weakness import Kind, Sink

HASH = Kind(
    "hash",
    328,
    (),
    flowless=(
        Sink("md5", "answer = hashlib.md5(b'text').hexdigest()", "import hashlib"),
        Sink(
            "sha1",
            "digest = hashlib.sha1()\ndigest.update(b'text')\nanswer = digest.hexdigest()",
            "import hashlib",
        ),
        Sink("new md5", "answer = hashlib.new('md5', b'text').hexdigest()", "import hashlib"),
        Sink(
            "new by a name",
            "name = 'sha' + '1'\nanswer = hashlib.new(name, b'text').hexdigest()",
            "import hashlib",
        ),
        Sink(
            "new by a safe name",
            "name = 'sha' + '256'\nanswer = hashlib.new(name, b'text').hexdigest()",
            "import hashlib",
        ),
        Sink(
            "from settings",
            "answer = hashlib.new(SETTINGS['digest'], b'text').hexdigest()",
            "import hashlib\n\nSETTINGS = {{'digest': 'md5', 'other': 'sha512'}}",
        ),
        Sink(
            "from safe settings",
            "answer = hashlib.new(SETTINGS['other'], b'text').hexdigest()",
            "import hashlib\n\nSETTINGS = {{'digest': 'md5', 'other': 'sha512'}}",
        ),
        Sink("alias", "answer = weak(b'text').hexdigest()", "from hashlib import md5 as weak"),
        Sink("sha256", "answer = hashlib.sha256(b'text').hexdigest()", "import hashlib"),
        Sink(
            "sha512",
            "digest = hashlib.sha512()\ndigest.update(b'text')\nanswer = digest.hexdigest()",
            "import hashlib",
        ),
        Sink(
            "untaken",
            "algorithm = 'md5' if 3 > 5 else 'sha384'\nanswer = hashlib.new(algorithm, b'text').hexdigest()",
            "import hashlib",
        ),
        Sink(
            "taken",
            "algorithm = 'md5' if 3 < 5 else 'sha384'\nanswer = hashlib.new(algorithm, b'text').hexdigest()",
            "import hashlib",
        ),
        Sink("getattr", "answer = getattr(hashlib, 'md5')(b'text').hexdigest()", "import hashlib"),
        Sink("blake", "answer = hashlib.blake2b(b'text').hexdigest()", "import hashlib"),
        Sink(
            "by function",
            "answer = hashlib.new(algorithm(), b'text').hexdigest()",
            "import hashlib\n\ndef algorithm():\n    return 'MD5'",
        ),
        Sink(
            "by safe function",
            "answer = hashlib.new(algorithm(), b'text').hexdigest()",
            "import hashlib\n\ndef algorithm():\n    return 'sha3_256'",
        ),
    ),
)

RANDOM = Kind(
    "random",
    330,
    (),
    flowless=(
        Sink("random", "token = str(random.random())[2:]\nanswer = token", "import random"),
        Sink(
            "randint",
            "session_token = str(random.randint(0, 10**9))\nanswer = session_token",
            "import random",
        ),
        Sink(
            "choice",
            "password = ''.join(random.choice('abcdef') for _ in range(12))\nanswer = password",
            "import random",
        ),
        Sink("choices", "token = ''.join(random.choices('abcdef', k=12))\nanswer = token", "import random"),
        Sink("getrandbits", "key = format(random.getrandbits(64), 'x')\nanswer = key", "import random"),
        Sink("alias", "token = str(draw(10**9))\nanswer = token", "from random import randrange as draw"),
        Sink(
            "system", "token = str(random.SystemRandom().randint(0, 10**9))\nanswer = token", "import random"
        ),
        Sink(
            "system choice",
            "draw = random.SystemRandom()\ntoken = ''.join(draw.choice('abcdef') for _ in range(12))\n"
            "answer = token",
            "import random",
        ),
        Sink("secrets", "token = secrets.token_hex(16)\nanswer = token", "import secrets"),
        Sink(
            "secrets choice",
            "password = ''.join(secrets.choice('abcdef') for _ in range(12))\nanswer = password",
            "import secrets",
        ),
        Sink("urandom", "key = os.urandom(16).hex()\nanswer = key", "import os"),
        Sink("uuid4", "token = str(uuid.uuid4())\nanswer = token", "import uuid"),
    ),
)

_R = "from flask import make_response"
COOKIE = Kind(
    "cookie",
    614,
    (),
    flowless=(
        Sink(
            "bare",
            "response = make_response('x')\nresponse.set_cookie('session_id', 'v')\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "secure",
            "response = make_response('x')\nresponse.set_cookie('session_id', 'v', secure=True, "
            "httponly=True, samesite='Lax')\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "not secure",
            "response = make_response('x')\nresponse.set_cookie('session_id', 'v', secure=False, "
            "httponly=True, samesite='Lax')\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "by a constant",
            "safe = 3 > 2\nresponse = make_response('x')\nresponse.set_cookie('session_id', 'v', "
            "secure=safe, httponly=safe, samesite='Strict')\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "by options",
            "options = {{'secure': False, 'httponly': True, 'samesite': 'Lax'}}\n"
            "response = make_response('x')\nresponse.set_cookie('session_id', 'v', **options)\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "by safe options",
            "options = {{'secure': True, 'httponly': True, 'samesite': 'Lax'}}\n"
            "response = make_response('x')\nresponse.set_cookie('session_id', 'v', **options)\nreturn response",
            _R,
            "flask",
        ),
        Sink(
            "bare",
            "response = HttpResponse('x')\nresponse.set_cookie('session_id', 'v')\nreturn response",
            "",
            "django",
        ),
        Sink(
            "secure",
            "response = HttpResponse('x')\nresponse.set_cookie('session_id', 'v', secure=True, httponly=True, "
            "samesite='Lax')\nreturn response",
            "",
            "django",
        ),
        Sink(
            "bare",
            "response = HTMLResponse('x')\nresponse.set_cookie('session_id', 'v')\nreturn response",
            "from starlette.responses import HTMLResponse",
            "fastapi",
        ),
        Sink(
            "secure",
            "response = HTMLResponse('x')\nresponse.set_cookie('session_id', 'v', secure=True, httponly=True, "
            "samesite='lax')\nreturn response",
            "from starlette.responses import HTMLResponse",
            "fastapi",
        ),
    ),
)

FLOWLESS = (HASH, RANDOM, COOKIE)
