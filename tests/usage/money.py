"""Holds and settlements as generation makes them, and many of them at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from django.db import connection, connections

from core import clock
from usage import ledger
from usage.models import Grant, LedgerEntry


def hold(organization, credits, *, reference=None, function="usage_hold"):
    """The reference of the hold, or why there is none."""
    reference = reference or f"job:{uuid.uuid4()}"
    refusal = call(function, organization.pk, reference, credits)
    return refusal or reference


def settle(reference, capture, *, function="usage_settle"):
    return call(function, reference, capture)


def call(function, *arguments):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments)
        return cursor.fetchone()[0]


def give(organization, credits, *, kind=Grant.Kind.TOPUP, days=None, reference=None):
    """A grant that ends in so many days, or never."""
    return ledger.grant(
        organization.pk,
        kind=kind,
        credits=credits,
        reference=reference or f"test:{uuid.uuid4()}",
        expires_at=None if days is None else clock.now() + timedelta(days=days),
    )


def end(grant):
    """Let a grant's end pass."""
    Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() - timedelta(seconds=1))


def remaining(*grants):
    return [Grant.objects.get(pk=grant.pk).remaining for grant in grants]


def figures(organization):
    """(available, held, debt) as the wallet's row says."""
    wallet = organization.wallet
    wallet.refresh_from_db()
    return wallet.available, wallet.held, wallet.debt


def kinds(organization):
    """The kinds of the organization's entries, in their order."""
    return list(LedgerEntry.objects.filter(wallet=organization.pk).order_by("id").values_list("kind", flat=True))


def findings(organization):
    """What the proof finds wrong with this organization; other tests may be at work on the same database."""
    ours = {str(organization.pk)}
    ours |= {str(pk) for pk in organization.wallet.grants.values_list("pk", flat=True)}
    ours |= set(organization.wallet.holds.values_list("reference", flat=True))
    ours |= {f"entry {pk}:" for pk in organization.wallet.entries.values_list("pk", flat=True)}
    return [error for error in ledger.verify().errors if any(name in error for name in ours)]


def at_once(calls):
    """What each call returned, all started together, each on a thread and a connection of its own."""
    start = Barrier(len(calls))

    def run(one):
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))
