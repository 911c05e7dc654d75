"""Liveness, which touches nothing, and readiness, which asks for Postgres and its migrations and for nothing else.

Valkey and the bucket are left out on purpose: without them jobs are still admitted, and taking every instance out
of service would turn their outage into ours.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

_LIMIT_SECONDS = 1.0


class _Migrations:
    """Whether the schema is the code's. Once true it stays true for this process: only new code needs more."""

    are_applied = False

    @classmethod
    def check(cls) -> bool:
        if not cls.are_applied:
            executor = MigrationExecutor(connection)
            cls.are_applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return cls.are_applied


def livez(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    # On a thread and connection of its own: a Postgres that hangs must not take a request thread with it.
    checking = _checker().submit(_unready)
    try:
        reason = checking.result(timeout=_LIMIT_SECONDS)
    except TimeoutError:
        reason = "postgres_slow"
    if reason:
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503, headers={"Retry-After": "1"})
    return JsonResponse({"status": "ok"})


@cache
def _checker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")


def _unready() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return None if _Migrations.check() else "migrations_pending"
    except DatabaseError:
        return "postgres_unreachable"
    finally:
        connection.close()
