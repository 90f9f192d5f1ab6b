"""What a project says itself of a danger: who may come there, when it holds, what is done about it; with twins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import analysed, found, told_of

_DJANGO = "from django.http import HttpResponse\nfrom django.shortcuts import redirect\n"


def _weights(root: Path, program: str) -> list[tuple[str, str, str]]:
    return [(one["rule"], one["severity"], one["confidence"]) for one in told_of(root, program)]


@pytest.mark.parametrize(
    ("condition", "severity"),
    [
        ("settings.TESTING", "info"),
        ("getattr(settings, 'RUNNING_TEST', False)", "info"),
        ("'test' in sys.argv", "info"),
        ("settings.IS_UNIT_TEST and name", "info"),
        ("not settings.TESTING", "high"),
        ("settings.TESTING or name", "high"),
        ("settings.LATEST", "high"),
        ("settings.test", "high"),
    ],
)
def test_what_is_wrong_only_under_test_is_information(tmp_path: Path, condition: str, severity: str) -> None:
    body = f"""
        import sys
        import requests
        from django.conf import settings
        def load(name):
            if {condition}:
                return requests.get("https://example.org", verify=False)
    """
    (one,) = told_of(tmp_path, body)
    assert (one["rule"], one["severity"]) == ("unverified-certificate", severity)
    assert ("only while the program is tested" in one["message"]) == (severity == "info")


def test_other_way_of_a_question_for_tests_is_what_the_program_does(tmp_path: Path) -> None:
    body = """
        import requests
        from django.conf import settings
        def load():
            if not settings.TESTING:
                return requests.get("https://example.org", verify=False)
            else:
                return requests.get("https://example.org/x", verify=False)
    """
    assert [one["severity"] for one in told_of(tmp_path, body)] == ["high", "info"]


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        ('response.cookies[key]["secure"] = True', ("cookie-flags", "info", "low")),
        ('response.cookies[key]["samesite"] = "None"', ("cookie-flags", "medium", "medium")),
    ],
)
def test_flag_of_a_cookie_may_be_set_later(tmp_path: Path, line: str, weight: tuple[str, str, str]) -> None:
    body = (
        f"{_DJANGO}def view(request):\n    key = 'session'\n    response = HttpResponse('x')\n"
        f"    response.set_cookie(key, '1')\n    {line}\n    return response\n"
    )
    assert _weights(tmp_path, body) == [weight]


@pytest.mark.parametrize(
    ("call", "confidence"),
    [
        ("jwt.decode(self._token, key=key, algorithms=['HS256'])", "low"),
        ("jwt.decode(self._other, key=key, algorithms=['HS256'])", "medium"),
        ("jwt.decode(self._token, options={'verify_signature': False})", "medium"),
        ("jwt.decode(self._token, key, options={'verify_signature': False})", "medium"),
    ],
)
def test_token_whose_signature_is_looked_at_nearby(tmp_path: Path, call: str, confidence: str) -> None:
    body = f"""
        import jwt
        class Grant:
            def __init__(self, token):
                self._token = token
                self.claims = jwt.decode(token, options={{"verify_signature": False}})
        class Verified(Grant):
            def verify(self, key):
                {call}
    """
    first = told_of(tmp_path, body)[0]
    assert (first["rule"], first["confidence"]) == ("unverified-token", confidence)
    assert ("as is done nearby" in first["message"]) == (confidence == "low")


@pytest.mark.parametrize(
    ("read", "weight"),
    [
        ("ask()['id_token']", ("medium", "low")),
        ("ask().get('id_token')", ("medium", "low")),
        ("ask()['token']", ("high", "medium")),
        ("request.GET['id_token']", ("high", "medium")),
    ],
)
def test_token_of_logins_that_their_server_sent_itself(
    tmp_path: Path, read: str, weight: tuple[str, str]
) -> None:
    body = f"""
        import jwt
        from django.shortcuts import redirect
        from shop import ask
        def view(request):
            jwt.decode({read}, options={{"verify_signature": False}})
            return redirect("/")
    """
    first = told_of(tmp_path, body)[0]
    assert (first["rule"], first["severity"], first["confidence"]) == ("unverified-token", *weight)
    assert ("unless the server of logins" in first["message"]) == (weight == ("medium", "low"))


@pytest.mark.parametrize(
    ("use", "confidence"),
    [
        ("return claims['iss']", "low"),
        ("return claims.get('exp'), claims['iss']", "low"),
        ("return claims['sub']", "medium"),
        ("return claims['iss'], claims['sub']", "medium"),
        ("log_in(claims)\n    return claims['iss']", "medium"),
        ("return claims", "medium"),
    ],
)
def test_token_of_which_only_the_issuer_is_read(tmp_path: Path, use: str, confidence: str) -> None:
    body = (
        "import jwt\nfrom shop import log_in\ndef read(token):\n"
        f"    claims = jwt.decode(token, options={{'verify_signature': False}})\n    {use}\n"
    )
    first = told_of(tmp_path, body)[0]
    assert (first["rule"], first["confidence"]) == ("unverified-token", confidence)
    assert ("nothing is read of it" in first["message"]) == (confidence == "low")


@pytest.mark.parametrize(("escape", "told"), [("escape if autoescape else str", []), ("str", ["taint-xss"])])
def test_filter_that_is_asked_to_escape_does(tmp_path: Path, escape: str, told: list[str]) -> None:
    body = f"""
        from django import template
        from django.utils.html import conditional_escape as escape
        from django.utils.safestring import mark_safe
        register = template.Library()
        @register.filter(needs_autoescape=True)
        def bold(value, autoescape=True):
            made = {escape}
            return mark_safe("<b>%s</b>" % made(value))
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("changed.send(request.GET['p'])", []),
        ("changed.told(request.GET['p'])", ["taint-command"]),
        ("make(request.GET['p']).send(1)", ["taint-command"]),
    ],
)
def test_answer_of_whoever_is_sent_something_is_its_own(tmp_path: Path, call: str, told: list[str]) -> None:
    body = f"""
        import os
        from django.http import HttpResponse
        from shop import changed, make
        def view(request):
            for receiver, answer in {call}:
                os.system(answer)
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(
    ("made", "weight"),
    [
        ("handler.get_log_url(item, number)", ("taint-redirect", "low", "low")),
        ("handler.tidied(number)", ("taint-redirect", "medium", "medium")),
    ],
)
def test_address_that_another_function_makes_is_hardly_chosen(
    tmp_path: Path, made: str, weight: tuple[str, str, str]
) -> None:
    body = f"""
        from django.shortcuts import redirect
        from shop import handler, item
        def view(request):
            number = request.GET["n"]
            return redirect({made})
    """
    assert _weights(tmp_path, body) == [weight]


@pytest.mark.parametrize(
    ("pattern", "is_told"),
    [
        ('path("a/", views.other)', False),
        ('path("a/", views.Shown.as_view())', False),
        ('path("a/<path:name>", views.helper)', True),
        ("", True),
    ],
)
def test_function_to_which_no_address_leads_gets_nothing_of_one(
    tmp_path: Path, pattern: str, is_told: bool
) -> None:
    files = {
        "shop/urls.py": f"""
            from django.urls import path
            from shop import views
            urlpatterns = [{pattern}]
        """,
        "shop/views.py": """
            import os
            from django.views import View
            class Shown(View):
                pass
            def helper(request, name):
                os.system(name)
            def other(request):
                return None
        """,
    }
    assert found(tmp_path, files) == ["taint-command shop/views.py:7"] * is_told


def test_what_callers_give_to_a_helper_is_told_of_it(tmp_path: Path) -> None:
    files = {
        "shop/urls.py": """
            from django.urls import path
            from shop import views
            urlpatterns = [path("a/", views.other)]
        """,
        "shop/views.py": """
            import os
            from django.http import HttpResponse
            def helper(request, name):
                os.system(name)
            def other(request):
                helper(request, request.GET["name"])
                helper(request, "ls")
        """,
    }
    assert found(tmp_path, files) == ["taint-command shop/views.py:5"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("'{}'.format({'a': p})", []),
        ("'{:>20}'.format([p])", ["taint-log"]),
        ("'{}'.format(p)", ["taint-log"]),
        ("f'{json.loads(request.POST[\"a\"])}'", []),
        ('f\'{json.loads(request.POST["a"])["b"]}\'', ["taint-log"]),
        ("'%s' % jobs.put(p).number", []),
        ("'%s' % jobs.put(p).text", ["taint-log"]),
        ("'%s' % find_job(p)", []),
        ("'%s' % tidied(p)", ["taint-log"]),
    ],
)
def test_what_a_log_is_given_as_a_whole_has_no_lines(tmp_path: Path, written: str, told: list[str]) -> None:
    body = f"""
        import json, logging
        from django.http import HttpResponse
        from shop import find_job, jobs, tidied
        def view(request):
            p = request.GET["p"]
            logging.info({written})
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(("name", "confidence"), [("number", "low"), ("text", "medium")])
def test_attribute_of_an_answer_is_hardly_what_was_asked(tmp_path: Path, name: str, confidence: str) -> None:
    body = f"""
        import os
        from django.http import HttpResponse
        from shop import jobs
        def view(request):
            job = jobs.put(request.GET["p"])
            os.system(job.{name})
    """
    assert [one["confidence"] for one in told_of(tmp_path, body)] == [confidence]


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ("ending = {'python': 'py', 'go': 'go'}[p]", []),
        ("ending = {'python': 'py', 'go': 'go'}.get(p)", ["taint-path"]),
        ("try:\n    ending = {'python': 'py'}[p]\nexcept KeyError:\n    pass", ["taint-path"]),
        ("table = {'python': 'py', q: 'go'}\nending = table[p]", ["taint-path"]),
        ("table = defaultdict(str)\ntable['python'] = 'py'\nending = table[p]", ["taint-path"]),
        ("table = {'python': 'py'}\nending = table[q]", ["taint-path"]),
        ("table = {}\ntable[p] = 'py'", ["taint-path"]),
    ],
)
def test_key_that_a_table_must_have_is_one_of_its_keys(tmp_path: Path, read: str, told: list[str]) -> None:
    body = (
        "import os\nfrom collections import defaultdict\nfrom django.http import HttpResponse\n"
        "def view(request):\n    p, q = request.GET['p'], request.GET['q']\n"
        + "".join(f"    {line}\n" for line in read.splitlines())
        + "    return HttpResponse(open('/srv/' + p).read(), content_type='text/plain')\n"
    )
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("run(**given)", []),
        ("run(**{**given})", []),
        ("run(**dict(**given))", []),
        ("made = {}\n    made.update(**given)\n    run(**made)", []),
        ("del given['name']\n    run(**given)", ["taint-command"]),
        ("given['name'] = given['other']\n    run(**given)", ["taint-command"]),
    ],
)
def test_known_key_of_a_widened_dictionary_is_what_was_put_there(
    tmp_path: Path, use: str, told: list[str]
) -> None:
    body = f"""
import json, os
from django.http import HttpResponse
def run(**options):
    os.system(options['name'])
def view(request):
    given = json.loads(request.body)
    given['name'] = 'ls'
    {use}
"""
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize("many", [3, 30])
@pytest.mark.parametrize(
    ("end", "told"),
    [("'/a/' + p", []), ("'?a=' + p", []), ("p", ["taint-ssrf"]), ("'.b' + p", ["taint-ssrf"])],
)
def test_of_many_calls_each_stays_on_the_host_that_its_text_begins_with(
    tmp_path: Path, many: int, end: str, told: list[str]
) -> None:
    others = "".join(f"    fetch('/{n}', {n})\n" for n in range(many))
    program = (
        "import requests\nfrom flask import Flask, request\napp = Flask(__name__)\n"
        "def fetch(end, number):\n    return requests.get('https://a.example' + end, timeout=number)\n"
        f"@app.route('/')\ndef view():\n    p = request.args['p']\n{others}    fetch({end}, 1)\n"
    )
    assert [one["rule"] for one in told_of(tmp_path, program)] == told


