"""Which request, and which trace, the running code works for; logs, problems and jobs carry both."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
trace_id: ContextVar[str] = ContextVar("trace_id", default="")
