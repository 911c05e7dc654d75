"""Bytes through the shipped processes: in, out, how much memory they take, how links are signed, how a library is read.

Everything stands behind the edge as in production: web, live, worker, media and Caddy, each with the settings it is
shipped with; the worker has a provider besides whose results lie at an address on the loopback (bench.by_address).
"""

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from bench import library, links, memory, transfers
from bench.recordings import MIB, record
from bench.results import Result
from bench.scale import Files
from bench.site import Site
from bench.transfers import Door
from config.embedded import ports

PARTS = ("memory", "transfers", "links", "list")


def run(site: Site, files: Files, *, rounds: int, gigabytes: float, parts: Sequence[str] = PARTS) -> list[Result]:
    """All parts on the same running processes."""
    results: list[Result] = []
    with memory.host_of_results(site.folder / "large.wav") as host:
        _start(site, host)
        with links.Signing(site) as signing:
            run_part: dict[str, Callable[[], list[Result]]] = {
                "memory": lambda: memory.run(site, host, gigabytes=gigabytes),
                "transfers": lambda: [
                    *transfers.uploads(site, files, rounds=rounds),
                    *transfers.downloads(site, files, signing, rounds=rounds),
                ],
                "links": lambda: _links(site, files, signing, rounds=rounds),
                "list": lambda: library.run(site, files, rounds=rounds),
            }
            for name in parts:
                results += run_part[name]()
        site.stop("web", "live", "worker", "media", "edge")
    return results


def _start(site: Site, host: memory.Host) -> None:
    port = ports.choose()
    address = f"http://{ports.LOOPBACK}:{port}"
    site.environment |= {
        "CDN_BASE_URL": address,
        "UPLOAD_BASE_URL": f"{address}/upload",
        "SPOOL_DIR": str(site.folder),
        "OUTBOUND_ALLOWED_HOSTS": urlsplit(host.url).netloc,
        "BENCH_RESULT_URL": host.url,
    }
    for name in ("web", "live", "media"):
        site.start(name)
    site.start("worker", "-I", "bench.by_address")
    site.start_edge(port)


def _links(site: Site, files: Files, signing: links.Signing, *, rounds: int) -> list[Result]:
    recording = record(site.folder / "small.wav", MIB)
    door = Door(base_url=transfers.address(site), secret=site.secrets[0])
    return links.run(site, files, signing, recording, asset_id=door.upload(recording)["id"], rounds=rounds)
