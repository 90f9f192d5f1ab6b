"""The four forms of a report: complete, honest about what is missing, and harmless whatever the text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown_it import MarkdownIt

from agents.findings import Severity
from agents.quality.model import Debt, Dimension, Gate, GateState, Quality, Rated, SettingsTold
from agents.reporting import MEDIA_TYPES, PlanStep, Report, SetAside, ToolState, Written, write_all
from agents.reporting.markdown import MAX_CHARACTERS, escaped
from agents.reporting.visible import one_line, visible
from tests.agents.reporting.reports import MEAN, finding, mean_report, partial, report, tool

SCHEMA = json.loads((Path(__file__).parents[2] / "fixtures" / "sarif-2.1.0.schema.json").read_text())
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def _sarif(of: Report) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(write_all(of)["report.sarif"])
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def test_write_all_gives_every_form_with_its_media_type() -> None:
    assert set(write_all(report())) == set(MEDIA_TYPES)


@pytest.mark.parametrize(
    ("operation", "is_told"), [("documentation.api_reference", False), ("inspector.security_scan", True)]
)
def test_gate_is_told_by_runs_that_looked_at_what_it_asks_for(operation: str, is_told: bool) -> None:
    agent, _, name = operation.partition(".")
    step = PlanStep(key=operation, agent=agent, operation=name, reason="asked", state="succeeded")
    told = Quality(
        gate=Gate(state=GateState.BASELINE, why="the first", conditions=()),
        ratings={Dimension.SECURITY: Rated(rating=None, why="not asked")},
        debt=Debt(minutes=0, development_minutes=None, ratio_percent=None),
        measures=None,
        settings=SettingsTold(),
    )
    forms = write_all(report(quality=told, plan_steps=(step,)))
    assert [b"Baseline: the first." in forms[name] for name in ("report.md", "report.html")] == [is_told] * 2
    assert json.loads(forms["report.json"])["quality"]["gate"]["state"] == "baseline"


def test_what_was_written_is_named_in_every_form_for_people() -> None:
    part = Written(title="Draw <b>it</b>", summary="3 | modules", files=("map.svg", "map.md"))
    forms = {name: content.decode() for name, content in write_all(report(written=(part,))).items()}
    assert "- **Draw \\<b\\>it\\</b\\>**: 3 \\| modules (`map.svg`, `map.md`)" in forms["report.md"]
    assert (
        "Draw &lt;b&gt;it&lt;/b&gt;</th><td>3 | modules</td><td><code>map.svg</code><br>"
        in forms["report.html"]
    )
    assert json.loads(forms["report.json"])["written"] == [
        {"title": "Draw <b>it</b>", "summary": "3 | modules", "files": ["map.svg", "map.md"]}
    ]


# -- honesty ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "incomplete",
    [
        report(findings=(), tool_runs=(partial(),)),
        report(findings=(), tool_runs=(tool(), tool(ToolState.FAILED, note="ended with exit code 2"))),
        report(findings=(), tool_runs=()),
        report(findings=(), tool_runs=(tool(ToolState.NOT_APPLICABLE),)),
        report(
            findings=(),
            plan_steps=(
                PlanStep(key="x", agent="inspector", operation="lint", state="dead", error="no disk"),
            ),
        ),
    ],
    ids=["partial tool", "failed tool", "no tool", "nothing to do", "dead step"],
)
def test_no_form_of_an_incomplete_report_reads_as_clean(incomplete: Report) -> None:
    forms = {name: content.decode() for name, content in write_all(incomplete).items()}
    assert "No finding in what was analysed" not in "".join(forms.values())
    assert "Incomplete analysis" in forms["report.html"]
    assert "[!WARNING]" in forms["report.md"]
    assert json.loads(forms["report.json"])["complete"] is False
    assert json.loads(forms["report.sarif"])["runs"][0]["properties"]["complete"] is False


def test_complete_report_without_findings_says_so_and_no_more() -> None:
    forms = {name: content.decode() for name, content in write_all(report(findings=())).items()}
    assert "No finding in what was analysed" in forms["report.html"]
    assert "Incomplete" not in forms["report.html"]
    assert "**No finding in what was analysed.**" in forms["report.md"]


def test_partial_tool_is_named_with_its_files_in_every_form() -> None:
    for name, content in write_all(report(tool_runs=(partial(),))).items():
        assert "bad file.py" in content.decode().replace("%20", " "), name


# -- JSON ------------------------------------------------------------------------------------------------


def test_json_has_the_findings_worst_first_with_their_evidence() -> None:
    low = finding(rule="F401", severity=Severity.LOW, path="a.py")
    told = json.loads(write_all(report(findings=(low, finding())))["report.json"])
    assert told["schema"] == 1
    assert [one["rule"] for one in told["findings"]] == ["S608", "F401"]
    assert told["findings"][0]["evidence"][0]["command"] == "ruff check --isolated"
    assert set(told["findings"][0]) == {
        "path", "line", "end_line", "column", "rule", "severity", "confidence", "category", "title", "message",
        "agent", "scope", "fingerprint", "cwe", "in_test_code", "owner", "is_new", "evidence",
    }  # fmt: skip
    assert told["summary"]["by_severity"] == {"critical": 0, "high": 1, "medium": 0, "low": 1, "info": 0}


# -- SARIF -----------------------------------------------------------------------------------------------


def test_sarif_places_a_result_and_names_its_rule() -> None:
    run = _sarif(report())
    result, rule = run["results"][0], run["tool"]["driver"]["rules"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "shop/search.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {
        "startLine": 12,
        "startColumn": 5,
        "endLine": 13,
        "snippet": {"text": "db.execute(query)"},
    }
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("S608", 0, "error")
    assert len(result["partialFingerprints"]["wrenchai/v1"]) == 64
    assert rule["properties"]["security-severity"] == "8.0"
    assert "external/cwe/cwe-089" in rule["properties"]["tags"]


def test_sarif_tells_of_tools_and_steps_that_failed() -> None:
    dead = PlanStep(key="x", agent="inspector", operation="lint", state="dead", error="no disk")
    run = _sarif(report(tool_runs=(tool(), partial()), plan_steps=(dead,)))
    good, poor, step = run["invocations"]
    assert [one["executionSuccessful"] for one in (good, poor, step)] == [True, False, False]
    first = poor["toolExecutionNotifications"][0]
    assert first["level"] == "warning"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad%20file.py"
    assert step["toolExecutionNotifications"][0]["message"]["text"].endswith("ended as dead: no disk")


@pytest.mark.parametrize("of", [report(), report(findings=()), mean_report()], ids=["plain", "empty", "mean"])
def test_sarif_keeps_the_official_schema(of: Report) -> None:
    _sarif(of)


def test_sarif_tells_what_people_dismissed_what_is_new_and_how_lines_are_known_again() -> None:
    proof = finding().finding.evidence[0].model_copy(update={"fingerprints": {"theirs/v1": "12ab"}})
    seen = finding(path="a.py")
    seen = seen.model_copy(
        update={
            "line_hash": "39fa2ee980eb94b0:1",
            "finding": seen.finding.model_copy(update={"evidence": (proof,)}),
        }
    )
    aside = SetAside(agent="inspector", finding=finding(rule="S105").finding, reason="a placeholder\x1b[2J")
    fresh = finding(path="b.py").model_copy(update={"is_new": True})
    run = _sarif(report(findings=(seen, fresh), set_aside=(aside,)))
    first, second, third = run["results"]
    assert first["partialFingerprints"] == {
        "theirs/v1": "12ab",
        "primaryLocationLineHash": "39fa2ee980eb94b0:1",
        "wrenchai/v1": seen.finding.fingerprint,
    }
    assert [one["suppressions"] for one in run["results"]] == [
        [],
        [],
        [{"kind": "external", "status": "accepted", "justification": "a placeholder"}],
    ]
    assert [one.get("baselineState") for one in (first, second, third)] == [None, "new", None]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["S105", "S608"]
    assert "suppressions" not in _sarif(report())["results"][0]


# -- HTML ------------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    """Collects the elements and attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_html_holds_nothing_that_runs_or_loads() -> None:
    for of in (report(), mean_report()):
        tags = _Tags(write_all(of)["report.html"].decode()).tags
        names = {name for name, _ in tags}
        assert not names & {"script", "img", "link", "iframe", "object", "embed", "form", "base", "svg"}
        assert [
            name
            for name, attributes in tags
            for key in attributes
            if key.startswith("on") or key in ("src", "srcset", "action")
        ] == []
        links = [attributes["href"] or "" for name, attributes in tags if name == "a"]
        assert [link for link in links if not link.startswith(("#", "https://docs.astral.sh/"))] == []


