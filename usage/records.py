"""What was used, summed by day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from usage.models import UsageRecord

MOST_DAYS = 92

type Grouping = Literal["provider", "model", "user"]
_COLUMNS: Mapping[Grouping, str] = {"provider": "provider", "model": "model", "user": "user_id"}


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
        .annotate(day=TruncDate("at", tzinfo=UTC))
        .values(*keys)
        .annotate(calls=Count("id"), failed_calls=Count("id", filter=~Q(outcome="succeeded")), credits=Sum("credits"))
        .order_by(*keys)
    )
