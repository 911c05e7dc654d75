"""Plans as JSON: read-only, explicit fields."""

from rest_framework import serializers

from billing.models import Plan


class PriceOutput(serializers.Serializer[Plan]):
    amount = serializers.IntegerField(source="price_cents", help_text="In the currency's smallest unit.")
    currency = serializers.CharField()


class PlanOutput(serializers.ModelSerializer[Plan]):
    id = serializers.CharField(source="slug")
    kind = serializers.ChoiceField(choices=["plan", "topup"], default="plan")
    interval = serializers.ChoiceField(choices=["month"], default="month")
    credits = serializers.IntegerField(source="monthly_credits", help_text="Granted at the start of each interval.")
    price = PriceOutput(source="*")
    isCurrent = serializers.BooleanField(source="is_current", help_text="Whether your organization is on it.")

    class Meta:
        model = Plan
        fields = ("id", "kind", "title", "credits", "price", "interval", "isCurrent")
