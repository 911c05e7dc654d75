"""Routes under /v1/; none yet."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
