"""Requests to addresses that strangers name: to public https servers alone, and within bounds.

What a name leads to is asked once, every answer is checked, and the connection goes to one of the very addresses that
were checked, while TLS still proves the name: a name that leads elsewhere the second time gains nothing. Nothing is
looked up in the environment (proxies), no redirect is followed, and the clock runs over all of it: the lookup, the
handshake, headers and body that drip.

Addresses are judged by our own table: `ipaddress.is_global` is true for multicast, for metadata services and for
addresses that carry another inside. Whatever the table does not know is refused.
"""

import re
import socket
import ssl
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from typing import Any

import httpcore2
import httpx2
from django.conf import settings
from httpcore2 import SOCKET_OPTION, ConnectError, ConnectTimeout, NetworkBackend, NetworkStream, ReadTimeout

from core import clock
from core.exceptions import AddressRefused, FetchFailed

_CONNECT_SECONDS = 5
# A name may lead to many addresses that never answer.
_ADDRESSES_TRIED = 3
_MAX_URL = 8_192
_HTTPS_PORT = 443
# At least two labels, and the last one no number: a resolver would take `127.1` or `0x7f.1` for an address.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_PUBLIC_NAME = re.compile(rf"(?=.{{4,253}}\Z)({_LABEL}\.)+([a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")
# RFC 6761, 6762, 7686, 8375 and 9476, ICANN's `internal`, and what people call their networks.
_INNER_SUFFIXES = (
    "alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localhost", "onion",
    "private", "test",
)  # fmt: skip
# What remains of IPv6 beyond 2000::/3 is not given to anybody.
_IPV6_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_DENIED = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT, and Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and Oracle's metadata
        "192.0.2.0/24",
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer of 200 whose body has not been read yet; what it says of its type proves nothing."""

    content_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Destination:
    """A parsed address. Who runs this server vouches for a trusted one."""

    scheme: str
    host: str
    port: int
    target: bytes
    is_trusted: bool


@contextmanager
def fetch(url: str, *, max_bytes: int, seconds: float) -> Generator[Fetched]:
    """GET a stranger's address; the whole of it, reading the chunks included, has so many seconds of wall clock.

    Raises AddressRefused, and FetchFailed whose `reason` says why: name, connection, redirect, status, encoding,
    too_large, timeout or interrupted. Reading the chunks raises FetchFailed too.
    """
    destination = _parsed(url)
    guard = _Guard(destination, clock.monotonic() + seconds)
    request = httpcore2.URL(
        scheme=destination.scheme, host=destination.host, port=destination.port, target=destination.target
    )
    headers = [
        ("User-Agent", f"media-backend (+{settings.BASE_URL})"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    ]
    with (
        httpcore2.ConnectionPool(network_backend=guard) as pool,
        _failures(),
        pool.stream("GET", request, headers=headers) as response,
    ):
        answered = httpx2.Headers(response.headers)
        _require_usable(response.status, answered, max_bytes)
        yield Fetched(content_type=answered.get("content-type", ""), chunks=_bounded(response.iter_stream(), max_bytes))


def _parsed(url: str) -> _Destination:
    """One parser decides what is dialled and what is asked for. Raises AddressRefused."""
    try:
        parsed = httpx2.URL(url) if len(url) <= _MAX_URL else None
    except (httpx2.InvalidURL, ValueError):
        parsed = None
    if parsed is None or parsed.userinfo or parsed.scheme not in {"https", "http"}:
        raise AddressRefused
    host = parsed.raw_host.decode("ascii")
    usual_port = _HTTPS_PORT if parsed.scheme == "https" else 80
    port = usual_port if parsed.port is None else parsed.port
    is_trusted = f"{host}:{port}" in settings.OUTBOUND_ALLOWED_HOSTS
    if not is_trusted and not (parsed.scheme == "https" and port == _HTTPS_PORT and _is_public_name(host)):
        raise AddressRefused
    return _Destination(scheme=parsed.scheme, host=host, port=port, target=parsed.raw_path, is_trusted=is_trusted)


def _is_public_name(host: str) -> bool:
    return bool(_PUBLIC_NAME.fullmatch(host)) and host.rpartition(".")[2] not in _INNER_SUFFIXES


def _require_usable(status: int, headers: httpx2.Headers, max_bytes: int) -> None:
    if 300 <= status < 400:
        raise FetchFailed(reason="redirect", status=status)
    if status != 200:
        raise FetchFailed(reason="status", status=status)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed(reason="encoding")
    if int(headers.get("content-length", 0)) > max_bytes:
        raise FetchFailed(reason="too_large", max_bytes=max_bytes)


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    with _failures():
        for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise FetchFailed(reason="too_large", max_bytes=max_bytes)
            yield chunk


@contextmanager
def _failures() -> Iterator[None]:
    """What goes wrong on the wire, as a refusal."""
    try:
        yield
    except httpcore2.TimeoutException:
        raise FetchFailed(reason="timeout") from None
    except httpcore2.ConnectError:
        raise FetchFailed(reason="connection") from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError):
        raise FetchFailed(reason="interrupted") from None


class _Guard(NetworkBackend):
    """Opens the connection of one request: to an address that was checked, and with the clock running."""

    def __init__(self, destination: _Destination, deadline: float) -> None:
        self._destination = destination
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        is_trusted = self._destination.is_trusted
        # The dot at the end keeps a resolver from trying the name inside our own domains first.
        addresses = _looked_up(host if is_trusted else f"{host}.", port, _left(self._deadline))
        if not is_trusted and not all(is_public(address) for address in addresses):
            raise AddressRefused
        failure: Exception | None = None
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                stream = httpcore2.SyncBackend().connect_tcp(
                    address, port, timeout=min(_CONNECT_SECONDS, _left(self._deadline)), socket_options=socket_options
                )
            except (ConnectError, ConnectTimeout) as error:
                failure = error
            else:
                return _Timed(stream, self._deadline)
        raise failure or ConnectError("the name leads nowhere")


class _Timed(NetworkStream):
    """A connection on which no operation outlives the deadline, however often it is given a byte."""

    def __init__(self, stream: NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Timed(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - clock.monotonic()
    if left <= 0:
        raise ReadTimeout("the time is over")
    return left


def _looked_up(host: str, port: int, seconds: float) -> list[str]:
    """Every address that a name leads to, in the resolver's order. Raises FetchFailed and ConnectTimeout."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)
        else:
            answer.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))

    # The resolver of the system takes no timeout; one that hangs is left behind.
    Thread(target=ask, name="lookup", daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except TimeoutError:
        raise ConnectTimeout("the lookup took too long") from None
    except (OSError, UnicodeError):
        raise FetchFailed(reason="name") from None


def is_public(address: str) -> bool:
    """Whether an IP address belongs to somebody on the public internet; False for whatever is not known to."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        found = _carried(found) or found
    if isinstance(found, IPv6Address) and (found.scope_id or found not in _IPV6_UNICAST):
        return False
    return found.is_global and not any(found in block for block in _DENIED)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end up at, where a resolver may rightly answer with such a one.

    6to4, Teredo, and the compatible form carry one too; nobody serves from those, so they are refused whole.
    """
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
