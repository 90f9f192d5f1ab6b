"""The order of versions: the examples of each ecosystem's own specification and tests."""

from __future__ import annotations

from itertools import combinations

import pytest

from agents.advisories.cvss import base_score, severity_of_score
from agents.advisories.ranges import Hit, in_words, judge
from agents.advisories.versions import Incomparable, compare, package_name, same
from agents.findings import Severity

# RubyGems: as its test_gem_version has them; Maven: the lists of its ComparableVersionTest.
ORDERS = {
    # https://peps.python.org/pep-0440/#summary-of-permitted-suffixes-and-relative-ordering
    "PyPI": "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456"
    " 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15"
    " 1.1.dev1 1!0.1",
    # https://semver.org/#spec-item-11, and versions of each number's length
    "npm": "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0"
    " 2.1.0 2.1.1 10.0.0",
    # https://go.dev/ref/mod#pseudo-versions
    "Go": "v0.0.0-20180101000000-aaaaaaaaaaaa v0.0.0-20191109021931-daa7c04131f5 v0.1.0 v1.2.3-pre.0"
    " v1.2.3-pre.0.20191109021931-daa7c04131f5 v1.2.3 v1.2.4-0.20191109021931-daa7c04131f5 v1.2.4"
    " v2.0.0+incompatible",
    "NuGet": "1.0.0-Alpha 1.0.0-beta 1.0.0 1.0.0.1 1.0.1",
    "RubyGems": "0.beta.1 0.0.beta.2 1.0.0.a.1 1.0.0.b1 1.0.0-1 1.0.0.rc.2 1.0.0"
    " 1.8.2.a 1.8.2.a9 1.8.2.a10 1.8.2 1.8.3",
    "Maven": "1-alpha2snapshot 1-alpha2 1-alpha-123 1-beta-2 1-beta123 1-m2 1-m11 1-rc 1-cr2 1-rc123 1-SNAPSHOT 1"
    " 1-sp 1-sp2 1-sp123 1-abc 1-def 1-pom-1 1-1-snapshot 1-1 1-2 1-123",
    "Packagist": "1.0.0-dev 1.0.0-alpha1 1.0.0-alpha2 1.0.0-beta1 1.0.0-RC1 1.0.0-RC2 1.0.0 1.0.0-p1"
    " 1.0.1 1.10.0 v2.0.0",
}
MAVEN_NUMBERS = (
    "2.0 2.0.a 2-1 2.0.2 2.0.123 2.1.0 2.1-a 2.1b 2.1-c 2.1-1 2.1.0.1 2.2 2.123 11.a2 11.a11 11.b2 11.b11 11.m2"
    " 11.m11 11 11.a 11b 11c 11m"
)


@pytest.mark.parametrize(("ecosystem", "order"), [*ORDERS.items(), ("Maven", MAVEN_NUMBERS)])
def test_versions_stand_in_their_specified_order(ecosystem: str, order: str) -> None:
    for older, newer in combinations(order.split(), 2):
        assert (older, newer, compare(ecosystem, older, newer)) == (older, newer, -1)
        assert (newer, older, compare(ecosystem, newer, older)) == (newer, older, 1)


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [
        ("PyPI", "1.0", "1.0.0"),
        ("PyPI", "v1.0RC1", "1.0rc1"),
        ("npm", "1.2.3+build.5", "1.2.3"),
        ("Go", "v1.2.3", "1.2.3"),
        ("RubyGems", "1.0", "1.0.0"),
        ("RubyGems", "1.0.0-1", "1.0.0.pre.1"),
        ("Maven", "1.0.0", "1"),  # ComparableVersionTest.testVersionsEqual, as the rest
        ("Maven", "1.ga", "1"),
        ("Maven", "1-final", "1"),
        ("Maven", "1-0.ga", "1.0"),
        ("Maven", "1.0.0x", "1-x"),
        ("Maven", "1a1", "1-alpha-1"),
        ("Maven", "1m3", "1Milestone3"),
        ("Maven", "1cr", "1rc"),
        ("Maven", "0.0.0", "0"),
        ("Packagist", "1.0", "v1.0.0.0"),
    ],
)
def test_spellings_of_one_version_are_equal(ecosystem: str, one: str, other: str) -> None:
    assert compare(ecosystem, one, other) == compare(ecosystem, other, one) == 0
    assert same(ecosystem, one, other)


