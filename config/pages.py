"""The pages people see: the studio, signing in and out, the keys, and the API's documentation. No logic, no rows."""

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.utils.csp import CSP
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

# Their scripts call the API with the session cookie, for which they need the CSRF cookie from the first answer on.
studio = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/index.html"))
sign_in = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/sign_in.html"))
sign_up = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/sign_up.html"))
reset_password = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/reset_password.html"))
verify_email = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/verify_email.html"))
keys = ensure_csrf_cookie(TemplateView.as_view(template_name="studio/keys.html"))
docs = csp_override(_DOCS_CSP)(TemplateView.as_view(template_name="docs.html"))


def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_schema(), content_type="application/json")


@cache
def _schema() -> bytes:
    # Made from the code, which does not change while a process lives, and slow to make.
    rendered: bytes = OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True), renderer_context={})
    return rendered
