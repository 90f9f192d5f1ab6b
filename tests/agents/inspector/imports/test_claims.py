"""What is made of a log: places, severities, weaknesses, ways, and a reason for each result that is not used."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.findings import Confidence, Severity
from agents.inspector.imports import claims
from agents.inspector.imports.sarif import NotSarif
from tests.agents.inspector.imports.logs import log, one, read, result, ruff, shop

BANDIT = (Path(__file__).parent / "bandit-1.9.4.sarif").read_bytes()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shop(tmp_path)


def short(given: claims.Given) -> list[str]:
    return [f"{told.tool} {told.claim.rule} {told.claim.path}:{told.claim.line}" for told in given.claims]


def only(given: claims.Given) -> Any:
    (told,) = given.claims
    return told.claim


def test_ruff_is_read_from_another_folder(root: Path, tmp_path: Path) -> None:
    told = ruff(root, "F", "S")
    given = one(root, told.replace(str(root).encode(), b"/builds/acme/shop"))
    assert short(given) == [
        "ruff F401 src/a.py:1",
        "ruff S608 src/a.py:7",
        "ruff S324 src/a.py:8",
        "ruff S602 src/a.py:12",
        "ruff S307 src/a.py:16",
    ]
    assert given.unused == Counter({claims.OF_TESTS: 1})
    assert (given.version[:2], given.is_complete) == ("0.", True)
    weights = [(told.claim.severity.value, told.claim.cwe) for told in given.claims]
    assert weights[:2] == [("info", ()), ("low", (89,))]  # ours, not ruff's "error" for all


def test_bandit_is_read_with_its_rules_under_our_names(root: Path) -> None:
    given = one(root, BANDIT)  # made one folder higher: its paths begin with shop/
    assert short(given) == [
        "bandit B404 src/a.py:3",
        "bandit S608 src/a.py:7",
        "bandit S324 src/a.py:8",
        "bandit S602 src/a.py:12",
        "bandit S307 src/a.py:16",
    ]
    first = given.claims[0].claim
    assert (first.tool_rule, first.severity, first.confidence, first.cwe, first.category) == (
        "B404", Severity.LOW, Confidence.HIGH, (78,), "security",
    )  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    [
        "src/a.py", "./src/a.py", "src/../src/a.py", "src%2Fa.py", "src\\a.py", "file:///builds/shop/src/a.py",
        "file://host/builds/shop/src/a.py", "FILE:/builds/shop/src/a.py", "C:\\shop\\src\\a.py", "file:///C:/shop/src/a.py",
        "/builds/shop/src/a.py",
    ],
)  # fmt: skip
def test_a_file_is_found_however_it_is_named(root: Path, uri: str) -> None:
    assert only(one(root, log(result(uri=uri)))).path == "src/a.py"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("../../etc/passwd", claims.OUTSIDE),
        ("%2e%2e/%2e%2e/etc/passwd", claims.OUTSIDE),
        ("file:///etc/passwd", claims.OUTSIDE),
        ("src", claims.OUTSIDE),
        ("src/a.py\0", claims.NO_PLACE),
        ("https://example.org/src/a.py", claims.NO_PLACE),
        ("a" * 5_000, claims.NO_PLACE),
        ("", claims.NO_PLACE),
        (7, claims.NO_PLACE),
        (None, claims.NO_PLACE),
    ],
)
def test_what_is_no_file_of_the_tree_is_counted(root: Path, uri: Any, reason: str) -> None:
    given = one(root, log(result(uri=uri)))
    assert (given.claims, given.unused) == ([], Counter({reason: 1}))


def test_a_link_out_of_the_tree_is_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("password")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert one(root, log(result(1, uri="link.txt"))).unused == Counter({claims.OUTSIDE: 1})


def test_base_uris_are_put_in_and_cut_off(root: Path) -> None:
    bases = {
        "%SRCROOT%": {"uri": "file:///build/"},
        "SRC": {"uri": "src/", "uriBaseId": "%SRCROOT%"},
        "LOOP": {"uri": "x/", "uriBaseId": "LOOP"},
    }
    where = {"artifactLocation": {"uri": "a.py", "uriBaseId": "SRC"}, "region": {"startLine": 8}}
    loop = {"artifactLocation": {"uri": "a.py", "uriBaseId": "LOOP"}}
    found = [{"message": {"text": "m"}, "locations": [{"physicalLocation": one}]} for one in (where, loop)]
    given = one(root, log(*found, originalUriBaseIds=bases))
    assert short(given) == ["Probe probe/result src/a.py:8"]
    assert given.unused == Counter({claims.OUTSIDE: 1})


def test_an_artifact_is_found_by_its_index(root: Path) -> None:
    place = {"physicalLocation": {"artifactLocation": {"index": 1}, "region": {"startLine": 3}}}
    files = [{"location": {"uri": "x"}}, {"location": {"uri": "src/a.py"}}]
    found = {"message": {"text": "m"}, "locations": [place]}
    assert only(one(root, log(found, artifacts=files))).path == "src/a.py"
    place["physicalLocation"]["artifactLocation"] = {"index": 99}
    assert one(root, log(found, artifacts=files)).unused == Counter({claims.NO_PLACE: 1})


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ({"startLine": 7, "endLine": 8, "startColumn": 5, "endColumn": 9}, (7, 8, 5)),
        ({"startLine": 7, "endLine": 8, "endColumn": 1}, (7, 7, 1)),
        ({"startLine": 7, "endLine": 9_999}, (7, 16, 1)),
        ({"startLine": 7, "endLine": 2}, (7, 7, 1)),
        ({"charOffset": 10}, (2, 2, 1)),
        ({"byteOffset": 0}, (1, 1, 1)),
        ({}, (1, 1, 1)),
        ({"startLine": 0}, (1, 1, 1)),
        ({"startLine": "7"}, (1, 1, 1)),
        ({"startLine": True, "startColumn": 10**30}, (1, 1, 1)),
    ],
)
def test_regions(root: Path, region: dict[str, Any], expected: tuple[int, int, int]) -> None:
    found = result()
    found["locations"][0]["physicalLocation"]["region"] = region
    claim = only(one(root, log(found)))
    assert (claim.line, claim.end_line, claim.column) == expected


def test_a_line_beyond_the_file_does_not_fit_this_tree(root: Path) -> None:
    assert one(root, log(result(10_000))).unused == Counter({claims.BEYOND: 1})


@pytest.mark.parametrize(
    ("rule", "changed", "expected"),
    [
        ({}, {}, "medium"),
        ({}, {"level": "error"}, "high"),
        ({}, {"level": "note"}, "low"),
        ({}, {"level": "none"}, "info"),
        ({"defaultConfiguration": {"level": "error"}}, {}, "high"),
        ({"defaultConfiguration": {"level": "error"}}, {"level": "note"}, "low"),
        ({"properties": {"security-severity": "9.8"}}, {"level": "note"}, "critical"),
        ({"properties": {"security-severity": "7.0"}}, {}, "high"),
        ({"properties": {"security-severity": 4.1}}, {}, "medium"),
        ({"properties": {"security-severity": "0.0"}}, {}, "info"),
        ({"properties": {"security-severity": "1e999"}}, {}, "medium"),
        ({"properties": {"security-severity": "99"}}, {}, "medium"),
        ({"properties": {"security-severity": True}}, {}, "medium"),
        ({"properties": "none"}, {"level": 7}, "medium"),
    ],
)
def test_severities(root: Path, rule: dict[str, Any], changed: dict[str, Any], expected: str) -> None:
    assert only(one(root, log(result(**changed), rules=[{"id": "R1", **rule}]))).severity == expected


def test_weaknesses_are_read_wherever_tools_write_them(root: Path) -> None:
    tags = ["security", "external/cwe/cwe-089", "CWE-79: Cross-site Scripting"]
    rule = {
        "id": "R1", "shortDescription": {"text": "SQL injection."}, "helpUri": "https://example.org/r1",
        "properties": {"tags": tags, "cwe": ["CWE-564"], "precision": "very-high"},
        "relationships": [{"target": {"id": "943", "toolComponent": {"name": "CWE"}}}],
    }  # fmt: skip
    claim = only(one(root, log(result(taxa=[{"id": "20", "toolComponent": {"name": "CWE"}}]), rules=[rule])))
    assert (claim.cwe, claim.category, claim.confidence) == (
        (89, 79, 564, 20, 943),
        "security",
        Confidence.HIGH,
    )
    assert (claim.rule, claim.title, claim.url) == ("probe/R1", "SQL injection", "https://example.org/r1")


def test_a_message_is_put_together_and_made_safe(root: Path) -> None:
    rule = {"id": "R1", "messageStrings": {"m": {"text": "{0} leaks to {1}\x1b[31m\0"}}}
    found = result(message={"id": "m", "arguments": ["x", "\ud800y"]})
    claim = only(one(root, log(found, rules=[rule])))
    assert claim.message == "x leaks to <U+D800>y<U+0000>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Depends on [a value](1) and [another \\[1\\]](22).", "Depends on a value and another [1]."),
        ("Due to [a value](1).\nDue to [a value](2).\nAlso [x](3).", "Due to a value.\nAlso x."),
        ("See [the rule](https://example.org/1), items[0](1) and a[1].", None),
        ("[" * 400 + "](1)", "[" * 400 + "](1)"),
    ],
)
def test_links_within_a_message_are_words(root: Path, text: str, message: str | None) -> None:
    claim = only(one(root, log(result(message={"text": text}))))
    assert claim.message == (message or text)


def test_rules_of_extensions_and_children_are_found(root: Path) -> None:
    extension = {"name": "pack", "rules": [{"id": "E/1", "shortDescription": {"text": "From the pack"}}]}
    content = log(result(ruleId="E/1/sub", rule={"index": 0, "toolComponent": {"index": 0}}))
    content["runs"][0]["tool"]["extensions"] = [extension]
    assert only(one(root, content)).title == "From the pack"
    wrong = log(result(ruleIndex=0), rules=[{"id": "other", "shortDescription": {"text": "not mine"}}])
    assert only(one(root, wrong)).title == "it is bad"


def test_the_way_of_a_value_is_kept_within_the_tree(root: Path) -> None:
    def step(line: int, uri: str = "src/a.py") -> dict[str, Any]:
        place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
        return {"location": {"physicalLocation": place, "message": {"text": f"step {line}"}}}

    flows = [{"threadFlows": [{"locations": [step(6), step(1, "../../etc/passwd"), {"index": 0}]}]}]
    claim = only(one(root, log(result(codeFlows=flows), threadFlowLocations=[step(7)])))
    assert [(hop.path, hop.line, hop.what) for hop in claim.hops] == [
        ("src/a.py", 6, "step 6"),
        ("src/a.py", 7, "step 7"),
    ]


def test_what_was_suppressed_or_is_no_fault_stays_out(root: Path) -> None:
    given = one(
        root,
        log(
            result(suppressions=[{"kind": "inSource"}]),
            result(suppressions=[{"kind": "external", "status": "underReview"}]),
            result(suppressions=[]),
            result(baselineState="absent"),
            result(kind="pass"),
            "no object",
        ),
    )
    assert len(given.claims) == 2
    assert given.unused == Counter(
        {claims.SUPPRESSED: 1, claims.ABSENT: 1, claims.NO_FAULT: 1, claims.NO_OBJECT: 1}
    )
    assert not given.is_complete


def test_a_tool_that_failed_is_not_complete(root: Path) -> None:
    unread = {"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}}}
    note = {"level": "error", "message": {"text": "out of memory"}, "locations": [unread]}
    failed = [{"executionSuccessful": False, "toolExecutionNotifications": [note]}]
    given = one(root, log(invocations=failed))
    assert (given.failures, given.unread, given.is_complete) == (["out of memory"], {"src/a.py"}, False)
    apart = one(root, log(externalPropertyFileReferences={"results": [{"location": {"uri": "r.json"}}]}))
    assert not apart.is_complete


def test_only_the_worst_are_kept_of_too_many(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MAX_CLAIMS", 3)
    levels = ["note", "error", "note", "warning", "note", "error"]
    given = one(root, log(*(result(line, level=level) for line, level in enumerate(levels, start=1))))
    assert [told.claim.line for told in given.claims] == [2, 4, 6]
    assert given.unused == Counter({claims.TOO_MANY: 3})
    assert not given.is_complete


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON object"),
        (b"PK\x03\x04 a zip", "no JSON object"),
        (b"[]", "no JSON object"),
        (b"{}", "has no version"),
        (b'{"version": "1.0.0", "runs": []}', "is of version '1.0.0'"),
        (b'{"version": "2.1.0", "runs": []}', "no `runs`"),
        (b'{"version": "2.1.0", "runs": {}}', "no `runs`"),
        (b'{"version": "2.1.0", "runs": [7]}', "is no object"),
        (b'{"version": "2.1.0", "runs": [{}]}', "does not name its tool"),
        (b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": " "}}}]}', "does not name its tool"),
        (b'{"version": "2.1.0", "runs": [{"tool": ', "ends too early"),
        (json.dumps(log(*[{}])).encode() + b"x", "something follows"),
        (b'{"version": "2.1.0", "runs": [' + b"{}," * 200 + b"{}]}", "does not name its tool"),
        ("\ud800".encode("utf-16-le", "surrogatepass"), "no JSON object"),
        (b'{"version": "2.1.0", "runs": ' + b"[" * 5_000, "nested deeper|is no object"),
    ],
)  # fmt: skip
def test_what_is_no_sarif_is_refused_with_the_reason(root: Path, content: bytes, words: str) -> None:
    with pytest.raises(NotSarif, match=words):
        read(root, content)


def test_types_that_the_standard_does_not_know_break_nothing(root: Path) -> None:
    wild = [None, 7, "x", [], {}, [None], {"text": 7}, True, 1e308]
    for name in (
        "message", "locations", "level", "kind", "rule", "ruleId", "ruleIndex", "suppressions", "codeFlows", "taxa",
        "partialFingerprints", "properties", "baselineState", "fingerprints",
    ):  # fmt: skip
        given = one(root, log(*(result(**{name: value}) for value in wild)))
        assert len(given.claims) + sum(given.unused.values()) == len(wild), name
    for name in ("artifacts", "originalUriBaseIds", "invocations", "threadFlowLocations"):
        for value in wild:
            assert len(one(root, log(result(), **{name: value})).claims) == 1, (name, value)


def test_the_same_log_with_a_byte_order_mark(root: Path) -> None:
    assert len(one(root, b"\xef\xbb\xbf" + json.dumps(log(result())).encode()).claims) == 1


def test_fingerprints_of_the_tool_are_kept(root: Path) -> None:
    given = one(
        root, log(result(partialFingerprints={"primaryLocationLineHash": "39fa2ee980eb94b0:1", "b": 7}))
    )
    assert only(given).fingerprints == (("primaryLocationLineHash", "39fa2ee980eb94b0:1"),)