@pytest.mark.parametrize("many", [3, 30, 90])
def test_of_many_closures_of_one_text_each_has_what_it_sees(tmp_path: Path, many: int) -> None:
    head = "import os\nfrom flask import Flask, request\napp = Flask(__name__)\n"
    apply = "def apply(run, text):\n    return run(text)\n"
    around = "def around(run):\n    def inner(text):\n        return run(text)\n    return inner\n"
    danger = "def danger(text):\n    os.system(text)\n"
    calm = "".join(f"def calm{n}(text):\n    return '{n}'\n" for n in range(many))
    view = "@app.route('/')\ndef view():\n    p = request.args['p']\n"
    calls = "".join(f"    apply(around(calm{n}), p)\n" for n in range(many))
    program = head + apply + around + danger + calm + view + calls
    assert told_of(tmp_path, program) == []
    told = told_of(tmp_path, f"{program}    apply(around(danger), p)\n")
    assert [one["rule"] for one in told] == ["taint-command"]


@pytest.mark.parametrize(
    ("opened", "weights"),
    [
        ("default_storage.path('a/' + request.FILES['f'].name)", []),
        ("FileSystemStorage().path(request.GET['p'])", []),
        ("os.path.join('a', request.GET['p'])", [("taint-path", "high", "high")]),
        ("os.path.join('a', request.FILES['f'].name)", [("taint-path", "high", "medium")]),
        ("os.path.join('a', request.FILES['f'].label)", [("taint-path", "high", "high")]),
    ],
)
def test_name_that_django_leaves_of_a_file_has_no_slash(
    tmp_path: Path, opened: str, weights: list[tuple[str, str, str]]
) -> None:
    body = f"""
        import os, shutil
        from django.core.files.storage import FileSystemStorage, default_storage
        from django.http import HttpResponse
        def view(request):
            shutil.rmtree({opened})
    """
    assert _weights(tmp_path, body) == weights


