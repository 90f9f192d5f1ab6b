"""Where git may connect to: a host is resolved once, refused unless public, and pinned to what it resolved to.

Invariant: git gets an address that was checked here and never resolves the name itself, so a name that
resolves differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable

from agents.workspace.errors import GitRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?\Z", re.IGNORECASE)


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def pinned_address(
    host: str, port: int, *, private_hosts: Iterable[str] = (), resolve: Resolver = system_resolver
) -> str:
    """Give the one address to connect to. Raises GitRefused if any address of the host is not public."""
    name = host.lower().rstrip(".")
    if _NUMERIC.match(name.rsplit(".", 1)[-1]) and not _is_address(name):
        raise GitRefused(
            f"{host!r} is an unusual way to write an address; give a host name or a plain address"
        )
    try:
        addresses = [ipaddress.ip_address(found.partition("%")[0]) for found in resolve(name, port)]
    except (OSError, UnicodeError) as error:
        raise GitRefused(
            f"the host {host!r} has no address ({error}); check its spelling and the DNS"
        ) from error
    if not addresses:
        raise GitRefused(f"the host {host!r} has no address; check its spelling and the DNS")
    allowed = name in {entry.lower().rstrip(".") for entry in private_hosts}
    hidden = [address for address in addresses if not is_public(address)]
    if hidden and not allowed:
        raise GitRefused(
            f"the host {host!r} leads to {hidden[0]}, which is not public; "
            "an operator can allow it by adding the host to WRENCH_GIT_PRIVATE_HOSTS"
        )
    return str(min(addresses, key=lambda address: address.version))  # IPv4 first: it works more often


def is_public(address: Address) -> bool:
    """Tell whether an address is reachable for everybody, looking through every IPv6 wrapping of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """NAT64 (RFC 6052) and the old IPv4-compatible form carry IPv4 in their last 32 bits."""
    for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"):
        if address in ipaddress.ip_network(network) and int(address) > 1:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
