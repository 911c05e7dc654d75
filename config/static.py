"""Our own static files, under WSGI and ASGI alike."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise comes without types
    """WhiteNoise as a middleware that an async request passes without a thread.

    The original is sync alone, and one sync middleware makes Django hold a thread for as long as the view runs: for
    an upload that trickles in, as long as its sender likes.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer: HttpResponseBase | Awaitable[HttpResponseBase] = super().__call__(request)
        return _awaitable(answer) if self._is_async and not isawaitable(answer) else answer


async def _awaitable(answer: Any) -> HttpResponseBase:
    response: HttpResponseBase = answer
    return response
