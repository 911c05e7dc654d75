"""Put an organization on a plan, and grant each of its periods once.

A plan's limits are copied into the organization's entitlement, its credits granted by the period: both downwards, so
that nothing below knows of plans. Lock order: PlanMembership, then Wallet.
"""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from accounts import audit
from accounts.models import Organization
from billing.models import Plan, PlanMembership
from billing.periods import Period, period_at
from core import changes
from core.problems import Refusal
from usage import ledger
from usage.models import Entitlement, Grant

_ORGANIZATIONS_PER_TICK = 1_000
_DEFAULTS = (
    Plan(slug="free", title="Free", price_cents=0, monthly_credits=1_000, is_default=True),
    Plan(slug="pro", title="Pro", price_cents=2_000, monthly_credits=22_000, weight=4, places=50, queued_jobs=5_000),
    Plan(
        slug="studio",
        title="Studio",
        price_cents=10_000,
        monthly_credits=120_000,
        weight=10,
        places=200,
        queued_jobs=20_000,
        requests_per_minute=3_000,
    ),
)

log = structlog.get_logger(__name__)


def publish_defaults() -> int:
    """Add the plans a new installation starts with; the number added. Leaves alone what is there already."""
    known = set(Plan.objects.values_list("slug", flat=True))
    if Plan.objects.filter(is_default=True).exists():
        known |= {plan.slug for plan in _DEFAULTS if plan.is_default}
    return len(Plan.objects.bulk_create([plan for plan in _DEFAULTS if plan.slug not in known]))


def ensure(organization_id: UUID) -> None:
    """Give an organization its wallet, and a personal one the default plan with its first credits. Safe to repeat.

    Called for what people open themselves (settings.ACCOUNTS_NEW_ORGANIZATION), in the transaction that makes it.
    Shared organizations get no plan by that: whoever opened twenty would have the free credits twenty times.
    """
    ledger.open_wallet(organization_id)
    if not Organization.objects.filter(pk=organization_id, is_personal=True, plan_membership=None).exists():
        return
    if plan := Plan.objects.filter(is_default=True).first():
        join(organization_id, plan, actor_id=None)


def join(organization_id: UUID, plan: Plan, *, actor_id: UUID | None, reason: str = "") -> None:
    """Put the organization on the plan, now. Safe to repeat.

    The periods keep the anchor of the first plan. The present period is brought up to the new plan's credits: what it
    was granted already counts, and a smaller plan takes nothing away before the period's end.
    """
    with transaction.atomic():
        ledger.open_wallet(organization_id)
        _, is_new = PlanMembership.objects.get_or_create(organization_id=organization_id, defaults={"plan": plan})
        membership = PlanMembership.objects.select_for_update(no_key=True).get(pk=organization_id)
        if not is_new and membership.plan_id == plan.pk:
            return
        now = _now()
        _catch_up(membership, now)
        membership.plan = plan
        membership.save(update_fields=["plan"])
        _bring_up(membership, period_at(membership.anchor_at, now))
        Entitlement.objects.filter(pk=organization_id).update(
            weight=plan.weight,
            places=plan.places,
            queued_jobs=plan.queued_jobs,
            requests_per_minute=plan.requests_per_minute,
            retention_days=plan.retention_days,
        )
        changes.tell()
        audit.record(
            "plan.joined",
            actor_id=actor_id,
            organization_id=organization_id,
            reason=reason,
            facts={"plan": plan.slug},
        )


def grant_due() -> int:
    """Grant every period that has begun and was not granted yet; the number of organizations that got some.

    Takes no time from its caller: rows are due by Postgres's clock, so a tick may come late, twice or at once, and one
    after three days catches up.
    """
    due = PlanMembership.objects.filter(next_grant_at__lte=Now(), organization__closed_at=None)
    granted = 0
    for organization_id in list(due.order_by("next_grant_at").values_list("pk", flat=True)[:_ORGANIZATIONS_PER_TICK]):
        try:
            granted += _grant_due_periods(organization_id)
        except (DatabaseError, Refusal):
            # One organization's trouble must not keep the others from their credits.
            log.exception("plan was not granted", orgId=str(organization_id))
    return granted


def _grant_due_periods(organization_id: UUID) -> bool:
    with transaction.atomic():
        due = PlanMembership.objects.filter(pk=organization_id, next_grant_at__lte=Now())
        membership = due.select_for_update(no_key=True, skip_locked=True).first()
        if membership is None:
            # Another tick has it.
            return False
        _catch_up(membership, _now())
        return True


def _catch_up(membership: PlanMembership, now: datetime) -> None:
    """Grant the periods that have begun, in order; one that is over already expires in the same movement."""
    while membership.next_grant_at <= now:
        period = period_at(membership.anchor_at, membership.next_grant_at)
        _bring_up(membership, period)
        membership.next_grant_at = period.end
    membership.save(update_fields=["next_grant_at"])


def _bring_up(membership: PlanMembership, period: Period) -> None:
    """Grant what the plan gives in a period beyond what the period was granted, under the membership's lock."""
    reference = f"plan:{membership.organization_id}:{period.start:%Y-%m-%dT%H:%M:%SZ}"
    granted = ledger.granted(membership.organization_id, reference)
    if missing := max(membership.plan.monthly_credits - granted, 0):
        ledger.grant(
            membership.organization_id,
            kind=Grant.Kind.PLAN,
            credits=missing,
            # A change of plan within the period is another fact: the period reached that many credits.
            reference=f"{reference}:{granted + missing}" if granted else reference,
            expires_at=period.end,
        )


def _now() -> datetime:
    """Postgres's clock, by which rows are due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
