"""Socket tickets: a key or a session traded for one first frame, so that neither ever stands in an address."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.api_keys import principal_of_key
from accounts.models import SocketTicket
from accounts.principal import Principal
from accounts.sessions import principal_for_user, principal_of_session
from core import clock


def issue(principal: Principal) -> tuple[str, datetime]:
    """A ticket for one socket of this principal, and when it ends. Only its hash is kept."""
    ticket = secrets.token_urlsafe(32)
    expires_at = clock.now() + timedelta(seconds=settings.SOCKET_TICKET_SECONDS)
    SocketTicket.objects.create(
        token_sha256=_hash(ticket),
        user_id=principal.user_id,
        organization_id=principal.organization_id,
        api_key_id=principal.api_key_id,
        session_key=principal.session_key or "",
        expires_at=expires_at,
    )
    return ticket, expires_at


def redeem(ticket: str) -> Principal | None:
    """Whom a ticket was made for, as they may act now; None when it is unknown, used, late, or they no longer may.

    The row is deleted by the statement that reads it, so of two sockets with one ticket only one gets in.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM accounts_socketticket WHERE token_sha256 = %s"
            " RETURNING user_id, organization_id, api_key_id, session_key, expires_at > now()",
            [_hash(ticket)],
        )
        row: tuple[UUID, UUID, UUID | None, str, bool] | None = cursor.fetchone()
    if row is None or not row[-1]:
        return None
    user_id, organization_id, api_key_id, session_key, _ = row
    if api_key_id:
        return principal_of_key(api_key_id)
    if session_key:
        return principal_of_session(session_key, organization_id)
    return principal_for_user(user_id, organization_id)


def _hash(ticket: str) -> bytes:
    return sha256(ticket.encode("utf-8", "surrogatepass")).digest()
