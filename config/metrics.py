"""`/metrics` for Prometheus: every process of this machine in one answer, and nothing for the public."""

import ipaddress
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView


def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_scrape(request):
        raise Http404
    response: HttpResponse = ExportToDjangoView(request)
    return response


def _may_scrape(request: HttpRequest) -> bool:
    """By token where one is set; else only straight from this machine, not through the edge."""
    if settings.METRICS_TOKEN:
        return secrets.compare_digest(
            request.headers.get("Authorization", "").encode(), f"Bearer {settings.METRICS_TOKEN}".encode()
        )
    came_directly = "HTTP_X_FORWARDED_FOR" not in request.META
    return came_directly and ipaddress.ip_address(request.META["REMOTE_ADDR"] or "0.0.0.0").is_loopback  # noqa: S104
