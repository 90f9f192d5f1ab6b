"""One POST to a receiver: the network's side of a delivery. Knows no rows, and raises nothing: it tells what came.

    read the URL ─> resolve once, refuse what is not public ─> connect to that very address ─> TLS for the URL's host
    ─> one request, no redirect followed, no proxy ─> status, some hundred characters of the body

All of it has SECONDS. Each read and write gets what is left of them, so a receiver that sends a byte now and then
holds nobody longer. Only the system's resolver may take longer; it has limits of its own.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpcore
from django.conf import settings
from django.utils import timezone

from monitoring import addresses
from monitoring.addresses import Address, AddressUnfit
from wrenchai_project import hosts
from wrenchai_project.hosts import HostRefused, Resolver, system_resolver

SECONDS = 10.0
MOST_READ = 16_384  # bytes of a body; the rest is left unread
MOST_KEPT = 1_000  # characters of it that are kept
MOST_ERROR = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an attempt. Without a status `error` says why there is none."""

    status: int | None = None
    milliseconds: int = 0
    excerpt: str = ""
    error: str = ""
    retry_after: float | None = None  # seconds

    @property
    def is_good(self) -> bool:
        """Tell whether the receiver has taken it."""
        return self.status is not None and 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str], *, resolve: Resolver = system_resolver) -> Answer:
    """Send it once. Returns what was answered, or why nothing was."""
    begun = time.monotonic()
    try:
        address = addresses.read(url)
        pinned = hosts.pinned_address(
            address.host,
            address.port,
            private_networks=addresses.networks(),
            resolve=resolve,
            setting=addresses.SETTING,
        )
        status, told, excerpt = _exchange(address, pinned, body, headers, until=begun + SECONDS)
    except (AddressUnfit, HostRefused) as error:
        return Answer(error=f"not sent: {error}"[:MOST_ERROR], milliseconds=_since(begun))
    except httpcore.TimeoutException:
        error_text = f"no answer within {SECONDS:g} seconds"
        return Answer(error=error_text, milliseconds=_since(begun))
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        return Answer(error=_clean(f"no answer: {error}")[:MOST_ERROR], milliseconds=_since(begun))
    return Answer(
        status=status,
        milliseconds=_since(begun),
        excerpt=excerpt,
        error="" if 200 <= status < 300 else _fault(status),
        retry_after=_retry_after(told.get("retry-after", "")),
    )


def _exchange(
    address: Address, pinned: str, body: bytes, headers: Mapping[str, str], *, until: float
) -> tuple[int, dict[str, str], str]:
    url = httpcore.URL(
        scheme=address.scheme.encode(),
        host=address.host.encode(),
        port=address.port,
        target=address.target.encode(),
    )
    sent = [("Host", address.host_header), ("Accept-Encoding", "identity"), *headers.items()]
    network = _Pinned(pinned, until)
    with (
        httpcore.ConnectionPool(ssl_context=trust(), network_backend=network, http2=False) as pool,
        pool.stream("POST", url, headers=sent, content=body) as response,
    ):
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        return response.status, told, _excerpt(response.iter_stream())


def _excerpt(chunks: Iterable[bytes]) -> str:
    """Read the beginning of a body. The status is there already: a body that breaks off or is slow spoils nothing."""
    found = b""
    try:
        for chunk in chunks:
            found += chunk
            if len(found) >= MOST_READ:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass  # what came until then is kept
    return _clean(found[:MOST_READ].decode("utf-8", "replace"))[:MOST_KEPT]


def trust() -> ssl.SSLContext:
    """Give what certificates are checked by. Raises OSError for a file of authorities that cannot be read."""
    path: str = settings.WEBHOOK_CA_FILE
    return _context(path, Path(path).stat().st_mtime_ns if path else 0)


@lru_cache(maxsize=4)
def _context(path: str, changed_at: int) -> ssl.SSLContext:
    """Reading the system's authorities takes longer than a request; a file that was changed is read again."""
    context = ssl.create_default_context()
    if path:
        context.load_verify_locations(path)
    return context


def _clean(text: str) -> str:
    """Take out control characters; lines and tabs become blanks."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def _fault(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed; give the URL that it leads to"
    return f"answered {status}"


def _retry_after(text: str) -> float | None:
    """Read the header's seconds or date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max((at - timezone.now()).total_seconds(), 0.0)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


class _Pinned(httpcore.NetworkBackend):
    """Connects to one address whatever host it is asked for, and to nothing after a moment."""

    def __init__(self, address: str, until: float) -> None:
        self._address, self._until = address, until
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._until, httpcore.ConnectTimeout)
        return _Bounded(self._inner.connect_tcp(self._address, port, timeout=left), self._until)


class _Bounded(httpcore.NetworkStream):
    """A stream whose reads and writes have what is left until a moment."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner, self._until = inner, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout=_left(self._until, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout=_left(self._until, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._until, httpcore.ConnectTimeout)
        inner = self._inner.start_tls(ssl_context, server_hostname=server_hostname, timeout=left)
        return _Bounded(inner, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(until: float, late: type[httpcore.TimeoutException]) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise late("no time is left")
    return left