def test_html_forbids_everything_but_its_style() -> None:
    tags = _Tags(write_all(report())["report.html"].decode()).tags
    policy = [
        attributes for name, attributes in tags if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_html_of_several_findings_runs_its_search_alone() -> None:
    mean = mean_report()
    twice = mean.model_copy(update={"findings": (*mean.findings, finding(title="</script><script>x"))})
    page = write_all(twice)["report.html"].decode()
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in page
    tags = _Tags(page).tags
    assert [attributes for name, attributes in tags if name == "script"] == [{}]
    assert [
        attributes.get("hidden", "shown") for _, attributes in tags if attributes.get("class") == "search"
    ] == [None]


def test_html_shows_hostile_text_as_text() -> None:
    page = write_all(mean_report())["report.html"].decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;U+202E&gt;" in page
    assert "{{ 7 }}" in page
    assert HARMFUL.search(page) is None


def test_html_can_be_narrowed_down_without_a_script() -> None:
    entries = (
        finding(path="shop/a.py"),
        finding(path="tests/b.py", rule="S105", severity=Severity.LOW, in_test_code=True, category="secret"),
        finding(path="c.py", rule=MEAN[:60]).model_copy(update={"is_new": True}),
    )
    page = write_all(report(findings=entries))["report.html"].decode()
    tags = _Tags(page).tags
    boxes = {attributes["id"] for name, attributes in tags if name == "input"}
    assert boxes == {"search", "show-high", "show-low", "only-new", "no-tests"}
    assert {attributes["id"] for name, attributes in tags if name == "select"} == {
        "by-rule",
        "by-kind",
        "by-path",
    }
    cards = [
        attributes["class"] for name, attributes in tags if name == "details" and "card" in str(attributes)
    ]
    style = page.split("<style>")[1].split("</style>")[0]
    for card in cards:
        for word in str(card).split():
            if "-" in word and word not in {"is-new", "in-tests"}:
                facet, _, key = word.rpartition("-")
                assert f'body:has(#by-{facet} [value="{key}"]:checked) .card:not(.{word})' in style
    assert MEAN[:20] not in style
    assert not [
        name for name, _ in _Tags(write_all(report())["report.html"].decode()).tags if name == "select"
    ]


def test_html_of_many_findings_stays_bounded() -> None:
    many = tuple(finding(path=f"{number}.py") for number in range(1_200))
    assert "200 more findings" in write_all(report(findings=many))["report.html"].decode()


# -- Markdown --------------------------------------------------------------------------------------------


def test_markdown_renders_hostile_text_as_text() -> None:
    text = write_all(mean_report())["report.md"].decode()
    # Raw HTML is on, as it is on GitHub.
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    names = {name for name, _ in _Tags(page).tags}
    assert names <= {
        "h2", "h3", "p", "strong", "em", "code", "pre", "blockquote", "ul", "li", "br", "sub", "details", "summary",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    outside_code = re.sub("<code.*?</code>", "", page, flags=re.DOTALL)
    assert "@team" not in outside_code
    assert "http://" not in re.sub(
        r"(`+)[^`].*?\1", "", text, flags=re.DOTALL
    )  # GitHub would make a link of it
    assert HARMFUL.search(text) is None


def test_markdown_stays_below_the_size_of_a_comment() -> None:
    many = tuple(finding(path=f"{number}.py", message="long " * 100) for number in range(1_000))
    text = write_all(report(findings=many))["report.md"].decode()
    assert len(text) <= MAX_CHARACTERS
    assert "more: see the full report" in text
    assert "### What was analysed" in text


@pytest.mark.parametrize(
    "text",
    ["1. x", "- x", "# x", "*x*", "a_b_c", "[x](y)", "<b>", "`x", "~~x~~", "> x", "a | b", "+ x", "==="],
)
def test_escaped_text_stands_for_itself(text: str) -> None:
    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .render(f"a\n\n{escaped(text)}\n")
    )
    shown = page.replace("<p>a</p>\n", "")
    assert {name for name, _ in _Tags(shown).tags} == {"p"}
    assert shown.replace("&lt;", "<").replace("&gt;", ">") == f"<p>{text}</p>\n"


# -- text ------------------------------------------------------------------------------------------------


def test_visible_drops_terminal_sequences_and_shows_the_rest() -> None:
    assert visible("\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x07") == "redlink"
    assert visible("a\u202eb\x00c\x7f\u200b\r") == "a<U+202E>b<U+0000>c<U+007F><U+200B><U+000D>"
    assert visible("a\tb\r\nc") == "a\tb\nc"
    assert one_line("a\nb") == "a<U+000A>b"
    assert HARMFUL.search(visible(MEAN)) is None