@pytest.mark.parametrize(
    ("ecosystem", "text"),
    [
        ("PyPI", "not a version"),
        ("npm", "latest"),
        ("npm", "1" * 300),
        ("Debian", "1.0"),
        ("Maven", ""),
        ("Go", "x"),
    ],
)
def test_what_cannot_be_compared_is_told(ecosystem: str, text: str) -> None:
    with pytest.raises(Incomparable):
        compare(ecosystem, text, "1.0.0")


def test_names_are_written_as_their_ecosystem_compares_them() -> None:
    assert package_name("PyPI", "Zope.Interface_x") == "zope-interface-x"
    assert package_name("npm", "JSONStream") == "JSONStream"
    assert package_name("Packagist", "Monolog/Monolog") == "monolog/monolog"


DJANGO = [("introduced", "3.2"), ("fixed", "3.2.13"), ("introduced", "4.0"), ("fixed", "4.0.4")]


@pytest.mark.parametrize(
    ("version", "events", "fixed"),
    [
        ("3.1.9", DJANGO, None),
        ("3.2", DJANGO, "3.2.13"),
        ("3.2.12", list(reversed(DJANGO)), "3.2.13"),  # events may come in any order
        ("3.2.13", DJANGO, None),
        ("4.0.3", DJANGO, "4.0.4"),
        ("4.0.4", DJANGO, None),
        ("1.0", [("introduced", "0"), ("last_affected", "1.0")], ""),
        ("1.0.1", [("introduced", "0"), ("last_affected", "1.0")], None),
        ("0.0.0.dev1", [("introduced", "0")], ""),
        ("2.0", [("introduced", "0"), ("limit", "2.0")], None),
        ("1.9", [("introduced", "0"), ("limit", "2.0")], ""),
    ],
)
def test_ranges_are_evaluated_as_the_schema_says(
    version: str, events: list[tuple[str, str]], fixed: str | None
) -> None:
    hit = judge("PyPI", version, [events], [])
    assert hit == (None if fixed is None else Hit(matched=in_words(events), fixed=fixed))


def test_listed_versions_count_beside_ranges() -> None:
    assert judge("PyPI", "2.0.0", [DJANGO], ["2.0"]) == Hit(matched="version 2.0.0 is listed", fixed="")
    assert judge("Debian", "1-2", [], ["1-2"]) == Hit(matched="version 1-2 is listed", fixed="")
    assert judge("Debian", "1-3", [], ["1-2"]) is None
    with pytest.raises(Incomparable, match="names no version"):
        judge("PyPI", "1.0", [], [])  # a range of git commits is left out when it is read
    with pytest.raises(Incomparable):
        judge("Debian", "1-2", [[("introduced", "0"), ("fixed", "2")]], [])
    assert in_words([("introduced", "0")]) == "all versions"


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # as published with these vulnerabilities
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),  # CVE-2021-44228
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),  # CVE-2020-14343
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N", 6.1),  # CVE-2023-32681
        ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H", 7.2),  # CVE-2021-23337
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:N/I:N/A:L", 2.2),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
    ],
)
def test_base_scores_are_those_that_were_published(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_scores_have_the_ratings_of_the_specification() -> None:
    assert [severity_of_score(score) for score in (0.0, 0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0, 10.0)] == [
        Severity.INFO, Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.MEDIUM, Severity.HIGH, Severity.HIGH,
        Severity.CRITICAL, Severity.CRITICAL,
    ]  # fmt: skip
