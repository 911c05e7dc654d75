"""Counts what an organization asks of the API, and lets every answer say where it stands."""

from typing import TYPE_CHECKING, cast

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.principal import Principal, acting
from usage import limits

if TYPE_CHECKING:
    # rest_framework.views imports the default throttles of the settings: this module.
    from rest_framework.views import APIView


class OrganizationThrottle(BaseThrottle):
    """The default of all views: what writes is counted, what only reads is told where its organization stands.

    Raises RateLimited. Nobody who is nobody's principal is counted here: the edge and allauth bound those.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        # The stubs know Django's users alone.
        if isinstance(cast(object, request.user), Principal):
            if request.method in SAFE_METHODS:
                tell(request, limits.standing(acting(request)))
            else:
                count(request)
        return True


def count(request: Request) -> None:
    """Count this request; for views that first answer repetitions or refuse what is malformed. Raises RateLimited."""
    tell(request, limits.check_request(acting(request)))


def tell(request: Request, rate: limits.RateLimit) -> None:
    """Leave the figures where the answer's headers are written (config.api.ProblemMiddleware)."""
    request._request.rate_limit = rate  # type: ignore[attr-defined]
