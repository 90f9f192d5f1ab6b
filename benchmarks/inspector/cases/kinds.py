"""The weaknesses of which cases are made: where a value ends, and which texts an attacker sends.

A sink is text with `{o}` for the name of the value; it may leave a text in `answer`, which the view sends back.
Sinks that depend on the web framework stand under its name, the others under "". Each kind has sinks that are safe
whatever arrives, beside those that are not. `payloads` are tried one after the other: one success is enough.
Kinds without a payload are about how a thing is done, not about what flows: there every request will do.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sink:
    """One place where a value ends."""

    name: str
    lines: str
    above: str = ""
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One weakness; `cwe` is its family's first number."""

    name: str
    cwe: int
    sinks: tuple[Sink, ...]
    payloads: tuple[str, ...] = ()
    flowless: tuple[Sink, ...] = ()


# A pickle that calls builtins.case_mark(): protocol 0, written by hand.
_PICKLE = base64.b64encode(b"cbuiltins\ncase_mark\n(S'pwned'\ntR.").decode()
_DB = (
    "import sqlite3\n\ndef database():\n    link = sqlite3.connect(':memory:')\n"
    "    link.execute('CREATE TABLE item (name TEXT, secret TEXT)')\n"
    "    link.execute(\"INSERT INTO item VALUES ('report', 'fine'), ('hidden', 'SECRET-ROW')\")\n    return link"
)

SQL = Kind(
    "sql",
    89,
    (
        Sink(
            "f-string",
            "answer = str(database().execute(f\"SELECT secret FROM item WHERE name = '{{{o}}}'\")"
            ".fetchall())",
            _DB,
        ),
        Sink(
            "concatenation",
            'cursor = database().cursor()\nquery = "SELECT secret FROM item WHERE name = \'" + {o} + "\'"\n'
            "cursor.execute(query)\nanswer = str(cursor.fetchall())",
            _DB,
        ),
        Sink(
            "percent",
            'link = database()\ncursor = link.cursor()\ncursor.execute("SELECT secret FROM item WHERE '
            "name = '%s'\" % {o})\nanswer = str(cursor.fetchall())",
            _DB,
        ),
        Sink(
            "parameter",
            "answer = str(database().execute('SELECT secret FROM item WHERE name = ?', ({o},)).fetchall())",
            _DB,
        ),
        Sink(
            "named parameter",
            "cursor = database().cursor()\ncursor.execute('SELECT secret FROM item WHERE name = "
            ":name', {{'name': {o}}})\nanswer = str(cursor.fetchall())",
            _DB,
        ),
    ),
    ("x' OR '1'='1", "x' UNION SELECT secret FROM item --"),
)

COMMAND = Kind(
    "command",
    78,
    (
        Sink("os.popen", "answer = os.popen('echo ' + {o}).read()", "import os"),
        Sink(
            "run in a shell",
            "answer = subprocess.run(f'echo {{{o}}}', shell=True, capture_output=True, text=True).stdout",
            "import subprocess",
        ),
        Sink(
            "check_output in a shell",
            "answer = subprocess.check_output('echo %s' % {o}, shell=True, text=True)",
            "import subprocess",
        ),
        Sink(
            "shell by list",
            "answer = subprocess.run(['sh', '-c', 'echo ' + {o}], capture_output=True, text=True).stdout",
            "import subprocess",
        ),
        Sink(
            "list",
            "answer = subprocess.run(['echo', {o}], capture_output=True, text=True).stdout",
            "import subprocess",
        ),
        Sink("quoted", "answer = os.popen('echo ' + shlex.quote({o})).read()", "import os\nimport shlex"),
    ),
    ("x; expr 40 + 5678", "x | expr 40 + 5678", "$(expr 40 + 5678)"),
)

