"""Starting other programs."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, gives, sink, special, stops

_SUBPROCESS = ["run", "call", "check_call", "check_output", "Popen"]
_SPAWN = ["execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe"]
_TEXTS = [
    "os.system",
    "os.popen",
    "os.popen2",
    "os.popen3",
    "os.popen4",
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

_BASH = [
    *("airflow.operators.bash.BashOperator", "airflow.operators.bash_operator.BashOperator"),
    *("airflow.providers.standard.operators.bash.BashOperator", "airflow.operators.BashOperator"),
]
_SSH = [
    "airflow.providers.ssh.operators.ssh.SSHOperator",
    "airflow.contrib.operators.ssh_operator.SSHOperator",
]

ROWS: tuple[Row, ...] = (
    # Airflow runs it later, in a shell of a worker.
    *(sink(name, "command", "bash_command") for name in _BASH),
    *(sink(name, "command", "command") for name in _SSH),
    *(gives(f"fabric.{name}Connection", "@fabric.Connection") for name in ("", "connection.")),
    *(sink(f"@fabric.Connection.{name}", "command", "0 command") for name in ("run", "local", "sudo")),
    gives("invoke.Context", "@invoke.Context"),
    *(sink(f"@invoke.Context.{name}", "command", "0 command") for name in ("run", "sudo")),
    gives("winrm.Session", "@winrm.Session"),
    *(sink(f"@winrm.Session.{name}", "command", "0") for name in ("run_cmd", "run_ps")),
    sink("pexpect.popen_spawn.PopenSpawn", "command", "0 cmd"),
    *(sink(f"sh.{name}", "command", "0") for name in ("Command",)),
    *(special(f"subprocess.{name}", "command") for name in _SUBPROCESS),
    *(sink(name, "command", "0 cmd command") for name in _TEXTS),
    *(stops(name) for name in _TEXTS),
    *(special(f"os.{name}", "program") for name in _SPAWN),
    *(special(f"os.spawn{name}", "program") for name in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *(special(f"os.{name}", "program") for name in ("posix_spawn", "posix_spawnp")),
    special(".subprocess_exec", "program"),
    sink(".subprocess_shell", "command", "1 cmd"),
    sink("os.startfile", "command", "0 path"),
    special("asyncio.create_subprocess_exec", "program"),
    special("asyncio.subprocess.create_subprocess_exec", "program"),
    sink("asyncio.subprocess.create_subprocess_shell", "command", "0 cmd"),
    sink(".exec_command", "command", "0 command", weak=1),
    stops(".exec_command"),
)
