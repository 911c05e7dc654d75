"""The trail of acts on access and money: who, what, why."""

from collections.abc import Mapping
from uuid import UUID

from accounts.models import AuditEntry


def record(
    action: str,
    *,
    actor_id: UUID | None,
    organization_id: UUID | None,
    reason: str = "",
    facts: Mapping[str, str | int | bool | list[str] | None] | None = None,
) -> AuditEntry:
    """Add an entry in the caller's transaction, so that the act and its trace stand or fall together.

    `action` is `noun.verb` ("member.removed"); `actor_id` is None where the system acts; facts hold no secrets.
    """
    return AuditEntry.objects.create(
        actor_id=actor_id, organization_id=organization_id, action=action, reason=reason, facts=dict(facts or {})
    )
