"""`wrenchai COMMAND ...`, and `./wrench client COMMAND ...`: the command line client."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import FrameType

from wrenchai_client.commands import judging, looking, mending, results, running, sharing, signing, sweeping
from wrenchai_client.commands.base import Call
from wrenchai_client.door import Local
from wrenchai_client.errors import BAD_INPUT, DONE, INTERRUPTED, ClientError

EXIT_CODES = """
exit codes:
  0    done; a run that was watched succeeded
  1    the run failed or was cancelled, or --fail-on found something; or the order failed
  2    what you asked for makes no sense, or there is no such thing
  3    not signed in, or not allowed
  4    the server does not answer
  130  interrupted
"""


def main(argv: Sequence[str] | None = None, *, program: str = "wrenchai", local: Local | None = None) -> int:
    """Do what the arguments say; returns the exit code. `local`: a server of this machine that needs no sign-in."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    taken = parser(program)
    options = taken.parse_args(argv)
    if options.perform is None:
        taken.print_help(sys.stderr)
        return BAD_INPUT
    try:
        with ExitStack() as held:
            code: int = options.perform(Call(options=options, local=local, held=held))
        sys.stdout.flush()
    except ClientError as error:
        return _complain(program, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain(program, "interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stdout = None
        return DONE
    return code


def parser(program: str) -> argparse.ArgumentParser:
    """Return the parser with all commands."""
    made = argparse.ArgumentParser(
        prog=program,
        description="Submit runs to a WrenchAI server, watch them, decide, read what came of them.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(metavar="COMMAND", title="commands")
    made.set_defaults(perform=None)
    for group in (signing, running, looking, results, judging, mending, sharing, sweeping):
        group.register(commands)
    return made


def _complain(program: str, text: str, code: int) -> int:
    print(f"{program}: {text}", file=sys.stderr, flush=True)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat a request to end, or a closed terminal, as Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
