"""What was used, read: filters over the usage records, and their sums by day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDay
from django_filters import rest_framework as filters

from usage.models import UsageRecord

MOST_DAYS = 92

type Grouping = Literal["provider", "model", "user"]
_COLUMNS: Mapping[Grouping, str] = {"provider": "provider", "model": "model", "user": "user_id"}


class UsageRecordFilters(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    provider = filters.CharFilter()
    model = filters.CharFilter()
    operation = filters.CharFilter()
    outcome = filters.CharFilter()
    userId = filters.UUIDFilter(field_name="user_id")
    apiKeyId = filters.UUIDFilter(field_name="api_key_id")
    jobId = filters.UUIDFilter(field_name="job_id")
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte", label="At this time or later; RFC 3339.")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt", label="Before this time; RFC 3339.")

    class Meta:
        model = UsageRecord
        fields: tuple[str, ...] = ()


def by_day(
    organization_id: UUID, *, since: date, until: date, group_by: Grouping | None = None
) -> list[dict[str, Any]]:
    """Calls and credits of each UTC day from `since` to `until`, both included; days without any are left out."""
    begin = datetime.combine(since, time(), UTC)
    end = datetime.combine(until, time(), UTC) + timedelta(days=1)
    keys = ["day", *([_COLUMNS[group_by]] if group_by else [])]
    return list(
        UsageRecord.objects.for_organization(organization_id)
        .filter(at__gte=begin, at__lt=end)
        .annotate(day=TruncDay("at", tzinfo=UTC))
        .values(*keys)
        .annotate(calls=Count("id"), failed_calls=Count("id", filter=~Q(outcome="succeeded")), credits=Sum("credits"))
        .order_by(*keys)
    )
