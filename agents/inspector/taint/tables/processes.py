"""Starting other programs."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, sink, special, stops

_SUBPROCESS = ["run", "call", "check_call", "check_output", "Popen"]
_SPAWN = ["execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe"]
_TEXTS = [
    "os.system",
    "os.popen",
    "commands.getoutput",
    "commands.getstatusoutput",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "popen2.popen2",
    "popen2.popen3",
    "popen2.popen4",
    "asyncio.create_subprocess_shell",
    "pexpect.run",
    "pexpect.spawn",
    "invoke.run",
    "fabric.api.run",
    "fabric.api.local",
    "fabric.api.sudo",
    "platform.popen",
    "pty.spawn",
]

ROWS: tuple[Row, ...] = (
    *(special(f"subprocess.{name}", "command") for name in _SUBPROCESS),
    *(sink(name, "command", "0 cmd command") for name in _TEXTS),
    *(stops(name) for name in _TEXTS),
    *(sink(f"os.{name}", "command", "0 path file", weak=1) for name in _SPAWN),
    sink("os.spawnl", "command", "1", weak=1),
    sink("os.spawnv", "command", "1", weak=1),
    sink("os.startfile", "command", "0 path"),
    sink("asyncio.create_subprocess_exec", "command", "0 program", weak=1),
    sink(".exec_command", "command", "0 command", weak=1),
    stops(".exec_command"),
)
