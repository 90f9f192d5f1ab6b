"""`./wrench stop`: end everything that runs for this checkout."""

from typing import Any

from wrenchai_project import servers, services, supervisor
from wrenchai_project.management.local import LocalCommand


class Command(LocalCommand):
    """End supervisors, children that a killed one left, and the servers."""

    help = "End everything that runs for this checkout, from any terminal."
    verb = "stop"

    def perform(self, **options: Any) -> int:
        """Stop, and say what was stopped."""
        state_dir = services.state_dir()
        stopped = supervisor.stop_supervisors(state_dir) + servers.stop(state_dir)
        print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
        return 0
