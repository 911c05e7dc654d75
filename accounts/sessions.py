"""From a user to a principal: membership is read here, each time, so that a change acts at once."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore

from accounts.api_keys import principal_of_key
from accounts.models import Membership, Role
from accounts.principal import Principal
from core.exceptions import NotFound


def principal_for_user(user_id: UUID, organization_id: UUID | None, session_key: str | None = None) -> Principal | None:
    """The user acting in an organization, by default their personal one; one query. The session is taken as told.

    None when they are no member, the organization is closed, or the user was switched off.
    """
    memberships = Membership.objects.filter(user_id=user_id, user__is_active=True, organization__closed_at__isnull=True)
    if organization_id is not None:
        memberships = memberships.filter(organization_id=organization_id)
    # The personal organization was made with the user, so of several it is the oldest.
    row: Any = memberships.order_by("-organization__is_personal", "pk").values_list("organization_id", "role").first()
    if row is None:
        return None
    return Principal(user_id=user_id, organization_id=row[0], role=Role(row[1]), session_key=session_key)


def current(principal: Principal) -> Principal | None:
    """The same principal as the rows say now, None when they may no longer act: for connections that stay open."""
    if principal.api_key_id is not None:
        return principal_of_key(principal.api_key_id)
    if principal.session_key is not None:
        return principal_of_session(principal.session_key, principal.organization_id)
    return principal_for_user(principal.user_id, principal.organization_id)


def principal_of_session(session_key: str, organization_id: UUID | None) -> Principal | None:
    """Whom a session of Django's speaks for now; None when it ended, or its user changed their password."""
    holder: Any = SimpleNamespace(session=SessionStore(session_key))
    user: Any = get_user(holder)
    return principal_for_user(user.pk, organization_id, session_key) if user.is_authenticated else None


def may_go_on(principal: Principal, right: str) -> bool:
    """Whether a connection that was opened by this principal may still do what it does."""
    now = current(principal)
    return now is not None and now.may(right)


def act_in(principal: Principal, organization_id: UUID) -> Principal:
    """The principal in the organization a path names, by its rows of now. Raises NotFound.

    A key stays inside its own organization, whatever its maker belongs to.
    """
    if principal.api_key_id is None:
        actor = principal_for_user(principal.user_id, organization_id, principal.session_key)
    elif principal.organization_id == organization_id:
        actor = principal_of_key(principal.api_key_id)
    else:
        actor = None
    if actor is None:
        raise NotFound
    return actor
