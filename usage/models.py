"""What may be spent and was: wallets, grants, holds, the ledger, prices, usage records, entitlements and bans."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Organization
from core.models import UUIDv7


class Entitlement(models.Model):
    """What an organization's plan lets it use at once. Copied here from the plan by billing, or set by staff."""

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="entitlement"
    )
    weight = models.PositiveIntegerField(default=1, help_text="Share of a busy provider, against others' weights.")
    places = models.PositiveIntegerField(default=20, help_text="Outputs in the making at once.")
    queued_jobs = models.PositiveIntegerField(default=1_000, help_text="Jobs that may wait; more are refused.")
    requests_per_minute = models.PositiveIntegerField(default=600)
    retention_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="New assets are deleted after so many days; empty: kept."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(weight__gt=0), name="entitlement_weight_positive")]

    def __str__(self) -> str:
        return f"entitlement of {self.organization_id}"


class Wallet(models.Model):
    """The credits of an organization: a cache of its ledger entries, changed only with them (usage.ledger).

    1 credit is 0.001 USD of list price.
    """

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, primary_key=True, related_name="wallet")
    available = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(available__gte=0), name="wallet_available_not_negative"),
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="wallet_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"wallet of {self.organization_id}"


class GrantQuerySet(models.QuerySet["Grant"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(wallet=organization_id)

    def drawable(self) -> Self:
        """What can be drawn at this moment, in the order it will be; `usage_draw` reads the same."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), is_spent=False).order_by(
            F("expires_at").asc(nulls_last=True), "priority", "id"
        )

    def due(self) -> Self:
        """Past their end with credits left, which the sweep has yet to take."""
        return self.filter(expires_at__lte=Now(), is_spent=False)


class Grant(models.Model):
    """Credits that came in at once and the part of them not yet drawn. Soonest expiry is drawn first.

    Written by usage.ledger; `remaining` moves under the wallet's lock, with a ledger entry. Never deleted.
    """

    class Kind(models.TextChoices):
        PLAN = "plan"
        TOPUP = "topup"
        PROMO = "promo"
        ADJUSTMENT = "adjustment"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="grants")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    # Drawn in this order among grants that expire at the same time: plan 0, promo 10, top-up and adjustment 20.
    priority = models.SmallIntegerField()
    credits = models.BigIntegerField()
    remaining = models.BigIntegerField()
    # An index over `remaining` itself would make each draw rewrite every index of the row; this one rarely changes.
    is_spent = models.GeneratedField(
        expression=Q(remaining=0),  # type: ignore[arg-type]  # the stubs do not know that conditions are expressions
        output_field=models.BooleanField(),
        db_persist=True,
    )
    # The fact that brought the credits in (a payment, a plan's period, a staff act): granted once per reference.
    reference = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    expired_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[GrantQuerySet] = GrantQuerySet.as_manager()  # type: ignore[assignment]  # stubs want Manager

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="grant_reference_once"),
            models.CheckConstraint(
                condition=Q(kind__in=("plan", "topup", "promo", "adjustment")), name="grant_kind_known"
            ),
            models.CheckConstraint(condition=Q(credits__gt=0), name="grant_credits_positive"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("credits")), name="grant_remaining_within_credits"
            ),
            # What comes back to an expired grant expires at once, so nothing can lie in one.
            models.CheckConstraint(condition=Q(expired_at=None) | Q(remaining=0), name="grant_expired_is_empty"),
        ]
        indexes = [
            # Which grant to draw next.
            models.Index(
                fields=["wallet", "expires_at", "priority", "id"],
                condition=Q(is_spent=False),
                name="grant_drawable",
            ),
            # Which wallets have something to expire.
            models.Index(fields=["expires_at"], condition=Q(is_spent=False), name="grant_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.credits}"


class Hold(models.Model):
    """Credits set aside for one job, and the grants they were drawn from. Opened once, closed exactly once.

    Written by the SQL functions usage_hold and usage_settle alone. Never deleted.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CAPTURED = "captured"
        RELEASED = "released"

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds", db_index=False)
    # A string key, "job:<id>", since jobs live in a higher app.
    reference = models.CharField(max_length=64)
    credits = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    # {grant id: credits}: what was drawn where, so that a release gives back to the grant it came from.
    lots = models.JSONField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="hold_reference_once"),
            models.CheckConstraint(condition=Q(state__in=("open", "captured", "released")), name="hold_state_known"),
            models.CheckConstraint(condition=Q(credits__gt=0), name="hold_credits_positive"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, captured__lte=F("credits")), name="hold_captured_within_credits"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
                name="hold_closed_once",
            ),
        ]
        indexes = [
            # Open holds per wallet: the admin's list and verify_ledger.
            models.Index(fields=["wallet"], condition=Q(state="open"), name="hold_open"),
        ]

    def __str__(self) -> str:
        return f"{self.credits} for {self.reference}"


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(wallet=organization_id)