CODE = Kind(
    "code",
    94,
    (
        Sink("eval", "try:\n    answer = str(eval({o}))\nexcept Exception as error:\n    answer = 'wrong'"),
        Sink("exec", "try:\n    exec({o})\nexcept Exception:\n    pass\nanswer = 'done'"),
        Sink(
            "compile",
            "try:\n    answer = str(eval(compile({o}, 'x', 'eval')))\nexcept Exception:\n    answer = 'wrong'",
        ),
        Sink(
            "literal",
            "try:\n    answer = str(ast.literal_eval({o}))\nexcept Exception:\n    answer = 'wrong'",
            "import ast",
        ),
    ),
    ("case_mark('pwned')",),
)

LOADING = Kind(
    "deserialisation",
    502,
    (
        Sink(
            "pickle",
            "try:\n    answer = str(pickle.loads(base64.b64decode({o})))\nexcept Exception:\n    answer = 'wrong'",
            "import base64\nimport pickle",
        ),
        Sink(
            "unpickler",
            "try:\n    answer = str(pickle.Unpickler(io.BytesIO(base64.b64decode({o}))).load())\n"
            "except Exception:\n    answer = 'wrong'",
            "import base64\nimport io\nimport pickle",
        ),
        Sink(
            "yaml loader",
            "try:\n    answer = str(yaml.load({o}, Loader=yaml.UnsafeLoader))\nexcept Exception:\n"
            "    answer = 'wrong'",
            "import yaml",
        ),
        Sink(
            "yaml unsafe",
            "try:\n    answer = str(yaml.unsafe_load({o}))\nexcept Exception:\n    answer = 'wrong'",
            "import yaml",
        ),
        Sink(
            "yaml safe",
            "try:\n    answer = str(yaml.safe_load({o}))\nexcept Exception:\n    answer = 'wrong'",
            "import yaml",
        ),
        Sink(
            "yaml safe loader",
            "try:\n    answer = str(yaml.load({o}, Loader=yaml.SafeLoader))\nexcept Exception:\n"
            "    answer = 'wrong'",
            "import yaml",
        ),
        Sink(
            "json",
            "try:\n    answer = str(json.loads({o}))\nexcept Exception:\n    answer = 'wrong'",
            "import json",
        ),
    ),
    (_PICKLE, "!!python/object/apply:builtins.case_mark ['pwned']"),
)

PATH = Kind(
    "path",
    22,
    (
        Sink(
            "open joined",
            "try:\n    with open(os.path.join(CASE_FOLDER, {o})) as file:\n        answer = file.read()\n"
            "except (OSError, ValueError):\n    answer = 'none'",
            "import os",
        ),
        Sink(
            "open f-string",
            "try:\n    answer = open(f'{{CASE_FOLDER}}/{{{o}}}').read()\nexcept (OSError, ValueError):\n"
            "    answer = 'none'",
        ),
        Sink(
            "pathlib",
            "try:\n    answer = (Path(CASE_FOLDER) / {o}).read_text()\nexcept (OSError, ValueError):\n"
            "    answer = 'none'",
            "from pathlib import Path",
        ),
        Sink(
            "base name",
            "try:\n    answer = open(os.path.join(CASE_FOLDER, os.path.basename({o}))).read()\n"
            "except (OSError, ValueError):\n    answer = 'none'",
            "import os",
        ),
        Sink(
            "contained",
            "root = os.path.realpath(CASE_FOLDER)\nfull = os.path.realpath(os.path.join(root, {o}))\n"
            "if not full.startswith(root + os.sep):\n    {refuse}\ntry:\n    answer = open(full).read()\n"
            "except (OSError, ValueError):\n    answer = 'none'",
            "import os",
        ),
        Sink(
            "resolved",
            "root = Path(CASE_FOLDER).resolve()\nfull = (root / {o}).resolve()\n"
            "if not full.is_relative_to(root):\n    {refuse}\ntry:\n    answer = full.read_text()\n"
            "except (OSError, ValueError):\n    answer = 'none'",
            "from pathlib import Path",
        ),
        Sink(
            "dots refused at the start",
            "if {o}.startswith('../'):\n    {refuse}\ntry:\n    answer = "
            "open(os.path.join(CASE_FOLDER, {o})).read()\nexcept (OSError, ValueError):\n    answer = 'none'",
            "import os",
        ),
        Sink(
            "secure name",
            "from werkzeug.utils import secure_filename\ntry:\n    answer = open(os.path.join("
            "CASE_FOLDER, secure_filename({o}) or 'report')).read()\nexcept (OSError, ValueError):\n"
            "    answer = 'none'",
            "import os",
        ),
    ),
    ("../secret.txt", "./../secret.txt", "CASE_SECRET"),
)

