"""Balance, ledger, usage and limits over HTTP: read-only, and always of the caller's own organization."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from usage import ledger, limits, records
from usage.models import LedgerEntry, UsageRecord
from usage.serializers import (
    BalanceOutput,
    LedgerEntryOutput,
    LimitOutput,
    UsageDayOutput,
    UsageInput,
    UsageRecordFilters,
    UsageRecordOutput,
    whole_list,
)


class Balance(APIView):
    scope = "usage"

    @extend_schema(operation_id="getBalance", tags=["usage"], responses=BalanceOutput)
    def get(self, request: Request) -> Response:
        return Response(BalanceOutput(ledger.balance(acting(request).organization_id)).data)


class Ledger(ListAPIView[LedgerEntry]):
    scope = "usage"
    queryset = LedgerEntry.objects.none()  # for the API document, which is made without a request
    serializer_class = LedgerEntryOutput

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return LedgerEntry.objects.for_organization(acting(self.request).organization_id)

    @extend_schema(operation_id="listLedgerEntries", tags=["usage"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class UsageRecords(ListAPIView[UsageRecord]):
    scope = "usage"
    queryset = UsageRecord.objects.none()  # for the API document, which is made without a request
    serializer_class = UsageRecordOutput
    filterset_class = UsageRecordFilters

    def get_queryset(self) -> QuerySet[UsageRecord]:
        return UsageRecord.objects.for_organization(acting(self.request).organization_id)

    @extend_schema(operation_id="listUsageRecords", tags=["usage"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class Usage(APIView):
    scope = "usage"

    @extend_schema(
        operation_id="getUsage",
        tags=["usage"],
        parameters=[UsageInput],
        responses=whole_list("UsageList", UsageDayOutput(many=True)),
    )
    def get(self, request: Request) -> Response:
        asked = UsageInput(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        days = records.by_day(
            acting(request).organization_id,
            since=asked.validated_data["since"],
            until=asked.validated_data["until"],
            group_by=asked.validated_data.get("groupBy"),
        )
        return Response({"data": UsageDayOutput(days, many=True).data, "next": None})


class Limits(APIView):
    scope = "usage"

    @extend_schema(operation_id="listLimits", tags=["usage"], responses=whole_list("LimitList", LimitOutput(many=True)))
    def get(self, request: Request) -> Response:
        rules = limits.of(acting(request).organization_id)
        return Response({"data": LimitOutput(rules, many=True).data, "next": None})
