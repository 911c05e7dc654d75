"""Invitations: a seat offered to one e-mail address, taken once, within seven days."""

import secrets
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit, mail
from accounts.exceptions import AlreadyMember, InvitationNotFound, RoleForbids, TooManyInvitations
from accounts.models import Invitation, Membership, Organization, Role, User
from accounts.principal import Principal
from core import clock

LIFE = timedelta(days=7)
MAX_PER_DAY = 50
_DAY = timedelta(days=1)


def invite(actor: Principal, *, email: str, role: Role) -> Invitation:
    """Offer a seat in the actor's organization; the token goes out by mail on commit and is kept as a hash alone.

    A new offer to an address replaces the one before. Raises RoleForbids (an owner's seat is an owner's to give),
    AlreadyMember, TooManyInvitations. Locks the organization's row.
    """
    if not actor.is_manager or (role == Role.OWNER and actor.role != Role.OWNER):
        raise RoleForbids
    email, token = email.lower(), secrets.token_urlsafe(32)
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(pk=actor.organization_id)
        if Membership.objects.filter(organization=organization, user__email=email).exists():
            raise AlreadyMember
        sent = Invitation.objects.filter(organization=organization, created_at__gt=clock.now() - _DAY)
        if sent.count() >= MAX_PER_DAY:
            raise TooManyInvitations(retry_after=_DAY.total_seconds(), limit=MAX_PER_DAY)
        Invitation.objects.pending().filter(organization=organization, email=email).update(expires_at=Now())
        invitation = Invitation.objects.create(
            organization=organization,
            email=email,
            role=role,
            token_sha256=_hash(token),
            invited_by_id=actor.user_id,
            expires_at=clock.now() + LIFE,
        )
        audit.record(
            "invitation.sent",
            actor_id=actor.user_id,
            organization_id=organization.pk,
            facts={"invitationId": str(invitation.pk), "email": email, "role": role},
        )
        transaction.on_commit(lambda: mail.send_invitation(invitation, token), robust=True)
    return invitation


def withdraw(actor: Principal, invitation_id: UUID) -> None:
    """End a pending offer of the actor's organization. Raises InvitationNotFound."""
    with transaction.atomic():
        # The row stays until it is swept: it counts towards the day's bound.
        ended = (
            Invitation.objects.pending()
            .filter(pk=invitation_id, organization_id=actor.organization_id)
            .update(expires_at=Now())
        )
        if not ended:
            raise InvitationNotFound
        audit.record(
            "invitation.withdrawn",
            actor_id=actor.user_id,
            organization_id=actor.organization_id,
            facts={"invitationId": str(invitation_id)},
        )


def accept(user: User, token: str) -> Membership:
    """Take the seat that was offered to this user's own address; the token is spent.

    Raises InvitationNotFound alike for tokens that are unknown, spent, late or another's. Somebody who is a member
    already keeps their role.
    """
    with transaction.atomic():
        invitation = (
            Invitation.objects.pending()
            .filter(token_sha256=_hash(token), email=user.email.lower(), organization__closed_at__isnull=True)
            .select_for_update()
            .first()
        )
        if invitation is None:
            raise InvitationNotFound
        invitation.accepted_at = clock.now()
        invitation.save(update_fields=["accepted_at"])
        membership, _ = Membership.objects.select_related("organization").get_or_create(
            organization_id=invitation.organization_id, user=user, defaults={"role": invitation.role}
        )
        audit.record(
            "member.joined",
            actor_id=user.pk,
            organization_id=invitation.organization_id,
            facts={"invitationId": str(invitation.pk), "role": membership.role},
        )
    return membership


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
