"""Bans: who may start nothing, why, and until when. They act at once: admission reads the rows (usage_refusal)."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import Organization, User
from usage.models import Ban


def impose(
    *,
    organization_id: UUID | None = None,
    user_id: UUID | None = None,
    reason: str,
    actor_id: UUID,
    ends_at: datetime | None = None,
) -> Ban | None:
    """Ban an organization, or a user everywhere, until the ban ends or is lifted. None when one is in force already.

    Locks the subject's row, so that two who ban it do so in turn. Raises ValueError unless it names exactly one
    subject and a reason.
    """
    if (organization_id is None) == (user_id is None) or not reason.strip():
        raise ValueError("a ban has one subject and a reason")
    with transaction.atomic():
        if organization_id:
            Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
        if user_id:
            User.objects.select_for_update(no_key=True).get(pk=user_id)
        if Ban.objects.in_force().filter(organization=organization_id, user=user_id).exists():
            return None
        ban = Ban.objects.create(
            organization_id=organization_id, user_id=user_id, reason=reason, created_by_id=actor_id, ends_at=ends_at
        )
        audit.record(
            "ban.imposed",
            actor_id=actor_id,
            organization_id=organization_id,
            reason=reason,
            facts={"banId": str(ban.pk), "userId": str(user_id) if user_id else None, "endsAt": str(ends_at or "")},
        )
    return ban


def lift(ban_id: UUID, *, actor_id: UUID, reason: str) -> bool:
    """End a ban now. False when it was over before."""
    if not reason.strip():
        raise ValueError("lifting a ban needs a reason")
    with transaction.atomic():
        ban = Ban.objects.select_for_update(no_key=True).get(pk=ban_id)
        if not Ban.objects.in_force().filter(pk=ban_id).update(lifted_at=Now()):
            return False
        audit.record(
            "ban.lifted",
            actor_id=actor_id,
            organization_id=ban.organization_id,
            reason=reason,
            facts={"banId": str(ban_id), "userId": str(ban.user_id) if ban.user_id else None},
        )
    return True
