"""The admin as a whole: other packages' pages in our theme, Stripe's mirror without its secrets, the frame's badge."""

import json
import re
from collections.abc import Iterable
from itertools import batched
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

from core.desk import cells
from core.desk.acts import on_page
from core.desk.base import LATEST, DeskAdmin, Panel, ReadOnly

# Not shown of dj-stripe's rows: keys, signing secrets, and raw bodies that may hold either.
_HIDDEN_FIELDS = {"secret", "stripe_data", "body", "headers", "djstripe_uuid"}
_SECRET_NAME = re.compile(r"secret|password|token|api_key|authorization", re.IGNORECASE)
# The first of these that Stripe filled in says most about an object; likewise its amount, in the smallest unit.
_TELLING = ("name", "email", "nickname", "description", "reason", "type", "object")
_AMOUNTS = ("amount", "amount_due", "unit_amount")
# Currencies without a smaller unit: https://docs.stripe.com/currencies#zero-decimal (read 2026-11-22).
_WHOLE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_COMMON = ("id", "livemode", "created", "djstripe_owner_account")


class StripeMirror(ReadOnly, DeskAdmin):
    """Rows that dj-stripe copied from Stripe: what Stripe says is true there, so nothing is edited here."""

    change_form_template = None
    list_display_links = ()
    list_filter_submit = False
    ordering = ("-pk",)
    search_fields = ("id",)
    search_ids = ()
    inlines = ()
    actions = ()
    actions_detail = ("open_in_stripe",)
    # The models that dj-stripe's own page edits inline.
    related: tuple[type[Model], ...] = ()

    def get_list_filter(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(name for name in ("livemode", "created") if name in self._names())

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(name for name in ("id", "subscriber__email") if name.partition("__")[0] in self._names())

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """From what Stripe told: dj-stripe's own columns break over a status or a field that it does not know."""
        if "stripe_data" in self._names():
            return ["stripe_id", "what", "amount", "status_told", "made", "livemode"]
        return list(super().get_list_display(request))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Django's own, past the forms that dj-stripe edits by, and without Stripe's notes for its programmers."""
        kwargs.setdefault("help_texts", dict.fromkeys(self._names(), ""))
        return admin.ModelAdmin.get_form(self, request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        names = [name for name in self._names() if name not in _HIDDEN_FIELDS]
        common = [name for name in _COMMON if name in names]
        rest = [name for name in names if name not in common]
        told = ["as_stripe_tells_it"] if "stripe_data" in self._names() else []
        # Two to a line; what Stripe tells takes a line of its own.
        return [(None, {"fields": [*batched([*common, *rest], 2, strict=False), *told]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("as_stripe_tells_it",)

    @admin.display(description="Id", ordering="id")
    def stripe_id(self, row: Any) -> str:
        return str(row.id)

    @admin.display(description="What")
    def what(self, row: Any) -> str:
        return next((str(row.stripe_data[name]) for name in _TELLING if row.stripe_data.get(name)), cells.NOTHING)

    @admin.display(description="Amount")
    def amount(self, row: Any) -> str:
        name = next((name for name in _AMOUNTS if row.stripe_data.get(name) is not None), None)
        currency = str(row.stripe_data.get("currency") or "").upper()
        if name is None or not currency:
            return cells.NOTHING
        amount = row.stripe_data[name]
        return cells.number(f"{amount:,} {currency}" if currency in _WHOLE else f"{amount / 100:,.2f} {currency}")

    @admin.display(description="Status")
    def status_told(self, row: Any) -> str:
        return cells.badge(str(row.stripe_data.get("status") or ""))

    @admin.display(description="Created")
    def made(self, row: Any) -> str:
        return cells.ago(row.created)

    @admin.display(description="As Stripe tells it")
    def as_stripe_tells_it(self, row: Any) -> str:
        text = json.dumps(redacted(row.stripe_data), indent=2, sort_keys=True)
        return format_html('<pre class="font-mono text-xs whitespace-pre-wrap">{}</pre>', text)

    def offers(self, act: str, row: Any) -> bool:
        return bool(getattr(row, "stripe_dashboard_item_name", ""))

    @on_page(description="Open in Stripe", icon="open_in_new", permissions=["view"], attrs={"target": "_blank"})
    def open_in_stripe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(self.model.objects.get(pk=object_id).get_stripe_dashboard_url())

    def panels(self, row: Model) -> Iterable[Panel]:
        for model in self.related:
            key = next(each.name for each in model._meta.concrete_fields if each.related_model is type(row))
            found: Iterable[Any] = model._default_manager.filter(**{key: row}).order_by("-pk")[:LATEST]
            if rows := [(_stripe_link(each), cells.ago(each.created)) for each in found]:
                title = capfirst(str(model._meta.verbose_name_plural))
                yield Panel(title=title, headers=("Id", "Created"), rows=rows)

    def _names(self) -> list[str]:
        fields: list[Any] = self.opts.get_fields()
        return [each.name for each in fields if getattr(each, "concrete", False) and not each.primary_key]


def _stripe_link(row: Any) -> str:
    return cells.row_link(row, row.id) if type(row) in admin.site._registry else row.id


def redacted(value: Any) -> Any:
    """The same JSON with whatever is named like a secret left out."""
    if isinstance(value, dict):
        return {
            name: "[redacted]" if _SECRET_NAME.search(name) and item else redacted(item) for name, item in value.items()
        }
    return [redacted(item) for item in value] if isinstance(value, list) else value


def environment(request: HttpRequest) -> list[str]:
    """The badge in the frame, so that nobody mistakes one server for another."""
    return [settings.ENVIRONMENT, "danger" if settings.ENVIRONMENT == "production" else "info"]


def _dress() -> None:
    """Register what other packages registered once more, as pages of our theme."""
    for model, old in list(admin.site._registry.items()):
        if isinstance(old, ModelAdmin):
            continue
        admin.site.unregister(model)
        if model._meta.app_label != "djstripe":
            admin.site.register(model, type(type(old).__name__, (ModelAdmin, type(old)), {}))
            continue
        relations = tuple(each.name for each in model._meta.concrete_fields if each.is_relation)
        extra = {"list_select_related": relations, "related": tuple(each.model for each in old.inlines)}
        admin.site.register(model, type(type(old).__name__, (StripeMirror, type(old)), extra))


admin.site.index_title = "Overview"
_dress()
