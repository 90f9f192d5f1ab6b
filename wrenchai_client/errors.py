"""What goes wrong at the client's side, as one sentence and an exit code."""

from __future__ import annotations

DONE = 0
FAILED = 1  # the run did not succeed, or found what --fail-on names
BAD_INPUT = 2
FORBIDDEN = 3  # not signed in, or not allowed
NO_SERVER = 4  # it does not answer, or with what no WrenchAI says
INTERRUPTED = 130  # the shell's code for an end by Ctrl-C


class ClientError(Exception):
    """What the user asked for cannot be done; the text says what to change."""

    def __init__(self, text: str, *, exit_code: int = FAILED) -> None:
        super().__init__(text)
        self.exit_code = exit_code
