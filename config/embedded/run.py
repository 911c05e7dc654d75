"""`make run`: the servers, our processes and the edge on this machine, looked after until Ctrl-C."""

import os
import resource
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

from config.embedded import ports, screen
from config.embedded.application import ROOT, process
from config.embedded.edge import edge
from config.embedded.processes import Process, StartFailed, stop_together
from config.embedded.release import ReleaseFailed, release
from config.embedded.servers import ServerMoved, Servers
from config.embedded.state import AlreadyRunning, State
from config.embedded.supervisor import Supervisor

PORTS = {"edge": 8_000, "web": 18_001, "live": 18_002}
PIDS = ("web", "live", "worker", "media", "beat", "postgres", "valkey", "s3", "edge")
_READY_SECONDS = 180


class Stopped(Exception):
    """Somebody asked us to stop."""


class Run:
    """One `make run`, from the first server to the last."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.ports = {name: ports.choose(preferred) for name, preferred in PORTS.items()}
        self.environment = _defaults(state, self.ports["edge"]) | os.environ
        self.servers = Servers.wanted(self.environment, folder=state.folder, logs=state.logs)
        self.supervisor = Supervisor(say=screen.say)
        self._began_at = time.monotonic()

    def start(self) -> None:
        """Everything, in the order in which it is needed; returns when the edge answers for all of it."""
        screen.say("starting the servers")
        self.environment |= self.servers.start()
        for name, server in self.servers.processes().items():
            self.supervisor.watch(server, restart=lambda name=name: self.servers.restart(name))  # type: ignore[misc]
        self._remember()
        self.people = release(self.state, self.environment, say=screen.say)
        screen.say("starting our own processes")
        at_once, soon_after = self._application()
        self._start_all(at_once)
        self._wait_until_ready()
        self._start_all(soon_after)
        self._write_facts()

    def look_after(self) -> NoReturn:
        """Start again what ends, until somebody asks us to stop."""
        while True:
            time.sleep(0.25)
            if self.supervisor.look():
                self._remember()
                self._write_facts()

    def stop(self) -> None:
        """No new requests, then no new work; what is under way is finished or handed back; then the servers."""
        children = {child.name: child for child in self.supervisor.processes()}
        drain_seconds = float(self.environment["DRAIN_SECONDS"]) + 5
        for names, grace_seconds in (
            (("edge",), 5.0),
            (("web", "live", "beat"), 10.0),
            (("worker", "media"), drain_seconds),
        ):
            stopping = [children[name] for name in names if name in children]
            if stopping:
                screen.say(f"stopping {', '.join(child.name for child in stopping)}")
            stop_together(stopping, grace_seconds=grace_seconds)
        self.servers.stop(screen.say)
        self.state.forget()

    def kill(self) -> None:
        """Everything at once; whatever was under way is taken up by the next run, from its rows."""
        screen.say("ending everything at once")
        for child in reversed(self.supervisor.processes()):
            child.stop(grace_seconds=0)
        self.state.forget()

    def screen(self) -> str:
        moved = [
            f"{name} listens on {port}, since {PORTS[name]} is taken"
            for name, port in self.ports.items()
            if port != PORTS[name]
        ]
        return screen.running(
            base_url=self.environment["BASE_URL"],
            people=self.people,
            folder=self.state.folder,
            notes=moved + self.servers.moved(),
            seconds=time.monotonic() - self._began_at,
        )

    def _start_all(self, children: list[Process]) -> None:
        for child in children:
            self.supervisor.watch(child.start(), restart=child.start)
        self._remember()

    def _application(self) -> tuple[list[Process], list[Process]]:
        """What a job needs; and what may follow, since loading Django six times at once is slow on a small machine."""
        logs, environment = self.state.logs, self.environment
        at_once = [
            process("web", environment, logs=logs, port=self.ports["web"]),
            process("live", environment, logs=logs, port=self.ports["live"]),
            process("worker", environment, logs=logs),
            edge(
                port=self.ports["edge"],
                web=self.ports["web"],
                live=self.ports["live"],
                bucket=urlsplit(environment["S3_ENDPOINT_URL"]).netloc,
                frontends=environment.get("FRONTEND_ORIGINS", "").replace(",", " ").split(),
                state=self.state.folder / "edge",
                log=logs / "edge.log",
            ),
        ]
        return at_once, [process(name, environment, logs=logs) for name in ("media", "beat")]

    def _wait_until_ready(self) -> None:
        if not ports.wait_until(self._is_ready, seconds=_READY_SECONDS, while_true=lambda: self._ended() is None):
            failed = self._ended()
            raise StartFailed(failed.name if failed else "web", failed.log if failed else self.state.logs / "web.log")

    def _is_ready(self) -> bool:
        host = urlsplit(self.environment["BASE_URL"]).netloc
        return all(
            _answers(f"http://{ports.LOOPBACK}:{self.ports[name]}/{path}", host)
            for name, path in (("live", "livez"), ("edge", "readyz"))
        )

    def _ended(self) -> Process | None:
        return next((child for child in self.supervisor.processes() if not child.is_running), None)

    def _remember(self) -> None:
        self.state.remember(reversed(self.supervisor.processes()))

    def _write_facts(self) -> None:
        """The facts for scripts and tests, in a shape they rely on."""
        pids = {child.name: child.pid for child in self.supervisor.processes() if child.is_running}
        people, environment = self.people, self.environment
        self.state.write(
            "run.json",
            {
                "baseUrl": environment["BASE_URL"],
                "adminUrl": f"{environment['BASE_URL']}/admin/",
                "apiKey": people.api_key,
                "demo": {"email": people.email, "password": people.password},
                "staff": {"email": people.staff_email, "password": people.staff_password},
                "databaseUrl": environment["DATABASE_URL"],
                "redisUrl": environment["REDIS_URL"],
                "s3EndpointUrl": environment["S3_ENDPOINT_URL"],
                "pids": {name: pids.get(name) for name in PIDS},
                "standIns": {"ideogram": None, "qwen": None, "stripe": None},
            },
        )


def main() -> int:
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _stop)
    # What is written is for us alone: mail with links to reset passwords, logs, objects.
    os.umask(0o077)
    _allow_many_sockets()
    folder = Path(os.environ.get("DATA_DIR", ROOT / ".data")).absolute()
    try:
        state = State(folder)
    except AlreadyRunning:
        print(f"It runs already, from this folder: {folder}/run.json says where.", file=sys.stderr)
        return 1
    if ended := state.end_leftovers():
        screen.say(f"ended what a killed run left behind: {', '.join(ended)}")
    run = Run(state)
    try:
        run.start()
        print(run.screen(), flush=True)
        run.look_after()
    except Stopped:
        return 0
    except (StartFailed, ReleaseFailed, ServerMoved, OSError) as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    finally:
        try:
            run.stop()
        except Stopped:
            run.kill()
        state.close()


def _defaults(state: State, port: int) -> dict[str, str]:
    """What the environment does not say. Mail, secrets, static files and metrics live in the data folder."""
    base_url = f"http://localhost:{port}"
    folders = {name: state.folder / name for name in ("mailbox", "static", "metrics", "spool")}
    # The metrics of processes that ended would be counted on.
    shutil.rmtree(folders["metrics"], ignore_errors=True)
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ENVIRONMENT": "development",
        "SECRET_KEY": state.secret_key(),
        "BASE_URL": base_url,
        "CDN_BASE_URL": os.environ.get("BASE_URL", base_url),
        "UPLOAD_BASE_URL": f"{os.environ.get('BASE_URL', base_url)}/upload",
        "ALLOWED_HOSTS": f"{ports.LOOPBACK},[::1]",
        "MAILBOX_DIR": str(folders["mailbox"]),
        "DEMO_LOGIN_FILE": str(state.folder / "people.json"),
        "STATIC_ROOT": str(folders["static"]),
        "PROMETHEUS_MULTIPROC_DIR": str(folders["metrics"]),
        "SPOOL_DIR": str(folders["spool"]),
        "SANDBOX_FAULTS": "true",
        # A person waits for the prompt to come back; what takes longer is handed back and resumed by the next run.
        "DRAIN_SECONDS": "30",
    }


def _answers(address: str, host: str) -> bool:
    request = urllib.request.Request(address, headers={"Host": host})  # noqa: S310  # our own loopback address
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _allow_many_sockets() -> None:
    """Each open page holds a socket at the edge and one at live; the usual limit of 1,024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
