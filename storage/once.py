"""Creating things of the library once for each idempotency key."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from rest_framework.request import Request

from accounts.principal import acting
from core import idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a request made, now or when it was first sent."""

    resource_id: UUID
    is_replay: bool

    @property
    def headers(self) -> dict[str, str]:
        return {idempotency.REPLAYED_HEADER: "true"} if self.is_replay else {}


def once(request: Request, route: str, create: Callable[[], UUID]) -> Made:
    """Run `create` unless the request's Idempotency-Key made its row before; with the key, in one transaction.

    Raises BadIdempotencyKey, IdempotencyMismatch, IdempotencyInProgress, and what `create` raises.
    """
    key = idempotency.read_key(request)
    if key is None:
        return Made(resource_id=create(), is_replay=False)
    organization_id, body = acting(request).organization_id, idempotency.body_sha256(request.body)
    if earlier := idempotency.find(organization_id, route, key):
        idempotency.check_same(earlier, body)
        return Made(resource_id=earlier.resource_id, is_replay=True)
    with transaction.atomic(durable=True):
        resource_id = create()
        idempotency.record(
            organization_id=organization_id, route=route, key=key, body=body, status_code=201, resource_id=resource_id
        )
    return Made(resource_id=resource_id, is_replay=False)
