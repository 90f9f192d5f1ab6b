"""Fetching a repository with git, as a stranger's word would have it done.

    URL -> read_url -> host resolved once, public only, pinned -> git by argv, in its own process group,
    no hooks, no submodules, no prompts, no configuration but ours -> watched for time, size, cancellation

Owns: the command line, the environment and the death of git. Refuses to know snapshots.
Invariant: nothing that a repository holds is executed, and no process outlives `clone`.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.workspace.default_branch import DEFAULT_REF, OF_DEFAULT, DefaultBranch, read_default
from agents.workspace.errors import (
    DiskFull,
    GitFailed,
    GitMissing,
    GitTimeout,
    ObtainCancelled,
    WorkspaceTooLarge,
)
from agents.workspace.hosts import Resolver, pinned_address, system_resolver
from agents.workspace.limits import Limits, human_bytes
from agents.workspace.targets import GitTarget, Remote, read_url, redacted
from agents.workspace.tree import SettingsFile

OLDEST_GIT = (2, 37)  # the first that knows http.curloptResolve, without which a host cannot be pinned
POLL_SECONDS = 0.1
SIZE_EVERY = 5  # polls between two looks at the folder's size
SLOW_SECONDS = 60  # git gives up on a server that sends less than 1,000 bytes/s for so long
MAX_WORDS = 2_000  # characters of git's own last words
PUBLIC_PROTOCOLS = ("https", "ssh")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOISE = (
    "Cloning into",
    "remote: Enumerating",
    "remote: Counting",
    "remote: Compressing",
    "Warning: Permanently",
)
_KEPT_VARIABLES = ("PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "TZ")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What ends git early."""

    limits: Limits
    cancelled: Callable[[], bool]
    deadline: float  # of time.monotonic()


def clone(
    target: GitTarget,
    into: Path,
    *,
    limits: Limits,
    cancelled: Callable[[], bool] = lambda: False,
    private_hosts: Iterable[str] = (),
    resolve: Resolver = system_resolver,
) -> DefaultBranch | None:
    """Fetch a repository into a new folder. Returns what its default branch says, or None if that was fetched.

    Raises GitError's children, WorkspaceTooLarge, ObtainCancelled.
    """
    require_git()
    remote = read_url(target.url)
    address = pinned_address(remote.host, remote.port, private_hosts=private_hosts, resolve=resolve)
    watch = Watch(limits=limits, cancelled=cancelled, deadline=time.monotonic() + limits.git_seconds)
    options = pinned_options(remote, address)
    environment = clean_environment(into.parent, remote, address, limits.connect_seconds)
    url = remote.address(with_user=remote.scheme == "ssh")
    try:
        fetch(url, target, into, options=options, environment=environment, watch=watch)
    except GitFailed as error:
        if not (remote.scheme == "https" and "returned error: 30" in str(error) and not url.endswith(".git")):
            raise
        _remove(into)  # some servers redirect to the same path with .git, and redirects are off
        url = f"{url}.git"
        fetch(url, target, into, options=options, environment=environment, watch=watch)
    if target.ref is None:
        return None
    return default_branch(url, into, options=options, environment=environment, watch=watch)


def default_branch(
    url: str,
    into: Path,
    *,
    options: Iterable[str] = (),
    environment: Mapping[str, str],
    watch: Watch,
    protocols: Iterable[str] = PUBLIC_PROTOCOLS,
) -> DefaultBranch:
    """Fetch the newest commit of the remote's default branch beside the checkout, and read the settings there.

    A change must not loosen the gate that it has to pass. What goes wrong is told in the answer, not raised.
    """
    git = ["git", *always(protocols), *options, "-C", str(into)]
    environment = {**environment, "GIT_ALLOW_PROTOCOL": ":".join(protocols)}
    wanted = f"+HEAD:{DEFAULT_REF}"
    fetched = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, wanted]
    try:
        run([*git, *fetched], into, environment, watch)
    except GitFailed as error:
        fault = f"the default branch could not be fetched: {error}"
        return DefaultBranch(commit="", settings=SettingsFile(source=OF_DEFAULT, fault=fault))
    return read_default([*git], environment)


def fetch(
    url: str,
    target: GitTarget,
    into: Path,
    *,
    options: Iterable[str] = (),
    environment: Mapping[str, str],
    watch: Watch,
    protocols: Iterable[str] = PUBLIC_PROTOCOLS,
) -> None:
    """Run the git commands that bring `target.ref` of a URL into a folder. `protocols` is wider in tests only."""
    git = ["git", *always(protocols), *options]
    environment = {**environment, "GIT_ALLOW_PROTOCOL": ":".join(protocols)}
    depth = [f"--depth={target.depth}", "--no-tags"]
    try:
        if target.ref is not None and _COMMIT.match(target.ref):
            inside = [*git, "-C", str(into)]
            run([*git, "init", "--quiet", "--template=", "--", str(into)], into, environment, watch)
            fetched = ["fetch", "--quiet", *depth, "--no-recurse-submodules", "--", url, target.ref]
            run([*inside, *fetched], into, environment, watch)
            run([*inside, "checkout", "--quiet", "--detach", "FETCH_HEAD"], into, environment, watch)
            return
        branch = [f"--branch={target.ref}"] if target.ref is not None else []
        cloned = ["clone", "--quiet", *depth, "--single-branch", "--no-recurse-submodules", "--template="]
        run([*git, *cloned, *branch, "--", url, str(into)], into, environment, watch)
    except BaseException:
        _remove(into)
        raise


