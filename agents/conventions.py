"""What the path of a file says of it, by convention: whether it is a test, explains, or sets up machines."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

_TEST_NAME = re.compile(r"^(test_.*|.*_tests?|conftest|tests)\.pyw?$|\.(test|spec)\.[cm]?[jt]sx?$|_test\.go$")
_TEST_FOLDERS = frozenset({
    "test", "tests", "_tests", "testing", "spec", "specs", "__tests__", "fixtures", "testdata", "molecule", "e2e",
})  # fmt: skip
# `integration_tests`, `compatibility-test`, `test_data`; but not `test_engineer`, which may be a part of the program.
_TEST_FOLDER = re.compile(
    r"[-_]tests?$|^e2e[-_]?tests?$|^tests[-_]|^test[-_]?(?:assets|cases?|certs?|data|files|fixtures|helpers|inputs?|keys|projects?|resources"
    r"|servers?|suites?|support|utils)$"
)
# Below a folder of tests: what tools are tried on, with mistakes of all kinds.
_SAMPLE_FOLDER = re.compile(
    r"^(?:assets|cases|data|expected|files|fixtures|inputs?|resources|roots|samples?|snippets|targets?|testdata)$"
    r"|^tests?[-_]?(?:assets|cases|data|files|fixtures|inputs?|resources)$"
)
_TEST_TREE = re.compile(
    r"t/(?:unit|integration|functional|smoke|acceptance)/"
)  # as celery and its kin have it
_SETTINGS_FOLDERS = frozenset({"settings", "config", "configs", "conf"})
_SETTINGS_NAME = re.compile(r"(?:^|_)settings(?:_\w+)?\.py$")
_TEST_KEY = re.compile(
    r"^test[-_].*\.(?:key|pem|priv|sec|gpg|p12|pfx)$|[-_]test\.(?:key|pem|priv|sec|gpg|p12|pfx)$"
)
_TEST_SETTINGS = frozenset(
    {"test.py", "testing.py"}
)  # beside those of production, which take their names, too
_DOC_FOLDERS = frozenset({
    "doc", "docs", "example", "examples", "sample", "samples", "releasenotes", "release_notes", "release-notes",
    "newsfragments", "changelog", "changelogs", "changelog.d", "changes.d",
})  # fmt: skip
_CI_FOLDERS = frozenset({
    ".ci", "ci", ".github", ".gitlab", ".circleci", ".devcontainer", ".azure-pipelines",
    "dev", "devel", "development",
})  # fmt: skip
_CI_NAME = re.compile(
    r"^(tox\.ini|noxfile\.py|vagrantfile|\.travis\.yml|\.gitlab-ci\.yml|jenkinsfile|appveyor\.yml|.*[-_.](ci|test|tests|dev|cypress|e2e)\.ya?ml)$",
    re.IGNORECASE,
)
_DOC_ENDINGS = frozenset({".md", ".rst", ".adoc", ".txt", ".example", ".sample"})


@lru_cache(maxsize=20_000)  # asked again and again for the files of a tree
def is_test(path: str) -> bool:
    """Tell whether a path below a tree says that it is a test or a test's data."""
    pure = PurePosixPath(path)
    if pure.name in _TEST_SETTINGS and pure.parent.name in _SETTINGS_FOLDERS:
        return True
    if _TEST_KEY.search(pure.name):
        return True
    if _TEST_NAME.search(pure.name):
        return True
    if _TEST_TREE.match(path):
        return True
    return any(part in _TEST_FOLDERS or _TEST_FOLDER.search(part) for part in pure.parts[:-1])


@lru_cache(maxsize=20_000)
def is_test_sample(path: str) -> bool:
    """Tell whether a path says that this is no test but what one is tried on: `tests/data/unused.py`."""
    pure = PurePosixPath(path)
    return (
        is_test(path)
        and not _TEST_NAME.search(pure.name)
        and any(_SAMPLE_FOLDER.search(part) for part in pure.parts[:-1])
    )


def is_settings(path: str) -> bool:
    """Tell whether a path below a tree says that it holds a program's settings: `settings/local.py`."""
    pure = PurePosixPath(path)
    return pure.parent.name in _SETTINGS_FOLDERS or _SETTINGS_NAME.search(pure.name) is not None


def is_migration(path: str) -> bool:
    """Tell whether a path below a tree says that it is a migration of a database."""
    return "migrations" in PurePosixPath(path).parts[:-1]


def is_documentation(path: str) -> bool:
    """Tell whether a path below a tree says that it explains rather than runs."""
    pure = PurePosixPath(path)
    if pure.suffix.lower() in _DOC_ENDINGS or not _DOC_FOLDERS.isdisjoint(pure.parts[:-1]):
        return True
    return any(part.startswith(("example_", "example-")) for part in pure.parts[:-1])


def is_ci(path: str) -> bool:
    """Tell whether a path below a tree says that it sets up machines for tests or for developers."""
    pure = PurePosixPath(path)
    return bool(_CI_NAME.match(pure.name)) or not _CI_FOLDERS.isdisjoint(pure.parts[:-1])
