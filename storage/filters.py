"""The parameters of the list of assets, and what is looked for by them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.utils.datastructures import MultiValueDict
from django_filters import rest_framework as filters
from django_filters.utils import translate_validation
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ErrorDetail
from rest_framework.exceptions import ValidationError as RefusedBody

from accounts.principal import Principal
from storage import library
from storage.models import Asset, Collection
from storage.search import Search, key_at, matching
from usage.serializers import MomentFilter

_SOURCES = {"job": "made by a job", "upload": "uploaded"}
_TRUE = [("true", "true")]
_TEXT_MAX_LENGTH = 200

PARAMETERS = [
    OpenApiParameter("kind", enum=Asset.Kind.values),
    OpenApiParameter("source", enum=list(_SOURCES)),
    OpenApiParameter("model", description="The model that made it."),
    OpenApiParameter("operation", description="The operation that made it."),
    OpenApiParameter("since", description="Made at this time or later; RFC 3339."),
    OpenApiParameter("until", description="Made before this time; RFC 3339."),
    OpenApiParameter("tag", many=True, description="Has this tag, as it is spelt there; of several, all."),
    OpenApiParameter("favourite", enum=["true"], description="You starred it."),
    OpenApiParameter("collection", UUID, description="It is in this collection."),
    OpenApiParameter("public", enum=["true"], description="Anybody may see it."),
    OpenApiParameter("q", description="Words of its prompt or file name; of the last one, the beginning will do."),
]


class _Tags(forms.Field):
    """A parameter that may be repeated."""

    widget = forms.SelectMultiple

    def to_python(self, value: Any) -> list[str]:
        tags = list(value or ())
        if len(tags) > library.MOST_TAGS or any(len(str(tag)) > library.TAG_MAX_LENGTH for tag in tags):
            raise ValidationError("These are no tags.", code="invalid")
        return [str(tag) for tag in tags]


class _TagsFilter(filters.Filter):  # type: ignore[misc]  # django-filter has no annotations
    field_class = _Tags

    def filter(self, queryset: QuerySet[Asset], value: list[str]) -> QuerySet[Asset]:
        return queryset.filter(tags__contains=value) if value else queryset


class AssetFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    """`?kind=image&source=job&q=light`: what the library is narrowed to."""

    kind = filters.ChoiceFilter(choices=Asset.Kind.choices)
    source = filters.ChoiceFilter(choices=list(_SOURCES.items()), method="filter_source")
    model = filters.CharFilter(max_length=100)
    operation = filters.CharFilter(max_length=40)
    since = MomentFilter(field_name="created_at", lookup_expr="gte")
    until = MomentFilter(field_name="created_at", lookup_expr="lt")
    tag = _TagsFilter()
    favourite = filters.ChoiceFilter(choices=_TRUE, method="filter_favourite")
    collection = filters.UUIDFilter(field_name="collections")
    public = filters.ChoiceFilter(choices=_TRUE, method="filter_public")
    q = filters.CharFilter(method="filter_text", validators=[MaxLengthValidator(_TEXT_MAX_LENGTH)])

    def filter_source(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return queryset.filter(job_id__isnull=value == "upload")

    def filter_favourite(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return queryset.filter(favourite_of=self.request.user_id)

    def filter_public(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return queryset.filter(is_public=True)

    def filter_text(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return matching(queryset, value)


class CollectionFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter has no annotations
    """`?asset=<id>`: the collections that an asset is in."""

    asset = filters.UUIDFilter(field_name="assets")


def narrowed(parameters: Mapping[str, Any], rows: QuerySet[Collection]) -> QuerySet[Collection]:
    """The collections that the parameters of their list leave. Raises DRF's ValidationError, which is a 422."""
    found = CollectionFilter(parameters, queryset=rows)
    if not found.is_valid():
        raise translate_validation(found.errors)
    queryset: QuerySet[Collection] = found.qs
    return queryset


def asked(principal: Principal, parameters: Mapping[str, Any], rows: QuerySet[Asset]) -> Search:
    """What these parameters of the list look for among `rows`. Raises DRF's ValidationError, which is a 422."""
    # What django-filter calls the request is what its methods may ask; ours ask only who it is.
    narrowed = AssetFilter(parameters, queryset=rows, request=principal)
    if not narrowed.is_valid():
        raise translate_validation(narrowed.errors)
    values = {name: value for name, value in narrowed.form.cleaned_data.items() if value}
    since, until = values.pop("since", None), values.pop("until", None)
    return Search(
        organization_id=principal.organization_id,
        rows=narrowed.qs,
        first=key_at(since) if since else None,
        end=key_at(until, is_end=True) if until else None,
        is_narrowed=bool(values),
        is_handpicked=bool(values.keys() & {"favourite", "collection"}),
    )


def from_json(given: Mapping[str, Any]) -> MultiValueDict[str, Any]:
    """The parameters as a JSON object has them, in the shape of a query string. Raises DRF's ValidationError."""
    if unknown := given.keys() - AssetFilter.base_filters.keys():
        detail = [ErrorDetail("There is no such parameter.", code="unknown_field")]
        raise RefusedBody({"filter": dict.fromkeys(sorted(unknown), detail)})
    return MultiValueDict({name: _texts(value) for name, value in given.items()})


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values if one is not None]
