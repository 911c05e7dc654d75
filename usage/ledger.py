"""Credits come in, are held, captured, given back, expire: the only module that moves them.

Every movement is one entry of the ledger, written in the statement that changes the wallet (`usage_enter`), inside
the caller's transaction. The two hot movements are the SQL functions `usage_hold` and `usage_settle`, which the
transactions of generation call by themselves; sql/ holds them all.

Lock order, everywhere: Job, then Wallet (FOR NO KEY UPDATE), then Hold, then Grants; wallets by id where a
transaction takes several. The wallet's lock comes before any of its holds, grants or entries is read to be changed,
so within a wallet everything happens one after the other, and readers wait for nobody.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, FilteredRelation, Q, Sum, When
from django.db.models.functions import Now

from usage.exceptions import InsufficientCredits, ReferenceTaken
from usage.models import Entitlement, Grant, LedgerEntry, Wallet

# Among grants that end at the same time, what was given goes before what was paid for.
_PRIORITY: dict[Grant.Kind, int] = {
    Grant.Kind.PLAN: 0,
    Grant.Kind.PROMO: 10,
    Grant.Kind.TOPUP: 20,
    Grant.Kind.ADJUSTMENT: 20,
}
_PROOF = (Path(__file__).parent / "sql" / "proof.sql").read_text()
_WALLETS_PER_SWEEP = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is left of one grant."""

    id: UUID
    kind: Grant.Kind
    credits: int
    remaining: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A wallet at one instant; the lots, in the order they will be drawn, sum to `available`."""

    available: int
    held: int
    debt: int
    lots: tuple[Lot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the proof found: `checked` entries were read, `errors` name each thing that does not add up."""

    ok: bool
    errors: tuple[str, ...]
    checked: int


def open_wallet(organization_id: UUID) -> None:
    """Give an organization its empty wallet and the default entitlement. Safe to repeat."""
    Wallet.objects.bulk_create([Wallet(organization_id=organization_id)], ignore_conflicts=True)
    Entitlement.objects.bulk_create([Entitlement(organization_id=organization_id)], ignore_conflicts=True)


def balance(organization_id: UUID) -> Balance:
    """What the organization has at this moment. Opens its wallet, and takes what is past its end, where needed."""
    rows = _wallet_and_lots(organization_id)
    if any(row.pop("is_due") for row in rows):
        expire(organization_id)
        rows = _wallet_and_lots(organization_id)
    if not rows:
        open_wallet(organization_id)
        return Balance(available=0, held=0, debt=0, lots=())
    return Balance(
        available=rows[0]["available"],
        held=rows[0]["held"],
        debt=rows[0]["debt"],
        lots=tuple(
            Lot(
                id=row["lot__id"],
                kind=Grant.Kind(row["lot__kind"]),
                credits=row["lot__credits"],
                remaining=row["lot__remaining"],
                expires_at=row["lot__expires_at"],
            )
            for row in rows
            if row["lot__id"]
        ),
    )


def available(organization_id: UUID) -> int:
    """The credits that can be held at this moment."""
    return balance(organization_id).available


def refusal_of(organization_id: UUID, user_id: UUID, credits: int) -> str | None:
    """Why a hold of that many credits would be refused at this moment, or None; holds nothing.

    The reason is one of usage_refusal's ("banned", "closed") or usage_hold's ("in_debt", "insufficient_credits").
    """
    reason: str | None = _call("usage_refusal", organization_id, user_id)
    if reason:
        return reason
    wallet = balance(organization_id)
    if wallet.debt:
        return "in_debt"
    return "insufficient_credits" if wallet.available < credits else None


def grant(
    organization_id: UUID,
    *,
    kind: Grant.Kind,
    credits: int,
    reference: str,
    expires_at: datetime | None = None,
    actor_id: UUID | None = None,
    reason: str = "",
) -> Grant:
    """Bring credits in, once for each reference; a repeat returns the grant it made. They pay debt first.

    The reference names the fact behind it ("plan:<organization>:<start>", a payment's id). What is past its end is
    taken in the same transaction, so that a period ends and the next begins at once. Raises ReferenceTaken when the
    reference granted something else, ValueError when there is nothing to grant.
    """
    if credits <= 0:
        raise ValueError("a grant has at least one credit")
    with transaction.atomic():
        _lock(organization_id)
        if earlier := Grant.objects.filter(reference=reference).first():
            return _same(earlier, organization_id=organization_id, kind=kind, credits=credits)
        row = Grant.objects.create(
            wallet_id=organization_id,
            kind=kind,
            priority=_PRIORITY[kind],
            credits=credits,
            remaining=credits,
            reference=reference,
            expires_at=expires_at,
        )
        entry_kind = LedgerEntry.Kind.ADJUST if kind == Grant.Kind.ADJUSTMENT else LedgerEntry.Kind.GRANT
        _enter(
            organization_id,
            kind=entry_kind,
            reference=f"{entry_kind}:{reference}",
            available=credits,
            lots={str(row.id): credits},
            actor_id=actor_id,
            reason=reason,
        )
        _call("usage_repay", organization_id, f"{entry_kind}:{reference}")
        expire(organization_id)
        row.refresh_from_db()
    return row


