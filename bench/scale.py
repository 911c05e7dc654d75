"""How much of everything a run takes: the whole, or a smoke that shows the benches themselves to be in order."""

from dataclasses import dataclass
from typing import Literal

type Output = Literal["text", "picture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Jobs for this kind of output, so many in flight, at a provider that takes so many seconds."""

    output: Output
    in_flight: int
    latency_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What `storage` sends and asks for: `uploads` are (MiB, files a burst), `assets` those of the large library."""

    uploads: tuple[tuple[int, int], ...]
    assets: int
    connections: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """`connections` of admission, `loads` of jobs, `sockets` on one job; all spread over the organizations."""

    organizations: int
    connections: tuple[int, ...]
    warm_up_seconds: int
    worker_places: int
    loads: tuple[Load, ...]
    sockets: int
    files: Files


FULL = Scale(
    organizations=1_000,
    connections=(1, 16, 64),
    warm_up_seconds=2,
    worker_places=100,
    loads=(
        Load(output="text", in_flight=200, latency_seconds=0),
        Load(output="text", in_flight=200, latency_seconds=5),
        Load(output="text", in_flight=1_000, latency_seconds=5),
        Load(output="picture", in_flight=200, latency_seconds=5),
        Load(output="picture", in_flight=1_000, latency_seconds=5),
    ),
    sockets=1_000,
    files=Files(uploads=((1, 16), (64, 2), (256, 1)), assets=1_000_000, connections=(1, 16), seconds=2),
)
SMOKE = Scale(
    organizations=200,
    connections=(16,),
    warm_up_seconds=1,
    worker_places=20,
    loads=(
        Load(output="text", in_flight=50, latency_seconds=0),
        Load(output="picture", in_flight=20, latency_seconds=1),
    ),
    sockets=100,
    files=Files(uploads=((1, 2), (17, 1)), assets=2_000, connections=(4,), seconds=0.1),
)
