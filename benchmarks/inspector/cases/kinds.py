"""The weaknesses of which cases are made: where a value ends, and which texts an attacker sends.

`payloads` are tried one after the other: one success is enough.
"""

from __future__ import annotations

import base64

from benchmarks.inspector.cases.flowless import FLOWLESS
from benchmarks.inspector.cases.frames import DATABASE, DIRECTORY, DOCUMENT
from benchmarks.inspector.cases.weakness import Kind, Sink

# A pickle that calls builtins.case_mark(): protocol 0, written by hand.
_PICKLE = base64.b64encode(b"cbuiltins\ncase_mark\n(S'pwned'\ntR.").decode()

SQL = Kind(
    "sql",
    89,
    (
        Sink(
            "f-string",
            "answer = str(database().execute(f\"SELECT secret FROM item WHERE name = '{{{o}}}'\")"
            ".fetchall())",
            DATABASE,
        ),
        Sink(
            "concatenation",
            'cursor = database().cursor()\nquery = "SELECT secret FROM item WHERE name = \'" + {o} + "\'"\n'
            "cursor.execute(query)\nanswer = str(cursor.fetchall())",
            DATABASE,
        ),
        Sink(
            "percent",
            'link = database()\ncursor = link.cursor()\ncursor.execute("SELECT secret FROM item WHERE '
            "name = '%s'\" % {o})\nanswer = str(cursor.fetchall())",
            DATABASE,
        ),
        Sink(
            "parameter",
            "answer = str(database().execute('SELECT secret FROM item WHERE name = ?', ({o},)).fetchall())",
            DATABASE,
        ),
        Sink(
            "named parameter",
            "cursor = database().cursor()\ncursor.execute('SELECT secret FROM item WHERE name = "
            ":name', {{'name': {o}}})\nanswer = str(cursor.fetchall())",
            DATABASE,
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

XPATH = Kind(
    "xpath",
    643,
    (
        Sink(
            "xpath",
            'try:\n    answer = str([node.text for node in DOCUMENT.xpath("//user[@name=\'" + {o} + "\']/mail")])\n'
            "except etree.XPathError:\n"
            "    answer = 'wrong'",
            DOCUMENT,
        ),
        Sink(
            "compiled",
            "try:\n    find = etree.XPath(f\"//user[@name='{{{o}}}']/mail\")\n"
            "    answer = str([node.text for node in find(DOCUMENT)])\nexcept etree.XPathError:\n"
            "    answer = 'wrong'",
            DOCUMENT,
        ),
        Sink(
            "variable",
            "answer = str([node.text for node in DOCUMENT.xpath('//user[@name=$name]/mail', name={o})])",
            DOCUMENT,
        ),
    ),
    ("x' or '1'='1",),
)

LDAP = Kind(
    "ldap",
    90,
    (
        Sink(
            "f-string",
            "link = directory()\nlink.bind()\nlink.search('dc=shop', f'(&(uid={{{o}}})(active=1))')\n"
            "answer = 'done'",
            DIRECTORY,
        ),
        Sink(
            "concatenation",
            "link = directory()\nlink.bind()\nlink.search(search_base='dc=shop', "
            "search_filter='(uid=' + {o} + ')')\nanswer = 'done'",
            DIRECTORY,
        ),
        Sink(
            "escaped",
            "link = directory()\nlink.bind()\nlink.search('dc=shop', '(uid=' + escape_filter_chars({o}) + ')')\n"
            "answer = 'done'",
            DIRECTORY,
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

FLOWING = (SQL, COMMAND, CODE, LOADING, PATH, REDIRECT, HTML, TEMPLATE, XPATH, LDAP, XML, OUTGOING, TRUST)
KINDS: tuple[Kind, ...] = (*FLOWING, *FLOWLESS)
