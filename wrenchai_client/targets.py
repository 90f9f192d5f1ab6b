"""What a run is to work on, as the server wants it: a git URL, or an archive that is sent first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wrenchai_client.errors import BAD_INPUT, ClientError
from wrenchai_client.packing import packed, packed_base
from wrenchai_client.server import ApiClient

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:(?!//)")


@contextmanager
def sent(
    client: ApiClient, given: str, *, project: str, ref: str | None, say: Callable[[str], None]
) -> Iterator[dict[str, str]]:
    """Yield the target for a path or URL; folders and archives of this machine are sent. Raises ClientError."""
    if URL.match(given) and not Path(given).exists():
        yield {"kind": "git", "url": given, **({"ref": ref} if ref else {})}
        return
    if ref:
        raise ClientError("--ref is for git URLs; a folder is sent as it is", exit_code=BAD_INPUT)
    path = Path(given).expanduser()
    if path.is_file() and path.name.lower().endswith(ARCHIVES):
        say(f"sending {path}")
        yield client.upload(path, project=project)
        return
    if not path.is_dir():
        said = f"{given!r} is neither a folder nor an archive ({', '.join(ARCHIVES)})"
        raise ClientError(said if path.exists() else f"there is no {given!r}", exit_code=BAD_INPUT)
    with packed(path.resolve()) as archive:
        say(f"sending {archive.files:,} files of {path} ({_size(archive.size)} packed)")
        yield client.upload(archive.path, project=project, name=f"{path.resolve().name or 'root'}.tar.gz")


def sent_base(
    client: ApiClient, given: str, revision: str, *, project: str, say: Callable[[str], None]
) -> dict[str, str]:
    """Give the target of what a path or URL is compared with; of a folder its older state is sent.

    Raises ClientError.
    """
    if URL.match(given) and not Path(given).exists():
        return {"kind": "git", "url": given, "ref": revision}
    path = Path(given).expanduser()
    if not path.is_dir():
        raise ClientError("--base is for git URLs and for folders that git tracks", exit_code=BAD_INPUT)
    with packed_base(path.resolve(), revision) as archive:
        say(f"sending {archive.files:,} files of {revision} ({_size(archive.size)} packed)")
        told = re.sub(r"[^A-Za-z0-9._-]+", "-", revision)[:100].strip("-.") or "base"
        return client.upload(archive.path, project=project, name=f"{told}-{archive.commit[:12]}.tar.gz")


def sent_sarif(
    client: ApiClient, given: Sequence[Path], *, project: str, say: Callable[[str], None]
) -> list[dict[str, str]]:
    """Send files with what other tools found; give what names them. Raises ClientError before any is sent."""
    for path in given:
        if not path.is_file():
            raise ClientError(f"--sarif {path}: there is no such file", exit_code=BAD_INPUT)
        if not path.stat().st_size:
            raise ClientError(f"--sarif {path}: the file is empty", exit_code=BAD_INPUT)
    sent = []
    for path in given:
        say(f"sending {path} ({_size(path.stat().st_size)})")
        sent.append(client.upload(path, project=project))
    return sent


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"
