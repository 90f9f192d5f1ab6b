"""What a check by a pattern, a lookup or letters proves of a text, each with a twin that proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.inspector.taint.programs import in_view


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("if '/' in p:\n    return 'no'\nreturn {'text': open('/srv/' + p).read()}", []),
        ("if '..' in p:\n    return 'no'\nreturn {'text': open('/srv/' + p).read()}", []),
        (
            "if '..' in p:\n    return 'no'\nreturn {'text': open(os.path.join('/srv/', p)).read()}",
            ["taint-path 3"],
        ),
        ("import re\nif re.search(r'[^a-z]', p):\n    return 'no'\nreturn '<p>' + p", []),
        ("import re\nif re.search(r'[a-z]', p):\n    return 'no'\nreturn '<p>' + p", ["taint-xss 4"]),
        ("return '<p>' + p.replace('<', '').replace('>', '')", []),
        ("return '<p>' + p.replace('\"', '').replace('>', '')", ["taint-xss 1"]),
        ("t = str.maketrans({'<': '&lt;', '>': '&gt;'})\nreturn '<p>' + p.translate(t)", []),
        ("t = str.maketrans({'&': '&amp;'})\nreturn '<p>' + p.translate(t)", ["taint-xss 2"]),
        ("import re\nreturn '<p>' + re.sub(r'[<>]', '', p)", []),
        (
            "from flask import redirect\nif not p.startswith('/') or p.startswith(('//', '/\\\\')):\n"
            "    return 'no'\nreturn redirect(p)",
            [],
        ),
        (
            "from flask import redirect\nif not p.startswith('/'):\n    return 'no'\nreturn redirect(p)",
            ["taint-redirect 4"],
        ),
        ("import logging\nlogging.error('no %r', p)", []),
        ("import logging\nlogging.error('no %s', p)", ["taint-log 2"]),
        ("import logging\nlogging.error('no', extra={'what': p})", []),
        ("from a import signer\nos.system(signer.loads(p, max_age=60))", []),
        ("from a import signer\nos.system(signer.loads(p, salt='a')['b'])", []),
        ("from a import reader\nos.system(reader.loads(p, encoding='utf-8'))", ["taint-command 2"]),
        ("from a import pages\nimport markupsafe\nmarkupsafe.Markup(pages.make_module('a').row(p))", []),
        ("from a import pages\nimport markupsafe\nmarkupsafe.Markup(pages.row(p))", ["taint-xss 3"]),
        ("import stripe\nos.system(stripe.Webhook.construct_event(p, 's', 'k').id)", []),
        ("import stripe\nos.system(stripe.Event.construct_from(p, 'k').id)", ["taint-command 2"]),
    ],
)
def test_letters_that_cannot_occur_decide(tmp_path: Path, check: str, expected: list[str]) -> None:
    assert in_view(tmp_path, check) == expected


_TABLE = "import re\nfrom a import found\nTABLE = {'a': 'b', 'c': 'd'}\n"


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("m = re.fullmatch('[a-z]+', p)\nif m is None:\n    return 'no'", []),
        ("m = re.fullmatch('[a-z]+', p)\nif m is not None:\n    return 'no'", ["taint-command 4"]),
        ("m = re.fullmatch('[a-z]+', p)\nif m == None:\n    return 'no'", []),
        ("m = re.fullmatch('.+', p)\nif m is None:\n    return 'no'", ["taint-command 4"]),
        ("if (m := re.fullmatch('[a-z]+', p)) is None:\n    return 'no'", []),
        ("if TABLE.get(p) is None:\n    return 'no'", []),
        ("if TABLE.get(p, 'b') is None:\n    return 'no'", ["taint-command 3"]),
        ("if p.isalnum() is None:\n    return 'no'", ["taint-command 3"]),
        ("if found(p) is None:\n    return 'no'", ["taint-command 3"]),
    ],
)
def test_what_is_not_none_was_found(tmp_path: Path, check: str, expected: list[str]) -> None:
    assert in_view(tmp_path, f"{check}\nos.system(p)", _TABLE) == expected


_GROUPS = "import re\nPARTS = re.compile('/(?:(?P<base>[^/]+)/)?([a-f0-9]{32})/(.*)')\n"


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("os.system(PARTS.match(p).group(2))", []),
        ("os.system(PARTS.match(p).group(3))", ["taint-command 1"]),
        ("os.system(PARTS.match(p).group('base'))", ["taint-command 1"]),
        ("os.system(PARTS.match(p).group())", ["taint-command 1"]),
        ("base, name, rest = PARTS.match(p).groups()\nos.system(name)", []),
        ("base, name, rest = PARTS.match(p).groups()\nos.system(rest)", ["taint-command 2"]),
        ("m = re.search('<([0-9]+)>', p)\nos.system(m.group(1))", []),
        ("m = re.search('<([0-9]+)>', p)\nos.system(m.string)", ["taint-command 2"]),
        ("name = PARTS.match(p).group(2)\nos.system(name + p)", ["taint-command 2"]),
        ("m = re.search(p, 'text')\nos.system(m.group(1))", ["taint-regex 1"]),
    ],
)
def test_group_holds_only_what_its_part_of_the_pattern_allows(
    tmp_path: Path, use: str, expected: list[str]
) -> None:
    assert in_view(tmp_path, use, _GROUPS) == expected
