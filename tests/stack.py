"""The real processes, on a database of their own: for paths that cross processes."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from config.embedded import ports
from config.embedded.application import process
from config.embedded.edge import edge
from config.embedded.processes import Process, StartFailed, stop_together
from tests import servers

# Quick enough to see a lease run out and a sweep ring within a test.
SETTINGS = {
    "SWEEP_SECONDS": "1",
    "LEASE_SECONDS": "6",
    "LEASE_RENEW_SECONDS": "2",
    "SEND_WITHIN_SECONDS": "3",
    "RETRY_BACKOFF_SECONDS": "0.2",
    "DRAIN_SECONDS": "15",
    "LOG_LEVEL": "INFO",
    "UPLOAD_BASE_URL": f"{os.environ['BASE_URL']}/upload",
    "WEB_PROCESSES": "1",
}
# A page on an origin of its own, which the edge and the API let in.
FRONTEND = "https://app.example.com"
READY_SECONDS = 180


@dataclass(slots=True, kw_only=True)
class Stack:
    """Six processes behind one address. A test may kill one; the next test finds it running again."""

    base_url: str
    logs: Path
    processes: dict[str, Process]

    def log(self, name: str) -> str:
        """All that a process has written so far."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def restart(self, *names: str) -> None:
        """Start some again, whether they were killed or still run, and wait until they are ready."""
        before = {name: self.log(name) for name in names}
        for name in names:
            self.processes[name].stop(grace_seconds=0)
            self.processes[name].start()
        for name in names:
            child = self.processes[name]
            # Each restart adds to the log.
            if not child.comes_up(lambda: self._is_ready(name, before[name]), within_seconds=READY_SECONDS):  # noqa: B023
                raise StartFailed(name, child.log)

    def revive(self) -> None:
        """Whatever an earlier test ended runs again."""
        if ended := [name for name, child in self.processes.items() if not child.is_running]:
            self.restart(*ended)

    def _is_ready(self, name: str, log_before: str) -> bool:
        if name in {"worker", "media"}:
            return f"{name}@" in (new := self.log(name).removeprefix(log_before)) and " ready." in new
        # The one is answered by web, the other by live.
        address, headers = {"web": ("/readyz", {}), "live": ("/v1/models", {"Prefer": "wait=0"})}.get(name, ("", {}))
        if not address:
            return True
        try:
            return httpx2.get(self.base_url + address, headers=headers, timeout=5).status_code < 500
        except httpx2.HTTPError:
            return False


@pytest.fixture(scope="session")
def running_stack():
    """Started when the first test asks for it, stopped after the last."""
    logs = Path(tempfile.mkdtemp(prefix="stack-"))
    base = urlsplit(os.environ["BASE_URL"])
    web, live = ports.choose(), ports.choose()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{servers.database_beside('stack')}").geturl()
    environment = dict(os.environ) | SETTINGS | {"MAILBOX_DIR": str(logs / "mailbox"), "DATABASE_URL": database}
    environment["FRONTEND_ORIGINS"] = FRONTEND
    children = [
        edge(
            port=base.port,
            web=web,
            live=live,
            bucket=urlsplit(os.environ["S3_ENDPOINT_URL"]).netloc,
            frontends=[FRONTEND],
            state=logs / "edge",
            log=logs / "edge.log",
        ),
        process("web", environment, logs=logs, port=web),
        process("live", environment, logs=logs, port=live),
        *(process(name, environment, logs=logs) for name in ("worker", "media", "beat")),
    ]
    stack = Stack(base_url=base.geturl(), logs=logs, processes={child.name: child for child in children})
    for name in stack.processes:
        (logs / f"{name}.log").touch()
    try:
        stack.restart(*stack.processes)
        yield stack
    finally:
        stop_together(children, grace_seconds=20)
        shutil.rmtree(logs, ignore_errors=True)


@pytest.fixture
def stack(running_stack, committed):
    """The running processes; rows are committed, so that they see them."""
    running_stack.revive()
    return running_stack
