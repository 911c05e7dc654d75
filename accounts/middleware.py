"""A gate before allauth's headless routes: the bodies they read are held to what our own parser takes."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.decorators import sync_and_async_middleware

from core import parsers
from core.problems import Refusal

_PREFIX = "/_allauth/"


@sync_and_async_middleware
def headless_bodies(
    get_response: Callable[[HttpRequest], Any],
) -> Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]:
    """Refuse JSON that allauth would answer with a 500: half a surrogate pair in a password, nesting without end."""
    if iscoroutinefunction(get_response):

        async def guard_async(request: HttpRequest) -> HttpResponseBase:
            return _refusal(request) or await get_response(request)

        return guard_async

    def guard(request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or get_response(request)

    return guard


def _refusal(request: HttpRequest) -> HttpResponseBase | None:
    if not request.path_info.startswith(_PREFIX) or request.content_type != "application/json" or not request.body:
        return None
    try:
        parsers.decode(request.body)
    except Refusal as refusal:
        # The shape of allauth's own errors: its clients know no other.
        errors = [{"code": refusal.code, "message": refusal.detail}]
        return JsonResponse({"status": 400, "errors": errors}, status=400)
    return None