REDIRECT = Kind(
    "redirect",
    601,
    (
        Sink("redirect", "return redirect({o})", "from flask import redirect", "flask"),
        Sink("prefixed", "return redirect('/pages/' + {o})", "from flask import redirect", "flask"),
        Sink(
            "host compared",
            "if urlsplit({o}).netloc not in ('', 'shop.example'):\n    {refuse}\n"
            "return redirect('https://shop.example/')",
            "from urllib.parse import urlsplit\nfrom flask import redirect",
            "flask",
        ),
        Sink(
            "location header",
            "response = make_response('', 302)\nresponse.headers['Location'] = {o}\nreturn response",
            "from flask import make_response",
            "flask",
        ),
        Sink("redirect", "return redirect({o})", "from django.shortcuts import redirect", "django"),
        Sink(
            "response",
            "return HttpResponseRedirect({o})",
            "from django.http import HttpResponseRedirect",
            "django",
        ),
        Sink(
            "allowed host",
            "if not url_has_allowed_host_and_scheme({o}, allowed_hosts=None):\n    {refuse}\n"
            "return HttpResponseRedirect({o})",
            "from django.http import HttpResponseRedirect\n"
            "from django.utils.http import url_has_allowed_host_and_scheme",
            "django",
        ),
        Sink(
            "response",
            "return RedirectResponse({o})",
            "from starlette.responses import RedirectResponse",
            "fastapi",
        ),
        Sink(
            "prefixed",
            "return RedirectResponse('/pages/' + {o})",
            "from starlette.responses import RedirectResponse",
            "fastapi",
        ),
    ),
    ("https://evil.example/x", "//evil.example/x"),
)

HTML = Kind(
    "xss",
    79,
    (
        Sink("returned", "return '<p>' + {o} + '</p>'", "", "flask"),
        Sink(
            "response",
            "response = make_response(f'<b>{{{o}}}</b>')\nreturn response",
            "from flask import make_response",
            "flask",
        ),
        Sink("escaped", "return '<p>' + str(escape({o})) + '</p>'", "from markupsafe import escape", "flask"),
        Sink("html.escape", "return '<p>%s</p>' % html.escape({o})", "import html", "flask"),
        Sink(
            "template text",
            "return render_template_string('<p>{{{{ text }}}}</p>', text={o})",
            "from flask import render_template_string",
            "flask",
        ),
        Sink(
            "template text, safe",
            "return render_template_string('<p>{{{{ text|safe }}}}</p>', text={o})",
            "from flask import render_template_string",
            "flask",
        ),
        Sink(
            "plain text", "return Response({o}, mimetype='text/plain')", "from flask import Response", "flask"
        ),
        Sink("json", "return jsonify(text={o})", "from flask import jsonify", "flask"),
        Sink("markup", "return str(Markup('<p>' + {o} + '</p>'))", "from markupsafe import Markup", "flask"),
        Sink(
            "markup format",
            "return str(Markup('<p>{{}}</p>').format({o}))",
            "from markupsafe import Markup",
            "flask",
        ),
        Sink("response", "return HttpResponse('<p>' + {o} + '</p>')", "", "django"),
        Sink(
            "mark_safe",
            "return HttpResponse(mark_safe('<p>%s</p>' % {o}))",
            "from django.utils.safestring import mark_safe",
            "django",
        ),
        Sink(
            "escape",
            "return HttpResponse('<p>' + escape({o}) + '</p>')",
            "from django.utils.html import escape",
            "django",
        ),
        Sink(
            "format_html",
            "return HttpResponse(format_html('<p>{{}}</p>', {o}))",
            "from django.utils.html import format_html",
            "django",
        ),
        Sink(
            "json", "return JsonResponse({{'text': {o}}})", "from django.http import JsonResponse", "django"
        ),
        Sink("plain", "return HttpResponse({o}, content_type='text/plain')", "", "django"),
        Sink(
            "html",
            "return HTMLResponse('<p>' + {o} + '</p>')",
            "from starlette.responses import HTMLResponse",
            "fastapi",
        ),
        Sink("json by default", "return {{'text': {o}}}", "", "fastapi"),
        Sink(
            "escaped",
            "return HTMLResponse('<p>' + html.escape({o}) + '</p>')",
            "import html\nfrom starlette.responses import HTMLResponse",
            "fastapi",
        ),
    ),
    ("<script>alert(1)</script>",),
)

