"""Whether a principal may do what a view does: by the role of now, and by the scopes of a key."""

from typing import TYPE_CHECKING, cast

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.exceptions import InsufficientScope, RoleForbids
from accounts.principal import Principal, acting
from accounts.rights import RIGHTS, Scope

if TYPE_CHECKING:
    # rest_framework.views imports the default permissions of the settings: this module.
    from rest_framework.views import APIView


class IsMember(BasePermission):
    """Somebody who may read (GET) or write (the rest) what the view is about.

    A view says so by `scope = "jobs"`, one of the resources in accounts.rights.Scope, or by one right for all its
    methods, `scope = "jobs:read"`. A view that says nothing is closed to keys with scopes and to the billing role.
    Nobody signed in is 401, the wrong role or scope 403.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        # The stubs know Django's users alone.
        principal = cast(object, request.user)
        if not isinstance(principal, Principal):
            return False
        needed = _needed(getattr(view, "scope", None), request.method)
        if not needed <= RIGHTS[principal.role]:
            raise RoleForbids
        if principal.scopes is not None and not needed <= principal.scopes:
            raise InsufficientScope(scopes=sorted(needed))
        return True


class CanManage(IsMember):
    """A member who may also manage the organization's members and keys: owner or admin."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not super().has_permission(request, view):
            return False
        if not acting(request).is_manager:
            raise RoleForbids
        return True


def _needed(scope: str | None, method: str | None) -> frozenset[str]:
    if scope is None:
        return frozenset(Scope.values) - {Scope.BILLING_WRITE}
    if ":" in scope:
        return frozenset({scope})
    return frozenset({f"{scope}:{'read' if method in SAFE_METHODS else 'write'}"})
