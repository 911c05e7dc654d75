"""The rate card and what was used: written by the product, only looked at here."""

from django.contrib import admin
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, AutocompleteSelectFilter

from core.desk import cells
from core.desk.base import DeskAdmin, ReadOnly
from usage.models import Price, UsageRecord


@admin.register(Price)
class PriceAdmin(ReadOnly, DeskAdmin):
    list_display = ("line", "unit", "sells_for", "costs_us", "margin", "version", "since")
    list_filter = (("model", AllValuesCheckboxFilter), ("operation", AllValuesCheckboxFilter))
    search_fields = ("model__startswith", "operation")
    search_help_text = "The beginning of a model's name, or an operation."
    ordering = ("model", "operation", "variant", "-version")
    fields = (("line", "unit"), ("sells_for", "costs_us"), ("margin", "version"), "starts_at")

    @admin.display(description="Line")
    def line(self, price: Price) -> str:
        return cells.row_link(price, " · ".join(filter(None, (price.model, price.operation, price.variant))))

    @admin.display(description="Sells for")
    def sells_for(self, price: Price) -> str:
        return cells.credits(price.unit_credits)

    @admin.display(description="Costs us")
    def costs_us(self, price: Price) -> str:
        return cells.money(price.unit_cost_micro_usd)

    @admin.display(description="Margin")
    def margin(self, price: Price) -> str:
        # A credit lists at 0.001 USD, which is 1,000 micro-USD.
        return cells.number(f"{100 - price.unit_cost_micro_usd / (price.unit_credits * 10):.0f} %")

    @admin.display(description="Since")
    def since(self, price: Price) -> str:
        return cells.ago(price.starts_at)


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnly, DeskAdmin):
    list_display = ("moment", "owner", "job", "model", "operation", "amount", "charged", "cost", "latency", "result")
    list_filter = (("organization", AutocompleteSelectFilter),)
    list_select_related = ("organization",)
    search_fields = ("user__email", "trace_id")
    search_ids = ("pk", "job_id", "attempt_id", "organization_id", "user_id", "api_key_id")
    search_help_text = "The id of a job, an attempt, an organization, a user or a key; an address; a trace."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("short_id", "at"), ("owner", "by"), ("key", "trace_id"), ("job", "attempt"))}),
        ("Work", {"fields": (("provider", "model"), ("operation", "amount"), ("latency", "result"))}),
        ("Money", {"fields": (("charged", "cost"), "price_version")}),
    )

    @admin.display(description="When")
    def moment(self, record: UsageRecord) -> str:
        return cells.link(cells.change_url("usage_usagerecord", record.pk), cells.ago(record.at))

    @admin.display(description="Record")
    def short_id(self, record: UsageRecord) -> str:
        return cells.copied(record.pk)

    @admin.display(description="Organization")
    def owner(self, record: UsageRecord) -> str:
        return cells.row_link(record.organization)

    @admin.display(description="User")
    def by(self, record: UsageRecord) -> str:
        return cells.row_link(record.user)

    @admin.display(description="API key")
    def key(self, record: UsageRecord) -> str:
        return cells.row_link(record.api_key)

    @admin.display(description="Job")
    def job(self, record: UsageRecord) -> str:
        return cells.id_link("generation_job", record.job_id)

    @admin.display(description="Attempt")
    def attempt(self, record: UsageRecord) -> str:
        return cells.id_link("generation_attempt", record.attempt_id)

    @admin.display(description="Used")
    def amount(self, record: UsageRecord) -> str:
        return cells.number(f"{record.quantity:,} {record.unit}")

    @admin.display(description="Credits")
    def charged(self, record: UsageRecord) -> str:
        return cells.credits(record.credits)

    @admin.display(description="Cost")
    def cost(self, record: UsageRecord) -> str:
        return cells.money(record.cost_micro_usd)

    @admin.display(description="Latency")
    def latency(self, record: UsageRecord) -> str:
        return cells.number(f"{record.latency_ms / 1_000:,.2f} s")

    @admin.display(description="Outcome")
    def result(self, record: UsageRecord) -> str:
        return cells.badge(record.outcome)
