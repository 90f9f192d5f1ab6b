"""Targets: what is understood, what is refused, and that no password comes out again."""

from __future__ import annotations

import pytest

from agents.workspace import GitTarget, PathTarget, describe, parse_target, redacted, target_from_text
from agents.workspace.errors import TargetInvalid
from agents.workspace.targets import Remote, read_url


def test_text_becomes_a_path_or_a_repository():
    assert target_from_text(" /srv/shop ") == PathTarget(path="/srv/shop")
    assert target_from_text("https://example.org/a/b") == GitTarget(url="https://example.org/a/b")
    assert target_from_text("git@example.org:a/b.git") == GitTarget(url="git@example.org:a/b.git")


def test_urls_are_taken_apart():
    assert read_url("git@Example.org:a/b.git") == Remote(
        scheme="ssh", host="example.org", port=22, path="/a/b.git", user="git"
    )
    assert read_url("https://a:p%40ss@example.org:8443/x").address() == "https://a@example.org:8443/x"
    assert read_url("ssh://git@[2001:db8::1]:22/x").address() == "ssh://git@[2001:db8::1]/x"


@pytest.mark.parametrize(
    "url",
    ["--upload-pack=touch x", "-x", "ext::sh -c id", "file:///etc", "/etc/passwd", "../x", "git://e.org/x",
     "http://e.org/x", "https://", "https://e.org", "https://-x/y", "ssh://-oProxyCommand=id/x", "git@-x:y",
     "ssh://e.org/-x", "https://e.org/x\ny", "https://e.org/x?y", "https://e.org:99999/x", "https://e.org/x y",
     "ssh://-l@e.org/x", "ssh://a;b@e.org/x", "https://e.org$(id)/x", "ftp://e.org/x", "fd::17/x", ""],
)  # fmt: skip
def test_urls_that_git_must_not_see_are_refused(url):
    with pytest.raises(TargetInvalid, match="the target cannot be read"):
        parse_target({"kind": "git", "url": url})


@pytest.mark.parametrize(
    "ref", ["-x", "--upload-pack=x", "a b", "a..b", "", "a\n", "x" * 300, "$(id)", "a:b"]
)
def test_refs_that_are_no_names_are_refused(ref):
    with pytest.raises(TargetInvalid, match="ref"):
        parse_target({"kind": "git", "url": "https://example.org/x", "ref": ref})


@pytest.mark.parametrize("data", [None, [], {}, {"kind": "zip"}, {"kind": "path"}, {"kind": "path", "path": "x"},
                                  {"kind": "path", "path": "/a\0b"}, {"kind": "archive", "digest": "x", "name": "y"},
                                  {"kind": "path", "path": "/x", "more": 1}])  # fmt: skip
def test_other_shapes_are_refused_with_a_reason(data):
    with pytest.raises(TargetInvalid, match=r"the target cannot be read: .+"):
        parse_target(data)


def test_a_password_is_told_nowhere():
    target = parse_target({"kind": "git", "url": "https://ada:hunter2@example.org/x"})
    assert describe(target) == "https://example.org/x"
    assert (
        redacted("see https://a:hunter2@e.org/x and ssh://b@e.org") == "see https://e.org/x and ssh://e.org"
    )
    with pytest.raises(TargetInvalid) as caught:
        parse_target({"kind": "git", "url": "https://ada:hunter2@example.org/x?y"})
    assert "hunter2" not in str(caught.value)
