"""The content security policy: on HTML alone, and wider in the admin, whose theme evaluates its attributes."""

from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.utils.csp import CSP

ADMIN_PREFIX = "/admin/"
# Unfold is built on Alpine, which compiles the expressions in its attributes.
_ADMIN_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL, CSP.UNSAFE_INLINE],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:", "https:"],
    "font-src": [CSP.SELF, "data:"],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}


class PagePolicyMiddleware(ContentSecurityPolicyMiddleware):
    """Django's own, spared the API's JSON answers."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        if request.path_info.startswith(ADMIN_PREFIX):
            response._csp_config = _ADMIN_CSP  # type: ignore[attr-defined]  # what csp_override sets
        return super().process_response(request, response)
