"""The files that the nightly export leaves for the bookkeepers."""

from django.conf import settings


def listing():
    """Return the names of the exports, newest name first."""
    if not settings.EXPORT_ROOT.is_dir():
        return []
    return sorted((entry.name for entry in settings.EXPORT_ROOT.iterdir() if entry.is_file()), reverse=True)


def open_export(name):
    """Open an export for reading. Raises FileNotFoundError."""
    path = settings.EXPORT_ROOT / name
    if not path.is_file():
        raise FileNotFoundError(name)
    return path.open("rb")