TEMPLATE = Kind(
    "template",
    1336,
    (
        Sink(
            "text as template",
            "return render_template_string('<p>' + {o} + '</p>')",
            "from flask import render_template_string",
            "flask",
        ),
        Sink("jinja", "answer = Environment().from_string({o}).render()", "from jinja2 import Environment"),
        Sink("jinja template", "answer = Template('Hello ' + {o}).render()", "from jinja2 import Template"),
        Sink(
            "variable",
            "answer = Template('Hello {{{{ name }}}}').render(name={o})",
            "from jinja2 import Template",
        ),
    ),
    ("{{ 40 * 143 }}-marked",),
)

_LXML = (
    'from lxml import etree\n\nDOCUMENT = etree.fromstring(\'<users><user name="report"><mail>fine</mail></user>'
    '<user name="hidden"><mail>SECRET-ROW</mail></user></users>\')'
)
XPATH = Kind(
    "xpath",
    643,
    (
        Sink(
            "xpath",
            'try:\n    answer = str([node.text for node in DOCUMENT.xpath("//user[@name=\'" + {o} + "\']/mail")])\n'
            "except etree.XPathError:\n"
            "    answer = 'wrong'",
            _LXML,
        ),
        Sink(
            "compiled",
            "try:\n    find = etree.XPath(f\"//user[@name='{{{o}}}']/mail\")\n"
            "    answer = str([node.text for node in find(DOCUMENT)])\nexcept etree.XPathError:\n"
            "    answer = 'wrong'",
            _LXML,
        ),
        Sink(
            "variable",
            "answer = str([node.text for node in DOCUMENT.xpath('//user[@name=$name]/mail', name={o})])",
            _LXML,
        ),
    ),
    ("x' or '1'='1",),
)

_LDAP = (
    "from ldap3 import MOCK_SYNC, Connection, Server\nfrom ldap3.utils.conv import escape_filter_chars\n\n"
    "def directory():\n    return Connection(Server('directory'), client_strategy=MOCK_SYNC)"
)
LDAP = Kind(
    "ldap",
    90,
    (
        Sink(
            "f-string",
            "link = directory()\nlink.bind()\nlink.search('dc=shop', f'(&(uid={{{o}}})(active=1))')\n"
            "answer = 'done'",
            _LDAP,
        ),
        Sink(
            "concatenation",
            "link = directory()\nlink.bind()\nlink.search(search_base='dc=shop', "
            "search_filter='(uid=' + {o} + ')')\nanswer = 'done'",
            _LDAP,
        ),
        Sink(
            "escaped",
            "link = directory()\nlink.bind()\nlink.search('dc=shop', '(uid=' + escape_filter_chars({o}) + ')')\n"
            "answer = 'done'",
            _LDAP,
        ),
    ),
    ("x)(uid=*",),
)

