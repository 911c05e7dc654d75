"""What `make run` keeps in its data folder: the lock, secrets, what was started, and the facts for scripts."""

import fcntl
import json
import os
import secrets
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from config.embedded import processes
from config.embedded.processes import Identity, Process


class AlreadyRunning(Exception):
    """Another `make run` of this folder is up."""


class State:
    """The data folder of one `make run`, locked until it is closed or its process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        # Passable, not readable: when we are root, Postgres lives inside under another account.
        folder.chmod(0o711)
        self._lock = self._take_lock()

    def secret_key(self) -> str:
        """Made at the first run and kept: sessions outlive a restart."""
        known = self.read("secrets.json")
        if known is None:
            known = {"SECRET_KEY": secrets.token_urlsafe(48)}
            self.write("secrets.json", known)
        key: str = known["SECRET_KEY"]
        return key

    def read(self, name: str) -> Any:
        """None when there is no such file, or not a whole one."""
        try:
            return json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return None

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        write_privately(self.folder / name, content)

    def remember(self, started: Iterable[Process]) -> None:
        """Write down what runs, so that a next run can end it if we are killed."""
        record = {}
        for process in started:
            identity = Identity.of(process.pid) if process.popen else None
            if identity:
                record[process.name] = {
                    "pid": identity.pid,
                    "started": identity.started,
                    "signal": int(process.stop_signal),
                }
        self.write("processes.json", record)

    def end_leftovers(self) -> list[str]:
        """End what a killed run left behind, in the order it was written down; says whom it ended."""
        ended = []
        for name, record in (self.read("processes.json") or {}).items():
            identity = Identity(pid=record["pid"], started=record["started"])
            if processes.end(identity, stop_signal=signal.Signals(record["signal"]), grace_seconds=5):
                ended.append(name)
        self.forget()
        return ended

    def forget(self) -> None:
        """Nothing of ours runs any more."""
        for name in ("run.json", "processes.json"):
            (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let the next one in."""
        self._lock.close()

    def _take_lock(self) -> IO[str]:
        file = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyRunning from None
        return file


def write_privately(path: Path, content: Mapping[str, Any]) -> None:
    """Replace the file by this JSON in one step, readable by us alone."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    fresh.replace(path)
