"""The rate card: what a unit of work sells for and costs us, by version.

Prices are whole credits a unit: nothing is ever rounded after them. A job keeps the figures and the version it was
admitted under, so a new version changes nothing that was promised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from core import changes
from core.fresh import Fresh
from usage.exceptions import Unpriced
from usage.models import Price

_FRESH_SECONDS = 5
_PUBLISHING = 7_301  # the advisory lock's number: two publishers would otherwise give one version twice


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """What one unit sells for (credits) and costs us (micro-USD)."""

    unit: str
    credits: int
    cost_micro_usd: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """One line to publish. `variant` is what else the price depends on ("turbo", "2mp"), empty where nothing."""

    model: str
    operation: str
    variant: str
    unit: str
    unit_credits: int
    unit_cost_micro_usd: int


type PriceKey = tuple[str, str, str]
# The whole card under one key: invented variants can neither fill the memory nor reach Postgres.
_card = Fresh[str, dict[PriceKey, UnitPrice]](seconds=_FRESH_SECONDS)


def unit_price(model: str, operation: str, variant: str) -> UnitPrice:
    """The price in force, at most 5 seconds old. Raises Unpriced where there is none: it is never 0."""
    try:
        return card()[model, operation, variant]
    except KeyError:
        raise Unpriced(model=model, operation=operation, variant=variant) from None


def card() -> Mapping[PriceKey, UnitPrice]:
    """Every price in force by (model, operation, variant), at most 5 seconds old."""
    return _card.get("card", _load)


def publish(lines: Iterable[PriceLine]) -> int:
    """Put lines into force: a new version of each whose figures changed; the number of those. Safe to repeat.

    A line that is no longer named keeps its last price.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PUBLISHING])
        latest = {_key(price): price for price in Price.objects.order_by("version")}
        changed = [
            Price(
                model=line.model,
                operation=line.operation,
                variant=line.variant,
                unit=line.unit,
                unit_credits=line.unit_credits,
                unit_cost_micro_usd=line.unit_cost_micro_usd,
                version=earlier.version + 1 if earlier else 1,
            )
            for line in lines
            if not (earlier := latest.get((line.model, line.operation, line.variant))) or _differs(earlier, line)
        ]
        Price.objects.bulk_create(changed)
        changes.tell()
    return len(changed)


def in_force() -> QuerySet[Price]:
    """The newest version of each line that has begun."""
    begun = Price.objects.filter(starts_at__lte=Now())
    return begun.order_by("model", "operation", "variant", "-version").distinct("model", "operation", "variant")


def _load(_: str) -> dict[PriceKey, UnitPrice]:
    return {
        _key(price): UnitPrice(
            unit=price.unit,
            credits=price.unit_credits,
            cost_micro_usd=price.unit_cost_micro_usd,
            version=price.version,
        )
        for price in in_force()
    }


def _key(price: Price) -> PriceKey:
    return price.model, price.operation, price.variant


def _differs(price: Price, line: PriceLine) -> bool:
    figures = (line.unit, line.unit_credits, line.unit_cost_micro_usd)
    return (price.unit, price.unit_credits, price.unit_cost_micro_usd) != figures