XML = Kind(
    "xxe",
    611,
    (
        Sink(
            "lxml resolving",
            "try:\n    parser = etree.XMLParser(resolve_entities=True, no_network=True)\n"
            "    answer = str(etree.fromstring({o}.encode(), parser).text)\nexcept etree.XMLSyntaxError:\n"
            "    answer = 'wrong'",
            "from lxml import etree",
        ),
        Sink(
            "lxml not resolving",
            "try:\n    parser = etree.XMLParser(resolve_entities=False)\n"
            "    answer = str(etree.fromstring({o}.encode(), parser).text)\nexcept etree.XMLSyntaxError:\n"
            "    answer = 'wrong'",
            "from lxml import etree",
        ),
        Sink(
            "sax with entities",
            "class Reader(xml.sax.ContentHandler):\n    def __init__(self):\n        self.parts = []\n\n"
            "    def characters(self, content):\n        self.parts.append(content)\n\nreader = Reader()\n"
            "parser = xml.sax.make_parser()\nparser.setFeature(xml.sax.handler.feature_external_ges, True)\n"
            "parser.setContentHandler(reader)\ntry:\n    parser.parse(io.StringIO({o}))\nexcept Exception:\n    pass"
            "\nanswer = ''.join(reader.parts)",
            "import io\nimport xml.sax\nimport xml.sax.handler",
        ),
        Sink(
            "sax without entities",
            "class Reader(xml.sax.ContentHandler):\n    def __init__(self):\n        self.parts = []\n\n"
            "    def characters(self, content):\n        self.parts.append(content)\n\nreader = Reader()\n"
            "parser = xml.sax.make_parser()\nparser.setFeature(xml.sax.handler.feature_external_ges, False)\n"
            "parser.setContentHandler(reader)\ntry:\n    parser.parse(io.StringIO({o}))\nexcept Exception:\n    pass"
            "\nanswer = ''.join(reader.parts)",
            "import io\nimport xml.sax\nimport xml.sax.handler",
        ),
    ),
    ('<!DOCTYPE a [<!ENTITY b SYSTEM "file://CASE_SECRET">]><a>&b;</a>',),
)

OUTGOING = Kind(
    "ssrf",
    918,
    (
        Sink(
            "requests",
            "try:\n    answer = requests.get({o}, timeout=5).text\nexcept requests.RequestException:\n"
            "    answer = 'none'",
            "import requests",
        ),
        Sink(
            "urlopen",
            "try:\n    answer = urlopen({o}, timeout=5).read().decode()\nexcept (OSError, ValueError):\n"
            "    answer = 'none'",
            "from urllib.request import urlopen",
        ),
        Sink(
            "fixed host",
            "try:\n    answer = requests.get('http://localhost:1/items/' + {o}, timeout=5).text\n"
            "except requests.RequestException:\n    answer = 'none'",
            "import requests",
        ),
        Sink(
            "parameter",
            "try:\n    answer = requests.get('http://localhost:1/', params={{'q': {o}}}, timeout=5).text\n"
            "except requests.RequestException:\n    answer = 'none'",
            "import requests",
        ),
    ),
    ("http://CASE_HOST/x",),
)

TRUST = Kind(
    "trust",
    501,
    (
        Sink("value", "session['choice'] = {o}\nreturn 'kept'", "from flask import session", "flask"),
        Sink("key", "session[{o}] = 'yes'\nreturn 'kept'", "from flask import session", "flask"),
        Sink("constant", "session['choice'] = 'report'\nreturn 'kept'", "from flask import session", "flask"),
        Sink("value", "request.session['choice'] = {o}\nreturn HttpResponse('kept')", "", "django"),
    ),
    ("TRUSTED-MARK",),
)

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

KINDS: tuple[Kind, ...] = (
    SQL,
    COMMAND,
    CODE,
    LOADING,
    PATH,
    REDIRECT,
    HTML,
    TEMPLATE,
    XPATH,
    LDAP,
    XML,
    OUTGOING,
    TRUST,
    HASH,
    RANDOM,
    COOKIE,
)
