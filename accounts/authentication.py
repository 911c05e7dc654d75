"""The three ways in: an API key, allauth's session token from another origin, the session cookie with CSRF."""

from typing import Any, cast
from uuid import UUID

from allauth.headless.internal.sessionkit import authenticate_by_x_session_token
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import api_keys
from accounts.exceptions import NoOrganization
from accounts.models import User
from accounts.principal import Principal
from accounts.sessions import principal_for_user
from core.exceptions import NotFound

ORGANIZATION_HEADER = "X-Organization-Id"
_SESSION_TOKEN_MAX_LENGTH = 64


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer pk_live_…`. A request with a key is judged by it alone, whatever cookies it carries."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        scheme, _, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        principal = api_keys.authenticate(secret.decode("latin-1").strip())
        if principal is None:
            raise AuthenticationFailed("This API key is not valid.", code="invalid_api_key")
        wanted = _wanted_organization(request)
        if wanted not in {None, principal.organization_id}:
            raise NotFound
        return principal, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionTokenAuthentication(BaseAuthentication):
    """`X-Session-Token`: allauth's token for a frontend on another origin, where no cookie goes."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        token = request.headers.get("X-Session-Token")
        if token is None:
            return None
        found = None
        if token.isascii() and token.isalnum() and len(token) <= _SESSION_TOKEN_MAX_LENGTH:
            found = authenticate_by_x_session_token(token)
        if found is None:
            raise AuthenticationFailed("This session has ended.", code="invalid_session")
        user, session = found
        return _act(request, user, session.session_key), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CookieAuthentication(SessionAuthentication):
    """The session cookie of our own pages; whatever writes needs the CSRF token as well."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        user: User | AnonymousUser | None = getattr(request._request, "user", None)
        if user is None or not user.is_active or not isinstance(user, User):
            return None
        self.enforce_csrf(request)
        return _act(request, user, request._request.session.session_key), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def principal_of(request: HttpRequest) -> Principal | None:
    """Who sent a request that does not pass through DRF: pages, streams, sockets' handshakes. Sync: it asks Postgres.

    None when it carries no credentials; raises what the API raises for credentials that are wrong.
    """
    wrapped = Request(
        request, authenticators=[ApiKeyAuthentication(), SessionTokenAuthentication(), CookieAuthentication()]
    )
    return cast(Principal | None, wrapped.user)


def _act(request: Request, user: Any, session_key: str | None) -> Principal:
    wanted = _wanted_organization(request)
    principal = principal_for_user(user.pk, wanted, session_key)
    if principal is None:
        raise NotFound if wanted else NoOrganization
    return principal


def _wanted_organization(request: Request) -> UUID | None:
    text = request.headers.get(ORGANIZATION_HEADER)
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
