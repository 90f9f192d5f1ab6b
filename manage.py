#!/usr/bin/env python3
"""Django's door to the commands. `./wrench` makes the environment and comes in here."""

import os
import sys

# These need no app: they start a second earlier without, and `stop` and `doctor` work when an app is broken.
LOCAL = {
    "run",
    "serve",
    "client",
    "advisories",
    "worker",
    "stop",
    "doctor",
    "reset",
    "house_check",
    "house_test",
}


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wrenchai_project.settings")
    from django.core.management import execute_from_command_line, load_command_class

    if len(sys.argv) > 1 and sys.argv[1] in LOCAL:
        load_command_class("wrenchai_project", sys.argv[1]).run_from_argv(sys.argv)
    else:
        from history import origins

        origins.name_command(sys.argv)
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # while importing: a command that has begun handles it itself
        sys.stderr.write("\nwrench: interrupted\n")
        sys.exit(130)
