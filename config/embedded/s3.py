"""An S3 server from a wheel (SeaweedFS): on the loopback, with keys and a bucket, telemetry off."""

import json
import os
import secrets
import shutil
import signal
import sysconfig
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import ports
from config.embedded.processes import Process, StartFailed

# Each of SeaweedFS's parts listens for its peers at its port plus this.
_GRPC_OFFSET = 10_000
_FILER = 3


class NoS3(Exception):
    """No `weed` binary was found: `uv sync` brings it, or set S3_ENDPOINT_URL."""


@dataclass(slots=True, kw_only=True)
class S3:
    """One server over `directory`, which holds the objects and the keys; they survive restarts."""

    directory: Path
    log: Path
    buckets: tuple[str, ...]
    port: int = field(default=0, init=False)
    process: Process | None = field(default=None, init=False)
    _ports: list[int] = field(default_factory=list, init=False)

    @property
    def url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def access_key(self) -> str:
        return self._keys()["accessKey"]

    @property
    def secret_key(self) -> str:
        return self._keys()["secretKey"]

    def start(self, preferred_port: int | None = None) -> None:
        """Start and wait until it answers and its buckets exist."""
        (self.directory / "objects").mkdir(parents=True, exist_ok=True)
        # It remembers the options of its last run there, and what is not said anew would count on.
        (self.directory / "objects/mini.options").unlink(missing_ok=True)
        for _ in range(3):
            self._ports = _choose_ports(preferred_port)
            self.port = self._ports[0]
            self.process = Process(
                name="s3",
                command=self._command(),
                log=self.log,
                cwd=self.directory,
                # Its memory grows with traffic to 840 MB and stays at a quarter of that under this limit.
                env=dict(os.environ) | {"GOMEMLIMIT": "256MiB"},
                # Asked to stop it may wait for idle peers without end, and what it took it has written.
                death_signal=signal.SIGKILL,
            ).start()
            if self.process.comes_up(self._is_ready, within_seconds=30):
                return
            self.stop(grace_seconds=0)
        raise StartFailed("s3", self.log)

    def stop(self, *, grace_seconds: float = 4) -> None:
        """All ends at once but the volume part, which has nothing left to write and is not waited for."""
        if self.process:
            self.process.stop(grace_seconds=grace_seconds)
        for path in _sockets(self._ports):
            path.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        s3, master, volume, filer, admin = self._ports
        return [
            _binary(),
            f"-logdir={self.directory}",
            "mini",
            f"-dir={self.directory / 'objects'}",
            f"-ip={ports.LOOPBACK}",
            f"-ip.bind={ports.LOOPBACK}",
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            f"-master.port={master}",
            f"-volume.port={volume}",
            "-volume.preStopSeconds=0",
            f"-filer.port={filer}",
            f"-s3.port={s3}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.config={self._configuration()}",
            f"-admin.port={admin}",
            f"-bucket={','.join(self.buckets)}",
        ]

    def _is_ready(self) -> bool:
        if _status(f"{self.url}/status") != 200:
            return False
        # A moment after it answers it makes the buckets; its filer, where they are folders, tells without keys.
        filer = f"http://{ports.LOOPBACK}:{self._ports[_FILER]}"
        return all(_status(f"{filer}/buckets/{bucket}/") == 200 for bucket in self.buckets)

    def _configuration(self) -> Path:
        path = self.directory / "s3.json"
        if not path.exists():
            keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(30)}
            actions = ["Admin", "Read", "List", "Tagging", "Write"]
            identity = {"name": "app", "credentials": [keys], "actions": actions}
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump({"identities": [identity]}, file)
        return path

    def _keys(self) -> dict[str, str]:
        identity = json.loads(self._configuration().read_text())["identities"][0]
        keys: dict[str, str] = identity["credentials"][0]
        return keys


def _choose_ports(preferred: int | None) -> list[int]:
    """One for S3 and one for each other part, next to it where they are free."""
    chosen: list[int] = []
    while len(chosen) < 5:
        next_to_it = None if preferred is None else preferred + len(chosen)
        chosen.append(ports.choose(next_to_it, usable=lambda port: port not in chosen and _is_usable(port)))
    return chosen


def _is_usable(port: int) -> bool:
    is_free = port + _GRPC_OFFSET < 65_536 and ports.is_free(port) and ports.is_free(port + _GRPC_OFFSET)
    # A socket that another account's killed server left behind is in the way of ours.
    return is_free and all(path.stat().st_uid == os.geteuid() for path in _sockets([port]))


def _sockets(of_ports: list[int]) -> list[Path]:
    """It puts them there by port, wherever its temporary files go, and leaves them when it is killed."""
    numbers = [number for port in of_ports for number in (port, port + _GRPC_OFFSET)]
    return [path for number in numbers for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock")]  # noqa: S108


def _status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # our own loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _binary() -> str:
    candidate = Path(sysconfig.get_path("scripts")) / "weed"
    if candidate.exists():
        return str(candidate)
    found = shutil.which("weed")
    if not found:
        raise NoS3(NoS3.__doc__)
    return found
