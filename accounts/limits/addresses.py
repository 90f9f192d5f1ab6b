"""Where a request comes from. What a proxy says is believed only of proxies that the settings name.

`X-Forwarded-For` is written by whoever wants to: each trusted proxy appends the address that it saw. So the list is
read from its end, as long as who wrote the entry is trusted; what stands before was sent by the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "0.0.0.0"  # noqa: S104 - no address to bind to: the peer of a Unix socket has none


def of_request(request: HttpRequest) -> str:
    """Give the address of the client. For RATELIMIT_IP_META_KEY, too."""
    return client_address(
        request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""), trusted()
    )


def of_scope(scope: Mapping[str, Any]) -> str:
    """Give the address of the client of a WebSocket."""
    peer = (scope.get("client") or ("",))[0]
    lines = [bytes(value).decode("latin-1") for key, value in scope["headers"] if key == b"x-forwarded-for"]
    return client_address(peer, ",".join(lines), trusted())


def trusted() -> Sequence[Network]:
    """Give the networks of the proxies that are believed."""
    return _networks(tuple(settings.TRUSTED_PROXIES))


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Tell who speaks, for a connection from `peer` that says it forwards for `forwarded`."""
    found = _address(peer)
    if found is None:
        return UNKNOWN
    for said in reversed(forwarded.split(",")) if proxies and forwarded else ():
        if not any(found in network for network in proxies):
            break
        before = _address(said.strip())
        if before is None:
            break  # the last proxy that made sense stands for what it forwards
        found = before
    return str(found)


def owner(address: str) -> str:
    """Give what owns a bucket: an IPv4 address, or the /64 network that a single IPv6 subscriber is given."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, 64), strict=False).network_address)
    return str(found or UNKNOWN)


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found
