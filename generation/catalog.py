"""What we offer: every (model, operation) and its input schema. Whether a model may be used now is in its row."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NotRequired, TypedDict

from django.conf import settings

from core.fresh import Fresh
from generation.exceptions import ModelDisabled, UnknownOperation
from generation.models import ModelState, ProviderState
from generation.providers.base import Offer, Provider
from generation.providers.sandbox.provider import Sandbox
from usage import pricing

# Every adapter, by its slug. Not in providers/__init__: the children that draw import that package, and nothing else.
PROVIDERS: Mapping[str, type[Provider]] = {provider.slug: provider for provider in (Sandbox,)}
OFFERS: Mapping[tuple[str, str], Offer] = {
    (offer.model, offer.operation): offer for provider in PROVIDERS.values() for offer in provider.offers
}

# Staff's switch acts within this time.
_switched_off: Fresh[None, frozenset[str]] = Fresh(seconds=1)


class PriceJSON(TypedDict):
    unit: str
    credits: int
    version: int
    variant: NotRequired[str]


class OperationJSON(TypedDict):
    operation: str
    title: str
    inputSchema: dict[str, Any]
    price: list[PriceJSON]
    resumable: bool


class ModelJSON(TypedDict):
    model: str
    provider: str
    title: str
    enabled: bool
    healthy: bool
    operations: list[OperationJSON]


def provider_of(model: str) -> str:
    """The provider's slug: a model is named `provider/name`."""
    return model.partition("/")[0]


def offer(model: str, operation: str) -> Offer:
    """The offer of that name; raises UnknownOperation."""
    try:
        return OFFERS[model, operation]
    except KeyError:
        raise UnknownOperation(model=model, operation=operation) from None


def require_enabled(model: str) -> None:
    """Raises ModelDisabled where staff switched the model off, at most a second ago."""
    if model in _switched_off.get(None, _load_switched_off):
        raise ModelDisabled(model=model)


def _load_switched_off(_: None) -> frozenset[str]:
    return frozenset(ModelState.objects.filter(is_enabled=False).values_list("model", flat=True))


def input_schema(model: str, operation: str) -> dict[str, Any]:
    """The JSON Schema that the server validates with, and that a form can be drawn from."""
    return _input_schema(model, operation, settings.SANDBOX_FAULTS)


@cache
def _input_schema(model: str, operation: str, has_faults: bool) -> dict[str, Any]:
    schema = offer(model, operation).input.schema_of_form()
    if not has_faults:
        schema["properties"].pop("sandbox", None)
    return schema


def models() -> list[ModelJSON]:
    """Every model with its operations, schemas and present prices, for GET /v1/models."""
    states = {state.model: state for state in ModelState.objects.select_related("provider")}
    prices = pricing.card()
    return [
        {
            "model": model,
            "provider": provider_of(model),
            "title": PROVIDERS[provider_of(model)].models[model],
            "enabled": model in states and states[model].is_enabled,
            "healthy": model in states and states[model].provider.is_healthy,
            "operations": [_operation_json(one, prices) for one in offers],
        }
        for model, offers in _by_model().items()
    ]


def publish() -> int:
    """Copy the catalog into its rows: providers, models and a new price version where a figure changed.

    Returns how many prices changed. Repeatable; leaves alone what staff set (caps, pauses, switches).
    """
    for model in _by_model():
        provider, _ = ProviderState.objects.get_or_create(provider=provider_of(model))
        ModelState.objects.get_or_create(model=model, defaults={"provider": provider})
    return pricing.publish(_price_lines(OFFERS.values()))


def _by_model() -> dict[str, list[Offer]]:
    grouped: dict[str, list[Offer]] = {}
    for one in OFFERS.values():
        grouped.setdefault(one.model, []).append(one)
    return grouped


def _price_lines(offers: Iterable[Offer]) -> Iterable[pricing.PriceLine]:
    for one in offers:
        for variant, (credits, cost_micro_usd) in one.prices.items():
            yield pricing.PriceLine(
                model=one.model,
                operation=one.operation,
                variant=variant,
                unit=one.unit,
                unit_credits=credits,
                unit_cost_micro_usd=cost_micro_usd,
            )


def _operation_json(one: Offer, prices: Mapping[tuple[str, str, str], pricing.UnitPrice]) -> OperationJSON:
    lines = [(variant, prices.get((one.model, one.operation, variant))) for variant in one.prices]
    return {
        "operation": one.operation,
        "title": one.title,
        "inputSchema": input_schema(one.model, one.operation),
        "price": [
            {"unit": line.unit, "credits": line.credits, "version": line.version, "variant": variant}
            for variant, line in lines
            if line is not None
        ],
        "resumable": one.resumable,
    }
