"""Money from outside: the plans an organization can be on."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organization
from core.models import UUIDv7


class Plan(models.Model):
    """What we sell by the month: credits for each period and what may be used at once. Staff edit it.

    An organization that joins gets a copy of the limits in its entitlement; a later edit reaches those who join then.
    """

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    price_cents = models.PositiveIntegerField(default=0)
    currency = models.CharField(max_length=3, default="usd")
    monthly_credits = models.BigIntegerField()
    weight = models.PositiveIntegerField(default=1)
    places = models.PositiveIntegerField(default=20)
    queued_jobs = models.PositiveIntegerField(default=1_000)
    requests_per_minute = models.PositiveIntegerField(default=600)
    retention_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="New assets are deleted after so many days; empty: kept."
    )
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="plan_default_once"),
            models.CheckConstraint(condition=Q(monthly_credits__gte=0), name="plan_credits_not_negative"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="plan_weight_positive"),
        ]

    def __str__(self) -> str:
        return self.title


class PlanMembership(models.Model):
    """Which plan an organization is on, and how far its monthly credits were granted. Written by billing.plans."""

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="plan_membership"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="organizations")
    # Periods start on this instant's day and time of each month, cut to the month's last day.
    anchor_at = models.DateTimeField(db_default=Now())
    # The start of the first period whose credits were not granted yet.
    next_grant_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["next_grant_at"], name="plan_grant_due")]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.plan_id}"