def granted(organization_id: UUID, reference: str) -> int:
    """The credits granted so far under a reference or one that continues it ("<reference>:…")."""
    continued = Q(reference=reference) | Q(reference__startswith=f"{reference}:")
    total = Grant.objects.for_organization(organization_id).filter(continued).aggregate(total=Sum("credits"))["total"]
    return int(total or 0)


def adjust(
    organization_id: UUID,
    *,
    credits: int,
    reference: str,
    actor_id: UUID,
    reason: str,
    into_debt: bool = False,
) -> None:
    """Give (positive) or take (negative) credits by hand, once for each reference; a repeat changes nothing.

    Takes from what is available. Where that is less, raises InsufficientCredits, or with `into_debt` takes all of it
    and books the rest as debt. Raises ReferenceTaken when the reference adjusted by another figure, ValueError when
    there is nothing to adjust or no reason is given.
    """
    if not credits or not reason.strip():
        raise ValueError("an adjustment has credits and a reason")
    with transaction.atomic():
        _lock(organization_id)
        if earlier := LedgerEntry.objects.filter(reference=f"adjust:{reference}").first():
            if (earlier.wallet_id, earlier.outside) != (organization_id, -credits):
                raise ReferenceTaken(reference=reference)
            return
        if credits > 0:
            grant(
                organization_id,
                kind=Grant.Kind.ADJUSTMENT,
                credits=credits,
                reference=reference,
                actor_id=actor_id,
                reason=reason,
            )
            return
        expire(organization_id)
        available = Wallet.objects.values_list("available", flat=True).get(pk=organization_id)
        taken = min(-credits, available)
        missing = -credits - taken
        if missing and not into_debt:
            raise InsufficientCredits(available=available, needed=-credits)
        lots = json.loads(_call("usage_draw", organization_id, taken)) if taken else {}
        _enter(
            organization_id,
            kind=LedgerEntry.Kind.ADJUST,
            reference=f"adjust:{reference}",
            available=-taken,
            debt=missing,
            lots=lots,
            actor_id=actor_id,
            reason=reason,
        )


def release_hold(reference: str, *, actor_id: UUID, reason: str) -> bool:
    """Give all of an open hold back, by hand. False when there is no open hold of that reference (any more).

    A job that still runs delivers all the same and then captures nothing; end it first.
    """
    if not reason.strip():
        raise ValueError("releasing a hold needs a reason")
    return _call("usage_settle", reference, 0, actor_id, reason) is not None


def expire(organization_id: UUID) -> int:
    """Take what is left in the organization's grants that are past their end; the credits taken. Safe to repeat."""
    expired: int = _call("usage_expire", organization_id)
    return expired


def expire_grants() -> int:
    """Expire grants everywhere, each wallet in a transaction of its own; the number of wallets that had some.

    Nobody waits for it: past its end a grant is neither drawn nor shown.
    """
    due = Grant.objects.due().order_by("wallet").values_list("wallet", flat=True).distinct()
    wallets = list(due[:_WALLETS_PER_SWEEP])
    for organization_id in wallets:
        expire(organization_id)
    return len(wallets)


def verify() -> Verification:
    """Prove that wallets, grants, holds and entries agree, all of them as of one instant (sql/proof.sql)."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A million entries take seconds, and more memory than a request is given to sort.
        cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '128MB'")
        cursor.execute(_PROOF)
        checked, errors = cursor.fetchone()
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT; SET LOCAL work_mem TO DEFAULT")
    return Verification(ok=not errors, errors=tuple(errors), checked=checked)


def _wallet_and_lots(organization_id: UUID) -> list[dict[str, Any]]:
    """The wallet beside each of its unspent grants, in the order of drawing: one statement, so one instant."""
    rows = (
        Wallet.objects.filter(pk=organization_id)
        .annotate(
            lot=FilteredRelation("grants", condition=Q(grants__is_spent=False)),
            is_due=Case(When(lot__expires_at__lte=Now(), then=True), default=False),
        )
        .order_by(F("lot__expires_at").asc(nulls_last=True), "lot__priority", "lot__id")
        .values(
            "available",
            "held",
            "debt",
            "is_due",
            "lot__id",
            "lot__kind",
            "lot__credits",
            "lot__remaining",
            "lot__expires_at",
        )
    )
    return [dict(row) for row in rows]


def _lock(organization_id: UUID) -> None:
    open_wallet(organization_id)
    Wallet.objects.select_for_update(no_key=True).get(pk=organization_id)


def _same(earlier: Grant, *, organization_id: UUID, kind: Grant.Kind, credits: int) -> Grant:
    if (earlier.wallet_id, earlier.kind, earlier.credits) != (organization_id, kind, credits):
        raise ReferenceTaken(reference=earlier.reference)
    return earlier


def _enter(
    organization_id: UUID,
    *,
    kind: LedgerEntry.Kind,
    reference: str,
    available: int,
    lots: Mapping[str, int],
    debt: int = 0,
    actor_id: UUID | None = None,
    reason: str = "",
) -> None:
    held = 0
    lots_json = json.dumps(lots)
    _call("usage_enter", organization_id, kind, reference, available, held, debt, lots_json, actor_id, reason)


def _call(function: str, *arguments: UUID | str | int | None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments)
        return cursor.fetchone()[0]
