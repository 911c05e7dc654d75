"""Idempotency keys: the caller's name for one submission, and the row that remembers what it made.

The record is inserted in the transaction of the work it names. Its unique constraint is what makes a key good for
one submission: of two requests at once, the second waits for the first transaction and then finds the record.
"""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.db import IntegrityError
from django.http import HttpRequest
from rest_framework.request import Request

from core import clock
from core.exceptions import BadIdempotencyKey, IdempotencyInProgress, IdempotencyMismatch
from core.models import IdempotencyRecord

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT = timedelta(hours=48)
_MAX_LENGTH = 255


def read_key(request: HttpRequest | Request) -> str | None:
    """The request's key, None where it sent none. Raises BadIdempotencyKey."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_LENGTH or not all("!" <= character <= "~" for character in key):
        raise BadIdempotencyKey
    return key


def body_sha256(raw: bytes) -> bytes:
    """What tells one body from another: the bytes as sent."""
    return sha256(raw).digest()


def find(organization_id: UUID, route: str, key: str) -> IdempotencyRecord | None:
    """The record of an earlier submission by this organization on this route."""
    return IdempotencyRecord.objects.filter(organization_id=organization_id, route=route, key=key).first()


def check_same(record: IdempotencyRecord, body: bytes) -> None:
    """Raise IdempotencyMismatch unless `body` (a hash by body_sha256) is the one the key was first sent with."""
    if bytes(record.body_sha256) != body:
        raise IdempotencyMismatch


def record(*, organization_id: UUID, route: str, key: str, body: bytes, status_code: int, resource_id: UUID) -> None:
    """Remember what a key made; call it in the transaction that made it, as its last statement.

    Raises IdempotencyInProgress when another request with the key was faster: the transaction rolls back, and a
    retry finds that one's record.
    """
    try:
        IdempotencyRecord.objects.create(
            organization_id=organization_id,
            route=route,
            key=key,
            body_sha256=body,
            status_code=status_code,
            resource_id=resource_id,
        )
    except IntegrityError:
        raise IdempotencyInProgress(retry_after=1) from None


def expire() -> int:
    """Delete the records nobody may replay any more; returns how many. Safe to repeat."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=clock.now() - KEPT).delete()
    return deleted
