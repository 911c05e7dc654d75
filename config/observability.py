"""Logs, request metrics and error reports, set up once per process; and the one access line of each request."""

import logging
import random
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

import msgspec
import sentry_sdk
import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import LazyObject
from prometheus_client import Histogram

from core import clock, inline, trace
from core.problems import camel_case

type Event = MutableMapping[str, Any]
type GetResponse = Callable[[HttpRequest], Any]

# What must never be written down, wherever it stands: our keys, Stripe's and webhooks' secrets, bearer tokens,
# passwords in addresses, the keys that we mail in links, and the query of a signed link (pitfalls: A13, C20, G12).
_SECRETS = re.compile(
    r"""(?P<keep>pk_live_|whsec_|\b[sr]k_(?:live_|test_)?|\bBearer\s|://[^:/@\s"]*:(?=[^/@\s"]*@)"""
    r"""|/account/(?:reset-password|verify-email|invitation)/)[^\s"'&,;@\\]+"""
    r"""|\?[^\s"'\\?]*(?:signature|credential|security-token|token|sig|ticket|key)=[^\s"'\\]*""",
    re.IGNORECASE,
)
_SECRET_NAMES = frozenset(
    {"authorization", "cookie", "setCookie", "password", "secret", "token", "ticket", "sessionToken", "apiKey"}
    | {"signature", "prompt", "negativePrompt", "input", "body"}
)
_HIDDEN = "[hidden]"
# Servers and Django attach handlers of their own; everything goes through the one on the root.
_FOREIGN_LOGGERS = ("django", "django.server", "uvicorn", "uvicorn.error", "_granian", "celery", "kombu")
_ACCESS_LOGGERS = ("uvicorn.access", "granian.access")
_LOGGED_EXTRAS = ("jobId", "attemptId", "provider", "model", "errorCode", "queueMs", "providerMs", "orgId", "userId")

REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "Time to the first byte of an answer.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


# --- logs ------------------------------------------------------------------------------------------------------------
def configure_logging(options: Mapping[str, str]) -> None:
    """LOGGING_CONFIG: one JSON object a line on stdout, from structlog and from the standard library alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(allow=_LOGGED_EXTRAS),
        _add_context,
        structlog.processors.format_exc_info,
        _hide_named,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _LineHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    logging.basicConfig(handlers=[handler], level=options["level"], force=True)
    for name in (*_FOREIGN_LOGGERS, *_ACCESS_LOGGERS):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name not in _ACCESS_LOGGERS
    # The access line tells of refusals; Django's own line is wanted only for what went wrong here.
    logging.getLogger("django.request").setLevel(logging.ERROR)


class _LineHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            _write(self.format(record).encode())
        except Exception:  # as in every handler: a line that cannot be written must not stop the work
            self.handleError(record)


def _write(line: bytes) -> None:
    """One write a line, so that the lines of two threads never mix."""
    out = sys.stdout.buffer
    out.write(line + b"\n")
    out.flush()


def hide_secrets(text: str) -> str:
    """The text without any secret that can be told by its look, and without media written out."""
    return inline.without_media(_SECRETS.sub(lambda match: (match["keep"] or "?") + _HIDDEN, text))


def _add_context(logger: Any, method: str, event: Event) -> Event:
    event["timestamp"] = clock.rfc3339(clock.now())
    if trace.request_id.get():
        event["requestId"] = trace.request_id.get()
    if trace.trace_id.get():
        event["traceId"] = trace.trace_id.get()
    return event


def _hide_named(logger: Any, method: str, event: Event) -> Event:
    """Spell the names as design does (camelCase), and blank the values that may not be logged by name."""
    named = {camel_case(name) if not name.startswith("_") else name: value for name, value in event.items()}
    return {name: _HIDDEN if name in _SECRET_NAMES else value for name, value in named.items()}


def _render(logger: Any, method: str, event: Event) -> str:
    return hide_secrets(msgspec.json.encode(event, enc_hook=str).decode())


# --- error reports ---------------------------------------------------------------------------------------------------
def configure_error_reports() -> None:
    """Sentry, or whatever speaks its protocol; nothing is sent without SENTRY_DSN."""
    if settings.SENTRY_DSN:
        sentry_sdk.init(
            dsn=settings.SENTRY_DSN,
            environment=settings.ENVIRONMENT,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            before_send=_scrub_report,
        )


def _scrub_report(event: Any, hint: Mapping[str, Any]) -> Any:
    return msgspec.json.decode(hide_secrets(msgspec.json.encode(event, enc_hook=str).decode()))


# --- requests --------------------------------------------------------------------------------------------------------
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_access_log = logging.getLogger("access")


class RequestMiddleware:
    """Gives each request its id and trace, and writes its access line, its metric and its Server-Timing.

    It never asks who the user is: that would evaluate `request.user` before the API's authenticators have (and cache
    the wrong answer for allauth's app client). It logs who it was where a view came to know.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._acall(request)
        started = _begin(request)
        return _end(request, self._get_response(request), started)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        started = _begin(request)
        return _end(request, await self._get_response(request), started)


def _new_id() -> str:
    """32 hexadecimal digits; unlike enough others, and no secret."""
    return f"{random.getrandbits(128):032x}"


def _begin(request: HttpRequest) -> float:
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    trace.request_id.set(given if _REQUEST_ID.fullmatch(given) else _new_id())
    parent = _TRACEPARENT.fullmatch(request.META.get("HTTP_TRACEPARENT", ""))
    trace.trace_id.set(parent[1] if parent else _new_id())
    structlog.contextvars.clear_contextvars()
    return perf_counter()


def _end(request: HttpRequest, response: HttpResponseBase, started: float) -> HttpResponseBase:
    seconds = perf_counter() - started
    latency_ms = round(seconds * 1000, 1)
    method = request.method if request.method in _METHODS else "OTHER"
    route = request.resolver_match.route if request.resolver_match else "unmatched"
    response.headers["X-Request-Id"] = trace.request_id.get()
    response.headers["Server-Timing"] = f"app;dur={latency_ms}"
    REQUEST_SECONDS.labels(method, route, response.status_code).observe(seconds)
    if not _access_log.isEnabledFor(logging.INFO):
        return response
    line = {
        "timestamp": clock.rfc3339(clock.now()),
        "level": "info",
        "event": "request",
        "requestId": trace.request_id.get(),
        "traceId": trace.trace_id.get(),
        "method": method,
        "route": route,
        "status": response.status_code,
        "latencyMs": latency_ms,
        **_who(request),
    }
    if code := getattr(response, "error_code", None):
        line["errorCode"] = code
    # Past the logging machinery, whose 60 µs would be felt in an admission.
    _write(msgspec.json.encode(line))
    return response


def _who(request: HttpRequest) -> dict[str, str]:
    """The ids of whoever DRF (or allauth's app client) put on the request; nothing where nobody asked who it is."""
    user = request.__dict__.get("user")
    if user is None or isinstance(user, LazyObject):
        return {}
    ids = {
        "userId": user.pk,
        "orgId": getattr(user, "organization_id", None),
        "apiKeyId": getattr(user, "api_key_id", None),
    }
    return {name: str(value) for name, value in ids.items() if value}
