"""Every address of the product: the API, signing in, the pages, the admin, and what operators ask."""

from django.contrib import admin
from django.urls import include, path, re_path

from config import api, health, pages
from config.metrics import metrics
from storage.views.edge import authorize

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path("edge/authorize", authorize),
    path("v1/", include("generation.urls")),
    path("v1/", include("storage.urls")),
    path("v1/", include("usage.urls")),
    path("v1/", include("billing.urls")),
    path("v1/", include("accounts.urls")),
    path("v1/openapi.json", pages.openapi, name="openapi"),
    # What is not the API's is a problem too, also under DEBUG, where Django would show its own page.
    re_path(r"^v1(/|$)", api.not_found),
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("docs/", pages.docs, name="docs"),
    path("", pages.studio, name="studio"),
    path("account/sign-in", pages.sign_in, name="sign-in"),
    path("account/sign-up", pages.sign_up, name="sign-up"),
    path("account/reset-password", pages.reset_request, name="reset-password"),
    path("account/reset-password/<str:key>", pages.reset_password),
    path("account/verify-email", pages.verify_email),
    path("account/verify-email/<str:key>", pages.verify_email, name="verify-email"),
    path("account/keys", pages.keys, name="keys"),
    path("", include("accounts.page_urls")),
]

handler400 = "config.api.bad_request"
handler403 = "config.api.permission_denied"
handler404 = "config.api.not_found"
handler500 = "config.api.server_error"
