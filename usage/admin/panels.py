"""What usage shows on the pages of accounts: an organization's wallet, limits and bans, and a user's bans."""

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import Truncator

from accounts.models import Organization, User
from core.desk import cells
from core.desk.base import LATEST, Panel, shown_on
from usage.admin.bans import force_of
from usage.models import Ban, Entitlement, Wallet


@shown_on(Organization, permission="usage.view_wallet")
def wallet(organization: Organization) -> Panel:
    found = Wallet.objects.filter(pk=organization.pk)
    return Panel(
        title="Wallet",
        headers=("Available", "Held", "Debt"),
        rows=[(cells.credits(each.available), cells.credits(each.held), cells.credits(each.debt)) for each in found],
        links=[
            *(("Open", cells.change_url("usage_wallet", each.pk)) for each in found),
            ("Adjust credits", reverse("admin:usage_wallet_adjust", args=[organization.pk])),
            ("Ledger", cells.list_url("usage_ledgerentry", wallet__organization__id__exact=organization.pk)),
            ("Usage", cells.list_url("usage_usagerecord", organization__id__exact=organization.pk)),
        ],
        empty="Not opened yet: the first credits or the first job open it.",
    )


@shown_on(Organization, permission="usage.view_entitlement")
def entitlement(organization: Organization) -> Panel:
    found = Entitlement.objects.filter(pk=organization.pk)
    return Panel(
        title="Limits",
        headers=("Weight", "Places at once", "Queued jobs", "Requests a minute"),
        rows=[
            (each.weight, f"{each.places:,}", f"{each.queued_jobs:,}", f"{each.requests_per_minute:,}")
            for each in found
        ],
        links=[("Change", cells.change_url("usage_entitlement", each.pk)) for each in found],
        empty="The defaults.",
    )


@shown_on(Organization, permission="usage.view_ban")
def bans_of_organization(organization: Organization) -> Panel:
    return _bans(organization.bans.all(), f"organization={organization.pk}")


@shown_on(User, permission="usage.view_ban")
def bans_of_user(user: User) -> Panel:
    return _bans(user.bans.all(), f"user={user.pk}")


def _bans(found: QuerySet[Ban], subject: str) -> Panel:
    return Panel(
        title="Bans",
        headers=("State", "Why", "By", "Since", "Ends"),
        rows=[
            (
                cells.link(cells.change_url("usage_ban", ban.pk), cells.badge(force_of(ban))),
                Truncator(ban.reason).chars(80),
                cells.row_link(ban.created_by),
                cells.ago(ban.created_at),
                cells.ago(ban.ends_at),
            )
            for ban in found.select_related("created_by").order_by("-id")[:LATEST]
        ],
        links=[("Ban", f"{reverse('admin:usage_ban_add')}?{subject}")],
        empty="None.",
    )
