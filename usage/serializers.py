"""What was spent and may be, as JSON: read-only, explicit fields, credits as whole numbers."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from core import clock
from core.serializers import Moment, StrictSerializer
from usage.models import Grant, LedgerEntry, UsageRecord
from usage.records import MOST_DAYS

_DEFAULT_DAYS = 30
# Dates before this one are nobody's; it also keeps arithmetic on them within the calendar.
_FIRST_DAY = date(2020, 1, 1)


class GrantOutput(serializers.Serializer[Grant]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Grant.Kind.choices)
    credits = serializers.IntegerField(help_text="What came in.")
    remaining = serializers.IntegerField(help_text="What can still be drawn.")
    expiresAt = Moment(source="expires_at", allow_null=True)


class BalanceOutput(serializers.Serializer[object]):
    """1 credit is 0.001 USD of list price. The grants' remainders sum to `available`."""

    available = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Set aside for jobs that have not ended.")
    debt = serializers.IntegerField(help_text="Paid first by whatever comes in; no job starts before.")
    grants = GrantOutput(many=True, source="lots", help_text="In the order in which they are drawn.")


class LedgerEntryOutput(serializers.ModelSerializer[LedgerEntry]):
    availableAfter = serializers.IntegerField(source="available_after")
    heldAfter = serializers.IntegerField(source="held_after")
    debtAfter = serializers.IntegerField(source="debt_after")
    at = Moment()

    class Meta:
        model = LedgerEntry
        fields = (
            "reference",
            "kind",
            "available",
            "held",
            "debt",
            "availableAfter",
            "heldAfter",
            "debtAfter",
            "reason",
            "at",
        )


class UsageRecordOutput(serializers.ModelSerializer[UsageRecord]):
    userId = serializers.UUIDField(source="user_id", allow_null=True)
    apiKeyId = serializers.UUIDField(source="api_key_id", allow_null=True)
    jobId = serializers.UUIDField(source="job_id")
    priceVersion = serializers.IntegerField(source="price_version")
    latencyMs = serializers.IntegerField(source="latency_ms")
    traceId = serializers.CharField(source="trace_id")
    at = Moment()

    class Meta:
        model = UsageRecord
        fields = (
            "id",
            "at",
            "jobId",
            "userId",
            "apiKeyId",
            "provider",
            "model",
            "operation",
            "unit",
            "quantity",
            "credits",
            "priceVersion",
            "latencyMs",
            "outcome",
            "traceId",
        )


class MomentField(forms.DateTimeField):
    """A time as the rest of the API takes it."""

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return clock.parse_rfc3339(str(value))
        except ValueError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]  # django-filter has no annotations
    field_class = MomentField


class UsageRecordFilters(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    provider = filters.CharFilter()
    model = filters.CharFilter()
    operation = filters.CharFilter()
    outcome = filters.CharFilter()
    userId = filters.UUIDFilter(field_name="user_id")
    apiKeyId = filters.UUIDFilter(field_name="api_key_id")
    jobId = filters.UUIDFilter(field_name="job_id")
    since = MomentFilter(field_name="at", lookup_expr="gte", label="At this time or later; RFC 3339.")
    until = MomentFilter(field_name="at", lookup_expr="lt", label="Before this time; RFC 3339.")

    class Meta:
        model = UsageRecord
        fields: tuple[str, ...] = ()


class UsageInput(StrictSerializer):
    """Which days, both included and in UTC, at most 92 of them; the last 30 where nothing is said."""

    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    groupBy = serializers.ChoiceField(choices=["provider", "model", "user"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        today = clock.now().date()
        until = min(attrs.get("until", today), today)
        since = attrs.get("since", max(until, _FIRST_DAY) - timedelta(days=_DEFAULT_DAYS - 1))
        if not 0 <= (until - since).days < MOST_DAYS:
            raise serializers.ValidationError({"until": f"The days from since to until are 1 to {MOST_DAYS}."})
        return {**attrs, "since": since, "until": until}


class UsageDayOutput(serializers.Serializer[object]):
    day = serializers.DateField(help_text="A UTC day.")
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    userId = serializers.UUIDField(source="user_id", required=False)
    calls = serializers.IntegerField()
    failedCalls = serializers.IntegerField(source="failed_calls")
    credits = serializers.IntegerField()


class LimitOutput(serializers.Serializer[object]):
    scope = serializers.CharField()
    metric = serializers.ChoiceField(choices=["requests", "concurrency", "queued"])
    window = serializers.CharField(allow_null=True, help_text="Null where the limit is on what there is at once.")
    limit = serializers.IntegerField()
    used = serializers.IntegerField(allow_null=True, help_text="Null where it is not counted here.")


def whole_list(name: str, row: serializers.BaseSerializer[Any]) -> serializers.Serializer[Any]:
    """The schema of a list that is given whole, in the shape of every list."""
    return inline_serializer(name, {"data": row, "next": serializers.CharField(allow_null=True)})
