"""Child processes: each starts in a session of its own and ends with everything it started, even if we die first."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from config.embedded import ports

_LOG_BYTES = 10 * 1024**2
_PR_SET_PDEATHSIG = 1
_IS_LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if _IS_LINUX else None


class StartFailed(Exception):
    """A process did not come up."""

    def __init__(self, name: str, log: Path, problem: str = "did not come up") -> None:
        super().__init__(f"{name} {problem}; the end of {log}:\n{tail(log)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A process and the moment it began, which together are never reused, unlike the bare number."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """None when no such process lives."""
        facts = _facts(pid)
        return cls(pid=pid, started=facts.started) if facts else None

    @property
    def is_alive(self) -> bool:
        return Identity.of(self.pid) == self


@dataclass(slots=True, kw_only=True)
class Process:
    """One child, its log and the way it is asked to stop."""

    name: str
    command: list[str]
    log: Path
    cwd: Path
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    user: pwd.struct_passwd | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # What it gets when we die first; its own way to stop, unless that may take for ever.
    death_signal: signal.Signals | None = None
    popen: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> Self:
        """Start it as leader of its own session: a Ctrl-C in the terminal reaches only us, and we stop it in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=self.env,
                start_new_session=True,
                preexec_fn=self._follow_parent,
                user=self.user.pw_uid if self.user else None,
                group=self.user.pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
            )
        return self

    @property
    def pid(self) -> int:
        if self.popen is None:
            raise RuntimeError(f"{self.name} was not started")
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        return self.popen is not None and not _has_exited(self.popen)

    def comes_up(self, ready: Callable[[], bool], *, within_seconds: float) -> bool:
        """Wait until `ready` holds; False when the time is up or the process ended before."""
        return ports.wait_until(ready, seconds=within_seconds, while_true=lambda: self.is_running)

    @property
    def how_it_ended(self) -> str:
        """In words, for a process that does not run."""
        ending = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) if self.popen else None
        if ending is None:
            return "not running"
        if ending.si_code == os.CLD_EXITED:
            return f"exit code {ending.si_status}"
        return signal.Signals(ending.si_status).name

    def wait(self) -> int:
        """Wait for one that ends by itself; answers its exit code."""
        if self.popen is None:
            raise RuntimeError(f"{self.name} was not started")
        return self.popen.wait()

    def ask_to_stop(self) -> None:
        """Only the leader is told: it knows how to end its own children in order."""
        if self.is_running:
            os.kill(self.pid, self.stop_signal)

    def stop(self, *, grace_seconds: float) -> None:
        """Ask, wait, then kill whatever is left of what it started. Safe to repeat."""
        if self.popen is None:
            return
        self.ask_to_stop()
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline and self.is_running:
            time.sleep(0.02)
        # The leader is reaped only after this, so its number cannot belong to anybody else yet.
        kill_members(self.popen.pid)
        self.popen.wait()
        self.popen = None

    def _follow_parent(self) -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, self.death_signal or self.stop_signal)


def stop_together(stopping: Sequence[Process], *, grace_seconds: float) -> None:
    """Ask all at once, wait for the slowest, then kill what is left of any."""
    for process in stopping:
        process.ask_to_stop()
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and any(process.is_running for process in stopping):
        time.sleep(0.02)
    for process in stopping:
        process.stop(grace_seconds=0)


def end(identity: Identity, *, stop_signal: signal.Signals, grace_seconds: float) -> bool:
    """End what an earlier run left behind: a process and what it started; False when nothing of it lives.

    The leader is known by its number and its start. Where it is dead, its session is known by the number alone; one
    under a leader that started at another moment is somebody else's and is left alone.
    """
    leader = Identity.of(identity.pid)
    if leader not in {None, identity}:
        return False
    if not any(members(identity.pid)):
        return False
    if leader:
        os.kill(identity.pid, stop_signal)
    deadline = time.monotonic() + (grace_seconds if leader else 0)
    while time.monotonic() < deadline and any(members(identity.pid)):
        time.sleep(0.05)
    kill_members(identity.pid)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(members(identity.pid)):
        time.sleep(0.02)
    return True


def kill_members(leader: int) -> None:
    """Kill a leader and what it started, in whatever process group; the session they share tells them."""
    for pid in members(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def members(leader: int) -> Iterator[int]:
    """The living processes of the session that a leader began, zombies left out."""
    for pid in _all_pids():
        facts = _facts(pid)
        if facts and leader in {facts.session, facts.group}:
            yield pid


def tail(log: Path, *, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    group: int
    session: int | None
    started: str


def _facts(pid: int) -> _Facts | None:
    if not _IS_LINUX:
        return _facts_from_ps(pid)
    try:
        # The command's name stands in parentheses and may hold anything; the numbers follow the last one.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return _Facts(group=int(fields[2]), session=int(fields[3]), started=fields[19])


def _facts_from_ps(pid: int) -> _Facts | None:
    answer = subprocess.run(
        ["ps", "-o", "pgid=,stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=2)
    if len(answer) < 3 or answer[1].startswith("Z"):
        return None
    return _Facts(group=int(answer[0]), session=None, started=answer[2].strip())


def _all_pids() -> list[int]:
    if _IS_LINUX:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    listing = subprocess.run(["ps", "-axo", "pid="], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listing.stdout.split()]


def _has_exited(popen: "subprocess.Popen[bytes]") -> bool:
    if popen.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
