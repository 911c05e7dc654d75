"""Plans over HTTP."""

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.principal import acting
from billing.models import Plan, PlanMembership
from billing.serializers import PlanOutput
from usage.serializers import whole_list


class Plans(APIView):
    scope = "billing"

    @extend_schema(operation_id="listPlans", tags=["billing"], responses=whole_list("PlanList", PlanOutput(many=True)))
    def get(self, request: Request) -> Response:
        own = PlanMembership.objects.filter(organization=acting(request).organization_id, plan=OuterRef("pk"))
        plans = Plan.objects.annotate(is_current=Exists(own)).order_by("price_cents", "monthly_credits", "slug")
        return Response({"data": PlanOutput(plans, many=True).data, "next": None})
