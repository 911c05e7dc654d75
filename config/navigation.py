"""The admin's sidebar and its front page: what staff look for, in the order of a working day."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

# Group: (title, icon, app.model) each. The rest of dj-stripe's forty tables is one click further.
_GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Work",
        (
            ("Jobs", "auto_awesome", "generation.job"),
            ("Attempts", "replay", "generation.attempt"),
            ("Events", "timeline", "generation.jobevent"),
            ("Providers", "hub", "generation.providerstate"),
            ("Models", "neurology", "generation.modelstate"),
        ),
    ),
    (
        "Customers",
        (
            ("Organizations", "domain", "accounts.organization"),
            ("Users", "person", "accounts.user"),
            ("Members", "group", "accounts.membership"),
            ("Invitations", "mail", "accounts.invitation"),
            ("API keys", "key", "accounts.apikey"),
            ("Bans", "gavel", "usage.ban"),
        ),
    ),
    (
        "Credits",
        (
            ("Wallets", "account_balance_wallet", "usage.wallet"),
            ("Ledger", "receipt_long", "usage.ledgerentry"),
            ("Grants", "redeem", "usage.grant"),
            ("Holds", "lock_clock", "usage.hold"),
            ("Usage", "monitoring", "usage.usagerecord"),
            ("Prices", "sell", "usage.price"),
            ("Limits", "speed", "usage.entitlement"),
        ),
    ),
    (
        "Files",
        (
            ("Assets", "image", "storage.asset"),
            ("Uploads", "upload", "storage.upload"),
            ("Collections", "collections_bookmark", "storage.collection"),
            ("Renditions", "photo_size_select_large", "storage.rendition"),
            ("Blobs", "database", "storage.blob"),
        ),
    ),
    (
        "Billing",
        (
            ("Plans", "workspace_premium", "billing.plan"),
            ("On a plan", "card_membership", "billing.planmembership"),
        ),
    ),
    (
        "Stripe",
        (
            ("Customers", "person_search", "djstripe.customer"),
            ("Subscriptions", "autorenew", "djstripe.subscription"),
            ("Invoices", "description", "djstripe.invoice"),
            ("Payments", "payments", "djstripe.paymentintent"),
            ("Refunds", "undo", "djstripe.refund"),
            ("Disputes", "balance", "djstripe.dispute"),
            ("Products", "inventory_2", "djstripe.product"),
            ("Events", "webhook", "djstripe.event"),
        ),
    ),
    (
        "Access",
        (
            ("Audit trail", "policy", "accounts.auditentry"),
            ("Staff groups", "shield_person", "auth.group"),
            ("Sessions", "devices", "usersessions.usersession"),
            ("Addresses", "alternate_email", "account.emailaddress"),
            ("Google accounts", "link", "socialaccount.socialaccount"),
            ("Idempotency keys", "fingerprint", "core.idempotencyrecord"),
        ),
    ),
)
_FOLDED = {"Stripe", "Access"}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with the entries this member of staff may see, in the shape that unfold draws."""
    front = {"title": "Overview", "icon": "space_dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": "", "items": [front]}]
    for title, entries in _GROUPS:
        items = _items(request, entries)
        if items and title == "Stripe":
            items.append(_all_of_stripe(request))
        if items:
            groups.append({"title": title, "collapsible": title in _FOLDED, "items": items})
    return groups


def _all_of_stripe(request: HttpRequest) -> dict[str, Any]:
    link = reverse("admin:app_list", args=["djstripe"])
    # By default an entry is lit on every page below its own.
    return {"title": "All of Stripe", "icon": "more_horiz", "link": link, "active": request.path == link}


def _items(request: HttpRequest, entries: tuple[tuple[str, str, str], ...]) -> list[dict[str, Any]]:
    items = []
    for title, icon, label in entries:
        app, model = label.split(".")
        # Whoever may change rows may see them too, as Django's own pages have it.
        if any(request.user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change")):
            items.append({"title": title, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")})
    return items
