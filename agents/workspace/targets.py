"""What people point at: a local folder, a git URL or an uploaded archive.

Owns the shapes and their checks. Refuses to know how they are fetched.
Invariant: no message and no description made here holds a password of a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from agents.workspace.errors import TargetInvalid

MAX_URL = 2_000
MAX_DEPTH = 1_000
_SCP_FORM = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^\s]+)\Z"
)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?\Z|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\Z")
REF = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./+@#=-]{0,249}\Z")
_SECRET = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/@\s]*@")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_ARCHIVE_NAMES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PathTarget(_Shape):
    """A folder on the worker's host, inside one of the allowed roots."""

    kind: Literal["path"] = "path"
    path: str = Field(min_length=1, max_length=4_096)

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a path holds no NUL character")
        if not value.startswith("/"):
            raise ValueError("a path starts with '/'; give it whole, workers have their own current folder")
        return value


class GitTarget(_Shape):
    """A repository that is fetched by https or ssh."""

    kind: Literal["git"] = "git"
    url: str = Field(min_length=1, max_length=MAX_URL)
    ref: str | None = None  # branch, tag or whole commit id; None for the remote's own choice
    depth: int = Field(default=1, ge=1, le=MAX_DEPTH)

    @field_validator("url")
    @classmethod
    def _fetchable(cls, value: str) -> str:
        read_url(value)
        return value

    @field_validator("ref")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and (not REF.match(value) or ".." in value):
            raise ValueError(
                "a ref is the name of a branch or tag, or a commit id; it does not start with '-'"
            )
        return value


class ArchiveTarget(_Shape):
    """An archive that was uploaded before and lies among the artifacts."""

    kind: Literal["archive"] = "archive"
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str = Field(min_length=1, max_length=255)


class SarifFile(_Shape):
    """An upload that holds what another tool found on the target, as SARIF 2.1.0."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    name: str = Field(min_length=1, max_length=255)

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("a control or formatting character is in it")
        return value


Target = Annotated[PathTarget | GitTarget | ArchiveTarget, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[PathTarget | GitTarget | ArchiveTarget] = TypeAdapter(Target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A git URL in its parts; `password` never leaves the fetching process."""

    scheme: str
    host: str
    port: int
    path: str
    user: str = ""
    password: str = ""

    def address(self, *, with_user: bool = True) -> str:
        """Give the URL without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        user = f"{self.user}@" if self.user and with_user else ""
        return f"{self.scheme}://{user}{host}{port}{self.path}"


def parse_target(data: object) -> PathTarget | GitTarget | ArchiveTarget:
    """Read a target that came from outside. Raises TargetInvalid, which repeats no secret."""
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        faults = "; ".join(_sentence(fault) for fault in error.errors(include_input=False, include_url=False))
        raise TargetInvalid(f"the target cannot be read: {faults}") from None


def target_from_text(text: str) -> PathTarget | GitTarget:
    """Read what a person typed: a git URL, or an absolute path. Raises TargetInvalid."""
    cleaned = text.strip()
    if cleaned.startswith(("/", "~")):
        target = parse_target({"kind": "path", "path": str(Path(cleaned).expanduser())})
    else:
        target = parse_target({"kind": "git", "url": cleaned})
    assert not isinstance(target, ArchiveTarget)
    return target


def describe(target: PathTarget | GitTarget | ArchiveTarget) -> str:
    """Name a target for people, without its password."""
    if isinstance(target, PathTarget):
        return target.path
    if isinstance(target, GitTarget):
        return redacted(target.url) + (f" at {target.ref}" if target.ref else "")
    return target.name


def web_of(target: PathTarget | GitTarget | ArchiveTarget) -> str:
    """Give the address of a repository's pages, without secrets; "" for what has none."""
    if not isinstance(target, GitTarget):
        return ""
    remote = read_url(target.url)
    if remote.scheme not in ("https", "ssh"):
        return ""
    host = f"[{remote.host}]" if ":" in remote.host else remote.host
    port = f":{remote.port}" if remote.scheme == "https" and remote.port != _DEFAULT_PORTS["https"] else ""
    return f"https://{host}{port}{remote.path.removesuffix('/').removesuffix('.git')}"


def redacted(text: str) -> str:
    """Take user and password out of every URL in a text."""
    return _SECRET.sub(lambda found: found["scheme"], text)


def read_url(url: str) -> Remote:
    """Take a git URL apart. Raises ValueError that tells the fault without repeating a password."""
    if any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError("a git URL holds no blanks and no control characters")
    if "://" not in url:
        return _read_scp_form(url)
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in ("https", "ssh"):
        raise ValueError(
            f"git is used over https and ssh, not {scheme!r}; give an https:// or ssh:// address"
        )
    try:
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[scheme]
    except ValueError:
        raise ValueError("the port of the git URL is no number from 1 to 65535") from None
    remote = Remote(
        scheme=scheme, host=host, port=port, path=parts.path,
        user=unquote(parts.username or ""), password=unquote(parts.password or ""),
    )  # fmt: skip
    _check(remote, extra=bool(parts.query or parts.fragment))
    return remote


def _read_scp_form(url: str) -> Remote:
    found = _SCP_FORM.match(url)
    if found is None:
        raise ValueError("this is no git URL; give https://host/path, ssh://user@host/path or user@host:path")
    path = found["path"] if found["path"].startswith("/") else f"/{found['path']}"
    remote = Remote(scheme="ssh", host=found["host"].lower(), port=22, path=path, user=found["user"])
    _check(remote, extra=False)
    return remote


def _check(remote: Remote, *, extra: bool) -> None:
    if not _HOST.match(remote.host):
        raise ValueError("the git URL has no usable host name")
    if remote.scheme == "ssh" and remote.user and not _USER.match(remote.user):
        raise ValueError(
            "the user of the git URL is 1 or more of A-Z a-z 0-9 . _ % + - and starts with a letter"
        )
    if remote.path in ("", "/") or remote.path.startswith("/-"):
        raise ValueError("the git URL names no repository after its host")
    if extra:
        raise ValueError("a git URL has neither '?' nor '#'; give a branch as 'ref'")


def is_archive_name(name: str) -> bool:
    """Tell whether a file's name is one of an archive that can be uploaded."""
    return name.lower().endswith(_ARCHIVE_NAMES)


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
