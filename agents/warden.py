"""The small program between an agent and a foreign command; `agents.process` starts it.

    python -I -S -c START FOLDER PARENT REPORT_FD MEMORY_BYTES FILE_BYTES NETWORK -- command argument ...

It exists because the same work in a `preexec_fn` can deadlock in a process with threads, and because a
parent that is killed cannot clean up. It owns, in this order:

1. asks the kernel for SIGUSR2 at the parent's death, then checks that the parent still lives;
2. adopts orphans (child subreaper), so that a grandchild cannot slip away by a double fork;
3. sets the limits: memory, size of a written file, no core file;
4. leaves the network, where the kernel allows it;
5. starts the command, waits for it, kills whatever the command left behind;
6. writes to the pipe how the command ended, and what could not be had: `name=value`, a line for each.

Invariant: when this process is gone, so is the command; the command dies by SIGKILL with its warden.
It is started for each command, so it imports little: no JSON, no types.

A program of ours, `PYTHON -I FILE ...`, runs in the child itself: the warden is started by that same Python, and its
child is an isolated one already. To start another one costs as much processor time as many a program's work.

    SIGTERM   is for the command: the whole group gets it, the warden stays to clean up
    SIGUSR2   kill everything now: sent by `agents.process`, or by the kernel at the parent's death
"""

from __future__ import annotations

import _ctypes  # the package around it makes types, which takes a third of what a warden costs
import _signal as signal  # type: ignore[import-not-found]  # the module around it makes enums, slowly
import os
import resource
import sys

START = "import sys; sys.path.append(sys.argv[1]); import warden; sys.path.pop(); sys.exit(warden.main(sys.argv[2:]))"
_ADOPTS = sys.platform.startswith("linux")  # a subreaper gets every orphan below it
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
CANNOT_START = 127  # what shells say of a command that cannot be started
_FRAMES = 6  # of ours below a program of ours, which are not to count against it


def main(arguments: list[str]) -> int:
    """Run the command under the orders, and end with the exit code that a shell would show."""
    parent, report_fd, memory_bytes, file_bytes, network = map(int, arguments[:5])
    command = arguments[6:]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, _kill_everything)
    _prctl(PR_SET_PDEATHSIG, signal.SIGUSR2)
    if os.getppid() != parent:
        return CANNOT_START  # the parent died before the kernel was asked
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    report: dict[str, int | str] = {"network_cut": int(not network and _leave_network())}
    _limit(memory_bytes, file_bytes)
    status = _run(command, report, report_fd)
    _end_the_rest()
    os.write(report_fd, "".join(f"{name}={told}\n" for name, told in report.items()).encode())
    os._exit(status)  # without taking the interpreter apart, which nobody needs


def _run(command: list[str], report: dict[str, int | str], report_fd: int) -> int:
    ready, failed = os.pipe()  # closes at exec; carries the reason when exec fails
    child = os.fork()
    if child == 0:
        os.close(ready)
        os.close(report_fd)
        _become(command, failed)
    os.close(failed)
    with os.fdopen(ready, "rb") as reasons:
        reason = reasons.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(child, 0)
    report["peak_rss"] = usage.ru_maxrss  # the parent would see its own size from before the exec
    if reason:
        report["cannot_start"] = " ".join(reason.split())
        return CANNOT_START
    code = os.waitstatus_to_exitcode(status)
    report["exit_code"] = code
    return code if code >= 0 else 128 - code


def _become(command: list[str], failed: int) -> None:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if is_ours(command):
            installed = command[2] != "-S"
            arguments = command[2 if installed else 3 :]
            with open(arguments[0], "rb") as file:
                source = file.read()
            os.close(failed)
            os._exit(_played(source, arguments, installed=installed))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - an argument list of our own, no shell wanted
    except OSError as error:
        os.write(failed, f"{command[0]}: {error.strerror}".encode("utf-8", "replace"))
    finally:
        os._exit(CANNOT_START)


def is_ours(command: list[str]) -> bool:
    """Tell whether a command is `PYTHON -I [-S] FILE ...` with a program of this package."""
    python, isolated, *rest = [*command[:4], "", ""]
    program = rest[1] if rest[0] == "-S" else rest[0]
    ours = isolated == "-I" and program.startswith(_OURS) and program.endswith(".py")
    return ours and os.access(python, os.X_OK)


def _played(source: bytes, arguments: list[str], *, installed: bool) -> int:
    """Run a program in this process as Python would; gives its exit code, with all that it wrote written."""
    import atexit
    from types import ModuleType

    if installed:
        import site

        site.main()  # the installed packages, which the warden itself does without
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__file__ = arguments[0]
    sys.argv = arguments
    sys.setrecursionlimit(sys.getrecursionlimit() + _FRAMES)
    code = 0
    try:
        exec(compile(source, arguments[0], "exec", dont_inherit=True), vars(main))  # noqa: S102 - a file of ours
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    atexit._run_exitfuncs()
    return code if _flushed() else code or 120  # as Python says of an output that could not be written


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def _flushed() -> bool:
    """Write out what is held back. What is closed holds nothing."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except OSError:
            return False
    return True


def _limit(memory_bytes: int, file_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _leave_network() -> bool:
    """Enter an empty network namespace. Returns False where the kernel forbids it."""
    if not sys.platform.startswith("linux"):
        return False
    return _called("unshare", CLONE_NEWNET) == 0 or _called("unshare", CLONE_NEWUSER | CLONE_NEWNET) == 0


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        _called("prctl", option, value, 0, 0, 0)


def _called(name: str, *given: int) -> int:
    """Call a function of the C library, as `ctypes.CDLL(None)` would; gives its answer."""
    program = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # the stub does not know the program itself
    answer: int = _ctypes.call_function(_ctypes.dlsym(program, name), given)
    return answer


def _kill_everything(_signal: int, _frame: object) -> None:
    while _kill_others():
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _end_the_rest() -> None:
    """Kill and reap what the command left running, until nothing is left."""
    while not _is_alone() and _kill_others():
        _reap()


def _is_alone() -> bool:
    """Tell whether nobody descends from here, without a look at every process: whoever lost its parent is ours."""
    if not _ADOPTS:
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _kill_others() -> int:
    """SIGKILL everybody who descends from here or is in the group, but this process. Returns how many."""
    killed = 0
    for pid in _others():
        try:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
    return killed


def _others() -> set[int]:
    """Everybody alive in the group, and all descendants: they may have sessions of their own."""
    me, group = os.getpid(), os.getpgrp()
    alive: dict[int, int] = {}  # pid -> parent
    found = {me}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                state, parent, its_group = stat.read().rpartition(b")")[2].split()[:3]
        except OSError:
            continue
        if state != b"Z":
            alive[int(name)] = int(parent)
            if int(its_group) == group:
                found.add(int(name))
    grown = True
    while grown:
        more = {pid for pid, parent in alive.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return found - {me}
