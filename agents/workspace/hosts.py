"""Where git may connect to: `wrenchai_project.hosts`, with the hosts that operators allow for git."""

from __future__ import annotations

from collections.abc import Iterable

from agents.workspace.errors import GitRefused
from wrenchai_project import hosts
from wrenchai_project.hosts import HostRefused, Resolver, system_resolver

__all__ = ["Resolver", "pinned_address", "system_resolver"]


def pinned_address(
    host: str, port: int, *, private_hosts: Iterable[str] = (), resolve: Resolver = system_resolver
) -> str:
    """Give the one address that git connects to. Raises GitRefused if any address of the host is not public."""
    try:
        return hosts.pinned_address(
            host, port, private_hosts=private_hosts, resolve=resolve, setting="WRENCH_GIT_PRIVATE_HOSTS"
        )
    except HostRefused as error:
        raise GitRefused(str(error)) from error
