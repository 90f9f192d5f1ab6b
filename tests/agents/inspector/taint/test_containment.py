"""Checks that suffice, and their twins that do not: folders, hosts, own paths, networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, in_view

HEAD = """\
import ipaddress, posixpath, re, socket, requests
from pathlib import Path
from flask import abort
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # a check of the resolved path speaks of the same path unresolved
        (
            "q = Path('/srv') / p\ntry:\n    q.resolve().relative_to('/srv')\nexcept ValueError:\n"
            "    abort(404)\nopen(q)",
            [],
        ),
        ("q = Path('/srv') / p\nif not q.resolve().is_relative_to('/srv'):\n    abort(404)\nopen(q)", []),
        ("q = Path('/srv') / p\nif not q.is_relative_to('/srv'):\n    abort(404)\nopen(q)", ["taint-path 4"]),
        # an absolute path is normalised within itself
        ("q = posixpath.normpath('/' + p).lstrip('/')\nopen(os.path.join('/srv', q))", []),
        ("q = os.path.normpath('/' + p)[1:]\nopen(os.path.join('/srv', q))", []),
        ("q = posixpath.normpath(p).lstrip('/')\nopen(os.path.join('/srv', q))", ["taint-path 2"]),
        # a library makes one name of it, or a path
        ("import pathvalidate\nopen('/srv/' + pathvalidate.sanitize_filename(p))", []),
        ("import pathvalidate\nopen('/srv/' + pathvalidate.sanitize_filepath(p))", ["taint-path 2"]),
        # guard, then default
        (
            "q = ''\nif p:\n    q = p\n    if not re.match(r'^[a-z]+$', q):\n        abort(400)\nif q:\n    open(q)",
            [],
        ),
        ("q = p\nif not re.fullmatch('[a-z]+', q):\n    q = 'x'\nopen(q)", []),
        ("q = p\nif re.fullmatch('[a-z]+', q):\n    q = 'x'\nopen(q)", ["taint-path 4"]),
        # the source read twice is one source
        ("if not re.fullmatch('[a-z]+', request.args['a']):\n    abort(400)\nopen(request.args['a'])", []),
        (
            "if not re.fullmatch('[a-z]+', request.args['a']):\n    abort(400)\nopen(request.args['b'])",
            ["taint-path 3"],
        ),
        # every part is looked at
        ("for c in p.split('x'):\n    if not c.isalnum():\n        abort(400)\nopen(p)", []),
        ("for c in p.split('x'):\n    if not c.isalnum():\n        print(c)\nopen(p)", ["taint-path 4"]),
        (
            "for k in request.args:\n    if k not in ('a', 'b'):\n        abort(400)\nopen(request.args['a'])",
            ["taint-path 4"],
        ),
        # networks
        (
            "from urllib.parse import urlparse\nif urlparse(p).scheme not in ('http', 'https'):\n    abort(400)\n"
            "requests.get(p)",
            ["taint-ssrf 4"],
        ),
        (
            "from urllib.parse import urlparse\nif urlparse(p).hostname not in ('a.example', 'b.example'):\n"
            "    abort(400)\nrequests.get(p)",
            [],
        ),
        (
            "host = ipaddress.ip_address(socket.gethostbyname(p))\nif host.is_private:\n    abort(400)\n"
            "requests.get('http://' + p)",
            [],
        ),
        (
            "for one in socket.getaddrinfo(p, None):\n    if ipaddress.ip_address(one[4][0]).is_private:\n"
            "        abort(400)\nrequests.get('http://' + p)",
            [],
        ),
        (
            "host = ipaddress.ip_address(socket.gethostbyname(p))\nif not host.is_private:\n    abort(400)\n"
            "requests.get('http://' + p)",
            ["taint-ssrf 4"],
        ),
    ],
)
def test_only_a_check_that_suffices_clears(tmp_path: Path, body: str, expected: list[str]) -> None:
    assert in_view(tmp_path, body, HEAD) == expected


def test_function_that_checks_an_address_is_believed_by_what_it_does(tmp_path: Path) -> None:
    program = """\
        import ipaddress
        import socket
        from urllib.parse import urlparse

        import requests
        from flask import Flask, request
        app = Flask(__name__)

        def strict(url):
            host = urlparse(url).hostname
            if not host:
                return False
            try:
                answers = socket.getaddrinfo(host, None)
            except socket.gaierror:
                return False
            for answer in answers:
                if ipaddress.ip_address(answer[4][0]).is_private:
                    return False
            return True

        def lax(url):
            return bool(urlparse(url).hostname)

        @app.get("/")
        def view():
            url = request.args["url"]
            if strict(url):
                requests.get(url)
            if lax(url):
                requests.get(url)
            return ""
        """
    told = analysed(tmp_path, {"a.py": program})
    assert [(one["rule"], one["line"]) for one in told["findings"]] == [("taint-ssrf", 31)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return redirect(request.path)", []),
        ("return redirect(request.path + '?x=1')", []),
        ("return redirect(request.path + '/')", [5]),
        ("return redirect('%s/' % request.path)", [5]),
        ("return redirect(request.path.rstrip('/'))", [5]),
        ("return redirect(request.get_full_path())", []),
        ("return redirect(request.get_full_path(force_append_slash=True))", [5]),
        (
            "if request.path.startswith('//'):\n        raise Http404\n    return redirect(request.path + '/')",
            [],
        ),
        ("return redirect('/' + request.path.strip('/') + '/')", []),
        ("return redirect(escape_leading_slashes(request.path + '/'))", []),
    ],
)
def test_own_path_leads_elsewhere_once_it_answers_any_path(
    tmp_path: Path, body: str, expected: list[int]
) -> None:
    program = (
        "from django.http import Http404\nfrom django.shortcuts import redirect\n"
        "from django.utils.http import escape_leading_slashes\n"
        f"def middleware(request):\n    {body}\n"
    )
    told = analysed(tmp_path, {"a.py": program})
    assert [one["line"] for one in told["findings"]] == expected