class LedgerEntry(models.Model):
    """One movement of credits: signed legs that sum to zero, and the wallet after it. Only ever added (trigger).

    `available`, `held` and `debt` are the changes of the wallet's three figures; `outside` is where the credits
    came from (negative) or went (positive): a payment, a plan, a provider's work, an expiry. Within a wallet the
    ids rise in the order of the movements, since each is written under the wallet's lock.
    """

    class Kind(models.TextChoices):
        GRANT = "grant"  # outside -> available
        HOLD = "hold"  # available -> held
        CAPTURE = "capture"  # held -> outside
        RELEASE = "release"  # held -> available
        EXPIRE = "expire"  # available or held -> outside
        REPAY = "repay"  # available -> debt
        ADJUST = "adjust"  # staff: outside -> available, or available (and debt) -> outside

    id = models.BigAutoField(primary_key=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    # "capture:job:<id>", "grant:<fact>": the same movement is entered once, however often it is tried.
    reference = models.CharField(max_length=300)
    available = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    outside = models.BigIntegerField(default=0)
    available_after = models.BigIntegerField()
    held_after = models.BigIntegerField()
    debt_after = models.BigIntegerField()
    # {grant id: credits}, all positive: the grants whose credits moved.
    lots = models.JSONField(default=dict)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="ledger_entries", db_index=False
    )
    reason = models.TextField(blank=True, default="")
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[LedgerEntryQuerySet] = LedgerEntryQuerySet.as_manager()  # type: ignore[assignment]  # stubs want Manager

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="ledger_entry_reference_once"),
            models.CheckConstraint(
                condition=Q(kind__in=("grant", "hold", "capture", "release", "expire", "repay", "adjust")),
                name="ledger_entry_kind_known",
            ),
            # Debt counts against the organization, hence its sign.
            models.CheckConstraint(
                condition=Q(outside=F("debt") - F("available") - F("held")), name="ledger_entry_sums_to_zero"
            ),
            models.CheckConstraint(
                condition=Q(available_after__gte=0, held_after__gte=0, debt_after__gte=0),
                name="ledger_entry_after_not_negative",
            ),
        ]
        indexes = [
            # An organization's history, newest first.
            models.Index(fields=["wallet", "-id"], name="ledger_of_wallet"),
            # What a member of staff did, among the many entries that nobody did by hand.
            models.Index(fields=["actor"], condition=Q(actor__isnull=False), name="ledger_by_actor"),
        ]

    def __str__(self) -> str:
        return self.reference


class Price(models.Model):
    """One line of the rate card: what a unit of an operation sells for and costs us. A change is a new version."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    model = models.CharField(max_length=80)
    operation = models.CharField(max_length=40)
    # What else the price depends on ("turbo", "2mp"); the catalog derives it from the input.
    variant = models.CharField(max_length=40, blank=True)
    unit = models.CharField(max_length=24)
    unit_credits = models.BigIntegerField()
    unit_cost_micro_usd = models.BigIntegerField()
    version = models.PositiveIntegerField()
    starts_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "operation", "variant", "version"], name="price_version_once"),
            # A free price would be a hole in the till; what is free has no price and is refused as unpriced.
            models.CheckConstraint(condition=Q(unit_credits__gt=0), name="price_positive"),
            models.CheckConstraint(condition=Q(unit_cost_micro_usd__gte=0), name="price_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.operation} {self.variant} v{self.version}".replace("  ", " ")


class UsageRecordQuerySet(models.QuerySet["UsageRecord"]):
    def for_organization(self, organization_id: UUID) -> Self:
        return self.filter(organization=organization_id)


class UsageRecord(models.Model):
    """What one provider call used, sold for and cost. Written once, when its attempt is settled."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    at = models.DateTimeField(db_default=Now())
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="usage_records", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="usage_records"
    )
    api_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="usage_records")
    job_id = models.UUIDField()
    attempt_id = models.UUIDField(unique=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80)
    operation = models.CharField(max_length=40)
    unit = models.CharField(max_length=24)
    quantity = models.BigIntegerField()
    credits = models.BigIntegerField()
    cost_micro_usd = models.BigIntegerField()
    price_version = models.PositiveIntegerField()
    latency_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=40)
    trace_id = models.CharField(max_length=32, blank=True)

    objects: ClassVar[UsageRecordQuerySet] = UsageRecordQuerySet.as_manager()  # type: ignore[assignment]  # stubs want Manager

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(credits__gte=0, cost_micro_usd__gte=0, quantity__gte=0), name="usage_not_negative"
            ),
        ]
        indexes = [
            # The list is read by id, the series by time.
            models.Index(fields=["organization", "-id"], name="usage_list"),
            models.Index(fields=["organization", "-at"], name="usage_by_organization"),
            models.Index(fields=["job_id"], name="usage_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.unit} by {self.model}"


class BanQuerySet(models.QuerySet["Ban"]):
    def in_force(self) -> "BanQuerySet":
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=Now()), lifted_at=None)


class Ban(models.Model):
    """An organization, or one user everywhere, may start nothing until it is lifted or ends."""

    id = models.UUIDField(primary_key=True, db_default=UUIDv7(), editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="bans")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="bans"
    )
    reason = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="bans_made"
    )
    created_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[BanQuerySet] = BanQuerySet.as_manager()  # type: ignore[assignment]  # stubs want Manager

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(organization__isnull=False) ^ Q(user__isnull=False), name="ban_of_one_subject"
            ),
        ]

    def __str__(self) -> str:
        return f"ban of {self.organization_id or self.user_id}"