def run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    watch: Watch,
    *,
    output: Path = Path(os.devnull),
) -> None:
    """Run one git command under watch; its whole process group is dead when this returns.

    What it prints goes to `output`, which counts for the folder's size if it lies there.
    """
    words = folder.parent / f"{folder.name}.git-says"
    try:
        with words.open("wb") as said, output.open("wb") as printed:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=printed, stderr=said,
                env=dict(environment), start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
            try:
                _attend(process, folder, watch)
            finally:
                _kill_group(process)
        if process.returncode:
            raise _failure(last_words(words), process.returncode)
    finally:
        words.unlink(missing_ok=True)


def last_words(file: Path) -> str:
    """Give the end of what git said, without control characters, secrets and progress lines."""
    with file.open("rb") as said:
        said.seek(max(0, file.stat().st_size - 4 * MAX_WORDS))
        text = said.read().decode("utf-8", "replace")
    lines = (_CONTROL.sub(" ", line).strip() for line in text.replace("\r", "\n").split("\n"))
    kept = [redacted(line) for line in lines if line and not line.startswith(_NOISE)]
    return "; ".join(kept)[-MAX_WORDS:]


def require_git() -> None:
    """Let a usable git pass. Raises GitMissing with what to install."""
    found = shutil.which("git")
    if found is None:
        raise GitMissing("this host has no git; install the package 'git' (2.37 or newer) on every worker")
    text = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10).stdout
    numbers = re.search(r"(\d+)\.(\d+)", text)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        raise GitMissing(f"git 2.37 or newer is needed to fetch safely; this host has {text.strip()!r}")


def pinned_options(remote: Remote, address: str) -> list[str]:
    """Options that make git's https connect to the checked address, whatever the name resolves to later."""
    if remote.scheme == "ssh":
        return []
    written = f"[{address}]" if ":" in address else address
    return ["-c", f"http.curloptResolve={remote.host}:{remote.port}:{written}"]


def clean_environment(
    home: Path, remote: Remote | None, address: str, connect_seconds: int
) -> dict[str, str]:
    """Build git's environment from nothing: no configuration of the host's, no prompts, our ssh options."""
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= {
        "HOME": str(home), "LANG": "C", "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_SSH_VARIANT": "ssh",
        "GIT_SSH_COMMAND": _ssh_command(remote, address, connect_seconds),
    }  # fmt: skip
    if remote is not None and remote.scheme == "https" and (remote.user or remote.password):
        # In the environment, not in argv: every user of the host can read a command line.
        token = base64.b64encode(f"{remote.user}:{remote.password}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{remote.address(with_user=False)}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {token}",
        }
    return environment


def _ssh_command(remote: Remote | None, address: str, connect_seconds: int) -> str:
    command = f"ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new -oConnectTimeout={connect_seconds}"
    command += " -oForwardAgent=no -oPermitLocalCommand=no -oClearAllForwardings=yes"
    if remote is None or remote.scheme != "ssh":
        return command
    return f"{command} -oHostname={address} -oHostKeyAlias={remote.host}"  # both were checked: no shell characters


def always(protocols: Iterable[str] = ()) -> list[str]:
    """Options of every git command: no hooks, no helpers, no protocols but these."""
    settings = [
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=true", "core.askPass=/bin/false",
        "credential.helper=", "protocol.allow=never", "http.followRedirects=false", "http.lowSpeedLimit=1000",
        f"http.lowSpeedTime={SLOW_SECONDS}", "fetch.fsckObjects=false", "submodule.recurse=false",
        "gc.auto=0", "maintenance.auto=false", "advice.detachedHead=false",
    ]  # fmt: skip
    settings += [f"protocol.{name}.allow=always" for name in protocols]
    return [word for setting in settings for word in ("-c", setting)]


def _attend(process: subprocess.Popen[bytes], folder: Path, watch: Watch) -> None:
    polls = 0
    while process.poll() is None:
        if watch.cancelled():
            raise ObtainCancelled("the repository is not wanted any more")
        if time.monotonic() > watch.deadline:
            raise GitTimeout(
                f"git did not end within {watch.limits.git_seconds:g} s and was stopped; "
                "the server hangs or the repository is too large: try again, or upload an archive"
            )
        polls += 1
        if polls % SIZE_EVERY == 0:
            _refuse_large(folder, watch.limits)
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    _refuse_large(folder, watch.limits)


def _refuse_large(folder: Path, limits: Limits) -> None:
    size = size_of(folder)
    if size > limits.clone_bytes:
        raise WorkspaceTooLarge(
            f"the repository has {human_bytes(size)} or more; at most {human_bytes(limits.clone_bytes)} are fetched: "
            "upload an archive of a part of it"
        )


def size_of(folder: Path) -> int:
    """Add up the sizes of all files below a folder that may change meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue  # git renames its temporary files
    return total


def _failure(words: str, code: int) -> GitFailed | DiskFull:
    if "No space left on device" in words:
        return DiskFull(f"no room on this host's disk for the repository; git said: {words}")
    return GitFailed(
        f"git could not fetch the repository (exit {code}): {words or 'it said nothing'}{_hint(words)}"
    )


def _hint(words: str) -> str:
    hints = {
        "terminal prompts disabled": "it is private or does not exist: give the worker access or check the URL",
        "could not read Username": "it is private or does not exist: give the worker access or check the URL",
        "Permission denied (publickey": "the worker's ssh key is not accepted there",
        "Host key verification failed": "the host's key changed: an operator must look at known_hosts",
        "Remote branch": "check the name given as 'ref'",
        "returned error: 30": "the server redirects: give the address that it redirects to",
    }
    return next((f". Hint: {hint}" for sign, hint in hints.items() if sign in words), "")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # all of the group are gone
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # a tree that is a thousand folders deep; rm needs no stack
        subprocess.run(["rm", "-rf", "--", os.fspath(folder)], check=False, stdin=subprocess.DEVNULL)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
