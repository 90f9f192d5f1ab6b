"""URLs of webhooks: read strictly, and refused where the text alone shows that nothing may be sent there.

Any port is allowed: over TLS a service that is no web server gets nothing that it could mistake for its own protocol,
and without TLS nothing is sent unless an operator allows it. What a name resolves to is checked at each sending.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings

from wrenchai_project import hosts
from wrenchai_project.hosts import HostRefused, Network

MOST_CHARACTERS = 2_000
SETTING = "WRENCH_WEBHOOK_NETWORKS"
_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?\Z")
_PORTS = {"https": 443, "http": 80}


class AddressUnfit(Exception):
    """A text is no URL that webhooks are sent to. The message repeats no password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A URL in its parts. `target` is the path with the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """What the header Host says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str) -> Address:
    """Take a URL apart. Raises AddressUnfit for what is none, has a password, or names an address that is refused."""
    if len(url) > MOST_CHARACTERS or not _PRINTABLE.match(url):
        raise AddressUnfit(
            f"a URL has at most {MOST_CHARACTERS} characters, all printable ASCII; percent-encode others"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise AddressUnfit("its host or port cannot be read; write https://host/path") from None
    scheme = parts.scheme.lower()
    if scheme not in _allowed_schemes():
        raise AddressUnfit(f"webhooks are sent by {' or '.join(_allowed_schemes())}, not {scheme[:20]!r}")
    if "@" in parts.netloc:
        raise AddressUnfit("a URL here has no user or password; deliveries are signed instead")
    if "#" in url:
        raise AddressUnfit("a URL here has no '#': what follows it would not be sent")
    if port == 0:
        raise AddressUnfit("a port is a number from 1 to 65535")
    _refuse_host(host)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(scheme=scheme, host=host, port=port or _PORTS[scheme], target=target)


def networks() -> list[Network]:
    """Give the networks that are not public and that an operator has allowed."""
    return [ip_network(text) for text in settings.WEBHOOK_NETWORKS]


def _allowed_schemes() -> list[str]:
    return ["https", "http"] if settings.WEBHOOK_HTTP else ["https"]


def _refuse_host(host: str) -> None:
    literal = hosts.literal_address(host)
    if literal is None and not (_NAME.match(host) and len(host) <= 253):
        raise AddressUnfit("the URL has no usable host; write https://host/path")
    try:
        hosts.refuse_odd_address(host)
        if literal is not None:
            hosts.refuse_private(host, [literal], private_networks=networks(), setting=SETTING)
    except HostRefused as error:
        raise AddressUnfit(str(error)) from error
