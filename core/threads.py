"""ORM code on a thread of the pool, from a coroutine."""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.db import close_old_connections


async def on_thread[*Ts, T](function: Callable[[*Ts], T], *args: *Ts) -> T:
    """What the function returns or raises. The thread's database connection is replaced first where it has died.

    Django looks after connections at the start of a request, and then only after those of the request's own thread.
    """

    def call() -> T:
        close_old_connections()
        return function(*args)

    return await sync_to_async(call, thread_sensitive=False)()
