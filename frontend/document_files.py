"""What a run wrote as documentation, shown so that nothing in it can act: not on the session, not on the page around.

    page (with the session) ── address: a signed, dated capability ──> <iframe sandbox>
        └─ GET /documents/<capability>/<file>      no cookie is read; sandbox by the answer's own policy, too

A frame without an origin sends no cookie when a link in it is followed, so the address itself has to carry the right
to look. It names the artifact, the person and their session, and nothing else: each request asks anew whether the
session is alive and the person may still look, so that it ends with them. It is no use for anything but these files.

Owns: the capability, which file of an archive is meant, and the policy under which it is shown.
"""

from __future__ import annotations

import lzma
import posixpath
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO, Final

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from accounts import access, sessions
from tasks import artifacts
from tasks.errors import ArtifactMissing
from tasks.models import Artifact

SALT: Final = "frontend.documents"
LASTS: Final = timedelta(hours=12)  # a page that is open for longer is loaded anew
MAX_BYTES: Final = 32 << 20  # of one file: what the agent writes is smaller
SINGLE = "index.html"  # the name of a document that is one file

SANDBOX: Final = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""No script, no origin, no form, nothing loaded from anywhere. Links to other sites open in a tab of their own."""

SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
}
"""By their suffix. Others are bytes: a script would be one of our own origin, which our pages' policy lets run."""
_UNREADABLE = (
    *(KeyError, zipfile.BadZipFile),
    *(zlib.error, lzma.LZMAError, EOFError, ValueError),  # broken bytes
    *(NotImplementedError, RuntimeError),  # a compression that zipfile does not know, and what is encrypted
)
_OUTWARD = re.compile(rb'<a (?=[^<>]*?href="(https?://[^"]*)")')


class PageMissing(Exception):
    """A document has no such page; the text says so to its reader."""


@dataclass(frozen=True, slots=True)
class File:
    """What is shown: its bytes and the type that a browser is told."""

    content: bytes
    kind: str


def address(request: HttpRequest, artifact: Artifact) -> str:
    """Give the address under which this person may look at a document, in a frame or a tab of its own."""
    told = [artifact.pk, request.user.pk, request.session.get(sessions.SID)]
    capability = signing.dumps(told, salt=SALT)
    return reverse("frontend:document", args=[capability, SINGLE])


@require_safe
@xframe_options_sameorigin
def show(request: HttpRequest, capability: str, path: str) -> HttpResponse:
    """Show a file of a document to whoever has its address, as long as the person it was made for may look."""
    artifact = _allowed(capability)
    if artifact is None:
        return _told(410, _("This address is over. Load the page that it stood on anew."))
    try:
        file = _read(artifact, path)
    except PageMissing as error:
        return _told(404, str(error))
    except ArtifactMissing:
        return _told(404, _("What was written is not kept any more. Have it written anew."))
    host = f"{request.scheme}://{request.get_host()}/".encode()
    content = _outward(file.content, host) if file.kind.startswith("text/html") else file.content
    return _dressed(HttpResponse(content, content_type=file.kind))


def _allowed(capability: str) -> Artifact | None:
    """Give the artifact that a capability names, if the person may look at it now."""
    try:
        pk, user_pk, sid = signing.loads(capability, salt=SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    session = sessions.find(sid, user_pk)
    row = Artifact.objects.select_related("run__project").filter(pk=pk, run__hidden_at=None).first()
    if session is None or row is None or not access.may(session.user, "artifact.view", row.run.project):
        return None
    return row


def _read(artifact: Artifact, path: str) -> File:
    """Read a file of a document. Raises PageMissing, ArtifactMissing."""
    with artifacts.open_blob(artifact.digest) as blob:
        if artifact.name.endswith(".zip"):
            return _of_archive(blob, path)
        if path != SINGLE or artifact.size > MAX_BYTES:
            raise PageMissing(_("This document has no such page."))
        content = blob.read()
    return (
        _page_of(artifact.name, content) if artifact.name.endswith(".md") else File(content, SHOWN[".html"])
    )


def _of_archive(blob: BinaryIO, path: str) -> File:
    """Read a member of an archive, named exactly: nothing is unpacked, so no path leads anywhere."""
    try:
        with zipfile.ZipFile(blob) as archive:
            about = archive.getinfo(path)
            if about.file_size > MAX_BYTES:
                raise PageMissing(_("This page is too large to be shown here; download it."))
            content = archive.read(about)
    except OSError as error:
        if error.errno is not None:
            raise  # the disk's own
        raise PageMissing(_("This document has no such page.")) from error  # bz2's, for broken bytes
    except _UNREADABLE as error:
        raise PageMissing(_("This document has no such page.")) from error
    suffix = posixpath.splitext(path)[1].lower()
    return File(content, SHOWN.get(suffix, "application/octet-stream"))


def _page_of(name: str, content: bytes) -> File:
    """Make a page of Markdown. HTML in it is text, and links lead to http(s) or nowhere."""
    text = content.decode("utf-8", "replace")
    written = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return File(_page(name, written), SHOWN[".html"])


def _page(title: str, written: str) -> bytes:
    """Put HTML of our own making into a page that needs nothing else."""
    page = render_to_string("frontend/document_page.html", {"title": title})
    return page.replace("<main></main>", f"<main>{written}</main>").encode()


def _outward(content: bytes, host: bytes) -> bytes:
    """Let links to other sites open in a tab of their own; in the frame they would be refused."""

    def opened(found: re.Match[bytes]) -> bytes:
        return found[0] if found[1].startswith(host) else b'<a target="_blank" rel="noopener noreferrer" '

    return _OUTWARD.sub(opened, content)


def _told(status: int, text: str) -> HttpResponse:
    """Answer in a sentence, in the frame: an error page of ours would be refused there."""
    return _dressed(HttpResponse(_page(text, f"<p>{escape(text)}</p>"), status=status))


def _dressed(answer: HttpResponse) -> HttpResponse:
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is a right to look
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
