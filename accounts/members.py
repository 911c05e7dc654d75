"""Members of an organization: their roles change, they leave, and one owner always stays.

Each change locks the organization's row first, then the membership's: two owners who leave at once do so in turn, and
the second is refused.
"""

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.exceptions import LastOwner, RoleForbids
from accounts.models import ApiKey, Invitation, Membership, Organization, Role
from accounts.principal import Principal
from accounts.rights import MANAGERS
from core import changes
from core.exceptions import NotFound


def change_role(actor: Principal, membership_id: UUID, role: Role | None) -> Membership:
    """Give a member of the actor's organization another role; None leaves the one they have.

    Raises NotFound, RoleForbids (managers only; owners are made and unmade by owners) or LastOwner.
    """
    with transaction.atomic():
        _lock(actor.organization_id)
        member = _member(actor, membership_id)
        _require_manager_of(actor, member.role, role or member.role)
        if role is None or member.role == role:
            return member
        if member.role == Role.OWNER:
            _require_other_owner(member)
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        if role not in MANAGERS:
            _withdraw_invitations(member)
        audit.record(
            "member.role_changed",
            actor_id=actor.user_id,
            organization_id=actor.organization_id,
            facts={"userId": str(member.user_id), "before": before, "after": role},
        )
        changes.tell()
    return member


def remove(actor: Principal, membership_id: UUID) -> None:
    """End a membership: a manager removes somebody, or anybody leaves. Their keys to the organization end too.

    Raises NotFound, RoleForbids or LastOwner.
    """
    with transaction.atomic():
        _lock(actor.organization_id)
        member = _member(actor, membership_id)
        if member.user_id != actor.user_id:
            _require_manager_of(actor, member.role)
        if member.role == Role.OWNER:
            _require_other_owner(member)
        # Revoked and not left to the missing membership: a person who comes back gets new keys.
        ApiKey.objects.filter(
            organization_id=member.organization_id, user_id=member.user_id, revoked_at__isnull=True
        ).update(revoked_at=Now())
        _withdraw_invitations(member)
        member.delete()
        audit.record(
            "member.removed" if member.user_id != actor.user_id else "member.left",
            actor_id=actor.user_id,
            organization_id=actor.organization_id,
            facts={"userId": str(member.user_id), "role": member.role},
        )
        changes.tell()


def _lock(organization_id: UUID) -> None:
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def _member(actor: Principal, membership_id: UUID) -> Membership:
    member = (
        Membership.objects.select_related("user")
        .filter(pk=membership_id, organization_id=actor.organization_id)
        .select_for_update(of=("self",))
        .first()
    )
    if member is None:
        raise NotFound
    return member


def _require_manager_of(actor: Principal, *roles: str) -> None:
    """Whether the actor, as the rows say under the lock, may touch members of these roles."""
    own = (
        Membership.objects.filter(organization_id=actor.organization_id, user_id=actor.user_id)
        .values_list("role", flat=True)
        .first()
    )
    if own not in MANAGERS or (Role.OWNER in roles and own != Role.OWNER):
        raise RoleForbids


def _require_other_owner(member: Membership) -> None:
    others = Membership.objects.filter(
        organization_id=member.organization_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=member.pk)
    if not others.exists():
        raise LastOwner


def _withdraw_invitations(member: Membership) -> None:
    """What somebody offered as a manager does not outlive their being one."""
    Invitation.objects.pending().filter(organization_id=member.organization_id, invited_by=member.user_id).update(
        expires_at=Now()
    )
