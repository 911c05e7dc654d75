"""An HTTP proxy before the real bucket that does as a test's script says: answers itself, breaks off, waits."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_OF_ONE_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Asked:
    """A request as a script sees it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def operation(self):
        """The S3 operation, as far as scripts tell them apart."""
        if self.method == "OPTIONS":
            return "preflight"
        for name in ("lifecycle", "versioning", "list-type"):
            if name in self.query:
                return name
        if "uploads" in self.query:
            return "begin_parts" if self.method == "POST" else "list_parts"
        if "uploadId" in self.query:
            return {"PUT": "part", "POST": "finish_parts", "DELETE": "abort"}.get(self.method, "parts")
        return self.method.lower()


@dataclass(frozen=True)
class Answer:
    """An answer of the script's own."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status, code):
    """An error as S3 words it."""
    body = f"<Error><Code>{code}</Code><Message>as scripted</Message></Error>".encode()
    return Answer(status, body, {"Content-Type": "application/xml"})


class FaultProxy:
    """Every request is passed on as it is, unless `script(asked)` gives an Answer or the name of a fault.

    "drop": the connection ends before anything was read. "halfway": after half of the body has come. "lost": the
    bucket did as it was asked, and its answer never arrives. "cut": half of the answer's body arrives. "hang": nothing
    is answered until the proxy closes.
    """

    def __init__(self, upstream):
        self.upstream = urlsplit(upstream).netloc
        self.script = lambda asked: None
        self.asked = []
        self.released = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultProxy

    def _handle(self):
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, split.path, parse_qs(split.query, keep_blank_values=True), headers)
        self.owner.asked.append(asked)
        fault = self.owner.script(asked)
        if fault == "drop":
            self.close_connection = True
            return
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length // 2 if fault == "halfway" else length)
        if isinstance(fault, Answer):
            self._answer(fault)
        elif fault in {"halfway", "hang"}:
            if fault == "hang":
                self.owner.released.wait(60)
            self.close_connection = True
        else:
            answer = self._pass_on(body)
            if fault == "lost":
                self.close_connection = True
            else:
                self._answer(answer, cut=fault == "cut")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = _handle  # noqa: N815 - as the library calls them

    def _pass_on(self, body):
        upstream = HTTPConnection(self.owner.upstream, timeout=30)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OF_ONE_HOP:
                upstream.putheader(name, value)
        upstream.endheaders(body)
        try:
            answer = upstream.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP}
            return Answer(answer.status, answer.read(), headers)
        except (HTTPException, OSError):
            return Answer(502)
        finally:
            upstream.close()

    def _answer(self, answer, *, cut=False):
        with suppress(OSError):
            self.send_response_only(answer.status)
            headers = {"Content-Length": str(len(answer.body))} | answer.headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *args):
        pass
