"""The base of the commands that `./wrench` calls: they need no database, and errors are one sentence."""

import importlib
import signal
import sys
from argparse import ArgumentParser
from types import FrameType
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from wrenchai_client.errors import INTERRUPTED, ClientError
from wrenchai_project import env
from wrenchai_project.servers import ServersError
from wrenchai_project.supervisor import SupervisorError


class LocalCommand(BaseCommand):
    """A verb of `./wrench`. Subclasses write `perform`, which returns the exit code."""

    verb: ClassVar[str]
    needs_settings: ClassVar[bool] = False
    """Whether a setting that cannot be used ends it at once: what it starts would refuse it later, less clearly."""
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc]  # a constant of the class here
    suppressed_base_arguments: ClassVar[set[str]] = {  # type: ignore[misc]  # as above
        "--version", "-v", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
    }  # fmt: skip

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Name the verb as the user typed it."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.prog = f"./wrench {self.verb}"
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare nothing by default."""

    def perform(self, **options: Any) -> int:
        """Do the work; return the exit code."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `perform`; turn what goes wrong into one sentence and an exit code."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            if self.needs_settings:
                importlib.import_module("wrenchai_project.settings")  # reading them finds the faults
                env.refuse_faults(launching=True)
            code = self.perform(**options)
        except env.SettingsRefused as error:
            code = complain(str(error), 2)
        except ClientError as error:
            code = complain(str(error), error.exit_code)
        except (ServersError, SupervisorError) as error:
            code = complain(str(error), 1)
        except KeyboardInterrupt:
            code = complain("interrupted; what was started is stopped", INTERRUPTED)
        sys.exit(code)


def complain(text: str, code: int) -> int:
    """Print an error's sentence and return its exit code."""
    print(f"wrench: {text}", file=sys.stderr, flush=True)
    return code


def note(text: str) -> None:
    """Print what is going on, apart from the results on standard output."""
    print(f"wrench: {text}", file=sys.stderr, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat a request to end, or a closed terminal, as Ctrl-C."""
    raise KeyboardInterrupt
