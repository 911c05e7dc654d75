"""The pages people see: the studio, signing in and out, the keys, and the API's documentation. No logic, no rows."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

# Redoc styles itself from within and searches in a worker made of a blob; both stay on this one page.
_DOCS_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "worker-src": ["blob:"],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}


def page(template: str, *, signed_out: str | None = None) -> Callable[..., HttpResponse]:
    """A view of one template; `signed_out` names the one that stands in its place until the visitor signs in there.

    The scripts call the API with the session cookie, for which they need the CSRF cookie from the first answer on.
    """

    @ensure_csrf_cookie
    @never_cache
    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        shown = signed_out if signed_out and not request.user.is_authenticated else template
        return render(request, shown, {"demo": _demo(), **parts})

    return view


studio = page("studio/index.html", signed_out="studio/welcome.html")
sign_in = page("studio/sign_in.html")
sign_up = page("studio/sign_up.html")
reset_request = page("studio/reset_request.html")
reset_password = page("studio/reset_password.html")
verify_email = page("studio/verify_email.html")
keys = page("studio/keys.html", signed_out="studio/sign_in.html")
docs = csp_override(_DOCS_CSP)(TemplateView.as_view(template_name="docs.html"))


def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_schema(), content_type="application/json")


def _demo() -> dict[str, str] | None:
    """The login that `make run` made, which the sign-in page tells a newcomer; never outside development."""
    if settings.ENVIRONMENT != "development" or not settings.DEMO_LOGIN_FILE:
        return None
    try:
        people = json.loads(Path(settings.DEMO_LOGIN_FILE).read_text())
    except (OSError, ValueError):
        return None
    return {"email": people["email"], "password": people["password"]}


@cache
def _schema() -> bytes:
    # Made from the code, which does not change while a process lives, and slow to make.
    document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # comes without types
    rendered: bytes = OpenApiJsonRenderer().render(document, renderer_context={})
    return rendered