def test_secret_that_a_test_prints_is_none(tmp_path: Path) -> None:
    program = "import logging\ndef show(password):\n    logging.info('%s', password)\n"
    told = analysed(tmp_path, {"app.py": program, "tests.py": program})["findings"]
    assert [(one["rule"], one["path"]) for one in told] == [("secret-logged", "app.py")]


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("request.session['host'] = request.GET['p']", ["taint-trust-boundary"]),
        ("request.host = request.GET['p']", ["taint-redirect"]),
        ("request.session['host'] = validate_host(request.GET['p'])", []),
        ("request.session['host'] = make_host(request.GET['p'])", ["taint-trust-boundary"]),
    ],
)
def test_session_of_a_request_that_is_handed_on_is_another_matter(
    tmp_path: Path, kept: str, told: list[str]
) -> None:
    body = f"""
        from django.shortcuts import redirect
        from shop import host_of
        def validate_host(host):
            return host.strip()
        def make_host(host):
            return host.strip()
        def view(request):
            {kept}
            return redirect(host_of(request))
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(
    ("read", "told"),
    [("request.get_full_path()", []), ("request.path", ["taint-log"]), ("request.GET['p']", ["taint-log"])],
)
def test_address_as_it_is_written_has_no_line_ends(tmp_path: Path, read: str, told: list[str]) -> None:
    body = f"import logging\nfrom django.http import HttpResponse\ndef view(request):\n    logging.info({read})\n"
    assert [one["rule"] for one in told_of(tmp_path, body)] == told


@pytest.mark.parametrize(
    ("address", "is_told"),
    [
        ("f'events/{p}/'", False),
        ("f'/events/{p}/'", False),
        ("f'?id={p}'", False),
        ("p", True),
        ("f'{p}/events'", True),
        ("f'events{p}'", True),
        ("f'https:{p}'", True),
        ("f'/{p}'", True),
    ],
)
def test_address_that_is_joined_may_lead_elsewhere(tmp_path: Path, address: str, is_told: bool) -> None:
    body = f"""
        import requests
        from urllib.parse import urljoin
        from django.http import HttpResponse
        def view(request):
            p = request.GET["p"]
            requests.get(urljoin("https://example.org/", {address}), timeout=1)
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == ["taint-ssrf"] * is_told


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("get_object_or_404(Page, id=p)", []),
        ("get_object_or_404(Page, title=p)", ["taint-log"]),
        ("if not is_valid_uuid(p): return None", []),
        ("if is_valid_uuid(p): return None", ["taint-log"]),
        ("if not is_valid_name(p): return None", ["taint-log"]),
    ],
)
def test_number_of_a_row_or_by_its_form_is_no_text(tmp_path: Path, check: str, told: list[str]) -> None:
    body = f"""
        import logging
        from django.shortcuts import get_object_or_404
        from shop import Page, is_valid_name, is_valid_uuid
        def view(request):
            p = request.GET["p"]
            {check}
            logging.info(p)
    """
    assert [one["rule"] for one in told_of(tmp_path, body)] == told
