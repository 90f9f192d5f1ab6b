"""Archives that come with a form: stored before the form is judged, so that a fault elsewhere costs no upload.

The same store and limits as `POST /api/v1/uploads`.
"""

from __future__ import annotations

from typing import BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from accounts import access
from accounts.models import Project, User
from agents.workspace.targets import is_archive_name
from tasks import artifacts
from tasks.errors import ArtifactStoreFull, UploadTooLarge


def keep(request: HttpRequest, user: User) -> tuple[QueryDict, str]:
    """Store the archive that a form brings. Returns the form's data, naming what was stored, and a fault or ""."""
    data = request.POST.copy()
    file = request.FILES.get("archive")
    if not isinstance(file, UploadedFile):
        return data, ""
    name = "".join(c for c in file.name or "" if c.isprintable())
    project = _project(data.get("project", ""), user)
    if project is None:
        return data, ""  # the form says so
    if not is_archive_name(name):
        return data, _("%(name)s is no archive: send a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz.") % {
            "name": name
        }
    if not file.size:
        return data, _("%(name)s is empty.") % {"name": name}
    content = cast("BinaryIO", file)
    try:
        ref = artifacts.put_upload(
            name, content, project_id=project.pk, owner_id=user.pk, most_bytes=settings.UPLOAD_BYTES
        )  # fmt: skip
    except (UploadTooLarge, ArtifactStoreFull) as error:
        return data, str(error)
    data["digest"], data["archive_name"] = ref.digest, name
    return data, ""


def _project(given: str, user: User) -> Project | None:
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        return None
    return access.projects_for(user, "upload.create").filter(pk=int(given)).first()
