"""Where we connect to when users say where: a host is resolved once, refused unless public, pinned to its address.

Invariant: who connects gets an address that was checked here and never resolves the name itself, so a name that
resolves differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]

_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?\Z", re.IGNORECASE)


class HostRefused(Exception):
    """We do not connect to this host: it has no address, or one that is not public."""


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def pinned_address(
    host: str,
    port: int,
    *,
    private_hosts: Iterable[str] = (),
    private_networks: Iterable[Network] = (),
    resolve: Resolver = system_resolver,
    setting: str,
) -> str:
    """Give the one address to connect to. Raises HostRefused if any address of the host is not public.

    Private hosts and networks are let pass nevertheless; `setting` is where an operator names them.
    """
    name = host.lower().rstrip(".")
    refuse_odd_address(host)
    try:
        addresses = [ipaddress.ip_address(found.partition("%")[0]) for found in resolve(name, port)]
    except (OSError, UnicodeError) as error:
        raise HostRefused(
            f"the host {host!r} has no address ({error}); check its spelling and the DNS"
        ) from error
    if not addresses:
        raise HostRefused(f"the host {host!r} has no address; check its spelling and the DNS")
    if name not in {entry.lower().rstrip(".") for entry in private_hosts}:
        refuse_private(host, addresses, private_networks=private_networks, setting=setting)
    return str(min(addresses, key=lambda address: address.version))  # IPv4 first: it works more often


def refuse_odd_address(host: str) -> None:
    """Let pass names and plain addresses. Raises HostRefused for 0x7f.1, 2130706433 and their like."""
    name = host.lower().rstrip(".")
    if _NUMERIC.match(name.rsplit(".", 1)[-1]) and literal_address(name) is None:
        raise HostRefused(
            f"{host!r} is an unusual way to write an address; give a host name or a plain address"
        )


def refuse_private(
    host: str, addresses: Iterable[Address], *, private_networks: Iterable[Network] = (), setting: str
) -> None:
    """Let pass what is public or in one of these networks. Raises HostRefused for the first that is not."""
    networks = list(private_networks)
    for address in addresses:
        if not is_public(address) and not any(_plain(address) in network for network in networks):
            raise HostRefused(
                f"the host {host!r} leads to {address}, which is not public; "
                f"an operator can allow it by adding it to {setting}"
            )


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


def literal_address(name: str) -> Address | None:
    """Read a host that is written as an address; None for a name."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """Write an IPv4 address that comes as IPv6 as what is connected to."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
