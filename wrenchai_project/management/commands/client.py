"""`./wrench client COMMAND ...`: the command line client, at home where `./wrench serve` is up."""

import sys

from django.core.management.base import BaseCommand

from wrenchai_client.__main__ import main
from wrenchai_client.door import Local
from wrenchai_project import crew, services


class Command(BaseCommand):
    """Hand everything on to the client, which has options and help of its own."""

    help = "Submit runs to a server, watch them, decide, read what came of them."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:], program="./wrench client", local=_local()))


def _local() -> Local | None:
    """Tell of the `serve` of this checkout, if it is up: its owner needs no sign-in."""
    state_dir = services.state_dir()
    facts = crew.serving(state_dir)
    if facts is None:
        return None
    return Local(url=facts["url"], token=lambda: crew.renewed_token(crew.client_environment(state_dir)))
