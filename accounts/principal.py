"""Who a request acts as: one user in one organization, by a session or through a key."""

from dataclasses import dataclass, field
from typing import ClassVar, cast
from uuid import UUID

from rest_framework.request import Request

from accounts.models import Role
from accounts.rights import MANAGERS, RIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Read anew for each request, so it is never older than the request (a key's: 5 seconds). `request.user` in DRF."""

    user_id: UUID
    organization_id: UUID
    role: Role
    api_key_id: UUID | None = None
    # What a key was narrowed to; None means everything its role may.
    scopes: frozenset[str] | None = None
    # Of Django's, where one was signed in by: whatever stays open ends with it.
    session_key: str | None = field(default=None, repr=False)

    is_authenticated: ClassVar[bool] = True

    @property
    def pk(self) -> UUID:
        return self.user_id

    @property
    def is_manager(self) -> bool:
        return self.role in MANAGERS

    def may(self, right: str) -> bool:
        """Whether the role has this right (accounts.rights.Scope) and the key, if any, was not narrowed below it."""
        return right in RIGHTS[self.role] and (self.scopes is None or right in self.scopes)


def acting(request: Request) -> Principal:
    """The principal of a request that a permission of accounts let through."""
    return cast(Principal, request.user)
